import HoldfastModel

/// Why a workload is where it is, or nowhere: for people who ask.
public struct Explanation: Hashable, Sendable, Codable {
  /// A move by the policies, or home, whose turn has not come.
  public struct Waiting: Hashable, Sendable, Codable {
    public var to: NodeName
    /// The end of "it …".
    public var why: String
  }
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
  /// The rule that it breaks where it is, as no other node can take it, or until its move begins; nil: it breaks none.
  public var brokenRule: String?
  /// nil: no move of it waits.
  public var waiting: Waiting?
}

extension PolicyPlanner {
  /// Explains one workload on the plan that this snapshot gives, which has the pace of moves if the snapshot does; nil when the snapshot does not
  /// have it.
  public func explain(_ name: WorkloadName, in snapshot: PlanningSnapshot) -> Explanation? {
    var run = run(on: snapshot)
    guard let row = run.tables.workloads.firstIndex(where: { $0.name == name }) else { return nil }
    let record = run.records[row] ?? run.tables.workloads[row].placed
    let rules = run.tables.profile(row).rules.map { policies.workloads[Int($0)].name }
    let move = run.waitingMoves.first { $0.workload == name }
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
      // It is to go there.
      if let move { others[move.to] = nil }
      if record?.node == nil { shortfall = run.shortfall(of: row) }
    }
    return Explanation(
      workload: name, node: record?.node, reason: record?.reason ?? PlacementReason(), shortfall: shortfall, others: others,
      rules: rules,
      brokenRule: run.warnings.first { $0.workload == name && $0.brokenRule != nil }?.brokenRule ?? move?.brokenRule,
      waiting: move.map { Explanation.Waiting(to: $0.to, why: "\($0.why)") })
  }
}
