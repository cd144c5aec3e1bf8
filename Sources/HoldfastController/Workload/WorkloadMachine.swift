import GuardCore
import HoldfastModel
import HoldfastTime

/// One workload on this node: what is wanted against what is seen, one step at a time. It composes the machines that own the parts of that.
///
/// The order of the questions is the order of safety: whose claim is it, what is seen, what is wanted. Nothing in it is needed after a restart:
/// it is found again by observing the store, the hypervisor and the guard.
struct WorkloadMachine: Sendable {
  private(set) var parts: WorkloadParts

  init(_ vacancy: consuming Vacancy) { parts = WorkloadParts(vacancy) }

  var name: WorkloadName { parts.name }

  // MARK: questions

  var isBusy: Bool { parts.isBusy }

  /// The progress of a live migration from here, while it is under way.
  var progress: MigrationProgress? { parts.run.operation == .migrate ? parts.migration.progress : nil }

  /// The node's report tells of it from what this machine remembers.
  var isReported: Bool { progress != nil || parts.migration.kept != nil }

  // MARK: a turn

  mutating func step(
    _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, startsUnderWay: Int,
    _ effects: inout Effects
  ) {
    AddressGrants.look(&parts, turn, own)
    decide(turn, facts, own, startsUnderWay, &effects)
    if !own.isUnreadable { AddressGrants.follow(&parts, turn, facts, own, &effects) }
    parts.pause.follow(own, isOurs: parts.line.isMine(own), isIdle: parts.run.isIdle, facts, &effects)
    parts.healthNotes.follow(parts.watch.entry(name, facts)?.health, of: name, on: facts.me, &effects)
    parts.watch.follow(parts.subject(turn, own, nextRun: effects.lastRun + 1), name, &effects)
  }

  private mutating func decide(
    _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ startsUnderWay: Int, _ effects: inout Effects
  ) {
    // Before anything else: a definition that cannot be read is not one that was taken out of the store.
    guard !own.isUnreadable else { return Unprotection.endUnreadableCopy(&parts, turn, facts, own, &effects) }
    guard let spec = own.spec?.value, let id = own.id else { return Unprotection.step(&parts, turn, facts, own, &effects) }
    if own.lacksIntent {
      effects.noteOnce(
        .unreadable,
        "\(name): the record of what is wanted of it is missing. What runs of it runs on; `holdfast start \(name)` or `holdfast stop \(name)` says "
          + "what is wanted, where the planner cannot tell",
        workload: name)
    }
    effects.check(parts.line.agrees(own), "the claim of \(name) is not read back as it was written")
    if let domain = own.staleCopy { return Unprotection.endStaleCopy(&parts, domain, turn, facts, own, &effects) }
    parts.run.heedEarlierLife(own, isUnwritten: parts.line.isUnwritten)
    parts.run.settle(own, id, own.sight, facts, &parts.fence, &effects)
    switch (own.sight, parts.line.isMine(own)) {
    case (.unknown, true): unknownAndMine(id, turn, facts, own, &effects)
    case (.unknown, false): unknownAndNotMine(turn, facts, own, &effects)
    case (.absent, true): absentAndMine(id, spec, turn, facts, own, startsUnderWay, &effects)
    case (.absent, false): absentAndNotMine(turn, facts, own, &effects)
    case (.present(let domain), true): presentAndMine(domain, spec, turn, facts, own, &effects)
    case (.present(let domain), false): presentAndNotMine(domain, spec, turn, facts, own, &effects)
    }
  }

  // MARK: the six cases

  /// libvirt does not answer. What it was not asked to start since it was last seen absent is not here: it is given up when that lasts, so that another
  /// node can run it.
  private mutating func unknownAndMine(
    _ id: DomainID, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    guard !isBusy, !own.isUnprotecting, let silent = facts.local.silentSince[id.connection], parts.isWithoutStart(own, facts)
    else {
      return parts.line.tell(.unclear, own, &effects)
    }
    let until = silent + Limits.silentHypervisor
    if own.isWantedHere, facts.now < until {
      effects.agenda.look(at: name, at: until)
      return parts.line.tell(.unclear, own, &effects)
    }
    // It may have been told of a start that was to come next.
    parts.dropFromGuard(turn.guardWord, &effects)
    guard let absence = parts.absenceWithoutStart(own, facts, turn.guardWord) else { return }
    let reason = own.isWantedHere ? ReleaseReason.hypervisorSilent(id.connection) : own.whyItLeaves
    parts.line.release(absence, because: reason, own, turn, facts, &effects)
  }

  /// libvirt does not answer. What is frozen here and was this node's is claimed again all the same, so that it can go on.
  private mutating func unknownAndNotMine(
    _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    if own.isUnprotecting, turn.stance.isPlanner, !own.isHeld, own.claim?.value.holder?.node != facts.me {
      return effects.batch.forget(name)
    }
    guard parts.protection.holds(name, turn.guardWord), turn.session.isValid, parts.mayReclaim(own, facts),
      own.isClaimWantedHere
    else { return }
    parts.line.wish(own, facts.me, &effects)
  }

  private mutating func absentAndMine(
    _ id: DomainID, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ startsUnderWay: Int,
    _ effects: inout Effects
  ) {
    parts.protection.takeAddresses(&effects)
    // The guard was told of a start that is to be made when it has said so.
    let isAboutToStart = own.isWantedHere && parts.protection.isToldOfStart && parts.run.giveUp == nil
    if !isAboutToStart { parts.dropFromGuard(turn.guardWord, &effects) }
    guard !isBusy else { return }
    if parts.hasMigrated(own, facts) {
      // A start of an earlier life may wait in libvirt for the name to be free.
      parts.closeFence(facts, &effects)
      guard let absence = parts.absence(own, facts, turn.guardWord) else { return }
      return parts.line.handOver(absence, failure: parts.failure(own, facts), own, turn, facts, &effects)
    }
    if own.isWantedHere, own.migration?.step == .ready, let held = parts.line.held(own) {
      return parts.line.takeBack(held, own, turn, &effects)
    }
    // What is frozen does not end by itself: the guard may be about to say that it killed it.
    if !turn.guardWord.isFrozen {
      let mayStayDown = !parts.isKilled && !turn.stance.isLeaving
      parts.run.noteVanished(own, facts, mayStayDown: mayStayDown, &effects)
    }
    parts.run.heedOperator(own)
    if let end = parts.run.staysDown(own) { return parts.stayDown(after: end, turn, facts, own, &effects) }
    guard own.isWantedHere, parts.run.giveUp == nil else { return giveUp(turn, facts, own, &effects) }
    if let refusal = own.startRefusal(facts.configuration.hardwareReader)
      ?? AddressGrants.refusal(own, facts, turn.guardWord)
    {
      parts.run.refuse(because: refusal, name, facts.me, &effects)
      return giveUp(turn, facts, own, &effects)
    }
    let door = parts.run.door(at: facts.now)
    if door.isOpen { return StartSequence.step(&parts, id, spec, turn, facts, own, startsUnderWay, &effects) }
    effects.agenda.wait(name, for: door)
    guard parts.run.ends > 0 else { return }
    parts.line.tell(ClaimNews(.starting, ends: parts.run.ends, unwell: parts.run.unwell), own, &effects)
  }

  /// The workload is not here, and not to be: its claim is given up, or goes with its records.
  private mutating func giveUp(_ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects) {
    parts.closeFence(facts, &effects)
    guard let absence = parts.absence(own, facts, turn.guardWord) else { return }
    if own.isUnprotecting { return effects.batch.forget(name) }
    if own.isWantedHere, let last = parts.run.giveUp {
      let failure = WorkloadFailure.starts(parts.run.failedStarts, last)
      return parts.line.release(absence, because: .startsFail(last), failure: failure, own, turn, facts, &effects)
    }
    parts.line.release(absence, because: own.whyItLeaves, failure: parts.failure(own, facts), own, turn, facts, &effects)
  }

  private mutating func absentAndNotMine(
    _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    parts.run.gone()
    parts.protection.takeAddresses(&effects)
    parts.closeFence(facts, &effects)
    guard !parts.mayStillAppear else { return }
    // What was killed is gone. What arrives next is another run, and this node's when its claim is.
    if !isBusy { parts.protection.clearKill() }
    if own.isArriving { return Relocation.expect(&parts, turn, facts, own, &effects) }
    parts.fence.expectsNothing()
    parts.dropFromGuard(turn.guardWord, &effects)
    if own.isClaimed { return settleDoubt(turn, facts, own, &effects) }
    if own.isUnprotecting, turn.stance.isPlanner, !own.isHeld { return effects.batch.forget(name) }
    if own.isWantedHere, !turn.stance.isLeaving, turn.mayAct { parts.line.wish(own, facts.me, &effects) }
  }

  /// A release was sent, and nobody knows what became of it: a write that succeeds or is refused tells.
  private mutating func settleDoubt(
    _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    if own.isUnprotecting { return effects.batch.forget(name) }
    if !parts.hasMigrated(own, facts), own.isWantedHere { return parts.line.prove(own, turn, &effects) }
    guard let absence = parts.absence(own, facts, turn.guardWord) else { return }
    if parts.hasMigrated(own, facts) {
      parts.line.handOver(absence, failure: parts.failure(own, facts), own, turn, facts, &effects)
    } else {
      parts.line.release(absence, because: .givenUpBefore, own, turn, facts, &effects)
    }
  }

  private mutating func presentAndMine(
    _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts,
    _ effects: inout Effects
  ) {
    guard own.isCopy(domain, spec) else { return nameIsTaken(by: domain, turn, facts, own, &effects) }
    if own.isUnprotecting, own.migration == nil {
      // Under the claim, like anything else: without its mark nobody would know it for a copy.
      guard turn.mayAct else { return effects.waitForTime(name) }
      return Unprotection.begin(&parts, domain, turn, facts, own, &effects)
    }
    parts.protect(domain, spec, turn, facts, own, &effects)
    if parts.run.operation == .migrate { parts.migration.cancelIfUnwanted(domain, own, facts, turn.stance, &effects) }
    Errands.cutStopShort(&parts, domain, turn, own, facts.me, &effects)
    guard parts.run.isIdle, !turn.guardWord.isFrozen else { return }
    let arrival = own.hasArrived ? Relocation.goOn(&parts, domain, turn, facts, own, &effects) : .left
    guard arrival == .left else { return }
    // Whether it may be stopped at all hangs on what the claim says of its disks: that comes first.
    if own.migration == nil, let disks = own.newerDisks, disks != own.claim?.value.newerDisks ?? [:] {
      parts.noteDisks(own, facts.me, &effects)
      return parts.line.tell(ClaimNews(own.claim?.value.activity ?? .starting, newerDisks: disks), own, &effects)
    }
    let isDeparting = own.migration?.step != .arrived
    let departure = isDeparting ? Relocation.move(&parts, domain, spec, turn, facts, own, &effects) : .left
    guard departure == .left else { return }
    // What was released while nobody held it, with a migration not at its end, goes on first: afterwards nobody would let it.
    if own.isUnprotecting { return parts.line.tell(.running, own, &effects) }
    // What has just arrived is this node's in every respect before it moves on.
    let finishesArrival = own.hasArrived && own.desired == .running
    guard own.isWantedHere || finishesArrival, domain.uuid == spec.uuid else {
      parts.line.tell(.stopping, own, &effects)
      let door = parts.run.door(at: facts.now)
      guard door.isOpen else { return effects.agenda.wait(name, for: door) }
      return parts.shutDown(domain, spec, isReset: own.errand == .reset, on: facts.me, turn, &effects)
    }
    goOnHere(domain, spec, turn, facts, own, &effects)
  }

  /// The workload is here, it is this node's, and it stays.
  private mutating func goOnHere(
    _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts,
    _ effects: inout Effects
  ) {
    let marking = parts.mark(domain, facts, own, &effects)
    guard marking == .left else { return }
    let errand = Errands.carryOut(&parts, domain, spec, turn, facts, own, &effects)
    guard errand == .left else { return }
    let crashed = CrashedRuns.attend(&parts, domain, spec, turn, facts, own, &effects)
    guard crashed == .left else { return }
    let broken = IOErrors.attend(&parts, domain, spec, turn, facts, own, &effects)
    guard broken == .left else { return }
    let unwell = UnwellRuns.attend(&parts, domain, spec, turn, facts, own, &effects)
    guard unwell == .left else { return }
    switch domain.state {
    case .running, .paused:
      let wellness = parts.run.noteStarted(
        own, facts.me, isPaused: domain.state == .paused, wellSince: parts.watch.wellSince(own, facts), &effects)
      let forgiven = ClaimNews.Forgiven(wellness, on: facts.me, isEmptied: Maintenances(facts).contains(facts.me))
      parts.noteDisks(own, facts.me, &effects)
      let news = ClaimNews(
        .running, ends: parts.run.ends, unwell: parts.run.unwell, forgiven: forgiven, newerDisks: own.newerDisks)
      parts.line.tell(news, own, &effects)
    case .stopping, .unclear, .arriving, .crashed: parts.line.tell(.unclear, own, &effects)
    }
  }

  private mutating func presentAndNotMine(
    _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts,
    _ effects: inout Effects
  ) {
    // Somebody else's domain that only has the name: never touched. If the workload is wanted here, it cannot start here.
    guard own.isCopy(domain, spec) else {
      if own.isUnprotecting, turn.stance.isPlanner, !own.isHeld { return effects.batch.forget(name) }
      if turn.mayAct, own.isWantedHere { parts.line.wish(own, facts.me, &effects) }
      return
    }
    if own.isAdopting { return Adoption.step(&parts, domain, spec, turn, facts, own, &effects) }
    if own.isUnprotecting, own.wasAdoptedHalfway(domain) {
      return Unprotection.begin(&parts, domain, turn, facts, own, &effects)
    }
    if parts.run.isUnmarked || own.isUnprotecting && domain.mark == nil {
      // Ours, with the answer to its end lost; or nobody's.
      if own.isClaimed || turn.stance.isPlanner && !own.isHeld { effects.batch.forget(name) }
      return
    }
    guard !parts.isUnmanagedDuplicate(domain, own, spec, turn.guardWord) else {
      return effects.noteOnce(
        .stray, "\(domain.id) has the UUID of \(name) and runs on \(facts.me) outside protection: adopt it, or stop it",
        severity: .error, workload: name)
    }
    parts.protect(domain, spec, turn, facts, own, &effects)
    // It executes nothing before this node holds the claim. Should somebody have let it go on, it is an intruder.
    if own.isArriving(domain) { return }
    guard !isBusy else { return }
    // Without a session nothing can be told about claims: the guard's deadline holds meanwhile.
    guard turn.session.isValid else { return }
    if parts.mayReclaim(own, facts) {
      if own.isClaimWantedHere {
        parts.line.wish(own, facts.me, &effects)
      } else if own.isUnprotecting, !parts.protection.holds(name, turn.guardWord) {
        // What may run more than once was never stopped, and nobody places it any more.
        Unprotection.begin(&parts, domain, turn, facts, own, &effects)
      }
      return
    }
    parts.endIntruder(domain, turn, facts, &effects)
  }

  private mutating func nameIsTaken(
    by domain: DomainObservation, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    guard !isBusy else { return }
    parts.protection.takeAddresses(&effects)
    parts.closeFence(facts, &effects)
    guard let absence = parts.absence(own, facts, turn.guardWord) else { return }
    guard own.isWantedHere else {
      return parts.line.release(absence, because: own.whyItLeaves, own, turn, facts, &effects)
    }
    let uuid = domain.uuid
    parts.line.release(
      absence, because: .nameTaken(uuid: uuid), failure: .nameTaken(uuid: uuid), own, turn, facts, &effects)
  }

  // MARK: what comes from outside

  mutating func operationEnded(
    _ kind: DomainOperation, _ outcome: OperationOutcome, _ own: WorkloadFacts, _ facts: Facts, _ effects: inout Effects
  ) {
    if kind == .bar { return barEnded(outcome, facts, &effects) }
    if kind == .unbar { return parts.fence.unbarEnded(outcome, name, facts, &effects) }
    switch parts.run.endCall(kind, outcome, of: own, facts, &effects) {
    case .none: break
    case .migrationFailed(let hindrance, let reason): parts.migration.failed(reason, hindrance, own, facts, &effects)
    case .migrationArrived: parts.migration.arrived()
    case .tooLate: parts.migration.tooLate()
    case .wasBarred: parts.fence.inherit()
    }
  }

  private mutating func barEnded(_ outcome: OperationOutcome, _ facts: Facts, _ effects: inout Effects) {
    guard parts.fence.isAsked else { return }
    parts.fence.ended(outcome, facts)
    if case .failed(let reason) = outcome, facts.observation(of: name) == nil {
      effects.noteOnce(
        .unreadable, "\(name): a start of it on \(facts.me) may still succeed, so whatever depends on that waits: \(reason)",
        severity: .warning, workload: name)
    }
    guard case .unknown = outcome else { return }
    // libvirt may be waiting for that very start, which began after the kill was ordered and is frozen; or for another that is. Whether it
    // answers at all is asked, so that such starts are ended.
    parts.protection.clearKill()
    effects.refresh()
  }

  /// A live migration from here to that node failed, and not for the workload's sake.
  mutating func targetHinders(_ trouble: TargetTrouble) { parts.migration.targetHinders(trouble) }

  /// The trouble that this life knows of with the last target of a live migration from here; nil: nothing is wrong with it.
  var targetTrouble: TargetTrouble? { parts.migration.targetTrouble }

  /// What its checks tell has changed.
  ///
  /// - Parameter before: of the same run; nil: nothing was known of it.
  mutating func checked(_ health: WorkloadHealth, before: WorkloadHealth?, on me: NodeName, _ effects: inout Effects) {
    parts.healthNotes.tell(health, before: before, of: name, on: me, &effects)
  }

  mutating func addressesAnswered(_ answers: [WorkloadAddress: AddressAnswer], on me: NodeName, _ effects: inout Effects) {
    parts.addresses.answered(answers, of: name, on: me, &effects)
  }
  mutating func inheritAddresses(_ held: [GuardedAddress], _ own: WorkloadFacts) { AddressGrants.inherit(held, &parts, own) }

  mutating func progressed(_ progress: MigrationProgress) { parts.migration.progressed(progress) }
  mutating func inheritStart() { parts.fence.inherit() }
  mutating func guardForgot() { parts.protection.guardDropped() }
  mutating func guardKilled() { parts.run.killed() }
  mutating func ended(_ end: DomainEnd) { parts.run.ended(end) }
  mutating func losesKill() { parts.protection.clearKill() }
  func protectAnew(_ effects: inout Effects) { parts.protection.protectAnew(&effects) }

  /// The workload lost its claim while it was frozen here.
  mutating func orderKill(_ effects: inout Effects) {
    guard !parts.protection.isKillOrdered else { return }
    parts.protection.orderKill(name, &effects)
    effects.noteOnce(.killed, "\(name) lost its claim while it was frozen here: killed", workload: name)
  }

  mutating func closeFence(_ facts: Facts, _ effects: inout Effects) { parts.closeFence(facts, &effects) }
  mutating func leaveProtection(_ guardWord: borrowing GuardWord, _ facts: Facts, _ effects: inout Effects) {
    parts.letGo(guardWord, facts, &effects)
  }

  // MARK: what becomes of writes

  mutating func claimSent() { parts.line.sent() }

  mutating func claimed(_ claim: ClaimRecord?, at revision: Revision) {
    parts.line.claimed(claim, at: revision)
    // What was killed before was another run of it; and whoever gave it up, it was placed here again since.
    parts.protection.clearKill()
    parts.run.claimed()
  }

  mutating func wrote(_ claim: ClaimRecord?, at revision: Revision) { parts.line.committed(claim, at: revision) }

  mutating func writeFailed(at now: BootInstant, pause: Duration, wasOnlyTold: Bool = false, isBatch: Bool = false) {
    parts.line.failed(at: now, pause: pause, wasOnlyTold: wasOnlyTold)
    if isBatch { parts.line.refusedInBatch() }
  }

  mutating func doubt(_ revision: Revision?) { parts.line.doubt(revision) }
  mutating func storeWentBack() { parts.line.storeWentBack() }

  /// The workload is not this node's any more.
  mutating func retire(keepsGivingUp: Bool = false, _ effects: inout Effects) {
    let before = (parts.fence.hasLateStart, parts.protection.isForgotten)
    parts.retire(keepsGivingUp: keepsGivingUp, &effects)
    let isKept = before == (parts.fence.hasLateStart, parts.protection.isForgotten)
    effects.check(isKept, "\(name) was given away, and what outlives that was forgotten")
  }

  mutating func forget(
    _ report: ReportRecord?, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    guard let permit = parts.forgetPermit(own, facts, turn.guardWord) else { return }
    parts.line.forget(permit, report, own, turn, facts, &effects)
  }

  /// Its records are gone. While libvirt is asked to start it, that waits for the call's end (`Unprotection.step`).
  mutating func forgotten(_ guardWord: borrowing GuardWord, _ facts: Facts, _ effects: inout Effects) {
    guard !parts.run.isCallingStart else { return }
    parts.letGo(guardWord, facts, &effects)
    parts.retire(&effects)
  }
}
