import HoldfastAPI

/// What a command did, or would do, workload by workload.
struct ResultLines {
  let terminal: Terminal

  func lines(_ results: [CommandResult]) -> [String] {
    let width = results.map(\.workload.count).max() ?? 0
    return results.flatMap { result -> [String] in
      let name = terminal.styled(result.workload, .bold) + String(repeating: " ", count: width - result.workload.count)
      let indent = String(repeating: " ", count: width + 2)
      let warnings = (result.warnings ?? []).map { indent + terminal.styled("warning", .doubtful) + ": " + $0 }
      switch result.effect {
      case .failed:
        let remedy = result.error.map { [indent + $0.remedy] } ?? []
        return ["\(name)  \(terminal.styled("REFUSED", .bad)): \(result.error?.reason ?? result.text)"] + remedy
      case .unchanged: return ["\(name)  \(terminal.styled(result.text, .dim))"] + warnings
      case .created, .changed, .adopted, .requested: return ["\(name)  \(result.text)"] + warnings
      }
    }
  }
}
