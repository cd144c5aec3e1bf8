import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// A live migration of one workload, from here or to here, as this life of the controller knows it.
///
///     none ──offer──▶ offered ──target ready──▶ asked ──libvirt: arrived──▶ arrived ──▶ handed over
///                        └──────────┬────────────┴──still here──▶ withdrawn ──▶ offered, or stopped
///
/// Retired in any state, as by the hand-over, it begins anew as none.
struct Migration: Hashable, Sendable {
  private enum Attempt: StateList {
    /// Not by this life.
    case none
    /// Something has been on its way here since then that cannot be resumed yet.
    case arriving(since: BootInstant)
    case offered(at: BootInstant, Past)
    /// libvirt was asked for it.
    case asked(Transfer, Past)
    /// The offer was taken back; not tried again before that instant, where it is waited for. libvirt was asked for it, or may have been.
    case withdrawn(Past, retryAt: BootInstant, wasAsked: Bool)

    func mayBecome(_ next: Attempt) -> Bool {
      switch (self, next) {
      // The first attempt of this life knows of none before; an earlier life's is only taken back.
      case (.none, .offered(_, let past)), (.arriving, .offered(_, let past)): past == Past()
      case (.none, .withdrawn), (.none, .arriving), (.arriving, .withdrawn), (.arriving, .none): true
      // libvirt is asked for what this life has offered, and for nothing else.
      case (.offered(let at, let past), .asked(let transfer, let still)): transfer == Transfer(offeredAt: at) && past == still
      case (.asked(let before, _), .asked(let after, _)): before.offeredAt == after.offeredAt
      case (.none, .asked), (.arriving, .asked), (.withdrawn, .asked): false
      // Too late, or its domain is gone and another run of it is offered; or the offer was not written.
      case (.asked, .offered), (.offered, .offered), (.withdrawn, .offered): true
      // It is taken back as often as that is not written.
      case (.offered, .withdrawn), (.asked, .withdrawn), (.withdrawn, .withdrawn): true
      // It is not to leave any more; or comes back from where it went when this node had lost it.
      case (.offered, .none), (.asked, .none), (.withdrawn, .none): true
      case (.offered, .arriving), (.asked, .arriving), (.withdrawn, .arriving): true
      case (.none, .none), (.arriving, .arriving): false
      }
    }
  }

  private struct Transfer: Hashable, Sendable {
    var offeredAt: BootInstant
    /// libvirt was asked to give it up.
    var isCancelled = false
    /// libvirt said that it has arrived: nothing went on here since.
    var hasArrived = false
    var progress: MigrationProgress?
  }

  private typealias Past = MigrationPast

  private var course = StateCourse(Attempt.none)
  private var attempt: Attempt { course.state }
  /// A target that cannot be used, as this or another workload of this node was told: whether or not this one is to go there.
  private(set) var targetTrouble: TargetTrouble?
  /// Why it runs on here although it was to leave, until something changes: also where no attempt was ever made.
  private(set) var kept: KeptReason?
  /// Since when it would be moved, and is not seen as it has to be for that; nil: it is, or is not to be moved.
  private var unreadySince: BootInstant?

  var isBlank: Bool { self == Migration() }
  var breach: String? { course.breach }

  /// The workload is not this node's any more.
  mutating func retire() {
    var course = course
    course.beginAnew(as: .none)
    self = Migration()
    self.course = course
  }

  // MARK: questions

  /// An attempt that began came to its end, and the workload is still here; or this life of the controller did not begin it.
  var wasTriedInVain: Bool { if case .offered = attempt { false } else { true } }

  /// Something stood in the way of the last attempt that is nothing of the workload's own; it was told.
  var isHindered: Bool { past.hindrance != nil }

  /// Why the last attempt came to nothing; nil: an earlier life of the controller made it.
  var reason: MigrationFailure? { past.reason }

  private var past: Past {
    switch attempt {
    case .none, .arriving: Past()
    case .offered(_, let past), .asked(_, let past), .withdrawn(let past, _, _): past
    }
  }

  /// It is waited for until it can be moved.
  var isUnready: Bool { unreadySince != nil }

  /// libvirt said that it has arrived.
  var hasArrived: Bool { transfer?.hasArrived ?? false }

  var progress: MigrationProgress? { transfer?.progress }

  private var transfer: Transfer? { if case .asked(let transfer, _) = attempt { transfer } else { nil } }

  /// Until when the target may take to get ready.
  func patience(_ facts: Facts) -> BootInstant {
    if case .offered(let at, _) = attempt {
      at + facts.timing.migrationPatience
    } else {
      facts.now + facts.timing.migrationPatience
    }
  }

  /// The consequence of an attempt in vain.
  enum Prospect: Hashable, Sendable {
    case tries
    case waits(until: BootInstant)
    /// It is tried anew, as if never before.
    case triesAnew
    case stops
  }

  /// - Parameters:
  ///   - mayStop: its policy lets it be stopped, when it cannot be moved while it runs.
  ///   - waitsForHindrances: there is time for somebody to mend what stands in the way, or for it to pass.
  func prospect(mayStop: Bool, waitsForHindrances: Bool, at now: BootInstant) -> Prospect {
    let retryAt: BootInstant? = if case .withdrawn(_, let retryAt, _) = attempt { retryAt } else { nil }
    if past.hindrance != nil, waitsForHindrances { return retryAt.map { now < $0 ? .waits(until: $0) : .tries } ?? .tries }
    // Where nobody waits, an attempt that something stood in the way of is in vain like any other.
    guard past.failures + past.hindered >= Limits.migrationAttempts else { return .tries }
    guard !mayStop else { return .stops }
    if let retryAt, now < retryAt { return .waits(until: retryAt) }
    return .triesAnew
  }

  // MARK: the source

  /// It is to move and is not ready for that: gives until when a node that leaves waits for it.
  mutating func waitForReadiness(at now: BootInstant) -> BootInstant {
    let since = unreadySince ?? now
    unreadySince = since
    return since + Limits.readiness
  }

  mutating func keepUnready(_ why: Unreadiness, _ effects: inout Effects) { keep(because: .notReady(why), &effects) }

  mutating func becomeReady(_ effects: inout Effects) {
    unreadySince = nil
    if case .notReady = kept { keep(because: nil, &effects) }
  }

  private mutating func offered(at now: BootInstant) { course.move(to: .offered(at: now, past)) }

  private mutating func asks() {
    guard case .offered(let at, let past) = attempt else { return }
    course.move(to: .asked(Transfer(offeredAt: at), past))
  }

  mutating func arrived() { change { $0.hasArrived = true } }
  mutating func progressed(_ progress: MigrationProgress) { change { $0.progress = progress } }

  /// An attempt failed for the workload's own sake.
  mutating func failed(_ reason: MigrationFailure) { remember(.own(reason)) }

  private mutating func remember(_ failure: Past.Failure) {
    var past = past
    past.last = failure
    switch attempt {
    case .none, .arriving: break
    case .offered(let at, _): course.move(to: .offered(at: at, past))
    case .asked(let transfer, _): course.move(to: .asked(transfer, past))
    case .withdrawn(_, let retryAt, let wasAsked): course.move(to: .withdrawn(past, retryAt: retryAt, wasAsked: wasAsked))
    }
  }

  /// libvirt said why it did not move.
  ///
  /// - Parameter hindrance: nil: for the workload's own sake.
  mutating func failed(
    _ words: String, _ hindrance: Hindrance?, _ own: WorkloadFacts, _ facts: Facts, _ effects: inout Effects
  ) {
    guard let hindrance else { return failed(.refused(words)) }
    let failure: MigrationFailure
    switch hindrance {
    case .busy: failure = .busy(words)
    case .target:
      if let target = own.migration?.target.node ?? own.placement?.value.node {
        failure = .unreachable(target, words)
        // This one is the first to try again; the others see what becomes of it.
        let until = facts.now + Limits.migrationPause + facts.timing.migrationPatience
        targetTrouble = TargetTrouble(node: target, workload: own.name, reason: failure, until: until)
      } else {
        failure = .refused(words)
      }
    }
    remember(.hindered(hindrance, failure, times: past.hindered + 1))
    guard past.hindered == 1 else { return }
    let remedy =
      hindrance == .busy
      ? "It runs on \(facts.me) and is moved when that is over"
      : "It and whatever else was to go there run on \(facts.me), and it is tried again every minute. Mend it; or "
        + TargetRemedy.words(own, facts)
    effects.note(
      .migrating, "\(own.name) does not move while it runs: \(failure). \(remedy)",
      severity: hindrance == .busy ? .warning : .error, workload: own.name)
  }

  mutating func targetHinders(_ trouble: TargetTrouble) { targetTrouble = trouble }

  /// libvirt was not asked after all.
  mutating func tooLate() {
    if case .asked(let transfer, let past) = attempt { course.move(to: .offered(at: transfer.offeredAt, past)) }
  }

  /// libvirt may be at it: it was asked and not told to give it up, or an earlier life may have asked.
  var mayBeUnderWay: Bool {
    switch attempt {
    case .none, .arriving: true
    case .asked(let transfer, _): !transfer.isCancelled
    case .offered, .withdrawn: false
    }
  }

  /// The offer is taken back.
  mutating func withdraw(at now: BootInstant) {
    var past = past
    if past.hindrance == nil { past.failures += 1 }
    // A backup may take hours: it is looked at less and less often.
    let isBusy = past.hindrance == .busy
    let pause = isBusy ? Limits.busyPause * min(max(past.hindered, 1), Limits.longestBusyPauses) : Limits.migrationPause
    course.move(to: .withdrawn(past, retryAt: now + pause, wasAsked: mayHaveBegun))
  }

  /// The offer is taken back, as it was for what ran and is paused, or the other way round: nothing is wrong with the move.
  mutating func retract() { reset() }

  /// What is paused here was so before: no migration from here has paused it, or could have.
  func wasPausedBefore(_ domain: DomainObservation, _ offer: ClaimRecord.Migration) -> Bool {
    offer.staysPaused == true || domain.isSuspended && !mayHaveBegun
  }

  /// libvirt was asked for the attempt that the claim tells of, or an earlier life may have asked.
  private var mayHaveBegun: Bool {
    switch attempt {
    case .none, .arriving, .asked: true
    case .offered: false
    case .withdrawn(_, _, let wasAsked): wasAsked
    }
  }

  /// The workload is not to leave this way any more.
  private mutating func reset() { if attempt != .none { course.move(to: .none) } }

  /// The next step with a workload of which no migration is under way.
  private enum Course: Hashable, Sendable {
    /// It runs on here; looked at again then.
    case keep(because: KeptReason?, until: BootInstant? = nil)
    /// - Parameter anew: as if it had never been tried.
    case offer(to: ClaimRecord.Holder, anew: Bool)
    /// It is wanted here, or is stopped.
    case leave
    /// It does not leave this way: it is stopped, or starts elsewhere.
    case abandon
  }

  /// It is to leave, or is not any more. Left is a workload with which nothing is to be done about that: it stays, or it is stopped.
  mutating func begin(
    _ way: Departing, _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts,
    _ own: WorkloadFacts, _ run: Run, _ line: inout ClaimLine, _ effects: inout Effects
  ) -> Attention {
    switch next(way, domain, spec, turn, facts, own) {
    case .leave: return .left
    case .abandon:
      keep(because: nil, &effects)
      reset()
      return .left
    case .keep(let reason, let until):
      keep(because: reason, &effects)
      if let until { effects.agenda.look(at: own.name, at: until) }
    case .offer(let target, let anew):
      if anew { reset() }
      keep(because: nil, &effects)
      guard turn.mayAct else { return .taken }
      let door = run.door(at: facts.now)
      guard door.isOpen, let held = line.held(own) else {
        effects.agenda.wait(own.name, for: door)
        return .taken
      }
      line.offer(held, to: target, staysPaused: domain.isSuspended, own, turn, facts, &effects)
      offered(at: facts.now)
    }
    return .taken
  }

  private func next(
    _ way: Departing, _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts,
    _ own: WorkloadFacts
  ) -> Course {
    switch way {
    case .waits: return .keep(because: nil)
    case .stays(let method): return .keep(because: .cannotMove(method))
    case .restart where !own.isWantedHere: return .leave
    case .live(let target, _)
    where domain.mayMigrate && domain.uuid == spec.uuid && !domain.persistent
      && domain.mark?.epoch == own.claim?.value.epoch:
      return next(to: target, spec, turn, facts, own)
    case .live where !turn.stance.isLeaving && lagsOrStays(domain, spec, facts, own):
      let isAsked = own.errand == .pause || own.errand == .resume
      let obstacle: MoveMethod.Obstacle =
        own.claim?.value.newerDisks != nil
        ? .olderDisks
        : isAsked
          ? .paused : .pausedOutside("libvirt has paused it\(domain.reason.map { " (\($0.words))" } ?? "")")
      return .keep(because: .cannotMove(MoveMethod(.stay, obstacle)))
    case .live, .restart: return .abandon
    }
  }

  private func next(
    to target: ClaimRecord.Holder, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts
  ) -> Course {
    let isWaitedFor = !turn.stance.isLeaving
    if isWaitedFor, let trouble = targetTrouble, trouble.node == target.node, trouble.workload != own.name,
      facts.now < trouble.until
    {
      return .keep(because: .targetTroubled(trouble), until: trouble.until)
    }
    let mayStop =
      facts.rules.settings(of: own.name, spec).evacuation.otherwise != .stay
      && (!isWaitedFor || own.claim?.value.newerDisks == nil)
    return switch prospect(mayStop: mayStop, waitsForHindrances: isWaitedFor, at: facts.now) {
    case .tries: .offer(to: target, anew: false)
    case .triesAnew: .offer(to: target, anew: true)
    case .stops: .leave
    case .waits(let until): .keep(because: .triedAgain(after: reason), until: until)
    }
  }

  /// It cannot be moved as it is now, and is not to be stopped for it: it would not be started again from its definition; or it is paused as
  /// nobody suspended it, and its policy does not let it be stopped.
  private func lagsOrStays(_ domain: DomainObservation, _ spec: SpecRecord, _ facts: Facts, _ own: WorkloadFacts) -> Bool {
    if own.claim?.value.newerDisks != nil { return true }
    guard domain.state == .paused else { return false }
    return facts.rules.settings(of: own.name, spec).evacuation.otherwise == .stay
  }

  /// The target is ready: libvirt is asked, with time left to the deadline.
  mutating func ask(
    _ domain: DomainObservation, _ spec: SpecRecord, to target: NodeName, _ uri: String, _ turn: borrowing Turn,
    _ facts: Facts, _ own: WorkloadFacts, _ run: inout Run, _ line: ClaimLine, _ effects: inout Effects
  ) {
    guard turn.mayAct, turn.session.deadline != nil else { return }
    let door = run.door(at: facts.now)
    guard door.isOpen else { return effects.agenda.wait(own.name, for: door) }
    guard !line.isBusy, let held = line.held(own) else { return }
    guard let permit = MigrationPermit(held, to: target, turn, startBudget: facts.timing.startBudget) else {
      return effects.waitForTime(own.name)
    }
    let staysPaused = own.migration?.staysPaused == true
    effects.check(
      staysPaused ? domain.isSuspended : domain.state == .running,
      "a migration of \(own.name), which is not seen \(staysPaused ? "suspended" : "running")")
    effects.check(target != facts.me, "a migration of \(own.name) to \(facts.me) itself")
    run.begin(.migrate)
    asks()
    // What is tried again and again is told once.
    if past.hindrance == nil {
      let how = staysPaused ? "paused, with its memory" : "while it runs"
      effects.note(.migrating, "\(own.name) moves from \(facts.me) to \(target) \(how)", workload: own.name)
    }
    let request = MigrationRequest(
      id: domain.id, uuid: domain.uuid, destination: uri,
      limits: facts.rules.settings(of: own.name, spec).evacuation.limits, isSuspended: staysPaused, notAfter: permit.notAfter)
    effects.migrate(permit, request)
  }

  /// The workload that moves is not to go there any more.
  mutating func cancelIfUnwanted(
    _ domain: DomainObservation, _ own: WorkloadFacts, _ facts: Facts, _ stance: Stance, _ effects: inout Effects
  ) {
    guard let target = own.migration?.target else { return }
    let isWanted = own.desired == .running && own.placement?.value.node == target.node
    let isThere = facts.view.sessions[target.incarnation] != nil
    guard !isWanted || !isThere || stance.leavesFast || stance.isPastDeadline else { return }
    guard let transfer, !transfer.isCancelled else { return }
    change { $0.isCancelled = true }
    effects.cancelMigration(domain)
  }

  private mutating func change(_ body: (inout Transfer) -> Void) {
    guard case .asked(var transfer, let past) = attempt else { return }
    body(&transfer)
    course.move(to: .asked(transfer, past))
  }

  /// It was to leave and runs on here until something changes; nil: no more.
  private mutating func keep(because reason: KeptReason?, _ effects: inout Effects) {
    guard kept != reason else { return }
    kept = reason
    effects.agenda.note(.report)
  }

  // MARK: the target

  /// Until when what arrives may take to be complete.
  func arrivesBy(_ facts: Facts) -> BootInstant {
    let since = if case .arriving(let since) = attempt { since } else { facts.now }
    return since + facts.timing.migrationPatience
  }

  /// Something is on its way here that cannot be resumed yet.
  mutating func arrives(at now: BootInstant) {
    if case .arriving = attempt { return }
    course.move(to: .arriving(since: now))
  }
}
