import HoldfastModel
import HoldfastPlanning

/// How a workload leaves this node for the one that it is placed on.
enum Departing: Hashable, Sendable {
  case live(target: ClaimRecord.Holder, uri: String)
  /// It runs on here: the other node is not there, and the planner will say where else.
  case waits
  /// It cannot be moved while it runs, and is not to be stopped for it.
  case stays(MoveMethod)
  /// It is stopped, and started there.
  case restart

  init(_ own: WorkloadFacts, _ spec: SpecRecord, mayStillAppear: Bool, _ facts: borrowing Facts, _ stance: Stance) {
    guard own.desired == .running, let node = own.placement?.value.node, node != facts.me, !stance.leavesFast,
      !stance.isPastDeadline, !mayStillAppear
    else {
      self = .restart
      return
    }
    guard let session = facts.view.session(of: node), session.record.value.phase == .active else {
      self = stance.isLeaving ? .restart : .waits
      return
    }
    let settings = facts.rules.settings(of: own.name, spec), evacuation = settings.evacuation
    // What fails its checks is to be started anew: moved while it runs, it would take its failure along.
    if let claim = own.claim?.value, claim.unwell != nil, settings.failover.isExhausted(by: claim.ends ?? 0) {
      self = .restart
      return
    }
    let method = facts.view.maintenance[facts.me]?.value.method
    let moveMethod = MoveMethod(own.name, spec, to: node, method: method, evacuation, in: facts.view)
      .unlessLagging(own.claim?.value)
    if moveMethod.how == .live, let uri = facts.view.migrationURI(of: node, for: spec.connection) {
      self = .live(target: ClaimRecord.Holder(node: node, incarnation: session.incarnation), uri: uri)
    } else {
      self = moveMethod.how == .stay && !stance.isLeaving ? .stays(moveMethod) : .restart
    }
  }
}
