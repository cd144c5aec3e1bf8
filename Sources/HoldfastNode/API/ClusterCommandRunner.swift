import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import HoldfastPorts

/// Runs commands on nodes and on the whole cluster, as `CommandRunner` does those on workloads.
struct ClusterCommandRunner: Sendable {
  let access: any ClusterAccess
  let isDryRun: Bool

  /// How often a command that lost a race against another writer is tried.
  private static let attempts = 5
  private static let namesInSentence = 5

  func enter(_ node: NodeName, _ request: MaintenanceRequest) async throws(OperatorError) -> ClusterCommandResult {
    var record = try request.record(now: wallTime())
    let view = await access.view()
    if let present = view.maintenance[node]?.value, present.phase == .empty {
      // A repeated command may change the method; the reason stays unless a new one is given.
      (record.reason, record.until) = (record.reason ?? present.reason, record.until ?? present.until)
    }
    // Objections come before the plan.
    _ = try UpkeepCommand.enter(node, record).prepare(in: view)
    let planning = await access.planning()
    let plan = EvacuationPlan(
      of: node, record, in: view, planning: planning.snapshot, policies: planning.planner.policies)
    if !isDryRun, !record.leavesPending, !plan.unplaceable.isEmpty {
      let names = InWords.list(plan.unplaceable.map(\.workload), most: Self.namesInSentence)
      throw OperatorError(
        .conflict, thing: "node \(node)", reason: "no other node can take \(names)",
        remedy: "`holdfast maintenance enter \(node) --dry-run` shows why; with --leave-pending they are stopped.")
    }
    return try await run(.enter(node, record), node: node, plan: plan)
  }

  func disarm(_ request: DisarmRequest) async throws(OperatorError) -> ClusterCommandResult {
    let record = try request.record(now: wallTime())
    let inProgress = ClusterCommandResult.inProgress(in: await access.view())
    if !isDryRun, request.now != true, !inProgress.isEmpty {
      throw OperatorError(
        .conflict, thing: "the cluster",
        reason:
          "\(InWords.list(inProgress, most: Self.namesInSentence)) \(inProgress.count == 1 ? "is" : "are") being recovered or moved",
        remedy: "Wait until `holdfast workloads --problems` shows none of them, or use --now: then they stop where they are.")
    }
    return try await run(.disarm(record), inProgress: inProgress)
  }

  func run(
    _ command: UpkeepCommand, node: NodeName? = nil, plan: EvacuationPlan? = nil, inProgress: [String]? = nil
  ) async throws(OperatorError) -> ClusterCommandResult {
    let subject = node.map { "node \($0)" } ?? "the cluster"
    let look = node.map { "holdfast maintenance status \($0)" } ?? "holdfast status"
    var view = await access.view()
    for _ in 0..<Self.attempts {
      let prepared = try command.prepare(in: view)
      let result = ClusterCommandResult(isDryRun: isDryRun, subject: subject, prepared, plan: plan, inProgress: inProgress)
      guard let transaction = prepared.transaction, !isDryRun else { return result }
      switch try await access.commit(transaction, for: subject, look: look) {
      case .committed: return result
      case .refused(let revision, let current):
        view.apply(current: current, asked: transaction.conditions.map(\.key), at: revision)
      }
    }
    throw OperatorError(
      .conflict, thing: subject, reason: "\(Self.attempts) attempts lost against other changes of the same record",
      remedy: "`\(look)` shows the present state; then repeat.")
  }
}
