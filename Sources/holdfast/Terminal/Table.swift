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

  /// - Parameter width: lines are not longer than this where a column yields; nil: as long as they are.
  func lines(_ terminal: Terminal, width: Int?) -> [String] {
    let shown = columns.indices.filter { index in rows.contains { !$0[index].text.isEmpty } }
    var widths = columns.indices.map { index in max(columns[index].title.count, rows.map { $0[index].text.count }.max() ?? 0) }
    if let width, let yielding = shown.first(where: { columns[$0].yields }) {
      let others = shown.filter { $0 != yielding }.reduce(0) { $0 + widths[$1] + Self.gap }
      widths[yielding] = min(widths[yielding], max(10, width - others))
    }
    let header = columns.map { Cell($0.title, .dim) }
    return ([header] + rows).map { row in
      var line = ""
      for (position, index) in shown.enumerated() {
        let text = terminal.fitted(row[index].text, to: widths[index])
        let padding = String(repeating: " ", count: widths[index] - text.count)
        let isLast = position == shown.count - 1
        line += columns[index].alignsRight ? padding : ""
        line += terminal.styled(text, row[index].style)
        if !isLast { line += (columns[index].alignsRight ? "" : padding) + String(repeating: " ", count: Self.gap) }
      }
      return line
    }
  }
}
