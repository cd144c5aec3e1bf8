import HoldfastModel
import HoldfastPlanning

/// Moves with what they are good for.
struct RebalanceScreen {
  let rebalance: Rebalance
  let terminal: Terminal

  func lines() -> [String] {
    if rebalance.isPacked { return ["Nothing to move: 'spread: packed' wants nodes to be full."] }
    let what = rebalance.unit == .share ? "the nodes' loads" : "the nodes' numbers of workloads"
    guard !rebalance.moves.isEmpty else {
      return terminal.wrapped(
        "Nothing to move: \(what) differ by \(amount(rebalance.before)) (standard deviation), and no move that is allowed gains enough.",
        to: terminal.columns)
    }
    let count = rebalance.moves.reduce(0) { $0 + 1 + $1.with.count }
    var lines = terminal.wrapped(
      "With \(Words.count(count, "move")) \(what) differ by \(amount(rebalance.after)) instead of \(amount(rebalance.before)) (standard deviation).",
      to: terminal.columns)
    var table = Table([
      .init(title: "WORKLOAD", yields: true), .init(title: "FROM"), .init(title: "", alignsRight: true), .init(title: "TO"),
      .init(title: "", alignsRight: true), .init(title: "GAIN", alignsRight: true)
    ])
    table.rows = rebalance.moves.map { move in
      let names = ([move.workload] + move.with).map(\.text)
      return [
        .init(InWords.list(names, most: 4), .bold), .init(move.from.text), .init(change(move.source)), .init(move.to.text),
        .init(change(move.target)), .init(amount(move.gain), .good)
      ]
    }
    lines += [""] + table.lines(terminal, width: terminal.columns, yieldingLines: 2)
    if rebalance.isCut { lines += ["", terminal.styled("More moves would help further: --moves allows them.", .dim)] }
    return lines
  }

  private func amount(_ value: Double) -> String {
    let number = rebalance.unit == .share ? value * 100 : value
    // A single move is little in a large cluster.
    let text = number < 0.95 ? Words.hundredths(number) : InWords.tenths(number)
    return rebalance.unit == .share ? "\(text) points" : text
  }

  private func change(_ change: Rebalance.Change) -> String {
    rebalance.unit == .share
      ? "\(Words.percent(change.before)) > \(Words.percent(change.after))" : "\(Int(change.before)) > \(Int(change.after))"
  }
}
