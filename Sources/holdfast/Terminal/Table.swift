/// Columns of text, aligned. A column that is empty in every row is left out.
struct Table {
  struct Column {
    var title: String
    var alignsRight = false
    /// Cut to what the others leave of the line.
    var yields = false
  }
  struct Cell {
    var text: String
    var style: Style

    init(_ text: String, _ style: Style = .plain) {
      self.text = text
      self.style = style
    }
  }
  private static let gap = 2

  var columns: [Column]
  var rows: [[Cell]] = []

  init(_ columns: [Column]) { self.columns = columns }

  /// - Parameters:
  ///   - width: lines are not longer than this where a column yields; nil: as long as they are.
  ///   - yieldingLines: a cell of the column that yields may go on in this many lines.
  func lines(_ terminal: Terminal, width: Int?, yieldingLines: Int = 1) -> [String] {
    let shown = columns.indices.filter { index in rows.contains { !$0[index].text.isEmpty } }
    var widths = columns.indices.map { index in max(columns[index].title.count, rows.map { $0[index].text.count }.max() ?? 0) }
    let yielding = shown.first { columns[$0].yields }
    if let width, let yielding {
      let others = shown.filter { $0 != yielding }.reduce(0) { $0 + widths[$1] + Self.gap }
      widths[yielding] = min(widths[yielding], max(10, width - others))
    }
    let header = columns.map { Cell($0.title, .dim) }
    return ([header] + rows).flatMap { row in
      var parts = yielding.map { width == nil ? [row[$0].text] : terminal.wrapped(row[$0].text, to: widths[$0]) } ?? [""]
      if parts.count > yieldingLines {
        // What is too much goes into the last line, to be cut there.
        let rest = parts.dropFirst(yieldingLines - 1).joined(separator: " ")
        parts = parts.prefix(yieldingLines - 1) + [rest]
      }
      return parts.enumerated().map { position, part in
        line(row, of: shown, widths, terminal) { index, text in index == yielding ? part : position == 0 ? text : "" }
      }
    }
  }

  private func line(
    _ row: [Cell], of shown: [Int], _ widths: [Int], _ terminal: Terminal, _ text: (Int, String) -> String
  ) -> String {
    var line = ""
    var pending = ""
    for index in shown {
      let text = terminal.fitted(text(index, row[index].text), to: widths[index])
      let padding = String(repeating: " ", count: widths[index] - text.count)
      let gap = String(repeating: " ", count: Self.gap)
      // Spaces are held back until something follows them.
      if !text.isEmpty {
        line += pending + (columns[index].alignsRight ? padding : "") + terminal.styled(text, row[index].style)
        pending = (columns[index].alignsRight ? "" : padding) + gap
      } else {
        pending += padding + gap
      }
    }
    return line
  }
}
