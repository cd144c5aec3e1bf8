import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// What this life of the controller knows of a live migration of one workload, from here or to here.
///
///     none ──offer──▶ offered ──target ready──▶ asked ──libvirt: arrived──▶ arrived ──▶ handed over
///                        └──────────┬────────────┴──still here──▶ withdrawn ──▶ offered, or stopped
struct Migration: Hashable, Sendable {
  private enum Attempt: StateList {
    /// Not by this life.
    case none
    case offered(at: BootInstant)
    /// libvirt was asked for it.
    case asked(Transfer)
    case withdrawn

    func mayBecome(_ next: Attempt) -> Bool {
      switch (self, next) {
      // libvirt is asked for what this life has offered, and for nothing else.
      case (.offered, .asked), (.asked, .asked): true
      case (.none, .asked), (.withdrawn, .asked): false
      case (_, .offered), (_, .withdrawn), (_, .none): true
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

  private var course = StateCourse(Attempt.none)
  private var attempt: Attempt { course.state }
  /// Attempts that came to nothing for the workload's own sake, since it was to leave.
  private var failures = 0
  /// Why the last of them did; nil: an earlier life of the controller made it.
  private(set) var reason: MigrationFailure?
  /// What stood in the way of the last attempt, if that was nothing of the workload's own.
  private var hindrance: Hindrance?
  /// Attempts in a row that something stood in the way of.
  private var hindered = 0
  /// A target that cannot be used, as this or another workload of this node was told.
  private(set) var targetTrouble: TargetTrouble?
  /// Not tried again before this instant.
  private var retryAt: BootInstant?
  /// Why it runs on here although it was to leave, until something changes.
  private(set) var kept: KeptReason?
  /// Since when something has been on its way here that cannot be resumed.
  private var arrivingSince: BootInstant?

  var isBlank: Bool { self == Migration() }
  var breach: String? { course.breach }

  // MARK: questions

  /// An attempt that began came to its end, and the workload is still here; or this life of the controller did not begin it.
  var wasTriedInVain: Bool { if case .offered = attempt { false } else { true } }

  /// Something stood in the way of the last attempt that is nothing of the workload's own; it was told.
  var isHindered: Bool { hindrance != nil }

  /// libvirt said that it has arrived.
  var hasArrived: Bool { if case .asked(let transfer) = attempt { transfer.hasArrived } else { false } }

  var progress: MigrationProgress? { if case .asked(let transfer) = attempt { transfer.progress } else { nil } }

  /// Until when the target may take to get ready.
  func patience(from now: BootInstant) -> BootInstant {
    if case .offered(let at) = attempt { at + Limits.migrationPatience } else { now + Limits.migrationPatience }
  }

  /// What an attempt in vain leads to.
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
    if hindrance != nil, waitsForHindrances { return retryAt.map { now < $0 ? .waits(until: $0) : .tries } ?? .tries }
    // Where nobody waits, an attempt that something stood in the way of is in vain like any other.
    guard failures + hindered >= Limits.migrationAttempts else { return .tries }
    guard !mayStop else { return .stops }
    if let retryAt, now < retryAt { return .waits(until: retryAt) }
    return .triesAnew
  }

  // MARK: the source

  private mutating func offered(at now: BootInstant) { course.move(to: .offered(at: now)) }

  private mutating func asks() {
    guard case .offered(let at) = attempt else { return }
    course.move(to: .asked(Transfer(offeredAt: at)))
  }

  mutating func arrived() { change { $0.hasArrived = true } }
  mutating func progressed(_ progress: MigrationProgress) { change { $0.progress = progress } }

  /// An attempt failed for the workload's own sake.
  mutating func failed(_ reason: MigrationFailure) { (self.reason, hindrance, hindered) = (reason, nil, 0) }

  /// libvirt said why it did not move.
  ///
  /// - Parameter hindrance: nil: for the workload's own sake.
  mutating func failed(
    _ words: String, _ hindrance: Hindrance?, _ own: WorkloadFacts, _ facts: Facts, _ effects: inout Effects
  ) {
    guard let hindrance else { return failed(.refused(words)) }
    self.hindrance = hindrance
    hindered += 1
    let failure: MigrationFailure
    switch hindrance {
    case .busy: failure = .busy(words)
    case .target:
      if let target = own.migration?.target.node ?? own.placement?.value.node {
        failure = .unreachable(target, words)
        // This one is the first to try again; the others see what becomes of it.
        let until = facts.now + Limits.migrationPause + Limits.migrationPatience
        targetTrouble = TargetTrouble(node: target, workload: own.name, reason: failure, until: until)
      } else {
        failure = .refused(words)
      }
    }
    reason = failure
    guard hindered == 1 else { return }
    let remedy =
      hindrance == .busy
      ? "It runs on \(facts.me) and is moved when that is over"
      : "It and whatever else was to go there run on \(facts.me), and it is tried again every minute. Mend it; or stop and start them "
        + "instead: `holdfast maintenance enter \(facts.me) --method restart`"
    effects.note(
      .migrating, "\(own.name) does not move while it runs: \(failure). \(remedy)",
      severity: hindrance == .busy ? .warning : .error, workload: own.name)
  }

  mutating func targetHinders(_ trouble: TargetTrouble) { targetTrouble = trouble }

  /// libvirt was not asked after all.
  mutating func tooLate() { if case .asked(let transfer) = attempt { course.move(to: .offered(at: transfer.offeredAt)) } }

  /// - Returns: true when libvirt is to be asked to give it up.
  private mutating func cancels() -> Bool {
    guard case .asked(let transfer) = attempt, !transfer.isCancelled else { return false }
    change { $0.isCancelled = true }
    return true
  }

  /// The offer is taken back.
  ///
  /// - Returns: true when libvirt is to be asked to give up what may be under way: also of an earlier life.
  mutating func withdraws(at now: BootInstant) -> Bool {
    let mayBeUnderWay =
      switch attempt {
      case .none: true
      case .asked(let transfer): !transfer.isCancelled
      case .offered, .withdrawn: false
      }
    course.move(to: .withdrawn)
    if hindrance == nil { failures += 1 }
    // A backup may take hours: it is looked at less and less often.
    let isBusy = hindrance == .busy
    retryAt = now + (isBusy ? Limits.busyPause * min(max(hindered, 1), Limits.longestBusyPauses) : Limits.migrationPause)
    return mayBeUnderWay
  }

  /// The workload is not to leave this way any more.
  private mutating func reset() {
    course.move(to: .none)
    (failures, reason, hindrance, hindered, retryAt) = (0, nil, nil, 0, nil)
  }

  /// It is to leave, or is not any more.
  ///
  /// - Returns: false when there is nothing to do about that: it stays, or it is stopped.
  mutating func begins(
    _ way: Departing, _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts,
    _ own: WorkloadFacts, _ run: inout Run, _ line: inout ClaimLine, _ effects: inout Effects
  ) -> Bool {
    let target: ClaimRecord.Holder
    switch way {
    case .waits:
      keep(because: nil, &effects)
      return true
    case .stays(let method):
      keep(because: .cannotMove(method), &effects)
      return true
    case .restart where !own.isWantedHere: return false
    case .live(let other, _)
    where domain.state == .running && domain.uuid == spec.uuid && !domain.persistent
      && domain.mark?.epoch == own.claim?.value.epoch:
      target = other
    case .live where !turn.stance.isLeaving && lagsOrStays(domain, spec, facts, own):
      let obstacle: MoveMethod.Obstacle = own.claim?.value.newerDisks != nil ? .olderDisks : .paused
      keep(because: .cannotMove(MoveMethod(.stay, obstacle)), &effects)
      return true
    case .live, .restart:
      keep(because: nil, &effects)
      reset()
      return false
    }
    let isWaitedFor = !turn.stance.isLeaving
    if isWaitedFor, let trouble = targetTrouble, trouble.node == target.node, trouble.workload != own.name,
      facts.now < trouble.until
    {
      keep(because: .targetTroubled(trouble), &effects)
      effects.agenda.look(at: own.name, at: trouble.until)
      return true
    }
    let mayStop =
      facts.rules.settings(of: own.name, spec).evacuation.otherwise != .stay
      && (!isWaitedFor || own.claim?.value.newerDisks == nil)
    switch prospect(mayStop: mayStop, waitsForHindrances: isWaitedFor, at: facts.now) {
    case .tries: break
    case .triesAnew: reset()
    case .stops: return false
    case .waits(let until):
      keep(because: .triedAgain(after: reason), &effects)
      effects.agenda.look(at: own.name, at: until)
      return true
    }
    keep(because: nil, &effects)
    guard turn.mayAct, run.mayTryOrWait(own.name, &effects) else { return true }
    line.offer(.init(.offered, target: target), own, turn, facts, &effects)
    offered(at: facts.now)
    return true
  }

  /// It cannot be moved as it is now, and is not to be stopped for it: it would not be started again from its definition; or an operator paused it,
  /// and its policy does not let it be stopped.
  private func lagsOrStays(_ domain: DomainObservation, _ spec: SpecRecord, _ facts: Facts, _ own: WorkloadFacts) -> Bool {
    if own.claim?.value.newerDisks != nil { return true }
    guard domain.state == .paused, own.errand == .pause || own.errand == .resume else { return false }
    return facts.rules.settings(of: own.name, spec).evacuation.otherwise == .stay
  }

  /// The target is ready: libvirt is asked, with time left to the deadline.
  mutating func asks(
    _ domain: DomainObservation, _ spec: SpecRecord, to target: NodeName, _ uri: String, _ turn: borrowing Turn,
    _ facts: Facts, _ own: WorkloadFacts, _ run: inout Run, _ line: ClaimLine, _ effects: inout Effects
  ) {
    guard turn.mayAct, let deadline = turn.session.deadline, run.mayTryOrWait(own.name, &effects), !line.isBusy else { return }
    run.begin(.migrate)
    asks()
    // What is tried again and again is told once.
    if hindrance == nil {
      effects.note(.migrating, "\(own.name) moves from \(facts.me) to \(target) while it runs", workload: own.name)
    }
    effects.migrate(
      own.name,
      MigrationRequest(
        id: domain.id, uuid: domain.uuid, destination: uri,
        limits: facts.rules.settings(of: own.name, spec).evacuation.limits, notAfter: deadline - facts.timing.startBudget))
  }

  /// What moves is not to go there any more.
  mutating func cancelIfUnwanted(
    _ domain: DomainObservation, _ own: WorkloadFacts, _ facts: Facts, _ stance: Stance, _ effects: inout Effects
  ) {
    guard let target = own.migration?.target else { return }
    let isWanted = own.desired == .running && own.placement?.value.node == target.node
    let isThere = facts.view.sessions[target.incarnation] != nil
    guard !isWanted || !isThere || stance.leavesFast || stance.isPastDeadline, cancels() else { return }
    effects.cancelMigration(domain)
  }

  private mutating func change(_ body: (inout Transfer) -> Void) {
    guard case .asked(var transfer) = attempt else { return }
    body(&transfer)
    course.move(to: .asked(transfer))
  }

  /// It was to leave and runs on here until something changes; nil: no more.
  private mutating func keep(because reason: KeptReason?, _ effects: inout Effects) {
    guard kept != reason else { return }
    kept = reason
    effects.agenda.note(.report)
  }

  // MARK: the target

  /// - Returns: until when what arrives may take to be complete.
  mutating func arrives(at now: BootInstant) -> BootInstant {
    let since = arrivingSince ?? now
    arrivingSince = since
    return since + Limits.migrationPatience
  }
}

/// The target of live migrations that cannot be used for now, whatever is to go there.
struct TargetTrouble: Hashable, Sendable {
  var node: NodeName
  /// Whose migration showed it.
  var workload: WorkloadName
  var reason: MigrationFailure
  /// Nobody else tries it before.
  var until: BootInstant
}

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
    let moveMethod = MoveMethod(spec, to: node, method: method, evacuation, in: facts.view).unlessLagging(own.claim?.value)
    if moveMethod.how == .live, let uri = facts.view.migrationURI(of: node, for: spec.connection) {
      self = .live(target: ClaimRecord.Holder(node: node, incarnation: session.incarnation), uri: uri)
    } else {
      self = moveMethod.how == .stay && !stance.isLeaving ? .stays(moveMethod) : .restart
    }
  }
}
