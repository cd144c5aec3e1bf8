import HoldfastOperator

/// History as lines: when, who tells it, what.
struct HistoryLines {
  let terminal: Terminal
  /// Milliseconds since 1970.
  var today = Words.now()
  /// nil: as long as they are.
  var width: Int?

  func text(_ line: HistoryLine, nodeWidth: Int) -> String {
    let (mark, style): (String, Style) =
      switch line.severity {
      case "error": ("!", .bad)
      case "warning": ("*", .doubtful)
      default: (" ", .plain)
      }
    let clock = Words.clock(line.milliseconds, today: today)
    let node = line.node + String(repeating: " ", count: max(0, nodeWidth - line.node.count))
    let room = width.map { max(20, $0 - clock.count - node.count - 6) }
    let text = room.map { terminal.fitted(line.text, to: $0) } ?? line.text
    return "\(terminal.styled(clock, .dim))  \(terminal.styled(node, .dim))  \(terminal.styled("\(mark) \(text)", style))"
  }

  func lines(_ history: [HistoryLine]) -> [String] {
    let nodeWidth = history.map(\.node.count).max() ?? 0
    return history.map { text($0, nodeWidth: nodeWidth) }
  }
}
