import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning

/// Progress of the maintenance of one node, workload by workload.
struct EvacuationScreen {
  let state: NodeMaintenance
  let terminal: Terminal

  /// - Parameter room: lines at most; nil: as many as there are.
  func lines(room: Int? = nil) -> [String] {
    let restrictions = RestrictionLines(terminal: terminal), width = terminal.columns
    var head = restrictions.disarmed(state.disarm, width: width)
    let name = terminal.styled(state.node.name, .bold)
    guard let maintenance = state.node.maintenance else { return head + ["\(name)  is not in maintenance"] }
    let text = terminal.wrapped(restrictions.text(maintenance), to: max(30, width - state.node.name.count - 2))
    let indent = String(repeating: " ", count: state.node.name.count)
    for (index, line) in text.enumerated() {
      head.append("\(index == 0 ? name : indent)  \(terminal.styled(line, restrictions.style(maintenance)))")
    }
    if let deadline = maintenance.deadline, maintenance.phase == .draining {
      head.append(
        "\(indent)  workloads still here at \(restrictions.clock(deadline)) are stopped and started elsewhere, all at once")
    }
    return head + table(room: room.map { max(2, $0 - head.count) })
  }

  private func table(room: Int?) -> [String] {
    guard !state.moves.isEmpty else { return [] }
    var table = Table([
      .init(title: "WORKLOAD"), .init(title: "STATE"), .init(title: "FROM"), .init(title: "TO"), .init(title: "HOW"),
      .init(title: "MEMORY", alignsRight: true), .init(title: "PROGRESS", yields: true)
    ])
    // One line for the titles, one for what is not shown.
    let most = room.map { $0 - 1 < state.moves.count ? max(1, $0 - 2) : $0 } ?? state.moves.count
    table.rows = state.moves.prefix(most).map { workload in
      [
        .init(workload.workload, .bold), .init(workload.state.rawValue, Self.style(workload.state)),
        .init(workload.from ?? ""), .init(workload.to ?? ""), .init(workload.how?.rawValue ?? ""),
        .init(Words.memory(workload.memory)), .init(Self.progress(workload))
      ]
    }
    let hidden = state.moves.count - table.rows.count
    return table.lines(terminal, width: terminal.columns)
      + (hidden > 0 ? [terminal.styled("and \(hidden) more: holdfast maintenance status \(state.node.name) --once", .dim)] : [])
  }

  /// Such as `1.2 of 4.0 GiB, 112 MiB/s, 25 s left`; else why it is not further.
  static func progress(_ workload: EvacuationMove) -> String {
    guard let progress = workload.progress else { return workload.why ?? "" }
    var text = Words.memory(progress.sent, of: progress.total)
    if progress.rate > 0 {
      text += ", \(progress.rate) MiB/s, \(Words.about(Double(progress.remaining) / Double(progress.rate))) left"
    }
    return text
  }

  static func style(_ state: EvacuationMove.State) -> Style {
    switch state {
    case .arrived: .good
    case .migrating, .stopping, .starting, .unclear: .doubtful
    case .waiting, .stays: .dim
    case .stuck, .pending: .bad
    }
  }
}
