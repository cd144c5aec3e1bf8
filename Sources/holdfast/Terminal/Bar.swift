/// A share of a whole, drawn: what workloads use, what others use, what is free.
struct Bar {
  var used: Double
  var unmanaged: Double
  var capacity: Double

  func text(_ terminal: Terminal, width: Int) -> String {
    guard width > 0 else { return "" }
    let signs = terminal.isUnicode ? (used: "█", unmanaged: "▒", free: "░") : (used: "#", unmanaged: "%", free: ".")
    guard capacity > 0 else { return String(repeating: signs.free, count: width) }
    let filled = cells(used + unmanaged, width), workloads = min(filled, cells(used, width))
    return String(repeating: signs.used, count: workloads) + String(repeating: signs.unmanaged, count: filled - workloads)
      + String(repeating: signs.free, count: width - filled)
  }

  /// Something shows as something, and what is not full does not show as full.
  private func cells(_ amount: Double, _ width: Int) -> Int {
    guard amount > 0 else { return 0 }
    let share = amount / capacity
    if share >= 1 { return width }
    return min(width - 1, max(1, Int((share * Double(width)).rounded())))
  }

  /// How full it is, as a warning.
  var style: Style {
    let share = capacity > 0 ? (used + unmanaged) / capacity : 1
    return share > 0.95 ? .bad : share > 0.8 ? .doubtful : .good
  }
}
