import HoldfastOperator

/// History as lines: when, who tells it, what.
struct HistoryLines {
  let terminal: Terminal
  /// Milliseconds since 1970.
  var today = Words.now()
  /// nil: as long as they are.
  var width: Int?
  /// Where there is a width: so many lines each may take.
  var most = 1

  func text(_ line: HistoryLine, nodeWidth: Int) -> String { lines(line, nodeWidth: nodeWidth).joined(separator: "\n") }

  private func lines(_ line: HistoryLine, nodeWidth: Int) -> [String] {
    let (mark, style): (String, Style) =
      switch line.severity {
      case "error": ("!", .bad)
      case "warning": ("*", .doubtful)
      default: (" ", .plain)
      }
    let clock = Words.clock(line.milliseconds, today: today)
    let node = line.node + String(repeating: " ", count: max(0, nodeWidth - line.node.count))
    let room = width.map { max(20, $0 - clock.count - node.count - 6) }
    let texts = room.map { terminal.wrapped(line.text, to: $0, most: most) } ?? [line.text]
    let margin = String(repeating: " ", count: clock.count + node.count + 6)
    let first =
      "\(terminal.styled(clock, .dim))  \(terminal.styled(node, .dim))  \(terminal.styled("\(mark) \(texts[0])", style))"
    return [first] + texts.dropFirst().map { margin + terminal.styled($0, style) }
  }

  func lines(_ history: [HistoryLine]) -> [String] {
    let nodeWidth = history.map(\.node.count).max() ?? 0
    return history.flatMap { lines($0, nodeWidth: nodeWidth) }
  }
}
