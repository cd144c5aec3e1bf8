import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import HoldfastPorts

/// Carries commands about nodes and the whole cluster out, as `CommandRunner` does those about workloads.
struct UpkeepRunner: Sendable {
  let access: any ClusterAccess
  let isDryRun: Bool

  /// Others may change the same records at the same time; a loser looks again this often.
  private static let attempts = 5
  private static let namesInSentence = 5

  func enter(_ node: NodeName, _ request: MaintenanceRequest) async throws(OperatorError) -> UpkeepResult {
    let picture = await access.picture()
    var record = try request.record(now: picture.time)
    if let present = picture.view.maintenance[node]?.value, present.phase == .empty {
      // What it is for does not change with how the rest leaves.
      (record.reason, record.until) = (record.reason ?? present.reason, record.until ?? present.until)
    }
    // What stands against it comes before what would become of it.
    _ = try UpkeepCommand.enter(node, record).prepare(in: picture.view)
    let plan = EvacuationPlan(
      of: node, record, in: picture.view, planning: picture.planning(), policies: picture.planner.policies)
    let refusal = plan.refusal(of: node, record)
    if !isDryRun, let refusal { throw refusal }
    var result = try await run(.enter(node, record), node: node, in: picture.view, plan: plan)
    result.refusal = refusal.map { ErrorBody($0) }
    return result
  }

  func disarm(_ request: DisarmRequest) async throws(OperatorError) -> UpkeepResult {
    let picture = await access.picture()
    let record = try request.record(now: picture.time)
    let underWay = UpkeepResult.underWay(in: picture.view)
    if !isDryRun, request.now != true, !underWay.isEmpty {
      throw OperatorError(
        .conflict, thing: "the cluster",
        reason:
          "\(InWords.list(underWay, most: Self.namesInSentence)) \(underWay.count == 1 ? "is" : "are") on the way",
        remedy: "Wait until `holdfast workloads --problems` shows none of them, or use --now: then they stay as they are.")
    }
    return try await run(.disarm(record), in: picture.view, underWay: underWay)
  }

  func run(_ command: UpkeepCommand, node: NodeName? = nil) async throws(OperatorError) -> UpkeepResult {
    try await run(command, node: node, in: await access.picture().view)
  }

  private func run(
    _ command: UpkeepCommand, node: NodeName? = nil, in view: ClusterView, plan: EvacuationPlan? = nil,
    underWay: [String]? = nil
  ) async throws(OperatorError) -> UpkeepResult {
    let subject = node.map { "node \($0)" } ?? "the cluster"
    let look = node.map { "holdfast maintenance status \($0)" } ?? "holdfast status"
    var view = view
    for _ in 0..<Self.attempts {
      let prepared = try command.prepare(in: view)
      let result = UpkeepResult(isDryRun: isDryRun, subject: subject, prepared, plan: plan, underWay: underWay)
      guard let transaction = prepared.transaction, !isDryRun else { return result }
      switch try await access.commit(transaction, for: subject, look: look) {
      case .committed: return result
      case .refused(let revision, let current):
        view.apply(current: current, asked: transaction.conditions.map(\.key), at: revision)
      }
    }
    throw OperatorError(
      .conflict, thing: subject, reason: "it was changed by others \(Self.attempts) times meanwhile",
      remedy: "`\(look)` shows what is so; then repeat.")
  }
}
