import GuardCore
import HoldfastModel

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
    guard own.leaving, session.isValid(at: now), now >= pauseUntil, !isUnderWay({ $0 == .depart }) else { return }
    guard !view.claims.contains(where: { holds($0.value.value) || isArriving($0.key) }) else { return }
    guard agents.values.allSatisfy({ !$0.writing && $0.operation == nil }) else { return }
    var conditions: [Condition<RecordKey>] = [.stands(.session(own.incarnation), created: own.created)]
    var writes: [Write<RecordKey, Record>] = [.delete(.session(own.incarnation))]
    if isPlanner, let planner = view.planner {
      conditions.append(.unchanged(.planner, modified: planner.modified))
      writes.append(.delete(.planner))
    }
    transact(.depart, ClusterTransaction(if: conditions, write: writes))
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
