import HoldfastAPI
import HoldfastOperator

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
        return ["\(name)  \(Self.verdict(result.error, terminal)): \(Self.reason(result))"] + remedy
      case .unchanged: return ["\(name)  \(terminal.styled(result.text, .dim))"] + warnings
      case .created, .changed, .adopted, .requested:
        return ["\(name)  \(result.text)"] + warnings + diff(result.diff, indent: indent)
      }
    }
  }

  /// In full: it is to be read, and copied.
  private func diff(_ lines: [String]?, indent: String) -> [String] {
    guard let lines else { return [] }
    if lines.isEmpty { return [indent + terminal.styled("only the layout of its XML differs", .dim)] }
    return lines.map { line in
      switch line.first {
      case "+": indent + terminal.styled(line, .good)
      case "-": indent + terminal.styled(line, .bad)
      case "@": indent + terminal.styled(line, .dim)
      default: indent + line
      }
    }
  }

  private static func verdict(_ error: ErrorBody?, _ terminal: Terminal) -> String {
    switch error?.kind {
    case OperatorError.Kind.unknownOutcome.rawValue: terminal.styled("OUTCOME UNKNOWN", .doubtful)
    case OperatorError.Kind.unavailable.rawValue: terminal.styled("NOT DONE", .bad)
    default: terminal.styled("REFUSED", .bad)
    }
  }

  /// With what it is about, where that is not the workload itself: the node of a move.
  private static func reason(_ result: CommandResult) -> String {
    guard let error = result.error else { return result.text }
    return error.thing.hasPrefix("node ") ? "\(error.thing): \(error.reason)" : error.reason
  }
}
