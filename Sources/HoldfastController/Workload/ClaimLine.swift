import HoldfastModel
import HoldfastTime

/// The line to one workload's claim in the store: one write at a time, and what the last ones proved.
///
///     free ──sent──▶ in flight ──committed──▶ free
///      ▲                └──failed──▶ backing off ──time──▶ free
///
/// Retired in any state, it begins anew as free.
struct ClaimLine: Hashable, Sendable {
  private enum Line: StateList {
    case free, inFlight

    /// One write at a time; the end of one may come when the workload is not this node's any more.
    func mayBecome(_ next: Line) -> Bool {
      switch (self, next) {
      case (.free, _), (_, .free): true
      case (.inFlight, .inFlight): false
      }
    }
  }

  /// Writes that failed in a row; each waits longer for the next.
  private struct Backoff: Hashable, Sendable {
    var failures = 0
    /// The claim is neither taken nor given up before this instant.
    var writes: BootInstant?
    /// News of the workload is not written into the claim before this instant.
    var tells: BootInstant?
  }

  private var course = StateCourse(Line.free)
  private var backoff = Backoff()
  private var proof: ClaimProof
  /// The revision of the placement under which the workload was given up here: the planner has to think anew first.
  private(set) var gaveUp: Revision?
  /// Its claim was refused in a batch: alone from now on, so that it cannot hold others up.
  private(set) var goesAlone = false

  init(_ vacancy: borrowing Vacancy) { proof = ClaimProof(vacancy) }

  var isBlank: Bool { proof.isBlank && self == ClaimLine(proof) }
  var breach: String? { course.breach ?? proof.breach }

  private init(_ proof: ClaimProof) { self.proof = proof }

  // MARK: questions

  var isBusy: Bool { course.state == .inFlight }

  /// Whether the claim may be written now.
  func door(at now: BootInstant) -> Door {
    if isBusy { return .busy }
    if let at = backoff.writes, at > now { return .shut(until: at) }
    return .open
  }

  /// Whether what happens may be told in the claim now.
  func tellingDoor(at now: BootInstant) -> Door {
    if isBusy { return .busy }
    if let at = backoff.tells, now < at { return .shut(until: at) }
    return .open
  }

  /// The claim is ours, and no release of it may have been applied without our knowing.
  func isMine(_ own: WorkloadFacts) -> Bool { proof.isMine(own) }

  /// The right to go on with what runs; nil: the claim is another's, or in doubt.
  func held(_ own: WorkloadFacts) -> HeldClaim? { proof.held(own) }

  /// The right to start it; nil: the claim is not proven yet, or not ours.
  func permit(_ own: WorkloadFacts) -> ClaimPermit? { proof.permit(own) }

  /// This life of the controller has written nothing of the claim.
  var isUnwritten: Bool { proof.isUnwritten }

  /// The claim as it is read is what this life wrote there.
  func agrees(_ own: WorkloadFacts) -> Bool { proof.agrees(own) }

  /// The workload was given up here under the placement that still stands.
  func isGivenUp(_ own: WorkloadFacts, me: NodeName) -> Bool {
    guard let gaveUp, gaveUp == own.placement?.modified else { return false }
    return own.claim?.value.failures[me] != nil
  }

  // MARK: what becomes of a write

  mutating func sent() { course.move(to: .inFlight) }

  /// - Parameter claim: as it was written; nil: nothing of it was.
  mutating func committed(_ claim: ClaimRecord?, at revision: Revision) {
    ended()
    proof.written(claim, at: revision)
  }

  mutating func claimed(_ claim: ClaimRecord?, at revision: Revision) {
    committed(claim, at: revision)
    goesAlone = false
  }

  private mutating func ended() {
    course.move(to: .free)
    backoff = Backoff()
  }

  /// - Parameter wasOnlyTold: what failed only told what happens.
  mutating func failed(at now: BootInstant, pause: Duration, wasOnlyTold: Bool = false) {
    course.move(to: .free)
    let until = now + pause * (1 << min(backoff.failures, Limits.writePauseDoublings))
    backoff.failures += 1
    if wasOnlyTold { backoff.tells = until } else { backoff.writes = until }
  }

  mutating func refusedInBatch() { goesAlone = true }

  /// A release, or what is one, may have been applied, and may still be.
  mutating func doubt(_ revision: Revision?) {
    if let revision { proof.doubt(revision) }
  }

  /// The store is an earlier one than it was: nothing is proven by what was written to it.
  mutating func storeWentBack() { proof.storeWentBack() }

  mutating func giveUp(under placement: Revision?) { gaveUp = placement }

  /// The workload is not this node's any more.
  ///
  /// - Parameter keepsGivingUp: the planner has to think anew before it comes here again.
  mutating func retire(keepsGivingUp: Bool) {
    let gaveUp = keepsGivingUp ? gaveUp : nil
    var course = course
    course.beginAnew(as: .free)
    proof.retire()
    self = ClaimLine(proof)
    (self.course, self.gaveUp) = (course, gaveUp)
  }

  // MARK: writes

  /// Asks for the claim, unless it was given up under this very placement or a write has just failed.
  func wish(_ own: WorkloadFacts, _ me: NodeName, _ effects: inout Effects) {
    guard !isGivenUp(own, me: me) else { return }
    let door = door(at: effects.now)
    guard door.isOpen else { return effects.agenda.wait(own.name, for: door) }
    effects.batch.claim(own.name)
  }

  /// Tells in the claim what happens.
  func tell(_ activity: ClaimRecord.Activity, _ own: WorkloadFacts, _ effects: inout Effects) {
    tell(ClaimNews(activity), own, &effects)
  }

  func tell(_ news: ClaimNews, _ own: WorkloadFacts, _ effects: inout Effects) {
    guard let claim = own.claim?.value else { return }
    let door = tellingDoor(at: effects.now)
    guard door.isOpen else { return effects.agenda.wait(own.name, for: door) }
    if claim.telling(news) != claim { effects.batch.tell(own.name, news) }
  }

  private mutating func send(
    _ write: WorkloadWrite, _ transaction: consuming PermittedTransaction, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    sent()
    effects.transact(.workload(own.name, write), transaction)
  }

  /// Writes the claim as it is. Whatever was sent on its earlier revision, by this life or the one before, is refused from then on. Nothing of
  /// the workload is here: an errand that was meant for what ran is done with, or has nothing left to be done with.
  mutating func prove(_ own: WorkloadFacts, _ turn: borrowing Turn, _ effects: inout Effects) {
    prove(.starting, own, turn, &effects)
  }

  /// Takes the errand away: what it asked for is so, and the workload runs on.
  mutating func endErrand(_ own: WorkloadFacts, _ turn: borrowing Turn, _ effects: inout Effects) {
    prove(.running, own, turn, &effects)
  }

  private mutating func prove(
    _ activity: ClaimRecord.Activity, _ own: WorkloadFacts, _ turn: borrowing Turn, _ effects: inout Effects
  ) {
    guard turn.session.mayWrite, turn.session.isValid, let claim = own.claim else { return }
    let door = door(at: effects.now)
    guard door.isOpen else { return effects.agenda.wait(own.name, for: door) }
    let record = claim.value.telling(ClaimNews(activity))
    var conditions: [Condition<RecordKey>] = [.unchanged(.claim(own.name), modified: claim.modified)]
    var writes: [Write<RecordKey, Record>] = [.put(.claim(own.name), .claim(record))]
    if let intent = own.intent, intent.value.errand != nil {
      var wanted = intent.value
      wanted.errand = nil
      conditions.append(.unchanged(.intent(own.name), modified: intent.modified))
      writes.append(.put(.intent(own.name), .intent(wanted)))
    }
    guard let transaction = turn.session.transaction(if: conditions, write: writes) else { return }
    send(.prove, transaction, own, &effects)
  }

  /// Gives the claim up: nothing of the workload is here any more.
  mutating func release(
    _ absence: consuming Absence, because reason: ReleaseReason, failure: WorkloadFailure? = nil, _ own: WorkloadFacts,
    _ turn: borrowing Turn, _ facts: Facts, _ effects: inout Effects
  ) {
    guard absence.workload == own.name, turn.session.mayWrite, let claim = own.claim, own.isClaimed else { return }
    let door = door(at: effects.now)
    guard door.isOpen else { return effects.agenda.wait(own.name, for: door) }
    let me = facts.me
    effects.check(!own.isSeen, "\(own.name) is given up on \(me), where it is seen")
    var record = claim.value
    switch reason {
    case .moves: if failure == nil { record.noteEvacuation(facts) }
    // Nobody wants it to run: nothing brings it back.
    case .stopped, .staysDown, .nobodyKnows: record.evacuatedFrom = nil
    case .givenUpBefore: if case .moves = own.whyItLeaves { record.noteEvacuation(facts) }
    case .startsFail, .waitsForNode, .nameTaken, .hypervisorSilent: break
    }
    record.release()
    if let failure {
      giveUp(under: own.placement?.modified)
      record.note(failure.record, on: me)
    }
    var conditions: [Condition<RecordKey>] = [.unchanged(.claim(own.name), modified: claim.modified)]
    var writes: [Write<RecordKey, Record>] = [.put(.claim(own.name), .claim(record))]
    if let wanted = Self.wanted(after: reason, own, me) {
      // Without a holder nothing would prove any more whether it is to run; and what stays down is started by no other node in between.
      if let intent = own.intent {
        conditions.append(.unchanged(.intent(own.name), modified: intent.modified))
      } else {
        guard let spec = own.spec else { return }
        conditions += [.stands(.spec(own.name), created: spec.created), .absent(.intent(own.name))]
      }
      writes.append(.put(.intent(own.name), .intent(wanted)))
    }
    guard let transaction = turn.session.transaction(if: conditions, write: writes) else { return }
    send(.release(of: claim.modified, because: reason), transaction, own, &effects)
  }

  /// The intent that a release writes anew; nil: it stays as it is.
  private static func wanted(after reason: ReleaseReason, _ own: WorkloadFacts, _ me: NodeName) -> IntentRecord? {
    if case .staysDown(let end) = reason {
      var wanted = own.intent?.value ?? IntentRecord(desired: .stopped)
      (wanted.desired, wanted.errand, wanted.ended) = (.stopped, nil, IntentRecord.Ended(end, on: me))
      return wanted
    }
    return own.lacksIntent ? own.desired.map { IntentRecord(desired: $0) } : nil
  }

  /// Offers the workload to the target of a live migration.
  ///
  /// - Parameter staysPaused: it is paused here, and is to be so there.
  mutating func offer(
    _ held: consuming HeldClaim, to target: ClaimRecord.Holder, staysPaused: Bool, _ own: WorkloadFacts,
    _ turn: borrowing Turn, _ facts: Facts, _ effects: inout Effects
  ) {
    guard held.workload == own.name else { return effects.check(false, "the offer of \(own.name) under another's claim") }
    // What is released meanwhile does not move: nobody would let it go on where it arrives.
    let offer = ClaimRecord.Migration(.offered, target: target, staysPaused: staysPaused ? true : nil)
    step(offer, if: [facts.view.asSeen(.intent(own.name), own.intent)], own, turn, &effects)
  }

  /// Takes the offer back: nothing of the workload moves any more.
  mutating func takeBack(_ held: consuming HeldClaim, _ own: WorkloadFacts, _ turn: borrowing Turn, _ effects: inout Effects) {
    guard held.workload == own.name else { return effects.check(false, "an offer of \(own.name) under another's claim") }
    step(nil, own, turn, &effects)
  }

  /// Says in the claim, which is the source's, that this node is ready for what may arrive.
  mutating func ready(_ me: NodeName, _ own: WorkloadFacts, _ turn: borrowing Turn, _ effects: inout Effects) {
    guard own.isArriving, let incarnation = turn.session.incarnation else { return }
    let target = ClaimRecord.Holder(node: me, incarnation: incarnation)
    step(ClaimRecord.Migration(.ready, target: target, staysPaused: own.migration?.staysPaused), own, turn, &effects)
  }

  private mutating func step(
    _ migration: ClaimRecord.Migration?, if conditions: [Condition<RecordKey>] = [], _ own: WorkloadFacts,
    _ turn: borrowing Turn, _ effects: inout Effects
  ) {
    guard turn.session.mayWrite, let claim = own.claim else { return }
    let door = door(at: effects.now)
    guard door.isOpen else { return effects.agenda.wait(own.name, for: door) }
    var record = claim.value
    record.migration = migration
    let unchanged = Condition<RecordKey>.unchanged(.claim(own.name), modified: claim.modified)
    guard
      let transaction = turn.session.transaction(if: [unchanged] + conditions, write: [.put(.claim(own.name), .claim(record))])
    else { return }
    send(.offer, transaction, own, &effects)
  }

  /// Whether the workload arrived or ended, it is the target's from now on: that sees what is there.
  mutating func handOver(
    _ absence: consuming Absence, failure: WorkloadFailure?, _ own: WorkloadFacts, _ turn: borrowing Turn, _ facts: Facts,
    _ effects: inout Effects
  ) {
    guard absence.workload == own.name, turn.session.mayWrite, let claim = own.claim, own.isClaimed else { return }
    let door = door(at: effects.now)
    guard door.isOpen else { return effects.agenda.wait(own.name, for: door) }
    guard let target = claim.value.migration?.target, let other = facts.view.sessions[target.incarnation]
    else { return }
    effects.check(!own.isSeen, "\(own.name) is handed over by \(facts.me), where it is seen")
    effects.check(target.node != facts.me, "\(own.name) is handed over to \(facts.me) itself")
    var record = claim.value
    if failure == nil { record.noteEvacuation(facts) }
    record.holder = target
    record.epoch = record.epoch.next
    effects.check(record.epoch > own.epoch, "\(own.name) is handed over without a later epoch")
    record.activity = .starting
    (record.ends, record.unwell) = (nil, nil)
    if let failure { record.note(failure.record, on: facts.me) }
    record.migration = ClaimRecord.Migration(
      .arrived, target: target, mark: claim.value.epoch, staysPaused: claim.value.migration?.staysPaused)
    guard
      let transaction = turn.session.transaction(
        if: [
          .unchanged(.claim(own.name), modified: claim.modified), .stands(.session(target.incarnation), created: other.created)
        ], write: [.put(.claim(own.name), .claim(record))])
    else { return }
    send(.handOver(to: target.node, of: claim.modified), transaction, own, &effects)
  }

  /// Takes the claim of a domain that runs here and came under protection.
  mutating func adopt(
    _ own: WorkloadFacts, at epoch: Epoch, _ turn: borrowing Turn, _ facts: Facts, _ effects: inout Effects
  ) {
    guard let holder = turn.session.holder(on: facts.me), let spec = own.spec, let intent = own.intent else { return }
    let door = door(at: effects.now)
    guard door.isOpen else { return effects.agenda.wait(own.name, for: door) }
    let view = facts.view
    var conditions: [Condition<RecordKey>] = [
      .stands(.spec(own.name), created: spec.created), .unchanged(.intent(own.name), modified: intent.modified),
      view.asSeen(.placement(own.name), own.placement), view.asSeen(.claim(own.name), own.claim)
    ]
    if let last = own.claim?.value.holder { conditions.append(.absent(.session(last.incarnation))) }
    let served = own.placement?.value.servedMove ?? 0
    guard
      let transaction = turn.session.transaction(
        if: conditions,
        write: [
          .put(.intent(own.name), .intent(IntentRecord(desired: .running, removesLeftovers: intent.value.removesLeftovers))),
          .put(
            .placement(own.name),
            .placement(PlacementRecord(node: facts.me, reason: PlacementReason(.adopted), servedMove: served))),
          .put(.claim(own.name), .claim(ClaimRecord(epoch: epoch, holder: holder, activity: .running)))
        ])
    else { return }
    send(.adopt, transaction, own, &effects)
  }

  /// Removes a workload that left protection; its claim's epoch stays, released.
  ///
  /// - Parameter report: of this node, where the domain goes on here outside protection, so that nobody takes its room for free.
  mutating func forget(
    _ permit: consuming ForgetPermit, _ report: ReportRecord?, _ own: WorkloadFacts, _ turn: borrowing Turn, _ facts: Facts,
    _ effects: inout Effects
  ) {
    guard permit.workload == own.name, turn.session.mayWrite else { return }
    let door = door(at: effects.now)
    guard door.isOpen else { return effects.agenda.wait(own.name, for: door) }
    var conditions: [Condition<RecordKey>] = []
    var writes: [Write<RecordKey, Record>] = []
    if let claim = own.claim {
      var record = claim.value
      let node = own.observation(in: facts.local) != nil ? facts.me : record.holder?.node
      record.releasedTo = own.spec.map { .init(node: node, connection: $0.value.connection, uuid: $0.value.uuid) }
      record.release()
      // From here on people run it, on whichever disks they like. Who brings it back has them from what is kept of it (`ReleasedRecord`).
      (record.newerDisks, record.evacuatedFrom) = (nil, nil)
      conditions.append(.unchanged(.claim(own.name), modified: claim.modified))
      writes.append(.put(.claim(own.name), .claim(record)))
    } else {
      conditions.append(.absent(.claim(own.name)))
    }
    if let intent = own.intent { conditions.append(.unchanged(.intent(own.name), modified: intent.modified)) }
    writes += [.delete(.spec(own.name)), .delete(.intent(own.name)), .delete(.placement(own.name))]
    if let report { writes.append(.put(.report(facts.me), .report(report))) }
    guard let transaction = turn.session.transaction(if: conditions, write: writes) else { return }
    send(.forget(of: own.claim?.modified), transaction, own, &effects)
  }
}

extension ClaimRecord {
  /// Its holder is about to give it away, and nothing of it has failed there. Where that is because the node is being emptied, the node is remembered;
  /// but one that it never came to run on is not the one that it was moved off.
  fileprivate mutating func noteEvacuation(_ facts: Facts) {
    if evacuatedFrom == nil, Maintenances(facts).isEmptied(facts.me) { evacuatedFrom = holder }
  }
}
