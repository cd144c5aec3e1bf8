import HoldfastModel
import HoldfastPlanning
import HoldfastPolicies

/// Why a workload is where it is, on one screen.
struct ExplainScreen {
  let answer: ExplainAnswer
  let terminal: Terminal

  func lines() -> [String] {
    let place =
      answer.node.map { terminal.styled("on \($0)", answer.isInPlace ? .good : .doubtful) } ?? terminal.styled("nowhere", .bad)
    var lines = ["\(terminal.styled(answer.workload, .bold))  \(place)"]
    lines += labelled("why", answer.reason)
    if let rule = answer.brokenRule {
      lines += labelled("breaks", "'\(rule)'\(answer.waiting == nil ? ", as no other node can take it" : "")")
    }
    if let move = answer.waiting { lines += labelled("goes to", "\(move.to); it \(move.why)") }
    if let shortfall = answer.shortfall { lines += labelled("missing", Self.text(shortfall)) }
    if !answer.others.isEmpty { lines += [""] + others() }
    lines += [""]
    if answer.rules.isEmpty { return lines + [terminal.styled("No rule is about it.", .dim)] }
    lines.append(terminal.styled("RULES ABOUT IT, IN THEIR ORDER", .dim))
    for rule in answer.rules {
      lines += Paragraph.lines(
        "'\(rule.name)': ", rule.keys.map { "\($0.key): \($0.value)" }.joined(separator: "; "), terminal, indent: 4)
    }
    return lines
  }

  static func text(_ shortfall: Shortfall) -> String {
    guard let missing = shortfall.missing else { return shortfall.nodes ?? "a node that the rules allow" }
    return "\(missing)\(shortfall.node.map { " on \($0)" } ?? ", shared by all nodes")"
  }

  /// Nodes of which the same is true in one line.
  private func others() -> [String] {
    var nodes: [String: [String]] = [:]
    for (node, why) in answer.others { nodes[why, default: []].append(node) }
    var table = Table([.init(title: "NOT ON"), .init(title: "WHY", yields: true)])
    let groups = nodes.map { (why: $0.key, nodes: $0.value.sorted()) }.sorted { $0.nodes[0] < $1.nodes[0] }
    table.rows = groups.map {
      [.init(InWords.list($0.nodes, most: 3), .bold), .init(InWords.clause($0.why, of: $0.nodes.count))]
    }
    return table.lines(terminal, width: terminal.columns, yieldingLines: 4)
  }

  private func labelled(_ label: String, _ text: String) -> [String] {
    Paragraph.lines("  \(label)".padding(to: 11), text, terminal, indent: 11)
  }
}
