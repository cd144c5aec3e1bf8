import HoldfastModel
import HoldfastPlanning

/// A change in the store, told to the machines that keep something of it, and to the agenda.
enum StoreNews {
  static func listed(_ listing: ClusterListing, _ facts: inout Facts, _ machines: inout Machines, _ effects: inout Effects) {
    facts.load(listing)
    machines.peers.reload(facts.view.sessions, now: facts.now)
    machines.lease.saw(facts.view.revision)
    effects.agenda.note(.listed)
    policiesChanged(&facts, &machines, &effects)
    machines.planning.see(facts)
    for (_, reason) in facts.view.unreadable.sorted(by: { $0.value < $1.value }) { noteUnreadable(reason, &effects) }
  }

  static func changed(_ change: ClusterChange, _ facts: inout Facts, _ machines: inout Machines, _ effects: inout Effects) {
    if let change = facts.take(change) {
      learned(change, &facts, &machines, &effects)
      if case .session(let incarnation) = change.key, incarnation == machines.lease.session.incarnation, change.after == .absent
      {
        SessionEnd.seen(facts, &machines, &effects)
      }
    }
    machines.lease.saw(facts.view.revision)
  }

  /// A store answers with a revision that is no earlier than any that it was known to have. This one is another: it was made anew from what one member,
  /// or a backup, had (Docs/operations.md, "When the quorum is lost"). A watch would wait until that counts as far as the one before: so everything
  /// is listed anew.
  static func wentBack(
    to revision: Revision, from newest: Revision, _ facts: inout Facts, _ machines: inout Machines, _ effects: inout Effects
  ) {
    facts.storeWentBack()
    for name in machines.workloads.names.sorted() { machines.workloads.change(name) { $0.storeWentBack() } }
    machines.report.storeWentBack(&effects)
    effects.listAnew()
    effects.note(
      .storeBack,
      "the store has gone back from revision \(newest.value) to \(revision.value), as it was made anew from what a member or a backup had: \(facts.me) "
        + "reads everything again",
      severity: .warning)
  }

  private static func noteUnreadable(_ reason: String, _ effects: inout Effects) {
    effects.note(
      .unreadable, "a record of the store cannot be read, and what depends on it is left alone: \(reason)", severity: .error)
  }

  /// A change in the store, told to the machines that keep something of it, and to the agenda.
  ///
  /// - Parameter purpose: of this node's transaction that wrote it, as the store's answer said; nil: somebody else did, or it is not known.
  static func learned(
    _ change: RecordChange, writtenFor purpose: Purpose? = nil, _ facts: inout Facts, _ machines: inout Machines,
    _ effects: inout Effects
  ) {
    if let flaw = change.flaw { noteUnreadable(flaw, &effects) }
    switch change.key {
    case .session(let incarnation):
      machines.peers.observe(incarnation, facts.view.sessions[incarnation], now: facts.now)
      machines.lease.checkRead(incarnation, facts, &effects)
      machines.clocks.saw(incarnation, facts.view.sessions[incarnation]?.value, facts, &effects)
      if facts.take(clock: machines.clocks.flaw) { effects.agenda.note(.report) }
      guard change.matters else { return }
      machines.planning.see(facts)
      effects.agenda.note(.session(hasComeOrGone: change.before == .absent || change.after == .absent))
    case .planner: effects.agenda.note(.planner(isThisNode: machines.isPlanner(facts)))
    case .policies:
      effects.agenda.note(.other)
      policiesChanged(&facts, &machines, &effects)
    case .node:
      machines.planning.see(facts)
      effects.agenda.note(.node)
    case .maintenance:
      machines.planning.see(facts)
      effects.agenda.note(.maintenance)
    case .losses: effects.agenda.note(.losses)
    case .disarm: disarmChanged(isByTime: purpose == .arm, facts, &machines, &effects)
    // The command has a line of its own, which says who gave it; and so has the planner that turns them off.
    case .movesOff: effects.agenda.note(.movesOff)
    case .report:
      if change.matters { machines.planning.seeReports(facts) }
      effects.agenda.note(change.matters ? .peerReport(onAbility: change.isOnAbility) : .other)
    case .claim(let workload):
      // The report tells of what is seen here, and of what is to leave: how far that is, or why it is kept.
      let isReported = machines.workloads[workload]?.isReported == true || facts.observation(of: workload) != nil
      effects.agenda.note(.claim(workload, matters: change.matters, isSeen: isReported))
    case .spec(let workload), .intent(let workload): effects.agenda.note(.definition(workload))
    case .placement(let workload): effects.agenda.note(.placement(workload, isPlanned: purpose == .place))
    // It may be a later build's, and nothing that the records say is acted upon any more; or is again.
    case .format: effects.agenda.note(.listed)
    // Nothing is decided by it: it is for people who want a workload back, or define several at once.
    case .released, .definitions, .history: effects.agenda.note(.other)
    }
  }

  private static func policiesChanged(_ facts: inout Facts, _ machines: inout Machines, _ effects: inout Effects) {
    guard facts.readPolicies() else { return }
    machines.planning.seeReports(facts)
    effects.agenda.note(.policies)
    if let flaw = facts.rules.flaw {
      let consequence =
        facts.rules.mayPlan
        ? "the ones before hold on" : "\(facts.me) does not plan until it can. Is its build older than the others'?"
      effects.note(
        .policies, "\(facts.me) cannot read the policies: \(flaw); \(consequence)", severity: .error, subject: facts.me)
    } else if machines.isPlanner(facts) {
      let count = facts.rules.planner.policies.ruleCount
      effects.note(.policies, "policies with \(count) \(count == 1 ? "rule" : "rules") are in force")
    }
  }

  /// - Parameter isByTime: this node ended it, as its time is over.
  private static func disarmChanged(
    isByTime: Bool, _ facts: Facts, _ machines: inout Machines, _ effects: inout Effects
  ) {
    effects.agenda.note(.disarm)
    if let disarm = facts.view.disarm?.value {
      let reason = disarm.reason.map { " (\($0))" } ?? ""
      effects.note(
        .disarmed, "the cluster is disarmed\(reason): nothing is failed over, frozen or moved", severity: .warning)
    } else if facts.view.unreadable[.disarm] == nil {
      effects.note(.armed, "the cluster is armed again\(isByTime ? ", as the time of its disarming is over" : "")")
    }
    machines.lease.renewNow(at: facts.now)
  }
}
