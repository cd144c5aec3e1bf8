import HoldfastModel
import HoldfastOperator

/// What is left of workloads on nodes: one line for each, and what to do about it.
struct LeftoverTable {
  let list: LeftoverList
  let terminal: Terminal

  func lines() -> [String] {
    guard !list.leftovers.isEmpty else {
      return ["No node has anything else defined under a workload's name or UUID."] + agreed
    }
    var table = Table([
      .init(title: "WORKLOAD"), .init(title: "NODE"), .init(title: "STATE"), .init(title: "AUTOSTART"),
      .init(title: "WHAT", yields: true)
    ])
    table.rows = list.leftovers.map { leftover in
      [
        .init(leftover.workload, .bold), .init(leftover.isNodeUp ? leftover.node : "\(leftover.node) (down)"),
        leftover.isRunning ? .init("RUNS", .bad) : .init("shut off", .doubtful),
        .init(leftover.autostart ? "yes" : "", .bad), .init(leftover.text)
      ]
    }
    let remedies = list.leftovers.filter { !isBeingRemoved($0) }.map { leftover in
      leftover.isRemovable ? leftover.remedy : "on \(leftover.node): \(leftover.remedy)"
    }
    return table.lines(terminal, width: terminal.isTerminal ? terminal.columns : nil, yieldingLines: 2) + agreed
      + labelled(unique(remedies))
  }

  private func isBeingRemoved(_ leftover: LeftoverInfo) -> Bool {
    leftover.isRemovable && list.removing.contains(leftover.workload)
  }

  private var agreed: [String] {
    guard !list.removing.isEmpty else { return [] }
    let names = InWords.list(list.removing, most: 6)
    return ["", "Nodes remove what is left of \(names), as soon as they find it: `holdfast leftovers keep` ends that."]
  }

  private func labelled(_ remedies: [String]) -> [String] {
    guard !remedies.isEmpty else { return [] }
    let room = terminal.isTerminal ? max(30, terminal.columns - 6) : .max
    return [""]
      + remedies.enumerated().flatMap { index, text in
        terminal.wrapped(text, to: room).enumerated().map { line, part in
          (index == 0 && line == 0 ? terminal.styled("Next", .dim) + "  " : "      ") + part
        }
      }
  }

  private func unique(_ texts: [String]) -> [String] {
    var seen: Set<String> = []
    return texts.filter { seen.insert($0).inserted }
  }
}
