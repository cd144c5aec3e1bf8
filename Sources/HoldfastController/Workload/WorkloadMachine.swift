import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// One workload on this node: what is wanted against what is seen, one step at a time. It composes the machines that own the parts of that.
///
/// The order of the questions is the order of safety: whose claim is it, what is seen, what is wanted. Nothing in it is needed after a restart:
/// it is found again by observing the store, the hypervisor and the guard.
struct WorkloadMachine: Sendable {
  let name: WorkloadName
  private(set) var line = ClaimLine()
  private(set) var run = Run()
  private(set) var fence = StartFence()
  private(set) var protection = Protection()
  private(set) var migration = Migration()

  init(_ name: WorkloadName) { self.name = name }

  /// Nothing in it says more than a new one would.
  var isBlank: Bool { line.isBlank && run.isBlank && fence.isBlank && protection.isBlank && migration.isBlank }

  // MARK: questions

  var mayStillAppear: Bool { fence.mayStillAppear(isStarting: run.isStarting) }

  /// Something is under way that a departure waits for.
  var isBusy: Bool { line.isBusy || !run.isIdle }

  /// The progress of a live migration from here, while it is under way.
  var progress: MigrationProgress? { run.operation == .migrate ? migration.progress : nil }

  /// It is here because it has arrived: this life of the controller asked for it, and libvirt said so. After any other end it may have gone on
  /// here, and what is there has an older memory: that is ended, and the workload started anew.
  private func hasMigrated(_ own: WorkloadFacts, _ facts: Facts) -> Bool {
    guard let migration = own.migration, migration.step == .ready, self.migration.hasArrived else { return false }
    return migration.target.node != facts.me && facts.view.sessions[migration.target.incarnation] != nil
  }

  /// It has the workload's UUID and never was under protection here: somebody else's, and not to be touched.
  func isNamesake(_ domain: DomainObservation, _ own: WorkloadFacts, _ spec: SpecRecord, _ guardian: GuardWord) -> Bool {
    guard domain.uuid == spec.uuid, !own.isMarked(domain), !line.isMine(own) else { return false }
    return !protection.holds(name, guardian)
  }

  /// Nobody took the claim since an earlier session of this node held it, and it is still meant to run here.
  func mayReclaim(_ own: WorkloadFacts, _ facts: Facts) -> Bool {
    guard let claim = own.claim?.value, own.wasHere, !protection.isCondemned else { return false }
    guard let desired = own.desired, desired != .stopped else { return false }
    if let mark = own.observation(in: facts.local)?.mark, !claim.covers(mark.epoch) { return false }
    let placed = own.placement?.value.node
    return placed == facts.me || placed == nil
  }

  /// It left protection, and went on on another node, or nowhere: a start of it that is still on its way here is a stale one. So it is where
  /// it went on here and nothing of it is seen.
  private func mayComeBack(_ own: WorkloadFacts, _ facts: Facts) -> Bool {
    guard own.spec == nil, let left = own.claim?.value.left, mayStillAppear else { return false }
    return left.node != facts.me || facts.local.sight(of: DomainID(connection: left.connection, name: name.text)) == .absent
  }

  /// libvirt does not answer, and may be waiting for a start of it that is frozen: that is the guard's to end.
  private func mayBlockHypervisor(_ facts: Facts, _ guardian: GuardWord) -> Bool {
    protection.isStartKnown(name, guardian) && !facts.local.unreachable.isEmpty
  }

  /// libvirt may be waiting for a start of it that is frozen, which only the guard can end: it is let go when everything here goes on.
  private func isFrozenStarting(_ guardian: GuardWord) -> Bool {
    guardian.isFrozen && protection.isStartKnown(name, guardian)
  }

  /// What becomes of it when everything here is frozen.
  func verdict(_ own: WorkloadFacts, _ facts: Facts, _ guardian: GuardWord) -> FrozenVerdict {
    if own.spec != nil, own.staleCopy != nil { return .condemned(isStale: true) }
    if line.isMine(own) || own.isAdopting { return .keep }
    // Nothing of it is here, but a start from before may still come.
    if own.isOnlyArriving { return mayStillAppear ? .keepWhenBarred : .keep }
    if facts.view.unreadable[.claim(name)] != nil || own.isUnreadable && own.wasHere { return .undecided }
    if own.spec == nil, own.staleCopy == nil, !mayComeBack(own, facts) {
      // Left protection here, or never came under it: nobody's business any more.
      return mayBlockHypervisor(facts, guardian) ? .undecided : .leave
    }
    return mayReclaim(own, facts) ? .reclaimable : .condemned(isStale: false)
  }

  // MARK: a turn

  mutating func step(
    _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, startsUnderWay: Int,
    _ effects: inout Effects
  ) {
    guard let spec = own.spec?.value, let id = own.id else { return stepUnknown(turn, facts, own, &effects) }
    guard !own.isUnreadable else { return }
    if let domain = own.staleCopy { return endStale(domain, turn, facts, own, &effects) }
    run.settle(own, id, own.sight, facts, &fence, &effects)
    switch (own.sight, line.isMine(own)) {
    case (.unknown, true): line.tell(.unclear, own, &effects)
    case (.unknown, false): unknownAndNotMine(turn, facts, own, &effects)
    case (.absent, true): absentAndMine(id, spec, turn, facts, own, startsUnderWay, &effects)
    case (.absent, false): absentAndNotMine(turn, facts, own, &effects)
    case (.present(let domain), true): presentAndMine(domain, spec, turn, facts, own, &effects)
    case (.present(let domain), false): presentAndNotMine(domain, spec, turn, facts, own, &effects)
    }
  }

  // MARK: the six cases

  /// libvirt does not answer. What is frozen here and was this node's is claimed again all the same, so that it can go on.
  private mutating func unknownAndNotMine(
    _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    if own.isUnprotecting, turn.stance.isPlanner, !own.isHeld, own.claim?.value.holder?.node != facts.me {
      return effects.batch.forget(name)
    }
    guard protection.holds(name, turn.guardian), turn.session.isValid, mayReclaim(own, facts), own.isClaimWantedHere else {
      return
    }
    line.wish(own, facts.me, &effects)
  }

  private mutating func absentAndMine(
    _ id: DomainID, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ startsUnderWay: Int,
    _ effects: inout Effects
  ) {
    // The guard was told of a start that is to be made when it has said so.
    let isAboutToStart = own.isWantedHere && protection.isToldOfStart && run.giveUp == nil
    if !isAboutToStart { dropFromGuard(turn.guardian, &effects) }
    guard !isBusy else { return }
    if hasMigrated(own, facts) {
      // A start of an earlier life may wait in libvirt for the name to be free.
      if awaitsBar(facts, &effects) { return }
      return line.handOver(own, turn, facts, &effects)
    }
    if own.isWantedHere, own.migration?.step == .ready { return line.offer(nil, own, turn, &effects) }
    // What is frozen does not end by itself: the guard may be about to say that it killed it.
    if !turn.guardian.isFrozen { run.noteVanished(name, facts.me, &effects) }
    if !own.isWantedHere || run.giveUp != nil, awaitsBar(facts, &effects) { return }
    if own.isUnprotecting { return effects.batch.forget(name) }
    guard own.isWantedHere else {
      let why = own.desired == .stopped ? "stopped by the operator" : "it moves"
      return line.release(why: why, own, turn, facts.me, &effects)
    }
    if let reason = run.giveUp {
      let failure = ClaimRecord.Failure(count: run.failedStarts, reason: reason)
      return line.release(
        why: "it does not start here: \(reason)", failure: failure, own, turn, facts.me, &effects)
    }
    if run.mayTryOrWait(name, &effects) { start(id, spec, turn, facts, own, startsUnderWay, &effects) }
  }

  private mutating func absentAndNotMine(
    _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    if awaitsBar(facts, &effects) { return }
    if own.isArriving { return expect(turn, facts, own, &effects) }
    dropFromGuard(turn.guardian, &effects)
    run.gone()
    if !isBusy { protection.acquit() }
    if own.isClaimed { return settleDoubt(turn, facts, own, &effects) }
    if own.isUnprotecting, turn.stance.isPlanner, !own.isHeld { return effects.batch.forget(name) }
    if own.isWantedHere, !turn.stance.isLeaving, turn.mayAct { line.wish(own, facts.me, &effects) }
  }

  /// A release was sent, and nobody knows what became of it: a write that succeeds or is refused tells.
  private mutating func settleDoubt(
    _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    if own.isUnprotecting {
      effects.batch.forget(name)
    } else if hasMigrated(own, facts) {
      line.handOver(own, turn, facts, &effects)
    } else if own.isWantedHere {
      line.prove(own, turn, &effects)
    } else {
      line.release(why: "it was given up before", own, turn, facts.me, &effects)
    }
  }

  private mutating func presentAndMine(
    _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts,
    _ effects: inout Effects
  ) {
    guard own.isCopy(domain, spec) else { return nameIsTaken(by: domain, turn, facts, own, &effects) }
    if own.isUnprotecting, own.migration == nil {
      // Under the claim, like anything else: without its mark nobody would know it for a copy.
      guard turn.mayAct else { return effects.agenda.look(at: name, at: facts.now + facts.timing.renewInterval / 2) }
      return unprotect(domain, turn, facts, own, &effects)
    }
    protect(domain, spec, turn, facts, own, &effects)
    if run.operation == .migrate { migration.cancelIfUnwanted(domain, own, facts, turn.stance, &effects) }
    guard run.isIdle, !turn.guardian.isFrozen else { return }
    if own.hasArrived, !goOn(domain, turn, facts, own, &effects) { return }
    if own.migration?.step != .arrived, leaves(domain, spec, turn, facts, own, &effects) { return }
    // What leaves protection in the middle of a migration goes on first, here or there: afterwards nobody would let it.
    if own.isUnprotecting { return line.tell(.running, own, &effects) }
    // What has just arrived is this node's in every respect before it moves on.
    let finishesArrival = own.hasArrived && own.desired == .running
    guard own.isWantedHere || finishesArrival, domain.uuid == spec.uuid else {
      line.tell(.stopping, own, &effects)
      guard run.mayTryOrWait(name, &effects) else { return }
      effects.note(.stopping, "\(name) stops on \(facts.me)", workload: name)
      return stop(domain, grace: .seconds(spec.stopTimeout), turn, &effects)
    }
    let mark = own.mark(at: own.epoch)
    if domain.mark != mark || domain.persistent {
      guard run.mayTryOrWait(name, &effects) else { return }
      run.begin(.mark)
      return effects.mark(name, domain, mark)
    }
    switch domain.state {
    case .running, .paused:
      run.noteStarted(name, facts.me, &effects)
      line.tell(.running, own, &effects)
    case .stopping, .unclear, .arriving: line.tell(.unclear, own, &effects)
    }
  }

  private mutating func presentAndNotMine(
    _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts,
    _ effects: inout Effects
  ) {
    // Somebody else's domain that only has the name: never touched. If the workload is wanted here, it cannot start here.
    guard own.isCopy(domain, spec) else {
      if own.isUnprotecting, turn.stance.isPlanner, !own.isHeld { return effects.batch.forget(name) }
      if turn.mayAct, own.isWantedHere { line.wish(own, facts.me, &effects) }
      return
    }
    if own.isAdopting { return adopt(domain, spec, turn, facts, own, &effects) }
    if own.isUnprotecting, own.wasAdoptedHalfway(domain) { return unprotect(domain, turn, facts, own, &effects) }
    if run.isUnmarked || own.isUnprotecting && domain.mark == nil {
      // Ours, with the answer to its end lost; or nobody's.
      if own.isClaimed || turn.stance.isPlanner && !own.isHeld { effects.batch.forget(name) }
      return
    }
    guard !isNamesake(domain, own, spec, turn.guardian) else {
      return effects.noteOnce(
        .stray, "\(domain.id) has the UUID of \(name) and runs on \(facts.me) outside protection: adopt it, or stop it",
        severity: .error, workload: name)
    }
    protect(domain, spec, turn, facts, own, &effects)
    // It executes nothing before this node holds the claim. Should somebody have let it go on, it is an intruder.
    if own.isArriving(domain) { return }
    guard !isBusy else { return }
    // Without a session nothing can be told about claims: the guard's deadline holds meanwhile.
    guard turn.session.isValid else { return }
    if mayReclaim(own, facts) {
      if own.isClaimWantedHere {
        line.wish(own, facts.me, &effects)
      } else if own.isUnprotecting, !protection.holds(name, turn.guardian) {
        // What may run more than once was never stopped, and nobody places it any more.
        unprotect(domain, turn, facts, own, &effects)
      }
      return
    }
    endIntruder(domain, turn, facts, &effects)
  }

  /// It runs here without a valid claim.
  private mutating func endIntruder(
    _ domain: DomainObservation, _ turn: borrowing Turn, _ facts: Facts, _ effects: inout Effects
  ) {
    guard turn.guardian.isArmed else { return }
    if protection.condemn(in: domain.cgroup) {
      if domain.state == .arriving {
        effects.note(
          .migrating, "incoming migration of \(name) to \(facts.me) was abandoned: removing the partial copy", workload: name)
      } else {
        effects.note(
          .intruder, "\(name) runs on \(facts.me) without a valid claim: it is stopped at once", severity: .error,
          workload: name)
      }
    }
    guard run.mayTryOrWait(name, &effects) else { return }
    effects.tellGuard(.kill(workload: name.text))
    stop(domain, grace: .zero, turn, &effects)
  }

  // MARK: starting and stopping

  private mutating func start(
    _ id: DomainID, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ startsUnderWay: Int,
    _ effects: inout Effects
  ) {
    guard turn.mayAct, let deadline = turn.session.deadline else { return }
    guard let claim = line.permit(own) else { return line.prove(own, turn, &effects) }
    guard turn.now < deadline - facts.timing.startBudget else {
      return effects.agenda.look(at: name, at: facts.now + facts.timing.renewInterval / 2)
    }
    guard startsUnderWay < Limits.startsAtOnce else { return effects.agenda.waitToStart(name) }
    effects.agenda.starts(name)
    fence.open()
    protection.acquit()
    let isExclusive = facts.rules.isExclusive(name, spec), isolation = isolation(spec, facts)
    let links = Self.links(of: spec, name, facts)
    // Before the start, so that the guard knows the links whenever the deadline comes; and it has said so, as what it wrote down is all
    // that the next life of this controller will know of the start.
    if isExclusive {
      protection.protect(
        GuardedWorkload(name: name.text, isolation: isolation, cgroup: nil, links: links, isStarting: true), &effects)
    }
    guard let receipt = protection.receipt(for: name, isExclusive: isExclusive, turn.guardian),
      let permit = StartPermit(claim, receipt, turn, startBudget: facts.timing.startBudget)
    else { return }
    run.begin(.start)
    let partition = isExclusive ? "\(facts.configuration.partition)/\(isolation.rawValue)" : Self.commonPartition
    let request = StartRequest(
      id: id, xml: spec.xml, uuid: spec.uuid, mark: own.mark(at: permit.epoch), partition: partition, links: links,
      notAfter: permit.notAfter, overBar: fence.hasLateStart)
    effects.start(permit, request)
  }

  /// libvirt's own, which the guard leaves alone: for what may run more than once.
  private static let commonPartition = "/machine"

  private static func links(of spec: SpecRecord, _ name: WorkloadName, _ facts: Facts) -> [String] {
    (0..<Interfaces.count(in: spec.xml)).map {
      Interfaces.linkName(cluster: facts.configuration.cluster, workload: name, index: $0)
    }
  }

  private mutating func stop(
    _ domain: DomainObservation, grace: Duration, _ turn: borrowing Turn, _ effects: inout Effects
  ) {
    guard !turn.guardian.isFrozen else { return }
    run.begin(.stop)
    effects.stop(name, domain, grace: grace)
  }

  private mutating func nameIsTaken(
    by domain: DomainObservation, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    guard !isBusy else { return }
    let reason = "a domain that is not under protection has its name (UUID \(domain.uuid))"
    guard own.isWantedHere else { return line.release(why: "it moves", own, turn, facts.me, &effects) }
    line.release(why: reason, failure: .init(count: 1, reason: reason), own, turn, facts.me, &effects)
  }

  /// An earlier start may still succeed, and it is not certain yet that it cannot: that is asked for.
  private mutating func awaitsBar(_ facts: Facts, _ effects: inout Effects) -> Bool {
    mayStillAppear && !fence.close(name, facts, &effects)
  }

  // MARK: leaving protection, and copies from before

  /// A workload of which the store knows no spec: it left protection, or a domain here carries our mark and nobody knows it.
  private mutating func stepUnknown(_ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects) {
    if let domain = own.staleCopy { return endStale(domain, turn, facts, own, &effects) }
    // What was started here before it ran, and left protection, elsewhere must not come up beside that.
    if mayComeBack(own, facts)
      ? !fence.close(name, facts, &effects)
      : mayBlockHypervisor(facts, turn.guardian) || isFrozenStarting(turn.guardian)
    {
      return
    }
    fence.noLateStart()
    letGo(turn.guardian, facts, &effects)
    let isMarked = facts.local.domains.values.contains { $0.mark?.workload == name.text && facts.isMarked($0) }
    // What has just left protection here is still seen with its mark for a moment.
    guard isMarked, own.claim?.value.left?.node != facts.me else { return retire(withoutFence: true) }
    effects.noteOnce(
      .stray,
      "a domain on \(facts.me) carries the mark of \(name), which this cluster does not know: left alone. Adopt it or destroy it",
      workload: name)
  }

  private mutating func endStale(
    _ domain: DomainObservation, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    run.settle(own, domain.id, facts.local.sight(of: domain.id), facts, &fence, &effects)
    protection.protect(
      GuardedWorkload(name: name.text, isolation: .freeze, cgroup: domain.cgroup, links: domain.links.sorted()), &effects)
    guard turn.session.isValid, run.isIdle else { return }
    endIntruder(domain, turn, facts, &effects)
  }

  /// A workload that leaves protection keeps running where it is: its mark is taken off, the guard leaves it alone, and its records go but for
  /// the claim, which says where it went on. Whatever comes up of it elsewhere after that is a stale copy.
  private mutating func unprotect(
    _ domain: DomainObservation, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    guard !isBusy else { return }
    if run.isUnmarked { return effects.batch.forget(name) }
    guard run.mayTryOrWait(name, &effects) else { return }
    run.begin(.unmark)
    effects.unmark(name, domain)
  }

  /// It left protection: the guard is to leave alone what runs on here.
  private mutating func letGo(_ guardian: GuardWord, _ facts: Facts, _ effects: inout Effects) {
    guard !isFrozenStarting(guardian) else { return }
    let domain = facts.domain(of: name)
    // Whether it runs on is not known before libvirt has spoken.
    guard domain != nil || facts.local.isComplete else { return }
    let command = domain?.cgroup.map { GuardCommand.release(workload: name.text, cgroup: $0) }
    protection.end(name, command ?? .forget(workload: name.text), guardian, &effects)
  }

  // MARK: coming under protection

  /// A running domain comes under protection in steps, each of which can be the last for a while: its XML is in the store, the guard knows it,
  /// its persistent definition is gone, and only then is there a claim. Until then nobody else may start it, and whatever breaks the adoption
  /// off leaves a domain that runs once or not at all.
  private mutating func adopt(
    _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts,
    _ effects: inout Effects
  ) {
    let isMarked = own.wasAdoptedHalfway(domain)
    // A node that leaves begins none; one whose claim may be on its way is completed, and handed over like the others.
    if turn.stance.isLeaving, !isMarked { return letGo(turn.guardian, facts, &effects) }
    protect(domain, spec, turn, facts, own, &effects)
    let isCovered = protection.isAcknowledged(name, turn.guardian) || !facts.rules.isExclusive(name, spec)
    guard turn.mayAct, isCovered, run.isIdle else { return }
    let epoch = isMarked ? domain.mark?.epoch ?? own.epoch.next : own.epoch.next
    guard isMarked, !domain.persistent else {
      guard run.mayTryOrWait(name, &effects) else { return }
      run.begin(.mark)
      return effects.mark(name, domain, own.mark(at: epoch))
    }
    line.adopt(own, at: epoch, turn, facts, &effects)
  }

  // MARK: live migration

  /// It is here and this node's, and on its way elsewhere, or was.
  ///
  /// - Returns: false when there is nothing to do about that: it stays, or it is stopped.
  private mutating func leaves(
    _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts,
    _ effects: inout Effects
  ) -> Bool {
    let way = Departing(own, spec, mayStillAppear: mayStillAppear, facts, turn.stance)
    guard let underWay = own.migration else {
      return migration.begins(way, domain, spec, turn, facts, own, &run, &line, &effects)
    }
    if case .live(underWay.target, let uri) = way, !migration.wasTriedInVain, domain.state == .running {
      guard underWay.step == .ready else {
        let until = migration.patience(from: facts.now)
        if facts.now < until {
          effects.agenda.look(at: name, at: until)
          return true
        }
        migration.failed("\(underWay.target.node) does not get ready for it")
        return withdraw(domain, turn, facts, own, &effects)
      }
      migration.asks(domain, spec, to: underWay.target.node, uri, turn, facts, own, &run, line, &effects)
      return true
    }
    return withdraw(domain, turn, facts, own, &effects)
  }

  /// It is here still: it goes on here, and only then the offer is taken back.
  private mutating func withdraw(
    _ domain: DomainObservation, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) -> Bool {
    switch domain.state {
    case .paused:
      if run.cannotResume, !own.isWantedHere { return false }
      resume(domain, turn, facts, own, &effects)
      return true
    // On its way down, or nobody knows: what is seen next decides.
    case .arriving, .stopping, .unclear: return own.isWantedHere
    case .running: break
    }
    guard line.mayWriteOrWait(name, &effects) else { return true }
    if migration.withdraws(at: facts.now) { effects.cancelMigration(domain) }
    line.offer(nil, own, turn, &effects)
    if !own.isWantedHere {
      effects.note(
        .migrating, "\(name) did not move while it runs\(migration.reason.map { ": \($0)" } ?? "")", severity: .warning,
        workload: name)
    }
    return true
  }

  /// Lets what has arrived go on.
  ///
  /// - Returns: true when it runs.
  private mutating func goOn(
    _ domain: DomainObservation, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) -> Bool {
    // Its mark came with it. What has another is a copy from before.
    if let claim = own.claim?.value, domain.mark.map({ !claim.covers($0.epoch) }) ?? true {
      destroy(domain, turn, &effects)
      return false
    }
    switch domain.state {
    case .running: return true
    case .paused: if run.cannotResume { destroy(domain, turn, &effects) } else { resume(domain, turn, facts, own, &effects) }
    case .arriving:
      // Its source is gone: nothing more can come of it.
      let until = migration.arrives(at: facts.now)
      if facts.now < until { effects.agenda.look(at: name, at: until) } else { destroy(domain, turn, &effects) }
    case .stopping, .unclear: line.tell(.unclear, own, &effects)
    }
    return false
  }

  private mutating func destroy(_ domain: DomainObservation, _ turn: borrowing Turn, _ effects: inout Effects) {
    if run.mayTryOrWait(name, &effects) { stop(domain, grace: .zero, turn, &effects) }
  }

  private mutating func resume(
    _ domain: DomainObservation, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    guard turn.mayAct, turn.session.deadline != nil, run.mayTryOrWait(name, &effects) else { return }
    guard let permit = ResumePermit(line, own, turn, startBudget: facts.timing.startBudget) else {
      return effects.agenda.look(at: name, at: facts.now + facts.timing.renewInterval / 2)
    }
    run.begin(.resume)
    effects.resume(permit, domain)
  }

  // MARK: the guard's knowledge

  private func isolation(_ spec: SpecRecord, _ facts: Facts) -> Isolation {
    facts.rules.settings(of: name, spec).isolation ?? spec.isolation
  }

  private mutating func protect(
    _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts,
    _ effects: inout Effects
  ) {
    // What is guarded stays so until its end, whatever the rules say now: it runs in the guard's partition.
    guard facts.rules.isExclusive(name, spec) || protection.holds(name, turn.guardian) else { return }
    protection.protect(
      GuardedWorkload(
        name: name.text, isolation: isolation(spec, facts), cgroup: domain.cgroup, links: domain.links.sorted(),
        isStarting: run.isStarting || fence.hasLateStart), &effects)
  }

  /// The domain was seen to be gone.
  private mutating func dropFromGuard(_ guardian: GuardWord, _ effects: inout Effects) {
    if !mayStillAppear { protection.end(name, .forget(workload: name.text), guardian, &effects) }
  }

  /// Nothing of it is here yet. The guard covers its links, and everything in the partition; then the source may begin.
  private mutating func expect(_ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects) {
    guard let spec = own.spec?.value, own.migration?.step == .offered else { return }
    if facts.rules.isExclusive(name, spec) {
      protection.protect(
        GuardedWorkload(
          name: name.text, isolation: isolation(spec, facts), cgroup: nil, links: Self.links(of: spec, name, facts)), &effects)
      guard protection.isAcknowledged(name, turn.guardian) else { return }
    }
    guard turn.mayAct, !turn.stance.isLeaving, let holder = turn.session.incarnation else { return }
    line.offer(.init(.ready, target: .init(node: facts.me, incarnation: holder)), own, turn, &effects)
  }

  // MARK: what comes from outside

  mutating func operationEnded(
    _ kind: DomainOperation, _ outcome: OperationOutcome, _ own: WorkloadFacts, _ facts: Facts, _ effects: inout Effects
  ) {
    if kind == .bar { return barEnded(outcome, facts, &effects) }
    switch run.ended(kind, outcome, of: own, facts, &effects) {
    case .none: break
    case .migrationFailed(let reason): migration.failed(reason)
    case .migrationArrived: migration.arrived()
    case .tooLate: migration.tooLate()
    case .wasBarred: fence.inherit()
    }
  }

  private mutating func barEnded(_ outcome: OperationOutcome, _ facts: Facts, _ effects: inout Effects) {
    guard fence.ended(outcome, at: facts.now) else { return }
    if case .failed(let reason) = outcome, facts.observation(of: name) == nil {
      effects.noteOnce(
        .unreadable, "a start of \(name) may still come on \(facts.me), and everything that depends on it waits: \(reason)",
        severity: .warning, workload: name)
    }
    guard case .unknown = outcome else { return }
    // libvirt may be waiting for that very start, which began after it was condemned and is frozen; or for another that is. Whether it
    // answers at all is asked, so that such starts are ended.
    protection.acquit()
    effects.refresh()
  }

  mutating func progressed(_ progress: MigrationProgress) { migration.progressed(progress) }
  mutating func inheritStart() { fence.inherit() }
  mutating func guardForgot() { protection.guardDropped() }
  mutating func guardKilled() { run.killed() }
  mutating func losesKill() { protection.acquit() }
  func protectAnew(_ effects: inout Effects) { protection.protectAnew(&effects) }

  /// It lost its claim while it was frozen here.
  mutating func condemn(_ effects: inout Effects) {
    guard protection.condemn(name, &effects) else { return }
    effects.noteOnce(.killed, "\(name) lost its claim while it was frozen here: killed", workload: name)
  }

  mutating func closeFence(_ facts: Facts, _ effects: inout Effects) -> Bool { !awaitsBar(facts, &effects) }
  mutating func leaveProtection(_ guardian: GuardWord, _ facts: Facts, _ effects: inout Effects) {
    letGo(guardian, facts, &effects)
  }

  // MARK: what becomes of writes

  mutating func claimSent() { line.sent() }

  mutating func claimed(at revision: Revision) {
    line.claimed(at: revision)
    // What was killed before was another run of it; and whoever gave it up, it was placed here again since.
    protection.acquit()
    run.claimed()
  }

  mutating func wrote(at revision: Revision) { line.committed(at: revision) }

  mutating func writeFailed(at now: BootInstant, pause: Duration, wasOnlyTold: Bool = false, isBatch: Bool = false) {
    line.failed(at: now, pause: pause, wasOnlyTold: wasOnlyTold)
    if isBatch { line.refusedInBatch() }
  }

  mutating func doubt(_ revision: Revision?) { line.doubt(revision) }

  /// The workload is not this node's any more. A start from before outlives that: the next one here takes its bar away.
  mutating func retire(keepsGivingUp: Bool = false, withoutFence: Bool = false) {
    let before = self
    self = WorkloadMachine(name)
    protection = before.protection.remains
    if before.fence.hasLateStart, !withoutFence { fence = before.fence }
    if keepsGivingUp, let gaveUp = before.line.gaveUp { line.giveUp(under: gaveUp) }
  }

  mutating func forget(
    _ report: ReportRecord?, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    line.forget(report, own, turn, facts, &effects)
  }

  mutating func forgotten(_ guardian: GuardWord, _ facts: Facts, _ effects: inout Effects) {
    letGo(guardian, facts, &effects)
    retire()
  }
}
