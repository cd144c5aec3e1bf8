/// Lines on standard error that are replaced by newer ones in their place.
struct Canvas {
  private var drawn = 0

  mutating func draw(_ lines: [String]) {
    Output.redraw(over: drawn, with: lines)
    drawn = lines.count
  }

  /// What was drawn last stays.
  mutating func leave() { drawn = 0 }
}
