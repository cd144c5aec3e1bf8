/// A text after a label, in lines that fit the terminal.
enum Paragraph {
  /// - Parameter indent: of the lines after the first.
  static func lines(_ label: String, _ text: String, _ terminal: Terminal, indent: Int) -> [String] {
    let margin = String(repeating: " ", count: indent)
    var room = max(20, terminal.columns - label.count), lines: [String] = [], rest = text
    // The first line may have less room than the others.
    let first = terminal.wrapped(rest, to: room)[0]
    lines.append(terminal.styled(label, .dim) + first)
    rest = String(rest.dropFirst(first.count).drop { $0 == " " })
    room = max(20, terminal.columns - indent)
    if !rest.isEmpty { lines += terminal.wrapped(rest, to: room).map { margin + $0 } }
    return lines
  }
}

extension String {
  func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
