import HoldfastModel

/// Makes placements: pure, the same snapshot gives the same plan, in whatever order its parts come. The daemon, `whatif`, `explain` and the
/// simulator use the same one.
///
/// Places workloads as the policies say. Without policies: what has a place keeps it while its node is available; everything else
/// goes, in order of priority and then size, to the node that is least loaded afterwards.
public struct PolicyPlanner: Sendable {
  public let policies: PolicySet
  private let rules: SelectionIndex
  private let admissions: SelectionIndex

  public init(_ policies: PolicySet = .none) {
    self.policies = policies
    rules = SelectionIndex(policies.workloads.map(\.selection))
    var admissions = SelectionIndex([])
    for (number, rule) in policies.nodes.enumerated() {
      if let selection = rule.onlyFor { admissions.insert(selection, as: Int32(number)) }
    }
    self.admissions = admissions
  }

  public func plan(_ snapshot: PlanningSnapshot) -> [WorkloadName: PlacementRecord] { outcome(snapshot).placements }

  /// The plan, and what somebody should know besides.
  public func outcome(_ snapshot: PlanningSnapshot) -> PlanOutcome { outcome(of: run(on: snapshot)) }

  func outcome(of run: PlanRun) -> PlanOutcome {
    var placements = [WorkloadName: PlacementRecord](minimumCapacity: run.tables.workloads.count)
    // Row by row: a copy of each workload would take as long as the plan.
    for row in run.tables.workloads.indices {
      guard let record = run.records[row] ?? run.tables.workloads[row].placed else { continue }
      placements[run.tables.workloads[row].name] = record
    }
    let warnings = run.warnings.sorted { ($0.workload?.text ?? "", $0.text) < ($1.workload?.text ?? "", $1.text) }
    return PlanOutcome(
      placements: placements, warnings: warnings, lookAgainAfter: run.lookAgainAfter, waiting: run.waitingMoves,
      ailing: Dictionary(uniqueKeysWithValues: run.tables.nodes.ailments.due.map { (run.wording.node($0.key), $0.value) }))
  }

  func run(on snapshot: PlanningSnapshot) -> PlanRun {
    var run = PlanRun(tables(snapshot))
    run.run()
    return run
  }

  func tables(_ snapshot: PlanningSnapshot) -> PlanTables {
    PlanTables(snapshot, policies: policies, rules: rules, admissions: admissions)
  }
}
