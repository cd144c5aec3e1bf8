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
    let others = list.leftovers.filter { !$0.isRemovableAtOnce }.map { "on \($0.node): \($0.remedy)" }
    let remedies = removal + others.prefix(Self.mostRemedies)
    return table.lines(terminal, width: terminal.isTerminal ? terminal.columns : nil, yieldingLines: 2) + agreed
      + labelled(remedies)
  }

  private static let mostRemedies = 8

  /// One command for all that are removable, and not being removed already.
  private var removal: [String] {
    let kept = list.removing + list.leftovers.filter { $0.otherDisks != nil }.map(\.workload)
    let names = Set(list.leftovers.filter(\.isRemovable).map(\.workload)).subtracting(kept).sorted()
    if names.isEmpty { return [] }
    return names.count <= Self.mostRemedies
      ? ["`holdfast leftovers remove \(names.joined(separator: " "))`"]
      : ["`holdfast leftovers remove NAME …` for what is shut off and the workload itself; '*' means every workload"]
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
}
