import HoldfastModel
import HoldfastOperator
import HoldfastPlanning

/// The plan of a drain: where each workload would go and how, about how long it takes, and what no other node can take and why.
struct EvacuationPlanScreen {
  let node: String
  let plan: EvacuationPlan
  /// Workloads that no other node can take are stopped.
  let leavesPending: Bool
  let terminal: Terminal

  func lines() -> [String] {
    let style: Style = plan.unplaceable.isEmpty ? .good : .bad
    return terminal.wrapped(headline, to: terminal.columns).map { terminal.styled($0, style) }
      + section(
        leavesPending ? "STOPPED: NO OTHER NODE CAN TAKE IT" : "NO OTHER NODE CAN TAKE", plan.unplaceable.flatMap(unplaceable))
      + section("MOVE", moves()) + section("STAY, AND GO DOWN WITH THE NODE", plan.stays.map { "\($0.workload)  \($0.reason)" })
      + section("ALSO MOVED, TO MAKE ROOM", roomMoves())
      + section("WARNINGS", plan.warnings.flatMap { terminal.wrapped($0, to: terminal.columns) })
  }

  private var headline: String {
    var clauses = ["\(Words.count(plan.moves.count, "workload")) \(plan.moves.count == 1 ? "moves" : "move")"]
    if plan.moves.isEmpty, plan.unplaceable.isEmpty { clauses = ["nothing has to move"] }
    if !plan.stays.isEmpty { clauses.append("\(plan.stays.count) \(plan.stays.count == 1 ? "stays" : "stay") by policy") }
    if !plan.unplaceable.isEmpty { clauses.append("\(plan.unplaceable.count) cannot be placed on any other node") }
    let time = plan.moves.isEmpty ? "" : " About \(Words.about(plan.seconds)), estimated from memory sizes."
    return "To drain \(node): \(clauses.joined(separator: ", ")).\(time)"
  }

  private func section(_ title: String, _ lines: [String]) -> [String] {
    lines.isEmpty ? [] : ["", terminal.styled(title, .dim)] + lines
  }

  private func moves() -> [String] {
    var table = Table([
      .init(title: "WORKLOAD"), .init(title: "TO"), .init(title: "MEMORY", alignsRight: true), .init(title: "HOW"),
      .init(title: "WHY", yields: true)
    ])
    table.rows = plan.moves.map { move in
      let how = move.method.how == .live ? "live" : "stop and start"
      return [
        .init(move.workload, .bold), .init(move.to), .init(Words.memory(move.demand.memory)),
        .init(how, move.method.how == .live ? .good : .doubtful),
        .init(move.method.why.map { "\($0); \(move.reason)" } ?? move.reason)
      ]
    }
    return table.rows.isEmpty ? [] : Array(table.lines(terminal, width: terminal.columns, yieldingLines: 2).dropFirst())
  }

  private func unplaceable(_ unplaceable: EvacuationPlan.Unplaceable) -> [String] {
    let size = Words.demand(unplaceable.demand.memory, unplaceable.demand.cpus)
    var lines = ["\(terminal.styled(unplaceable.workload, .bad))  \(terminal.styled("needs \(size)", .dim))"]
    if let shortfall = unplaceable.shortfall {
      lines += Paragraph.lines("  missing  ", ExplainScreen.text(shortfall), terminal, indent: 11)
    }
    let others = unplaceable.others.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "; ")
    // That no node can take it, the title says.
    let isSaid = unplaceable.reason == PlacementReason(.noNodeCanTake).description
    let why = others.isEmpty ? unplaceable.reason : isSaid ? others : "\(unplaceable.reason); \(others)"
    return lines + Paragraph.lines("  why      ", why, terminal, indent: 11)
  }

  private func roomMoves() -> [String] {
    var table = Table([.init(title: "WORKLOAD"), .init(title: "FROM"), .init(title: "TO"), .init(title: "WHY", yields: true)])
    table.rows = plan.makeRoom.map { [.init($0.workload, .bold), .init($0.from ?? "-"), .init($0.to), .init($0.reason)] }
    return table.rows.isEmpty ? [] : Array(table.lines(terminal, width: terminal.columns, yieldingLines: 2).dropFirst())
  }
}
