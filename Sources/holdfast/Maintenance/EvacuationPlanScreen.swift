import HoldfastModel
import HoldfastOperator
import HoldfastPlanning

/// What goes where when a node is emptied, how, about how long it takes, and what finds no room and why.
struct EvacuationPlanScreen {
  let node: String
  let plan: EvacuationPlan
  /// What finds no room is stopped.
  let leavesPending: Bool
  let terminal: Terminal

  func lines() -> [String] {
    let style: Style = plan.homeless.isEmpty ? .good : .bad
    return terminal.wrapped(headline, to: terminal.columns).map { terminal.styled($0, style) }
      + section(leavesPending ? "STOPPED, AS NO NODE CAN TAKE IT" : "NO OTHER NODE CAN TAKE", plan.homeless.flatMap(homeless))
      + section("LEAVE", leaving()) + section("STAY, AND GO DOWN WITH IT", plan.stays.map { "\($0.workload)  \($0.reason)" })
      + section("MOVE BESIDES", shifts())
      + section("TO KNOW", plan.warnings.flatMap { terminal.wrapped($0, to: terminal.columns) })
  }

  private var headline: String {
    var clauses = ["\(Words.count(plan.leaves.count, "workload")) \(plan.leaves.count == 1 ? "leaves" : "leave")"]
    if plan.leaves.isEmpty, plan.homeless.isEmpty { clauses = ["nothing has to leave"] }
    if !plan.stays.isEmpty { clauses.append("\(plan.stays.count) \(plan.stays.count == 1 ? "stays" : "stay") by policy") }
    if !plan.homeless.isEmpty { clauses.append("for \(plan.homeless.count) there is no other node") }
    let time = plan.leaves.isEmpty ? "" : " About \(Words.about(plan.seconds)), guessed from sizes."
    return "To empty \(node): \(clauses.joined(separator: ", ")).\(time)"
  }

  private func section(_ title: String, _ lines: [String]) -> [String] {
    lines.isEmpty ? [] : ["", terminal.styled(title, .dim)] + lines
  }

  private func leaving() -> [String] {
    var table = Table([
      .init(title: "WORKLOAD"), .init(title: "TO"), .init(title: "MEMORY", alignsRight: true), .init(title: "HOW"),
      .init(title: "WHY", yields: true)
    ])
    table.rows = plan.leaves.map { leaving in
      let how = leaving.passage.how == .live ? "live" : "stop and start"
      return [
        .init(leaving.workload, .bold), .init(leaving.to), .init(Words.memory(leaving.demand.memory)),
        .init(how, leaving.passage.how == .live ? .good : .doubtful),
        .init(leaving.passage.why.map { "\($0); \(leaving.reason)" } ?? leaving.reason)
      ]
    }
    return table.rows.isEmpty ? [] : Array(table.lines(terminal, width: terminal.columns, yieldingLines: 2).dropFirst())
  }

  private func homeless(_ homeless: EvacuationPlan.Homeless) -> [String] {
    let size = Words.demand(homeless.demand.memory, homeless.demand.cpus)
    var lines = ["\(terminal.styled(homeless.workload, .bad))  \(terminal.styled("needs \(size)", .dim))"]
    if let shortfall = homeless.shortfall {
      lines += Paragraph.lines("  missing  ", ExplainScreen.text(shortfall), terminal, indent: 11)
    }
    let others = homeless.others.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "; ")
    return lines + Paragraph.lines("  why      ", others.isEmpty ? homeless.reason : others, terminal, indent: 11)
  }

  private func shifts() -> [String] {
    var table = Table([.init(title: "WORKLOAD"), .init(title: "FROM"), .init(title: "TO"), .init(title: "WHY", yields: true)])
    table.rows = plan.shifts.map { [.init($0.workload, .bold), .init($0.from ?? "-"), .init($0.to), .init($0.reason)] }
    return table.rows.isEmpty ? [] : Array(table.lines(terminal, width: terminal.columns, yieldingLines: 2).dropFirst())
  }
}
