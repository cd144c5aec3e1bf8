import HoldfastModel
import HoldfastTime

/// The outcome of a transaction, told to whoever asked for it.
enum TransactionOutcomes {
  static func take(
    _ id: TransactionID, _ outcome: Event.TransactionOutcome, _ facts: inout Facts, _ machines: inout Machines,
    _ effects: inout Effects
  ) {
    guard let pending = effects.takeRequest(id) else { return }
    if let (earlier, known) = earlierStore(pending, outcome, facts, machines.lease.session.standing) {
      StoreNews.wentBack(to: earlier, from: known, &facts, &machines, &effects)
    }
    // An answer about a session that is over says nothing about the one that stands now.
    if let asked = pending.purpose.ownSession, asked != machines.lease.session.incarnation { return }
    // A renewal says itself whether it is news.
    if case .renew = pending.purpose, case .verdict(.committed) = outcome {} else { effects.agenda.note(.other) }
    switch outcome {
    case .verdict(.committed(let revision)):
      for change in facts.take(pending.transaction.writes, committed: revision) {
        StoreNews.learned(change, writtenFor: pending.purpose, &facts, &machines, &effects)
      }
      succeeded(pending, at: revision, facts, &machines, &effects)
    case .verdict(.refused(let revision, let current)):
      for change in facts.take(current, askedBy: pending.transaction, at: revision) {
        StoreNews.learned(change, &facts, &machines, &effects)
      }
      failed(pending, refusedWith: current, facts, &machines, &effects)
    case .notApplied: failed(pending, refusedWith: nil, facts, &machines, &effects)
    case .unknown:
      doubt(pending, &machines)
      failed(pending, refusedWith: nil, facts, &machines, &effects)
    }
  }

  /// The answer is of another store than the one before, which knew less: the revision that tells, and the one that was known. nil: it is not, as far as
  /// can be told.
  private static func earlierStore(
    _ pending: PendingTransaction, _ outcome: Event.TransactionOutcome, _ facts: Facts, _ standing: OwnSession.Standing?
  ) -> (Revision, Revision)? {
    // What was sent before that was found out may tell the same once more.
    if let revision = outcome.revision, revision < min(pending.after, facts.newest) { return (revision, pending.after) }
    // Others may have brought it as far by now. But nobody writes an earlier record of this node's session.
    guard case .renew = pending.purpose, case .verdict(.refused(_, let current)) = outcome, let standing,
      standing.modified <= facts.newest, let found = current[.session(standing.incarnation)],
      found.created == standing.created, found.modified < standing.modified
    else { return nil }
    return (found.modified, standing.modified)
  }

  private static func succeeded(
    _ pending: PendingTransaction, at revision: Revision, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects
  ) {
    let me = facts.me
    switch pending.purpose {
    case .open(let incarnation, let sent): opened(incarnation, sent: sent, at: revision, facts, &machines, &effects)
    case .renew(_, let sent): renewed(sent: sent, at: revision, facts, &machines, &effects)
    case .describe: machines.lease.described()
    case .end(_, let reason): SessionEnd.ended(reason, facts, &machines, &effects)
    case .expire(_, let node, let tookRole): machines.peers.declared(node, tookRole: tookRole, facts, &effects)
    case .takeRole: effects.note(.plannerTaken, "\(me) is the planner now")
    case .giveUpRole:
      effects.note(.plannerTaken, "\(me) is not the planner any more: its build does not know the store's format")
    case .endMaintenance(let node):
      effects.note(.maintenance, "the maintenance of \(node) is over", subject: node)
    case .ail(let node, let ailment): AilingNodes.decided(node, ailment, &effects)
    case .heal(let node): AilingNodes.healed(node, facts, &effects)
    // Told with the record's end, as on every other node.
    case .arm: break
    case .haltMoves: movesHalted(facts, &machines, &effects)
    case .restoreIntents(let names): MissingIntents.restored(names, facts, &effects)
    case .place: machines.planning.placed(pending.transaction.writes, at: revision, facts, &effects)
    case .claim(let names):
      for name in names { claimed(name, pending.claim(of: name), at: revision, facts, &machines, &effects) }
    case .activity(let names):
      for name in names {
        let claim = pending.claim(of: name)
        change(name, facts, &machines, &effects) { $0.wrote(claim, at: revision) }
      }
    case .workload(let name, let write):
      wrote(write, about: name, pending.claim(of: name), at: revision, facts, &machines, &effects)
    case .validate(let incarnation, let kept): FrozenWorkloads.validated(kept, under: incarnation, facts, &machines, &effects)
    case .report(let record):
      machines.report.written(record, at: revision, facts, &effects)
      effects.agenda.note(.report)
    }
  }

  private static func movesHalted(_ facts: Facts, _ machines: inout Machines, _ effects: inout Effects) {
    machines.planning.halted()
    let reason = facts.view.movesOff?.value.reason.map { ": \($0)" } ?? ""
    effects.note(
      .policies, "moves are off\(reason). `holdfast moves on` lets the policies move workloads again", severity: .warning)
  }

  private static func opened(
    _ incarnation: Incarnation, sent: BootInstant, at revision: Revision, _ facts: Facts, _ machines: inout Machines,
    _ effects: inout Effects
  ) {
    machines.planning.sessionOpened(at: facts.now)
    let silence = machines.peers.silence(at: facts.now)
    machines.peers.answered(sent: sent, now: facts.now)
    machines.lease.opened(incarnation, at: revision, silence: silence, facts, &effects)
    machines.guardLink.extend(machines.lease.session.permit(facts), facts.timing, &effects)
    effects.agenda.note(.ownSession)
  }

  private static func renewed(
    sent: BootInstant, at revision: Revision, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects
  ) {
    let now = facts.now, wasValid = machines.lease.session.isValid(at: now)
    // Where all is well, a renewal changes nothing but the deadline.
    let wasArmed = machines.guardLink.word(within: machines.lease.session.permit(facts)).isArmed
    if !wasValid || !wasArmed || machines.departure.isLeaving || now >= machines.lease.session.nextRenewal {
      effects.agenda.note(.other)
    }
    if machines.lease.session.isStanding {
      let silence = machines.peers.silence(at: now)
      machines.peers.answered(sent: sent, now: now)
      let end = machines.lease.renewed(sent: sent, at: revision, silence: silence, facts, &effects)
      if end == .renewed {
        machines.guardLink.extend(machines.lease.session.permit(facts), facts.timing, &effects)
        effects.agenda.timeWasGained()
      }
    }
    if !wasValid, machines.lease.session.isValid(at: now) { effects.agenda.note(.ownSession) }
  }

  private static func claimed(
    _ name: WorkloadName, _ claim: ClaimRecord?, at revision: Revision, _ facts: Facts, _ machines: inout Machines,
    _ effects: inout Effects
  ) {
    change(name, facts, &machines, &effects) { $0.claimed(claim, at: revision) }
    if let epoch = facts.view.claims[name]?.value.epoch {
      effects.note(.claimed, "\(facts.me) holds \(name) at epoch \(epoch.value)", workload: name)
    }
  }

  /// A transaction about the workload ended.
  private static func change(
    _ name: WorkloadName, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects,
    _ body: (inout WorkloadMachine) -> Void
  ) {
    machines.workloads.change(name, body)
    effects.agenda.note(.write(name, isSeen: facts.observation(of: name) != nil))
  }

  private static func retire(
    _ name: WorkloadName, keepsGivingUp: Bool, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects
  ) {
    var machine = machines.workloads.take(name)
    machine.retire(keepsGivingUp: keepsGivingUp, &effects)
    machines.workloads.put(machine)
    effects.agenda.note(.write(name, isSeen: facts.observation(of: name) != nil))
  }

  private static func wrote(
    _ write: WorkloadWrite, about name: WorkloadName, _ claim: ClaimRecord?, at revision: Revision, _ facts: Facts,
    _ machines: inout Machines, _ effects: inout Effects
  ) {
    let me = facts.me
    switch write {
    case .prove, .offer: change(name, facts, &machines, &effects) { $0.wrote(claim, at: revision) }
    case .adopt:
      change(name, facts, &machines, &effects) { $0.wrote(claim, at: revision) }
      effects.note(.adopted, "\(name) is under protection, on \(me)", workload: name)
    case .release(_, .staysDown(let end)):
      retire(name, keepsGivingUp: true, facts, &machines, &effects)
      effects.agenda.drop(name)
      effects.note(
        .stopped, "\(name) \(end.words) on \(me) and stays down, as its policy says: `holdfast start \(name)`",
        severity: end == .poweredOff ? .info : .warning, workload: name)
    case .release(_, let reason):
      retire(name, keepsGivingUp: true, facts, &machines, &effects)
      effects.agenda.drop(name)
      effects.note(.released, "\(name) was let go by \(me): \(reason)", workload: name)
    case .handOver(let target, _):
      retire(name, keepsGivingUp: false, facts, &machines, &effects)
      effects.agenda.drop(name)
      effects.note(.released, "\(name) was handed over to \(target) by \(me)", workload: name)
    case .forget:
      let word = machines.guardLink.word(within: machines.lease.session.permit(facts))
      var machine = machines.workloads.take(name)
      machine.forgotten(word, facts, &effects)
      machines.workloads.put(machine)
      effects.agenda.drop(name)
      effects.note(.unprotected, "\(name) is out of protection", workload: name)
    }
  }

  /// The transaction may have happened, and it may still happen.
  private static func doubt(_ pending: PendingTransaction, _ machines: inout Machines) {
    switch pending.purpose {
    case .workload(let name, .handOver(_, let revision)), .workload(let name, .release(let revision, _)):
      machines.workloads.change(name) { $0.doubt(revision) }
    case .workload(let name, .forget(let revision)): machines.workloads.change(name) { $0.doubt(revision) }
    case .end: machines.lease.endUnanswered()
    default: break
    }
  }

  /// The transaction did not happen, or nobody knows. Whatever it was for is decided anew from the state.
  private static func failed(
    _ pending: PendingTransaction, refusedWith current: [RecordKey: Stored<Record>]?, _ facts: Facts,
    _ machines: inout Machines, _ effects: inout Effects
  ) {
    let now = facts.now, pause = facts.timing.retryPause
    switch pending.purpose {
    case .open: machines.lease.openingFailed(facts.timing, &effects)
    case .renew:
      let end = machines.lease.renewalFailed(refusedWith: current, at: now)
      if end == .lost { SessionEnd.lost(facts, &machines, &effects) }
    case .describe: machines.lease.describingFailed(at: now, facts.timing)
    case .end(_, let reason): endFailed(reason, refusedWith: current, facts, &machines, &effects)
    case .arm: machines.lease.pause(facts.timing, &effects)
    case .expire(let incarnation, _, _):
      machines.peers.declaringFailed(incarnation)
      machines.planning.failed(pending.purpose, facts.timing, &effects)
    case .takeRole, .giveUpRole, .place, .restoreIntents, .haltMoves, .endMaintenance, .ail, .heal:
      machines.planning.failed(pending.purpose, facts.timing, &effects)
    case .claim(let names):
      for name in names { change(name, facts, &machines, &effects) { $0.writeFailed(at: now, pause: pause, isBatch: true) } }
    case .workload(let name, _): change(name, facts, &machines, &effects) { $0.writeFailed(at: now, pause: pause) }
    case .activity(let names):
      for name in names {
        change(name, facts, &machines, &effects) { $0.writeFailed(at: now, pause: pause, wasOnlyTold: true) }
      }
    case .validate(let incarnation, _):
      if machines.lease.session.incarnation == incarnation { machines.guardLink.validationEnded() }
      machines.lease.pause(facts.timing, &effects)
    case .report:
      machines.report.failed(at: now)
      effects.agenda.note(.report)
    }
  }

  private static func endFailed(
    _ reason: EndReason, refusedWith current: [RecordKey: Stored<Record>]?, _ facts: Facts, _ machines: inout Machines,
    _ effects: inout Effects
  ) {
    guard let incarnation = machines.lease.session.incarnation else { return }
    // An earlier attempt, which nobody answered, was applied.
    if let current, current[.session(incarnation)] == nil { return SessionEnd.ended(reason, facts, &machines, &effects) }
    machines.lease.endFailed(facts.timing, &effects)
  }
}
