import HoldfastModel

/// Why a workload is where it is, or nowhere: for people who ask.
public struct Explanation: Hashable, Sendable, Codable {
  public var workload: WorkloadName
  /// nil: nowhere.
  public var node: NodeName?
  public var reason: PlacementReason
  /// The shortfall, when it is nowhere for lack of room.
  public var shortfall: Shortfall?
  /// For every other node the rule that excludes it, or why it lost.
  public var others: [NodeName: Exclusion]
  /// The rules that are about it, in their order.
  public var rules: [String]
  /// The rule that it breaks where it is, as no other node can take it; nil: it breaks none.
  public var brokenRule: String?
}

extension PolicyPlanner {
  /// Explains one workload on the plan that this snapshot gives; nil when the snapshot does not have it.
  public func explain(_ name: WorkloadName, in snapshot: PlanningSnapshot) -> Explanation? {
    var run = run(on: snapshot)
    guard let row = run.tables.workloads.firstIndex(where: { $0.name == name }) else { return nil }
    let record = run.records[row] ?? run.tables.workloads[row].placed
    let rules = run.tables.profile(row).rules.map { policies.workloads[Int($0)].name }
    var others = record?.others ?? [:], shortfall: Shortfall?
    if run.tables.workloads[row].desired == .running {
      let here = Int(run.board.at[row])
      if here >= 0 { run.board.take(row, run.tables) }
      run.search.prepare(row, run.board, run.tables)
      let chosen = here >= 0 ? (node: here, score: run.search.score(here, run.board, run.tables)) : nil
      others =
        run.wording.verdict(
          of: run.search, chosen: chosen, run.board, limit: .max,
          better: .betterButStays
        ).others
      if record?.node == nil { shortfall = run.shortfall(of: row) }
    }
    return Explanation(
      workload: name, node: record?.node, reason: record?.reason ?? PlacementReason(), shortfall: shortfall, others: others,
      rules: rules, brokenRule: run.warnings.first { $0.workload == name && $0.brokenRule != nil }?.brokenRule)
  }
}
