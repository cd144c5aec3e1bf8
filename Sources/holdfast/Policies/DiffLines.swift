import HoldfastPolicies

/// What is different between two sets of policies, as lines.
struct DiffLines {
  let diff: PolicyDiff
  let terminal: Terminal

  func lines() -> [String] {
    if diff.isEmpty { return ["No difference."] }
    let files = diff.files.map { "\($0.file) (\($0.kind.rawValue))" }
    var lines = files.isEmpty ? [] : terminal.wrapped("Files: \(files.joined(separator: ", "))", to: terminal.columns)
    if diff.saysTheSame { return lines + ["The rules are the same; only comments or layout differ."] }
    if !diff.cluster.isEmpty { lines += ["", terminal.styled("cluster", .bold)] + diff.cluster.flatMap { key($0, indent: 2) } }
    for section in ["nodes", "workloads"] {
      let rules = diff.rules.filter { $0.section == section }, order = diff.order.filter { $0.section == section }
      if rules.isEmpty, order.isEmpty { continue }
      lines += ["", terminal.styled(section, .bold)]
      for rule in rules {
        let (mark, style) = Self.mark(rule.kind)
        lines.append(terminal.styled("  \(mark) \(rule.name)", style))
        lines += rule.keys.flatMap { key($0, indent: 6) }
      }
      for change in order {
        let place = change.behind.map { "after '\($0)'" } ?? "first"
        lines += terminal.wrapped(
          "  ~ \(change.name) now comes \(place): the last rule that matches decides", to: terminal.columns
        )
        .map { terminal.styled($0, .doubtful) }
      }
    }
    return lines
  }

  private static func mark(_ kind: PolicyDiff.Kind) -> (String, Style) {
    switch kind {
    case .added: ("+", .good)
    case .removed: ("-", .bad)
    case .changed: ("~", .doubtful)
    }
  }

  private func key(_ change: PolicyDiff.KeyChange, indent: Int) -> [String] {
    func line(_ mark: String, _ value: String, _ style: Style) -> [String] {
      let label = "\(String(repeating: " ", count: indent))\(mark) \(change.key): "
      return Paragraph.lines(label, value, terminal, indent: indent + 4).map { terminal.styled($0, style) }
    }
    return (change.before.map { line("-", $0, .bad) } ?? []) + (change.after.map { line("+", $0, .good) } ?? [])
  }
}
