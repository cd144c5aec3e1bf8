import GuardProtocol

/// Clean departure: everything is handed over or stopped, the claims are released, the session is ended. Nobody waits for a TTL.
extension Controller {
  mutating func leave(inHaste: Bool) {
    if inHaste, !leavesInHaste {
      leavesInHaste = true
      makeEveryWorkloadDirty()
    }
    guard !isLeaving else { return }
    if isHandsOff, !guardian.workloads.isEmpty || view.claims.values.contains(where: { holds($0.value) }) {
      note(.leaving, "\(me) ends; the cluster is disarmed, so its workloads stay")
      isFinished = true
      return out.append(.finished)
    }
    isLeaving = true
    role.planIsDue = true
    note(.leaving, "\(me) leaves: its workloads are handed over")
    makeEveryWorkloadDirty()
  }

  mutating func departIfEmpty() {
    guard isLeaving, !isFinished else { return }
    guard let own = session.standing else {
      if case .opening = session.phase { return }
      // What an earlier life left standing is taken up first, to hand it over.
      if view.isLoaded ? ownStandingSession() != nil : saved != nil { return }
      if !mayExecute { finish() }
      return
    }
    guard own.leaving, session.isValid(at: now), now >= pauseUntil else { return }
    guard !view.claims.contains(where: { holds($0.value.value) || isArriving($0.key) }) else { return }
    guard agents.values.allSatisfy({ !$0.writing && $0.operation == nil }) else { return }
    // A session must not end while something executes under it: an adoption is part of what the store has to confirm.
    guard let adoptions = adoptionsInDoubt(), adoptions.count <= Self.adoptionsAtOnce, let isAsSeen = session.asksToEnd() else {
      return
    }
    transact(.depart, end(of: own, if: [isAsSeen] + adoptions.map { .unchanged(.intent($0), modified: $1.modified) }))
  }

  /// Ends the session, and the planner's role with it.
  func end(of own: OwnSession.Standing, if conditions: [Condition<RecordKey>]) -> ClusterTransaction {
    var end = ClusterTransaction(if: conditions, write: [.delete(.session(own.incarnation))])
    if isPlanner, let planner = view.planner {
      end.conditions.append(.unchanged(.planner, modified: planner.modified))
      end.writes.append(.delete(.planner))
    }
    return end
  }

  /// Conditions of one transaction, under etcd's limit of 128.
  private static let adoptionsAtOnce = 100

  /// - Parameter current: what the store has; nil: it did not say.
  mutating func departureFailed(refusedWith current: [RecordKey: Stored<Record>]?) {
    guard let incarnation = session.incarnation else { return }
    // An earlier attempt, which nobody answered, was applied.
    if let current, current[.session(incarnation)] == nil { return departed() }
    session.endRefused()
    pause()
  }

  mutating func departed() {
    session.lost()
    note(.sessionEnded, "\(me) has left")
    finish()
  }

  /// Something of an ended session may go on here: this controller stays until it has seen that everything stands still.
  private var mayExecute: Bool {
    if guardian.isIsolated || guardian.frozenWithoutIt { return false }
    return guardian.isolating || !guardian.workloads.isEmpty
      || agents.values.contains { $0.guarded != nil || $0.operation != nil }
  }

  private mutating func finish() {
    isFinished = true
    // A start that comes up after this is to find everything standing still.
    if guardian.isConnected, !agents.keys.contains(where: mayStillAppear) { tellGuard(.disarm) }
    out.append(.save(nil))
    out.append(.finished)
  }
}
