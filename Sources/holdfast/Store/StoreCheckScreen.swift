import HoldfastAPI

/// What is wrong with the records of the store, for people.
struct StoreCheckScreen {
  let terminal: Terminal

  private static let indent = 10

  func lines(_ result: StoreCheckResult) -> [String] {
    let lines = [headline(result)] + result.findings.flatMap { [""] + finding($0) }
    let notes = result.notes.flatMap { [""] + Paragraph.lines("Right as it is: ", $0, terminal, indent: 2) }
    return lines + notes + next(result)
  }

  private func headline(_ result: StoreCheckResult) -> String {
    let faults = result.findings.count(where: \.isFault), notices = result.findings.count - faults
    let word = faults == 0 ? terminal.styled("OK", .good) : terminal.styled(Words.count(faults, "fault"), .bad)
    let rest = notices == 0 ? "" : ", \(Words.count(notices, "notice"))"
    return
      "\(terminal.styled(result.cluster, .bold))  \(word)\(rest) in \(Words.count(result.records, "record")), read at revision \(result.revision)"
  }

  func finding(_ finding: StoreCheckResult.Finding) -> [String] {
    let word = finding.isFault ? terminal.styled("FAULT", .bad) : terminal.styled("notice", .doubtful)
    var lines = ["\(word)  \(terminal.styled(finding.key, .bold))"]
    lines += entry("reason", finding.reason) + entry("means", finding.effect)
    if let repair = finding.repair { lines += entry("repair", repair) }
    for (index, step) in (finding.steps ?? []).enumerated() {
      lines += entry(index == 0 ? "by hand" : "", "\(index + 1). \(step)")
    }
    return lines
  }

  private func entry(_ label: String, _ text: String) -> [String] {
    Paragraph.lines("  " + label.padding(to: Self.indent - 2), text, terminal, indent: Self.indent)
  }

  private func next(_ result: StoreCheckResult) -> [String] {
    guard result.findings.contains(where: { $0.repair != nil }) else { return [] }
    let command = "  holdfast store repair  "
    return ["", terminal.styled("Next", .dim)]
      + Paragraph.lines(
        command, "does what stands under \"repair\"; it keeps the records in a file first, and asks before it acts", terminal,
        indent: command.count)
  }
}
