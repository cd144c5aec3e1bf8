import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import HoldfastPorts

/// Runs commands on nodes and on the whole cluster, as `CommandRunner` does those on workloads.
struct ClusterCommandRunner: Sendable {
  let access: any ClusterAccess
  let isDryRun: Bool
  /// Who asks, for the history.
  var requester: Requester?

  private var who: String { requester?.description ?? "somebody unknown" }

  /// How often a command that lost a race against another writer is tried.
  private static let attempts = 5
  private static let namesInSentence = 5

  func enter(_ node: NodeName, _ request: MaintenanceRequest) async throws(OperatorError) -> ClusterCommandResult {
    let picture = await access.picture()
    var record = try request.record(now: picture.time)
    if let present = picture.view.maintenance[node]?.value, present.phase == .empty {
      // A repeated command may change the method; the reason stays unless a new one is given.
      (record.reason, record.until) = (record.reason ?? present.reason, record.until ?? present.until)
    }
    // Objections come before the plan.
    _ = try ClusterCommand.enter(node, record).prepare(in: picture.view)
    let plan = EvacuationPlan(
      of: node, record, in: picture.view, planning: picture.planning(), policies: picture.planner.policies)
    let refusal = plan.refusal(of: node, record)
    if !isDryRun, let refusal { throw refusal }
    var result = try await run(.enter(node, record), node: node, in: picture.view, plan: plan)
    result.refusal = refusal.map { ErrorBody($0) }
    return result
  }

  /// Its history goes first: what fails in the middle can be repeated.
  func remove(_ node: NodeName) async throws(OperatorError) -> ClusterCommandResult {
    let view = await access.picture().view, removal = try NodeRemoval(node, in: view)
    if !isDryRun {
      for transaction in removal.historyTransactions(slots: Int(HistoryBook.ringSize)) {
        guard case .committed = try await access.commit(transaction, for: "node \(node)", look: "holdfast nodes") else {
          throw OperatorError(
            .conflict, thing: "node \(node)", reason: "its record has just changed: it may be coming back",
            remedy: "Look with `holdfast nodes`, then repeat.")
        }
      }
    }
    let result = try await run(.remove(node), node: node)
    if !isDryRun {
      await access.tell(Note(.nodeRemoved, "\(node) was removed (\(who))", subject: node))
    }
    return result
  }

  /// A large one takes several transactions: what fails in the middle can be repeated.
  func rename(_ old: NodeName, to new: NodeName) async throws(OperatorError) -> ClusterCommandResult {
    let picture = await access.picture()
    if let flaw = picture.policyFlaw {
      throw OperatorError(
        .conflict, thing: "node \(old)", reason: "this node cannot read the policies, which may name it (\(flaw))",
        remedy: "Repeat it on a node that can, or apply policies that it can read: `holdfast policy apply FILE...`.")
    }
    var view = picture.view, text: String?
    for _ in 0..<Self.attempts {
      guard view.policies?.modified == picture.view.policies?.modified else { break }
      let rename = try NodeRename(old, to: new, in: view, policies: picture.planner.policies)
      // What it was about as a whole, also when a part of it is done by now.
      let words = text ?? rename.text
      text = words
      let result = ClusterCommandResult(isDryRun: isDryRun, subject: "node \(old)", text: words, isChange: true)
      if isDryRun { return result }
      guard try await commit(rename.transactions(slots: Int(HistoryBook.ringSize)), of: old, in: &view) else { continue }
      // One of the kinds that builds before it know: to them a line of another one is damaged.
      await access.tell(Note(.nodeRemoved, "\(old) is \(new) from now on (\(who))", subject: old))
      return result
    }
    throw Self.lost("node \(old)", look: "holdfast nodes")
  }

  /// - Returns: false when one was refused: `view` knows why then.
  private func commit(
    _ transactions: [ClusterTransaction], of node: NodeName, in view: inout ClusterView
  ) async throws(OperatorError) -> Bool {
    for transaction in transactions {
      switch try await access.commit(transaction, for: "node \(node)", look: "holdfast nodes") {
      case .committed(let revision): view.apply(transaction.writes, committed: revision)
      case .refused(let revision, let current):
        view.apply(current: current, asked: transaction.conditions.map(\.key), at: revision)
        return false
      }
    }
    return true
  }

  private static func lost(_ thing: String, look: String) -> OperatorError {
    OperatorError(
      .conflict, thing: thing, reason: "\(attempts) attempts lost against other changes of the same record",
      remedy: "`\(look)` shows the present state; then repeat.")
  }

  func disarm(_ request: DisarmRequest) async throws(OperatorError) -> ClusterCommandResult {
    let picture = await access.picture()
    let record = try request.record(now: picture.time)
    let inProgress = ClusterCommandResult.inProgress(in: picture.view)
    if !isDryRun, request.now != true, !inProgress.isEmpty {
      throw OperatorError(
        .conflict, thing: "the cluster",
        reason:
          "\(InWords.list(inProgress, most: Self.namesInSentence)) \(inProgress.count == 1 ? "is" : "are") being recovered or moved",
        remedy: "Wait until `holdfast workloads --problems` shows none of them, or use --now: then they stop where they are.")
    }
    return try await run(.disarm(record), in: picture.view, inProgress: inProgress)
  }

  func run(_ command: ClusterCommand, node: NodeName? = nil) async throws(OperatorError) -> ClusterCommandResult {
    try await run(command, node: node, in: await access.picture().view)
  }

  private func run(
    _ command: ClusterCommand, node: NodeName? = nil, in view: ClusterView, plan: EvacuationPlan? = nil,
    inProgress: [String]? = nil
  ) async throws(OperatorError) -> ClusterCommandResult {
    let subject = node.map { "node \($0)" } ?? "the cluster"
    let look = node.map { "holdfast maintenance status \($0)" } ?? "holdfast status"
    var view = view
    for _ in 0..<Self.attempts {
      let prepared = try command.prepare(in: view)
      let result = ClusterCommandResult(isDryRun: isDryRun, subject: subject, prepared, plan: plan, inProgress: inProgress)
      guard let transaction = prepared.transaction, !isDryRun else { return result }
      let note = command.note(prepared, askedBy: who)
      switch try await access.commit(transaction, for: subject, look: look, telling: note) {
      case .committed: return result
      case .refused(let revision, let current):
        view.apply(current: current, asked: transaction.conditions.map(\.key), at: revision)
      }
    }
    throw Self.lost(subject, look: look)
  }
}
