import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// One node's controller as a state machine: `(event, now) → actions`. No I/O, no clock, no tasks.
///
/// An event changes what is known (`Facts`) or tells a machine what became of something; a table says what is due because of that (`Agenda`). Then
/// what is due is decided, always in the same order, by machines that own their state and ask for what they want (`Effects`). Nothing depends on
/// which event came: deciding again with everything due asks for nothing more.
public struct Controller: Sendable {
  public struct Configuration: Sendable {
    public var cluster: String
    public var node: NodeName
    public var record: NodeRecord
    public var timing: Timing
    /// The guard's partition, such as `/holdfast`; workloads go under `freeze` and `stop` below it.
    public var partition: String
    /// For incarnations: must differ between lives of the controller.
    public var seed: UInt64
    public var policyReader: any PolicyReader

    public init(
      cluster: String, node: NodeName, record: NodeRecord, timing: Timing, partition: String, seed: UInt64,
      policyReader: any PolicyReader
    ) {
      self.cluster = cluster
      self.node = node
      self.record = record
      self.timing = timing
      self.partition = partition
      self.seed = seed
      self.policyReader = policyReader
    }
  }

  private var facts: Facts
  private var effects: Effects
  private var lease: Lease
  private var peers: PeerExpiry
  private var guardLink = GuardLink()
  private var planning = PlannerRole()
  private var workloads = WorkloadTable()
  private var report = NodeReport()
  private var departure = Departure()
  /// The time to empty this node is over.
  private var isPastDeadline = false

  /// - Parameter saved: what an earlier life of the controller on the same boot left in the runtime directory.
  public init(_ configuration: Configuration, saved: OwnSession.Saved?) {
    facts = Facts(configuration)
    effects = Effects(me: configuration.node, timing: configuration.timing)
    lease = Lease(configuration, saved: saved)
    peers = PeerExpiry(timing: configuration.timing)
  }

  // MARK: what others may ask

  public var configuration: Configuration { facts.configuration }
  public var view: ClusterView { facts.view }
  public var local: LocalDomains { facts.local }
  public var session: OwnSession { lease.session }
  public var guardian: GuardLink { guardLink }
  /// The clean departure has begun.
  public var isLeaving: Bool { departure.isLeaving }
  public var isFinished: Bool { departure.hasLeft }
  /// The planner by the policies that are in force.
  public var planner: PolicyPlanner { facts.rules.planner }
  /// Why the policies in the store cannot be used; nil when they can.
  public var policyFlaw: String? { facts.rules.flaw }
  /// What the controller found wrong with itself; nil: nothing.
  public var breach: String? { effects.breach }

  /// The cluster as the planner sees it, at a moment after the last event.
  public func snapshot(now: BootInstant) -> PlanningSnapshot {
    var facts = facts
    facts.begin(at: now)
    return planning.snapshot(facts)
  }

  // MARK: one event

  public mutating func receive(_ event: Event, now: BootInstant) -> [Action] {
    facts.begin(at: now)
    effects.begin(at: facts.now)
    guard !isFinished else { return [] }
    effects.agenda.begin()
    take(event)
    // Most events say that everything is as it was. Nothing is decided anew then before the time that was asked for.
    if !isFinished, effects.agenda.isDue(at: facts.now) { decide() }
    return effects.takeActions()
  }

  /// What is asked for when everything is decided again with nothing changed: anything here was overlooked before.
  public func overlooked() -> [Action] {
    var copy = self
    guard !copy.isFinished else { return [] }
    copy.effects.agenda.noteEverything()
    copy.decide()
    return copy.effects.takeActions()
  }

  private mutating func decide() {
    effects.agenda.takeNode(at: facts.now)
    missGuard()
    guardLink.attemptDirectFreeze(of: workloads, &effects)
    if facts.view.isLoaded {
      lease.step(facts, peers, stance, &guardLink, &effects)
      let turn = turn()
      peers.step(turn, facts, planning, &effects)
      planning.takeVacantRole(turn, facts, &effects)
      planning.step(turn, facts, &effects)
      watchDeadline()
    }
    let turn = turn()
    stepWorkloads(turn)
    effects.takeBatch().submit(turn, facts, &workloads, &effects)
    thaw(turn)
    withdrawIfFrozen(turn)
    report.step(turn, facts, workloads, guardPhase: guardLink.summary, &effects)
    lease.watchTheWatch(facts, &effects)
    departIfEmpty(turn)
    askToBeWoken()
  }

  private var stance: Stance {
    Stance(departure: departure.pace, isPastDeadline: isPastDeadline, isPlanner: isPlanner)
  }

  private var isPlanner: Bool {
    guard let own = lease.session.incarnation, let planner = facts.view.planner?.value.incarnation else { return false }
    return planner == own
  }

  private func turn() -> Turn {
    Turn(now: facts.now, session: lease.session.permit(at: facts.now), guardian: guardLink.word, stance: stance)
  }

  private mutating func stepWorkloads(_ turn: borrowing Turn) {
    let due = effects.agenda.takeWorkloads(at: facts.now, facts.view, workloads)
    guard facts.view.isLoaded else { return }
    for name in due {
      let own = facts.workload(name, under: turn.session.incarnation)
      let startsUnderWay = workloads.startsUnderWay
      var machine = workloads.take(name)
      machine.step(turn, facts, own, startsUnderWay: startsUnderWay, &effects)
      if effects.batch.takeForget() != nil { forget(own, &machine, turn) }
      workloads.put(machine)
    }
  }

  /// What goes on here outside protection is told with the end of its records.
  private mutating func forget(_ own: WorkloadFacts, _ machine: inout WorkloadMachine, _ turn: borrowing Turn) {
    workloads.put(machine)
    let report = own.observation(in: facts.local).map {
      NodeReport.record(turn, facts, workloads, guardPhase: guardLink.summary, outside: $0)
    }
    machine = workloads.take(machine.name)
    machine.forget(report, turn, facts, own, &effects)
  }

  private mutating func askToBeWoken() {
    let now = facts.now
    var next = lease.nextLook(at: now, isShortening: guardLink.isShortening, facts.timing)
    func sooner(_ other: BootInstant?) { next = BootInstant.earlier(next, other) }
    sooner(peers.nextDue(after: now))
    if lease.session.isValid(at: now) {
      sooner(planning.nextLook(after: now, isPlanDue: effects.agenda.isPlanDue))
      sooner(report.nextLook)
      sooner(lease.nextDescription)
    }
    if let alarm = effects.agenda.nextAlarm(next, now: now) { effects.wake(at: alarm) }
  }

  // MARK: what an event brings

  private mutating func take(_ event: Event) {
    switch event {
    // These say themselves what they change.
    case .store(.changed), .guardian(.report(.state)), .transaction, .wallTime: break
    default: effects.agenda.note(.other)
    }
    switch event {
    case .tick: effects.agenda.alarmRang()
    case .store(.listed(let listing)): listed(listing)
    case .store(.changed(let changes)): for change in changes { changed(change) }
    case .transaction(let id, let outcome): transactionEnded(id, outcome)
    case .hypervisor(let event): observed(event)
    case .operation(let workload, let kind, let outcome): operationEnded(workload, kind, outcome)
    case .guardian(let event): guardSaid(event)
    case .frozenDirectly(let isConfirmed): guardLink.frozeDirectly(isConfirmed: isConfirmed, me: facts.me, &effects)
    case .committed(let writes, let revision): for change in facts.take(writes, committed: revision) { learned(change) }
    case .wallTime(let week, let milliseconds): if facts.take(week, milliseconds) { effects.agenda.note(.plan) }
    case .leave(let inHaste): leave(inHaste ? .hasty : .unhurried)
    }
  }

  private mutating func listed(_ listing: ClusterListing) {
    facts.load(listing)
    peers.reload(facts.view.sessions, now: facts.now)
    lease.saw(facts.view.revision)
    effects.agenda.note(.listed)
    policiesChanged()
    planning.see(facts)
    for (_, reason) in facts.view.unreadable.sorted(by: { $0.value < $1.value }) { noteUnreadable(reason) }
  }

  private mutating func changed(_ change: ClusterChange) {
    if let change = facts.take(change) {
      learned(change)
      if case .session(let incarnation) = change.key, incarnation == lease.session.incarnation, change.after == .absent {
        sessionEndedUnasked()
      }
    }
    lease.saw(facts.view.revision)
  }

  private mutating func noteUnreadable(_ reason: String) {
    effects.note(
      .unreadable, "cannot read a record of the store, what depends on it is left alone: \(reason)", severity: .error)
  }

  /// What changed in the store, told to the machines that keep something of it, and to the agenda.
  private mutating func learned(_ change: RecordChange) {
    if let flaw = change.flaw { noteUnreadable(flaw) }
    switch change.key {
    case .session(let incarnation):
      peers.observe(incarnation, facts.view.sessions[incarnation], now: facts.now)
      guard change.matters else { return }
      planning.see(facts)
      effects.agenda.note(.session(hasComeOrGone: change.before == .absent || change.after == .absent))
    case .planner: effects.agenda.note(.planner(isThisNode: isPlanner))
    case .policies:
      effects.agenda.note(.other)
      policiesChanged()
    case .node:
      planning.see(facts)
      effects.agenda.note(.node)
    case .maintenance:
      planning.see(facts)
      effects.agenda.note(.maintenance)
    case .losses: effects.agenda.note(.losses)
    case .disarm: disarmChanged()
    case .report: effects.agenda.note(change.matters ? .peerReport : .other)
    case .claim(let workload):
      let isSeen = facts.observation(of: workload) != nil
      effects.agenda.note(.claim(workload, matters: change.matters, isSeen: isSeen))
    case .spec(let workload), .intent(let workload): effects.agenda.note(.definition(workload))
    case .placement(let workload): effects.agenda.note(.placement(workload))
    case .format, .history: effects.agenda.note(.other)
    }
  }

  private mutating func policiesChanged() {
    guard facts.readPolicies() else { return }
    effects.agenda.note(.policies)
    if let flaw = policyFlaw {
      let consequence =
        facts.rules.mayPlan
        ? "the ones before hold on" : "\(facts.me) does not plan until it can. Is its build older than the others'?"
      effects.note(
        .policies, "\(facts.me) cannot read the policies: \(flaw); \(consequence)", severity: .error, subject: facts.me)
    } else if isPlanner {
      let count = planner.policies.nodes.count + planner.policies.workloads.count
      effects.note(.policies, "policies with \(count) \(count == 1 ? "rule" : "rules") are in force")
    }
  }

  private mutating func disarmChanged() {
    effects.agenda.note(.disarm)
    if let disarm = facts.view.disarm?.value {
      let reason = disarm.reason.map { " (\($0))" } ?? ""
      effects.note(
        .disarmed, "the cluster is disarmed\(reason): nothing is failed over, stopped or moved", severity: .warning)
    } else if facts.view.unreadable[.disarm] == nil {
      effects.note(.armed, "the cluster is armed")
    }
    lease.renewNow(at: facts.now)
  }

  // MARK: the hypervisor

  private mutating func observed(_ event: HypervisorEvent) {
    let before = facts.local.unreachable
    effects.agenda.note(.domains(facts.take(event)))
    switch event {
    case .unreachable(let connection, let reason):
      effects.noteOnce(
        .hypervisorLost, "\(connection) is unreachable: \(reason). Its workloads are treated as running", severity: .error,
        connection: connection)
      if before[connection] == nil { effects.agenda.note(.hypervisor(isOutage: true)) }
    case .inventory(let connection, _):
      if effects.unsay(.hypervisorLost, connection: connection) {
        effects.note(.hypervisorBack, "\(connection) answers again")
      }
      // Where it answered before, only what it shows is new, and what this node does something about.
      effects.agenda.note(.hypervisor(isOutage: before[connection] != nil))
    case .migrating(let id, let progress): workloads.change(WorkloadName(id.name)) { $0.progressed(progress) }
    case .changed, .gone: break
    }
  }

  private mutating func operationEnded(_ name: WorkloadName, _ kind: DomainOperation, _ outcome: OperationOutcome) {
    effects.agenda.note(.operation(name, freesStart: kind == .start))
    let own = facts.known(name, under: lease.session.incarnation)
    var machine = workloads.take(name)
    machine.operationEnded(kind, outcome, own, facts, &effects)
    workloads.put(machine)
  }

  // MARK: the guard

  private mutating func guardSaid(_ event: Event.GuardianEvent) {
    let before = guardLink.summary
    switch event {
    case .connected(let state): heard(guardLink.connected(state, &effects))
    case .report(.state(let state)): heard(guardLink.said(state, facts, &effects))
    case .report(.refused(let reason)):
      heard(guardLink.refused(reason, pause: facts.timing.renewInterval / 2, &effects))
    case .report(.killed(let name, let isConfirmed)):
      let workload = WorkloadName(name)
      effects.agenda.note(.kill(workload))
      workloads.change(workload) { $0.guardKilled() }
      // Should libvirt not notice by itself.
      if isConfirmed, facts.observation(of: workload) != nil { effects.refresh() }
      effects.note(
        .killed,
        isConfirmed ? "\(name): every process is gone" : "\(name): its processes were killed, their end is not confirmed yet",
        severity: .warning, workload: workload)
    case .lost(let reason): guardLost(reason)
    }
    if guardLink.summary != before { effects.agenda.note(.guardPhase) }
  }

  private mutating func heard(_ heard: GuardLink.Heard) {
    for name in heard.dropped { workloads.change(WorkloadName(name)) { $0.guardForgot() } }
    if heard.isAnew {
      let forgotten = Set(workloads.all.filter(\.protection.isForgotten).map(\.name))
      for name in forgotten.sorted() { workloads.change(name) { $0.guardForgot() } }
      effects.agenda.note(.guardLists(forgotten))
    }
    for name in heard.inheritedStarts { workloads.change(WorkloadName(name)) { $0.inheritStart() } }
    if heard.losesKills { workloads.changeAll { $0.losesKill() } }
    if heard.protectsAnew { for name in workloads.names.sorted() { workloads[name]?.protectAnew(&effects) } }
    if heard.extends { guardLink.extend(lease.session.deadline, &effects) }
  }

  private mutating func guardLost(_ reason: String) {
    let heard = guardLink.lost(reason, isSpared: facts.isHandsOff && !isOutOfTime, &effects)
    guard heard.freezesDirectly else { return }
    guardLink.startDirectFreeze(of: workloads, &effects)
    guardLink.noteLoss(reason, me: facts.me, &effects)
  }

  /// The session does not stand any more, whatever the cluster is.
  private var isOutOfTime: Bool {
    if let deadline = lease.session.deadline { return facts.now >= deadline }
    return facts.bornAt.map { facts.now >= $0 + facts.timing.ttl } ?? false
  }

  /// A controller that finds protected domains and no guard: nobody enforces their deadline. The guard, if it only starts too, gets a moment.
  private mutating func missGuard() {
    guard !guardLink.isConnected, !guardLink.direct.isWanted, let bornAt = facts.bornAt else { return }
    // What runs is not known before libvirt has spoken: then it counts as something.
    guard facts.seesProtectedDomain || !facts.local.isComplete else { return }
    // In a disarmed cluster a missing guard is waited for as long as this node's session stands, and not longer.
    let until = facts.isHandsOff ? lease.session.deadline ?? bornAt + facts.timing.ttl : bornAt + Limits.guardIsLate
    if facts.now < until { effects.agenda.look(at: until) } else { guardLost("it does not answer") }
  }

  /// The session is gone: what freezes everything is the guard, or this controller where there is none.
  private mutating func freezeEverything() {
    if guardLink.isConnected {
      guardLink.isolate(&effects)
    } else if !guardLink.direct.isWanted {
      guardLink.startDirectFreeze(of: workloads, &effects)
    }
  }

  // MARK: going on after a freeze

  /// Thaws only when a transaction proved that every claim under which something is frozen here still holds; what lost its claim is killed
  /// before, and never executes again.
  private mutating func thaw(_ turn: borrowing Turn) {
    guard guardLink.isIsolated, guardLink.thaw.isSettling, turn.session.isValid, guardLink.direct.isSettled else { return }
    guard turn.session.mayWrite, facts.now >= max(lease.pauseUntil, guardLink.quietUntil) else { return }
    let kept = settleFrozen(turn)
    // What this life of the controller has not seen may be here without a claim; and while libvirt does not answer, no earlier start
    // can be barred.
    guard facts.local.isComplete, kept != nil || facts.local.unreachable.isEmpty else {
      let frozenStarts = guardLink.starting.filter { workloads[WorkloadName($0)]?.protection.isForgotten != true }
      return guardLink.freeHypervisor(frozenStarts, facts.timing, &effects)
    }
    if let kept { validate(kept, turn) }
  }

  /// Workloads that the guard holds, as far as it or the hypervisor told.
  private func frozenHere(_ turn: borrowing Turn) -> [WorkloadName] {
    var names: Set<WorkloadName> = []
    for name in turn.guardian.workloads {
      let workload = WorkloadName(name)
      if workloads[workload]?.protection.isForgotten != true { names.insert(workload) }
    }
    for machine in workloads.all where machine.protection.told != nil { names.insert(machine.name) }
    for domain in facts.local.domains.values {
      guard let mark = domain.mark, facts.isMarked(domain) else { continue }
      let workload = WorkloadName(mark.workload), spec = facts.view.specs[workload]?.value
      // What may run more than once was not frozen.
      if let spec, !facts.rules.isExclusive(workload, spec) { continue }
      if spec != nil || facts.staleCopy(of: workload) != nil { names.insert(workload) }
    }
    return names.sorted()
  }

  /// Kills what lost its claim. Gives what may go on; nil while something is not decided.
  private mutating func settleFrozen(_ turn: borrowing Turn) -> [WorkloadName]? {
    var kept: [WorkloadName] = []
    var isDecided = true
    for name in frozenHere(turn) {
      let own = facts.known(name, under: turn.session.incarnation)
      var machine = workloads.take(name)
      switch machine.verdict(own, facts, turn.guardian) {
      case .keep: kept.append(name)
      case .keepWhenBarred: if machine.closeFence(facts, &effects) { kept.append(name) } else { isDecided = false }
      case .undecided: isDecided = false
      case .leave: machine.leaveProtection(turn.guardian, facts, &effects)
      case .reclaimable where mayWaitForClaims(): isDecided = false
      case .condemned(isStale: true):
        machine.condemn(&effects)
        isDecided = false
      case .reclaimable, .condemned:
        machine.condemn(&effects)
        if !machine.closeFence(facts, &effects) { isDecided = false }
      }
      workloads.put(machine)
    }
    guard isDecided else { return nil }
    guardLink.decided()
    return kept
  }

  /// A claim is being taken anew, or its placement decided. Everything frozen waits for it, so not for long.
  private mutating func mayWaitForClaims() -> Bool {
    let until = guardLink.waitsForClaims(since: facts.now) + facts.timing.ttl
    if facts.now < until { effects.agenda.look(at: until) }
    return facts.now < until
  }

  private mutating func validate(_ kept: [WorkloadName], _ turn: borrowing Turn) {
    var conditions: [Condition<RecordKey>] = []
    for name in kept.prefix(Limits.validatedClaims) {
      let own = facts.known(name, under: turn.session.incarnation)
      if own.isAdopting, let intent = own.intent {
        conditions.append(.unchanged(.intent(name), modified: intent.modified))
      } else if let claim = own.claim {
        conditions.append(.unchanged(.claim(name), modified: claim.modified))
      }
    }
    guard let incarnation = turn.session.incarnation,
      let transaction = turn.session.transaction(if: conditions, write: [])
    else { return }
    guardLink.validates()
    effects.transact(.validate(incarnation, kept: Set(kept)), transaction, timeout: facts.timing.renewTimeout)
  }

  private mutating func validated(_ asked: Set<WorkloadName>, under incarnation: Incarnation) {
    let turn = turn()
    guard turn.session.incarnation == incarnation else { return }
    guardLink.validationEnded()
    guard guardLink.isIsolated, guardLink.direct.isSettled, turn.session.mayWrite, turn.session.isValid else { return }
    let kept = settleFrozen(turn)
    guard let permit = ThawPermit(validated: (incarnation, asked), kept: kept, turn.session) else { return }
    guardLink.resume(permit, &effects)
  }

  // MARK: leaving

  private mutating func leave(_ pace: Departure.Pace) {
    let runsSomething =
      protectsSomething
      || facts.view.claims.values.contains {
        facts.holds($0.value, under: lease.session.incarnation)
      }
    departure.begin(pace, isSpared: facts.isHandsOff && runsSomething, facts.me, &effects)
  }

  /// The guard protects something, as far as it has said.
  private var protectsSomething: Bool {
    guardLink.workloads.contains { workloads[WorkloadName($0)]?.protection.isForgotten != true }
  }

  private mutating func departIfEmpty(_ turn: borrowing Turn) {
    guard departure.pace != nil else { return }
    guard let standing = lease.session.standing else {
      if case .opening = lease.session.phase { return }
      // What an earlier life left standing is taken up first, to hand it over.
      if facts.view.isLoaded ? lease.standing(in: facts) != nil : lease.mayHaveLeftOne { return }
      if !mayExecute { finish() }
      return
    }
    guard standing.leaving, turn.session.isValid, facts.now >= lease.pauseUntil else { return }
    let incarnation = turn.session.incarnation
    for (name, claim) in facts.view.claims {
      if facts.holds(claim.value, under: incarnation) || facts.known(name, under: incarnation).isArriving { return }
    }
    guard !workloads.all.contains(where: \.isBusy) else { return }
    // A session must not end while something executes under it: an adoption is part of what the store has to confirm.
    guard let adoptions = Departure.adoptionsInDoubt(facts), adoptions.count <= Limits.adoptionsInDoubt else { return }
    _ = lease.end(.departure, if: adoptions, facts, isPlanner: isPlanner, &effects)
  }

  /// Something of an ended session may go on here: this controller stays until it has seen that everything is frozen.
  private var mayExecute: Bool {
    if guardLink.isFreezing { return false }
    return guardLink.isAboutToFreeze || protectsSomething
      || workloads.all.contains { $0.protection.told != nil || !$0.run.isIdle }
  }

  private mutating func finish() {
    let disarms = guardLink.isConnected && !workloads.all.contains(where: \.mayStillAppear)
    departure.finish(disarms: disarms, &lease, &effects)
  }

  /// A node that cannot serve does not keep its session. Where everything under protection stays frozen, since the guard is gone for good or
  /// libvirt does not answer, the node gives its session up, so that other nodes may take its workloads over, as their policies say
  /// (`failover: wait`). Nothing executes here meanwhile: that is the condition, and it was seen.
  private mutating func withdrawIfFrozen(_ turn: borrowing Turn) {
    guard turn.session.mayWrite, turn.session.isValid, !facts.isHandsOff, let frozen = guardLink.frozenSince,
      let valid = lease.session.validSince
    else { return }
    let due = max(max(frozen, valid) + facts.timing.frozenPatience, lease.pauseUntil)
    guard facts.now >= due else { return effects.agenda.look(at: due) }
    // A thaw may be on its way.
    guard !guardLink.thaw.isResuming else { return }
    if !lease.end(.frozen, if: [], facts, isPlanner: isPlanner, &effects) {
      effects.agenda.look(at: facts.now + facts.timing.renewInterval / 4)
    }
  }

  // MARK: the session's end

  /// Seen in the watch, before any answer told it.
  private mutating func sessionEndedUnasked() {
    effects.agenda.note(.other)
    if lease.session.acting != nil { sessionLost() } else { ended(departure.pace != nil ? .departure : .frozen) }
  }

  private mutating func sessionLost() {
    let name = lease.session.incarnation?.text ?? "none"
    effects.note(
      .sessionLost,
      "session \(name) was expired by another node: freezing all workloads on this node; those not claimed elsewhere will be resumed",
      severity: .error)
    lease.ended()
    lease.forgetSaved(&effects)
    guardLink.sessionEnded()
    freezeEverything()
    effects.agenda.note(.ownSession)
  }

  private mutating func ended(_ reason: Departure.Reason) {
    lease.ended()
    switch reason {
    case .departure:
      effects.note(.sessionEnded, "\(facts.me) has left")
      finish()
    case .frozen:
      lease.forgetSaved(&effects)
      guardLink.sessionEnded()
      lease.withdrew(at: facts.now)
      let cause = guardLink.isConnected ? "could not be thawed" : "have no guard", me = facts.me
      let patience = InWords.seconds(facts.timing.frozenPatience)
      effects.note(
        .sessionEnded,
        "the workloads of \(me) \(cause) for \(patience) s: \(me) gave its session up, other nodes may take them over",
        severity: .error, subject: me)
      effects.agenda.note(.ownSession)
    }
  }

  // MARK: what becomes of transactions

  private mutating func transactionEnded(_ id: TransactionID, _ outcome: Event.TransactionOutcome) {
    guard let pending = effects.takeRequest(id) else { return }
    // A renewal says itself whether it is news.
    if case .renew = pending.purpose, case .verdict(.committed) = outcome {} else { effects.agenda.note(.other) }
    switch outcome {
    case .verdict(.committed(let revision)):
      for change in facts.take(pending.transaction.writes, committed: revision) { learned(change) }
      succeeded(pending, at: revision)
    case .verdict(.refused(let revision, let current)):
      for change in facts.take(current, askedBy: pending.transaction, at: revision) { learned(change) }
      failed(pending, refusedWith: current)
    case .notApplied: failed(pending, refusedWith: nil)
    case .unknown:
      doubt(pending)
      failed(pending, refusedWith: nil)
    }
  }

  private mutating func succeeded(_ pending: PendingTransaction, at revision: Revision) {
    let me = facts.me
    switch pending.purpose {
    case .open(let incarnation, let sent): opened(incarnation, sent: sent, at: revision)
    case .renew(let sent): renewed(sent: sent, at: revision)
    case .describe: lease.described()
    case .end(let reason): ended(reason)
    case .expire(_, let node, let tookRole): peers.declared(node, tookRole: tookRole, facts, &effects)
    case .takeRole: effects.note(.plannerTaken, "\(me) is the planner now")
    case .endMaintenance(let node):
      effects.note(.maintenance, "the maintenance of \(node) is over", subject: node)
    case .arm: effects.note(.armed, "disarm period ended: automatic recovery is on again")
    case .place: planning.placed(pending.transaction.writes, facts, &effects)
    case .claim(let names): for name in names { claimed(name, at: revision) }
    case .activity(let names): for name in names { change(name) { $0.wrote(at: revision) } }
    case .workload(let name, let write): wrote(write, about: name, at: revision)
    case .validate(let incarnation, let kept): validated(kept, under: incarnation)
    case .report(let record):
      report.written(record, at: facts.now)
      effects.agenda.note(.report)
    }
  }

  private mutating func opened(_ incarnation: Incarnation, sent: BootInstant, at revision: Revision) {
    planning.sessionOpened(at: facts.now)
    _ = peers.answered(sent: sent, now: facts.now)
    lease.opened(incarnation, at: revision, &effects)
    guardLink.extend(lease.session.deadline, &effects)
    effects.agenda.note(.ownSession)
  }

  private mutating func renewed(sent: BootInstant, at revision: Revision) {
    let now = facts.now, wasValid = lease.session.isValid(at: now)
    // Where all is well, a renewal changes nothing but the deadline.
    if !wasValid || !guardLink.isArmed || departure.isLeaving || now >= lease.session.nextRenewal {
      effects.agenda.note(.other)
    }
    if lease.session.isStanding {
      let silence = peers.answered(sent: sent, now: now)
      if lease.renewed(sent: sent, at: revision, silence: silence, facts, &effects) {
        guardLink.extend(lease.session.deadline, &effects)
      }
    }
    if !wasValid, lease.session.isValid(at: now) { effects.agenda.note(.ownSession) }
  }

  private mutating func claimed(_ name: WorkloadName, at revision: Revision) {
    change(name) { $0.claimed(at: revision) }
    if let epoch = facts.view.claims[name]?.value.epoch {
      effects.note(.claimed, "\(facts.me) holds \(name) at epoch \(epoch.value)", workload: name)
    }
  }

  /// A transaction about the workload ended.
  private mutating func change(_ name: WorkloadName, _ body: (inout WorkloadMachine) -> Void) {
    workloads.change(name, body)
    effects.agenda.note(.write(name))
  }

  private mutating func wrote(_ write: WorkloadWrite, about name: WorkloadName, at revision: Revision) {
    let me = facts.me
    switch write {
    case .prove, .offer: change(name) { $0.wrote(at: revision) }
    case .adopt:
      change(name) { $0.wrote(at: revision) }
      effects.note(.adopted, "\(name) is under protection, on \(me)", workload: name)
    case .release(_, let why):
      change(name) { $0.retire(keepsGivingUp: true) }
      effects.agenda.drop(name)
      effects.note(.released, "\(me) gave \(name) up: \(why)", workload: name)
    case .handOver(let target, _):
      change(name) { $0.retire() }
      effects.agenda.drop(name)
      effects.note(.released, "\(me) gave \(name) to \(target)", workload: name)
    case .forget:
      let word = guardLink.word
      var machine = workloads.take(name)
      machine.forgotten(word, facts, &effects)
      workloads.put(machine)
      effects.agenda.drop(name)
      effects.note(.unprotected, "\(name) is out of protection", workload: name)
    }
  }

  /// The transaction may have happened, and it may still happen.
  private mutating func doubt(_ pending: PendingTransaction) {
    switch pending.purpose {
    case .workload(let name, .handOver(_, let revision)), .workload(let name, .release(let revision, _)):
      workloads.change(name) { $0.doubt(revision) }
    case .workload(let name, .forget(let revision)): workloads.change(name) { $0.doubt(revision) }
    case .end: lease.endUnanswered()
    default: break
    }
  }

  /// The transaction did not happen, or nobody knows. Whatever it was for is decided anew from the state.
  private mutating func failed(_ pending: PendingTransaction, refusedWith current: [RecordKey: Stored<Record>]?) {
    let now = facts.now, pause = facts.timing.renewInterval / 4
    switch pending.purpose {
    case .open: lease.openingFailed(facts.timing, &effects)
    case .renew: if !lease.renewalFailed(refusedWith: current, at: now) { sessionLost() }
    case .describe: lease.describingFailed(at: now, facts.timing)
    case .end(let reason): endFailed(reason, refusedWith: current)
    case .arm: lease.pause(facts.timing, &effects)
    case .expire, .takeRole, .place, .endMaintenance: planning.failed(facts.timing, &effects)
    case .claim(let names):
      for name in names { change(name) { $0.writeFailed(at: now, pause: pause, isBatch: true) } }
    case .workload(let name, _): change(name) { $0.writeFailed(at: now, pause: pause) }
    case .activity(let names):
      for name in names { change(name) { $0.writeFailed(at: now, pause: pause, wasOnlyTold: true) } }
    case .validate(let incarnation, _):
      if lease.session.incarnation == incarnation { guardLink.validationEnded() }
      lease.pause(facts.timing, &effects)
    case .report:
      report.failed(at: now)
      effects.agenda.note(.report)
    }
  }

  private mutating func endFailed(_ reason: Departure.Reason, refusedWith current: [RecordKey: Stored<Record>]?) {
    guard let incarnation = lease.session.incarnation else { return }
    // An earlier attempt, which nobody answered, was applied.
    if let current, current[.session(incarnation)] == nil { return ended(reason) }
    lease.endFailed(facts.timing, &effects)
  }

  // MARK: this node's own maintenance

  /// When the time to empty this node is over, nothing that is on its way while it runs is waited for any more.
  private mutating func watchDeadline() {
    guard isPastDeadline || facts.view.maintenance[facts.me] != nil else { return }
    let maintenances = Maintenances(facts)
    let isOver = facts.view.maintenance[facts.me].map { maintenances.isOverdue($0.value) } ?? false
    if isOver != isPastDeadline {
      isPastDeadline = isOver
      effects.agenda.note(.departure)
    }
    if !isOver, let left = maintenances.timeLeft(on: facts.me) { effects.agenda.look(at: facts.now + .milliseconds(left)) }
  }
}
