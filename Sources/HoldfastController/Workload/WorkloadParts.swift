import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// The machines of one workload, and what takes more than one of them.
struct WorkloadParts: Sendable {
  let name: WorkloadName
  var line: ClaimLine
  var run: Run
  var fence: StartFence
  var protection = Protection()
  var addresses = AddressLine()
  var migration = Migration()
  var watch = HealthWatch()
  var pause = OutsidePause()
  var ioError = IOErrorPause()
  var healthNotes = HealthNotes()

  init(_ vacancy: consuming Vacancy) {
    name = vacancy.workload
    (line, run, fence) = (ClaimLine(vacancy), Run(vacancy), StartFence(vacancy))
  }

  /// Nothing in it says more than a new one would. What the guard knows of is asked first: nothing else is then.
  var isBlank: Bool {
    protection.told == nil && line.isBlank && run.isBlank && fence.isBlank && protection.isBlank && migration.isBlank
      && addresses.isBlank && watch.isBlank && pause.isBlank && ioError.isBlank && healthNotes.isBlank
  }

  /// A transition that is none of the listed ones; nil: there was none.
  var breach: String? {
    line.breach ?? run.breach ?? fence.breach ?? protection.breach ?? addresses.breach ?? migration.breach ?? watch.breach
      ?? healthNotes.breach
  }

  // MARK: questions

  var mayStillAppear: Bool { fence.mayStillAppear(isStarting: run.isStarting) }

  /// The workload is being killed, or was, though libvirt may show it for a moment more.
  var isKilled: Bool { run.wasKilled || protection.isKillPending }

  /// Something is under way that a departure waits for.
  var isBusy: Bool { line.isBusy || !run.isIdle }

  /// The workload is here because it has arrived: this life of the controller asked for it, and libvirt said so. After any other end it may have gone on
  /// here, and what is there has an older memory: that is ended, and the workload started anew.
  func hasMigrated(_ own: WorkloadFacts, _ facts: Facts) -> Bool {
    guard let migration = own.migration, migration.step == .ready, self.migration.hasArrived else { return false }
    return migration.target.node != facts.me && facts.view.sessions[migration.target.incarnation] != nil
  }

  /// The domain has the workload's UUID and never was under protection here: somebody else's, and not to be touched.
  func isUnmanagedDuplicate(
    _ domain: DomainObservation, _ own: WorkloadFacts, _ spec: SpecRecord, _ guardWord: borrowing GuardWord
  )
    -> Bool
  {
    guard domain.uuid == spec.uuid, !own.isMarked(domain), !line.isMine(own) else { return false }
    return !protection.holds(name, guardWord)
  }

  /// The claim may be taken back: nobody took it since an earlier session of this node held it, and it is still meant to run here.
  func mayReclaim(_ own: WorkloadFacts, _ facts: Facts) -> Bool {
    guard let claim = own.claim?.value, own.wasHere, !protection.isKillPending else { return false }
    guard let desired = own.desired, desired != .stopped else { return false }
    if let mark = own.observation(in: facts.local)?.mark, !claim.covers(mark.epoch) { return false }
    let placed = own.placement?.value.node
    return placed == facts.me || placed == nil
  }

  /// The workload left protection, and runs since on another node, or nowhere: a start of it that is still on its way here is a stale one. So it is where
  /// it went on here and nothing of it is seen.
  func mayComeBack(_ own: WorkloadFacts, _ facts: Facts) -> Bool {
    guard own.spec == nil, let left = own.claim?.value.releasedTo, mayStillAppear else { return false }
    return left.node != facts.me || facts.local.sight(of: DomainID(connection: left.connection, name: name.text)) == .absent
  }

  /// libvirt does not answer, and may be waiting for a start of it that is frozen: that is the guard's to end.
  func mayBlockHypervisor(_ facts: Facts, _ guardWord: borrowing GuardWord) -> Bool {
    protection.isStartKnown(name, guardWord) && !facts.local.unreachable.isEmpty
  }

  /// libvirt may be waiting for a start of it that is frozen, which only the guard can end: it is let go when everything here goes on.
  func isFrozenStarting(_ guardWord: borrowing GuardWord) -> Bool {
    guardWord.isFrozen && protection.isStartKnown(name, guardWord)
  }

  /// The guard's act on it at the deadline. A workload that would answer for its successor while it is frozen is killed, whatever was asked for.
  ///
  /// - Parameter domain: where it is seen: a network of libvirt's may be another kind of interface than the spec says.
  func isolation(_ spec: SpecRecord, _ facts: Facts, seen domain: DomainObservation? = nil) -> Isolation {
    guard domain?.frozenNetwork == nil, spec.frozenNetwork == nil else { return .stop }
    return facts.rules.settings(of: name, spec).isolation ?? spec.isolation
  }

  static func links(of spec: SpecRecord, _ name: WorkloadName, _ facts: Facts) -> [String] {
    (0..<spec.interfaces).map {
      Interfaces.linkName(cluster: facts.configuration.cluster, workload: name, index: $0)
    }
  }

  /// The failure that the next node is to know of when it goes: that it ended again and again here; nil: nothing of the kind.
  func failure(_ own: WorkloadFacts, _ facts: Facts) -> WorkloadFailure? {
    guard own.desired == .running, let spec = own.spec?.value else { return nil }
    let ends = max(run.ends, own.claim?.value.ends ?? 0)
    guard facts.rules.settings(of: name, spec).failover.isExhausted(by: ends) else { return nil }
    return (run.unwell ?? own.claim?.value.unwell).map { .unwell(ends, $0) } ?? .ends(ends)
  }

  // MARK: domains

  /// Stops what is to leave, or not to run. What cannot shut down is ended at once.
  ///
  /// - Parameter isReset: an operator asked for it to be ended at once.
  mutating func shutDown(
    _ domain: DomainObservation, _ spec: SpecRecord, isReset: Bool, on me: NodeName, _ turn: borrowing Turn,
    _ effects: inout Effects
  ) {
    let cannot = domain.cannotShutDown, isAtOnce = isReset || cannot
    let why = cannot ? "it \(domain.state == .crashed ? "crashed" : "is paused") and cannot shut down, so" : "as was asked,"
    effects.note(
      .stopping, "\(name) stops on \(me)\(isAtOnce ? ": \(why) it is ended at once" : "")",
      severity: cannot ? .warning : .info, workload: name)
    stop(domain, grace: isAtOnce ? .zero : .seconds(spec.stopTimeout), turn, &effects)
  }

  mutating func stop(
    _ domain: DomainObservation, grace: Duration, _ turn: borrowing Turn, _ effects: inout Effects
  ) {
    guard !turn.guardWord.isFrozen else { return }
    // Down in reverse: what it answers under goes first.
    protection.takeAddresses(&effects)
    run.begin(.stop, isGraceful: grace > .zero)
    effects.stop(name, domain, grace: grace)
  }

  /// Writes its claim's mark into it, and takes away a definition of libvirt's own. Left is what needs neither.
  mutating func mark(
    _ domain: DomainObservation, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) -> Attention {
    guard own.lacksMark(domain) else { return .left }
    let door = run.door(at: facts.now)
    guard door.isOpen else {
      effects.agenda.wait(name, for: door)
      return .taken
    }
    let mark = own.mark(at: own.epoch, definition: domain.mark?.definition)
    if domain.persistent, domain.mark == mark { noteDefined(facts.me, &effects) }
    run.begin(.mark)
    effects.mark(name, domain, mark)
    return .taken
  }

  /// Somebody gave it a definition of libvirt's own while it was under protection, which is about to be removed.
  private func noteDefined(_ me: NodeName, _ effects: inout Effects) {
    effects.note(
      .defined,
      "\(name) was given a definition in libvirt on \(me) (as `virsh define` and `virsh edit` do): it is removed without any effect, as a "
        + "protected workload is started from the store's definition alone. To change that: `holdfast workload \(name) --xml`, edit, `holdfast apply`",
      severity: .warning, workload: name)
  }

  /// The workload was moved to another disk while it runs, as by an external snapshot: said once, until the definition names that disk.
  func noteDisks(_ own: WorkloadFacts, _ me: NodeName, _ effects: inout Effects) {
    guard let newer = own.newerDisks else { return }
    guard !newer.isEmpty else {
      effects.unsay(.defined, workload: name)
      return
    }
    let disks = newer.sorted { $0.key < $1.key }.map { "disk \($0.key) on \($0.value.running), not \($0.value.stored)" }
    effects.noteOnce(
      .defined,
      "\(name) runs with \(InWords.list(disks, most: 3)) as defined: it would not be started again from its definition. "
        + "`holdfast accept \(name) --running` on \(me) takes over what runs", severity: .warning, workload: name)
  }

  /// Stops what fails its checks, so that it is started anew. A controller that dies in between leaves the count in the claim, and the workload is here
  /// or it is not.
  mutating func endUnwell(
    _ permit: consuming UnwellPermit, _ domain: DomainObservation, grace: Duration, _ turn: borrowing Turn,
    _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    let permitted = permit.workload
    effects.check(permitted == name, "\(name) is ended for its checks under the permit of \(permitted)")
    line.tell(ClaimNews(.stopping, ends: run.ends, unwell: run.unwell), own, &effects)
    let door = run.door(at: effects.now)
    guard door.isOpen else { return effects.agenda.wait(name, for: door) }
    let times = run.ends > 1 ? ", \(run.ends) times in a row now" : ""
    effects.noteOnce(
      .stopping, "\(name) fails its check '\(permit.cause.check)'\(times), and is started anew: \(permit.cause.reason)",
      workload: name)
    run.endsUnwell()
    stop(domain, grace: grace, turn, &effects)
  }

  /// No check for which it would be ended fails.
  mutating func recovers(_ facts: Facts, _ effects: inout Effects) {
    watch.recovers(&effects)
    run.isSpared(at: facts.now)
  }

  mutating func destroy(_ domain: DomainObservation, _ turn: borrowing Turn, _ effects: inout Effects) {
    let door = run.door(at: effects.now)
    guard door.isOpen else { return effects.agenda.wait(name, for: door) }
    stop(domain, grace: .zero, turn, &effects)
  }

  /// Ends what executes nothing any more, so that it is started anew: counted like an end by itself.
  ///
  /// - Parameter what: what became of it, as the predicate of a sentence.
  mutating func startAnew(
    _ domain: DomainObservation, after what: String, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts,
    _ effects: inout Effects
  ) {
    run.startsAnew(own, facts.me, after: what, &effects)
    line.tell(ClaimNews(.stopping, ends: run.ends), own, &effects)
    destroy(domain, turn, &effects)
  }

  mutating func resume(
    _ domain: DomainObservation, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    guard turn.mayAct, turn.session.deadline != nil else { return }
    let door = run.door(at: effects.now)
    guard door.isOpen else { return effects.agenda.wait(name, for: door) }
    guard let claim = line.held(own), let permit = ResumePermit(claim, turn, startBudget: facts.timing.startBudget) else {
      return effects.waitForTime(name)
    }
    run.begin(.resume)
    effects.resume(permit, domain)
  }

  /// The domain runs here without a valid claim.
  mutating func endIntruder(
    _ domain: DomainObservation, _ turn: borrowing Turn, _ facts: Facts, _ effects: inout Effects
  ) {
    guard turn.guardWord.isArmed else { return }
    if !protection.isKillPending {
      protection.killIsOrdered(in: domain.cgroup)
      if domain.state == .arriving {
        effects.note(
          .migrating, "\(name): its migration to \(facts.me) was abandoned, and the copy that had begun here is removed",
          workload: name)
      } else {
        effects.note(
          .intruder, "\(name) runs on \(facts.me) without a valid claim: it is stopped at once", severity: .error,
          workload: name)
      }
    }
    let door = run.door(at: effects.now)
    guard door.isOpen else { return effects.agenda.wait(name, for: door) }
    effects.tellGuard(.kill(workload: name.text))
    stop(domain, grace: .zero, turn, &effects)
  }

  /// Where an earlier start may still succeed, asks libvirt to bar it. With its answer `mayStillAppear` says so.
  mutating func closeFence(_ facts: Facts, _ effects: inout Effects) {
    if mayStillAppear { fence.close(name, facts, &effects) }
  }

  /// The proof that nothing of it is here and nothing can come up; nil while it is seen here, or nobody can tell, or an earlier start may still
  /// succeed (`closeFence`).
  func absence(_ own: WorkloadFacts, _ facts: Facts, _ guardWord: borrowing GuardWord) -> Absence? {
    Absence(of: own, run, fence, protection, facts, guardWord)
  }

  /// libvirt does not answer, and was not asked to start it.
  func isWithoutStart(_ own: WorkloadFacts, _ facts: Facts) -> Bool { Absence.isWithoutStart(own, run, fence, facts) }

  /// The same proof while libvirt does not answer, for what it was not asked to start.
  func absenceWithoutStart(_ own: WorkloadFacts, _ facts: Facts, _ guardWord: borrowing GuardWord) -> Absence? {
    Absence(withoutStartOf: own, run, fence, protection, facts, guardWord)
  }

  /// It ended by itself, and its policy leaves it down: that, and that its claim is given up, is one write. A controller that dies before it has
  /// seen nothing of the end, as far as the next one knows.
  mutating func stayDown(
    after end: DomainEnd, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    closeFence(facts, &effects)
    guard let absence = absence(own, facts, turn.guardWord) else { return }
    line.release(absence, because: .staysDown(after: end), own, turn, facts, &effects)
  }

  /// The right to remove its records; nil: it may be executed under its claim.
  func forgetPermit(_ own: WorkloadFacts, _ facts: Facts, _ guardWord: borrowing GuardWord) -> ForgetPermit? {
    ForgetPermit(own, run, fence, protection, facts, guardWord)
  }

  // MARK: its checks

  /// The run that the checks are to look at: what runs here and is this node's. While it executes nothing, moves, or something is under way with it, it is not
  /// judged.
  ///
  /// - Parameter nextRun: the number of a run that begins now.
  func subject(_ turn: borrowing Turn, _ own: WorkloadFacts, nextRun: Int) -> CheckSubject? {
    guard let spec = own.spec?.value, let checks = spec.checks, !own.isUnreadable, own.desired == .running, line.isMine(own),
      !own.hasArrived
    else { return nil }
    // What is being ended for its checks is looked at until its end: it may not come to that.
    let isEnding = run.isEndingUnwell
    let isOnHold = !turn.guardWord.isArmed || !run.isIdle && !isEnding || own.migration != nil
    switch own.sight {
    case .absent: return nil
    case .unknown: return watch.subject.map { $0.held(true, checks) }
    case .present(let domain):
      guard own.isCopy(domain, spec) else { return nil }
      var place = CheckSubject.Place(domain: domain.id, uuid: domain.uuid, pid: domain.pid)
      let executes = domain.state == .running || domain.state == .stopping && isEnding
      if let known = watch.subject, known.place.isSameRun(as: place) {
        place.pid = place.pid ?? known.place.pid
        return known.held(isOnHold || !executes, checks, at: place)
      }
      guard !isOnHold, domain.state == .running else { return nil }
      return CheckSubject(name, run: nextRun, at: place, checks: checks)
    }
  }

  // MARK: the guard's knowledge

  mutating func protect(
    _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts,
    _ effects: inout Effects
  ) {
    // What is guarded stays so until its end, whatever the rules say now: it runs in the guard's partition.
    guard facts.rules.isExclusive(name, spec) || protection.holds(name, turn.guardWord) else { return }
    protection.protect(
      GuardedWorkload(
        name: name.text, isolation: isolation(spec, facts, seen: domain), cgroup: domain.cgroup, links: domain.links.sorted(),
        isStarting: run.isStarting || fence.hasLateStart, addresses: granted(domain, spec, turn.guardWord, own)),
      &effects)
  }

  /// The addresses that the guard is to raise for what runs here: under a claim that is held, for a restart of the controller ends none of them, while it
  /// executes or is paused, and is to do so. While nobody can tell one of these for a moment, what is up stays up: the deadline ends it, as it ends what executes.
  private func granted(
    _ domain: DomainObservation, _ spec: SpecRecord, _ guardWord: borrowing GuardWord,
    _ own: WorkloadFacts
  ) -> [GuardedAddress] {
    guard let defined = spec.addresses, guardWord.knowsAddresses, own.namesThisNode, own.isCopy(domain, spec),
      own.desired == .running, !own.goesDown, !own.hasArrived, !isKilled, run.operation != .stop,
      run.operation != .unmark
    else { return [] }
    let free = addresses.free(of: defined, lent: protection.lent, held: guardWord.held.map(\.address))
    switch domain.state {
    case .running, .paused: if line.isMine(own) { return free }
    case .unclear: break
    case .arriving, .stopping, .crashed: return []
    }
    let present = Set(protection.told?.addresses ?? guardWord.held(for: own.name))
    return free.filter(present.contains)
  }

  /// The domain was seen to be gone.
  mutating func dropFromGuard(_ guardWord: borrowing GuardWord, _ effects: inout Effects) {
    if !mayStillAppear { protection.end(name, .forget(workload: name.text), guardWord, &effects) }
  }

  /// The workload left protection: the guard is to leave alone what runs on here.
  mutating func letGo(_ guardWord: borrowing GuardWord, _ facts: Facts, _ effects: inout Effects) {
    guard !isFrozenStarting(guardWord) else { return }
    let domain = facts.domain(of: name)
    // Whether it runs on is not known before libvirt has spoken.
    guard domain != nil || facts.local.isComplete else { return }
    let command = domain?.cgroup.map { GuardCommand.release(workload: name.text, cgroup: $0) }
    protection.end(name, command ?? .forget(workload: name.text), guardWord, &effects)
  }

  // MARK: the end

  /// The workload is not this node's any more. A start from before outlives that: the next one here takes its bar away.
  ///
  /// - Parameter withoutFence: none can come any more, or nobody is to look after it.
  mutating func retire(keepsGivingUp: Bool = false, withoutFence: Bool = false, _ effects: inout Effects) {
    effects.check(!run.isCallingStart, "\(name) was given away while libvirt was asked to start it")
    line.retire(keepsGivingUp: keepsGivingUp)
    run.retire()
    fence.retire(withoutFence: withoutFence)
    protection.retire()
    addresses.retire(name, &effects)
    migration.retire()
    (pause, ioError, healthNotes) = (OutsidePause(), IOErrorPause(), HealthNotes())
    // Its checks are told of its end when its turn comes (`HealthWatch.follow`).
  }
}

extension CheckSubject {
  /// The same run, with what the spec says now.
  fileprivate func held(_ isOnHold: Bool, _ checks: [HealthCheck], at place: Place? = nil) -> CheckSubject {
    CheckSubject(workload, run: run, at: place ?? self.place, checks: checks, isOnHold: isOnHold)
  }
}

extension CheckSubject.Place {
  /// The run is the same process, as far as is known: what cannot be seen for a moment is no other one.
  fileprivate func isSameRun(as other: CheckSubject.Place) -> Bool {
    domain == other.domain && uuid == other.uuid && (pid == nil || other.pid == nil || pid == other.pid)
  }
}
