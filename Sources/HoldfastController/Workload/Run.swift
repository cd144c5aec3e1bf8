import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// One workload's run on this node: what libvirt was asked for and has not shown yet, and how the last attempts went.
///
///     idle ──asked──▶ calling ──call ended──▶ settling ──effect seen──▶ idle
///                        └──it certainly did not happen──▶ idle       └──seen anew, without it──▶ idle
///
/// In every state but a start's call it may be retired: the workload is not this node's any more, and it begins anew as idle.
struct Run: Hashable, Sendable {
  private var course = StateCourse(RunPhase.idle)
  private var phase: RunPhase { course.state }
  /// Starts that failed in a row on this node.
  private(set) var failedStarts = 0
  /// Why the last start failed, when it is time to give the workload up.
  private(set) var giveUp: StartFailure?
  /// Nothing is tried before this instant.
  private var retryAt: BootInstant?
  /// Ends without being told to, in a row, since it last ran well; the next start waits longer each time. An earlier life may have counted some. That a
  /// check of it failed counts as one.
  private(set) var ends = 0
  /// The cause of the last of them, where a check failed.
  private(set) var unwell: Unwell?
  private var told = StateCourse(RunTold.nothing)
  private var ending = Ending()
  /// Attempts to resume a paused domain that failed in a row.
  private var failedResumes = 0
  private var execution = Execution()
  /// The domain is out of protection; the records remain to be removed.
  private(set) var isUnmarked = false
  /// The connection that was asked for the last start; nil: none was.
  private var startedOn: String?
  /// An earlier life of the controller has told that it runs, under the same session.
  private var isToldBefore = false
  /// The last failure that people were told of, so that it is told once.
  private var toldFailure: String?

  private init() {}

  /// A new one knows of nothing that libvirt was asked for.
  init(_ vacancy: borrowing Vacancy) {}

  var isBlank: Bool {
    var other = Run()
    other.startedOn = startedOn
    return self == other
  }
  var breach: String? { course.breach ?? told.breach ?? execution.breach }

  // MARK: questions

  /// The operation that was asked of libvirt and is not settled; nil: none.
  var operation: DomainOperation? {
    switch phase {
    case .idle: nil
    case .calling(let kind), .settling(let kind, _): kind
    }
  }
  var isIdle: Bool { phase == .idle }
  /// A start is asked for, and the call has not ended.
  var isCallingStart: Bool { phase == .calling(.start) }
  var isStarting: Bool { operation == .start }
  /// A start holds one of the few places: its call has not ended, or nobody answered it and nothing was seen since. libvirt may hang, and is not asked
  /// for one start after another then.
  var holdsStart: Bool {
    switch phase {
    case .calling(.start): true
    case .settling(.start, let ended): ended.isUnknown
    case .idle, .calling, .settling: false
    }
  }
  /// The connection on which a start holds a place; nil: none does.
  var startHeldOn: String? { holdsStart ? startedOn : nil }
  /// The guard killed it, and nothing was seen of that yet.
  var wasKilled: Bool { told.state == .killed }
  /// The run is being ended because a check of it fails, it crashed, or a disk of it has an I/O error.
  var isEndingUnwell: Bool { told.state == .ending }
  var cannotResume: Bool { failedResumes >= Limits.migrationAttempts + 1 }

  /// Whether something may be tried now: after a failure nothing is for a while; what is seen is taken in all the same.
  func door(at now: BootInstant) -> Door { if let retryAt, retryAt > now { .shut(until: retryAt) } else { .open } }

  // MARK: steps

  mutating func beginStart(on connection: String) {
    startedOn = connection
    isToldBefore = false
    begin(.start)
  }

  mutating func begin(_ kind: DomainOperation, isGraceful: Bool = false) {
    course.move(to: .calling(kind))
    ending.begins(kind, isGraceful: isGraceful)
  }

  /// A stop is under way that leaves it time, and is to take no more; false: there is none.
  mutating func cutsStopShort() -> Bool { phase == .calling(.stop) && ending.cutsShort() }

  /// The workload is not this node's any more.
  mutating func retire() {
    var (course, told) = (course, told)
    course.beginAnew(as: .idle)
    told.beginAnew(as: .nothing)
    self = Run()
    (self.course, self.told) = (course, told)
  }

  mutating func claimed() { (giveUp, failedStarts) = (nil, 0) }

  // MARK: a call's end

  mutating func endCall(
    _ kind: DomainOperation, _ outcome: OperationOutcome, of own: WorkloadFacts, _ facts: Facts, _ effects: inout Effects
  ) -> RunConsequence {
    guard operation == kind else { return .none }
    let now = facts.now
    ending.endsCall(kind, outcome)
    switch (kind, outcome) {
    case (.start, .failed(let reason)):
      course.move(to: .idle)
      failStart(reason, of: own, facts, &effects)
    case (.migrate, .failed(let reason)):
      course.move(to: .idle)
      return .migrationFailed(nil, reason: reason)
    case (.migrate, .hindered(let hindrance, let reason)):
      course.move(to: .idle)
      return .migrationFailed(hindrance, reason: reason)
    case (.resume, .failed(let reason)):
      course.move(to: .idle)
      failResume(reason, of: own, facts, &effects)
    case (_, .tooLate):
      course.move(to: .idle)
      retryAt = now + facts.timing.deadlinePause
      return .tooLate
    case (_, .failed(let reason)), (_, .hindered(_, let reason)):
      course.move(to: .idle)
      retryAt = now + Limits.afterFailure
      tellFailure(kind, reason, of: own.name, &effects)
    case (.start, .barred):
      course.move(to: .idle)
      return .wasBarred
    case (.bar, _), (.unbar, _), (_, .barred): break
    case (.unmark, .done):
      course.move(to: .idle)
      isUnmarked = true
    case (_, .done), (_, .unknown):
      let inventories = facts.local.inventoryCount(own.id?.connection ?? "")
      course.move(to: .settling(kind, EndedCall(at: now, inventories: inventories, isUnknown: outcome != .done)))
      effects.agenda.look(at: own.name, at: now + Limits.settling)
      if kind == .migrate, outcome == .done { return .migrationArrived }
    }
    return .none
  }

  private mutating func failStart(_ reason: String, of own: WorkloadFacts, _ facts: Facts, _ effects: inout Effects) {
    startFailed(because: .refused(reason), of: own, facts)
    retryAt = giveUp == nil ? facts.now + Limits.afterFailure : nil
    effects.note(.startFailed, "\(own.name) did not start on \(facts.me): \(reason)", severity: .error, workload: own.name)
  }

  private mutating func failResume(_ reason: String, of own: WorkloadFacts, _ facts: Facts, _ effects: inout Effects) {
    failedResumes += 1
    retryAt = facts.now + .seconds(min(failedResumes, Limits.longestResumePause))
    // What an operator asked for, or its policy, is tried for as long as it stands, and told once.
    if own.errand == .resume || own.observed?.reason == .ioError { return tellFailure(.resume, reason, of: own.name, &effects) }
    effects.note(
      .migrating, "resuming \(own.name) on \(facts.me) failed: \(reason)", severity: .warning, workload: own.name)
  }

  private mutating func tellFailure(
    _ kind: DomainOperation, _ reason: String, of name: WorkloadName, _ effects: inout Effects
  ) {
    guard toldFailure != reason else { return }
    toldFailure = reason
    effects.note(
      kind == .stop ? .stopping : .unreadable, "\(name): \(kind.rawValue) failed: \(reason)", severity: .warning,
      workload: name)
  }

  private mutating func startFailed(because failure: StartFailure, of own: WorkloadFacts, _ facts: Facts) {
    failedStarts += 1
    giveUp = failedStarts >= Self.startsBeforeGivingUp(own, facts) ? failure : nil
  }

  /// The workload must not be started as it is defined, and libvirt is not asked: it is given up here at once.
  mutating func refuse(because reason: StartFailure, _ name: WorkloadName, _ me: NodeName, _ effects: inout Effects) {
    failedStarts += 1
    giveUp = reason
    effects.noteOnce(.startFailed, "\(name) is not started on \(me): \(reason)", severity: .error, workload: name)
  }

  /// Starts that may fail in a row before the workload is given up to another node.
  private static func startsBeforeGivingUp(_ own: WorkloadFacts, _ facts: Facts) -> Int {
    own.spec.flatMap { facts.rules.settings(of: own.name, $0.value).failover.restarts } ?? Failover.defaultRestarts
  }

  // MARK: an effect

  /// An operation ends when its effect is seen; a call's return only starts the wait for it.
  mutating func settle(
    _ own: WorkloadFacts, _ id: DomainID, _ sight: LocalDomains.Sight, _ facts: Facts, _ fence: inout StartFence,
    _ effects: inout Effects
  ) {
    // What is over needs no remembering.
    if door(at: effects.now).isOpen { retryAt = nil }
    let kind: DomainOperation, call: EndedCall?
    switch phase {
    case .idle: return
    case .calling(let asked): (kind, call) = (asked, nil)
    case .settling(let asked, let ended): (kind, call) = (asked, ended)
    }
    let inventories = facts.local.inventoryCount(id.connection)
    if RunEffect.isShown(of: kind, call, own, sight, inventories) {
      return take(effectOf: kind, own, sight, facts.me, &effects)
    }
    guard var ended = call else { return }
    let again = effects.now + Limits.settling
    // Whatever else it was woken for has taken the timer.
    guard effects.now - ended.at >= Limits.settling else {
      return effects.agenda.look(at: own.name, at: ended.at + Limits.settling)
    }
    guard ended.isRefreshed else {
      (ended.isRefreshed, ended.at, ended.inventories) = (true, effects.now, inventories)
      course.move(to: .settling(kind, ended))
      effects.agenda.look(at: own.name, at: again)
      return effects.refresh()
    }
    let needsFence = kind == .start && ended.isUnknown
    if needsFence { fence.close(own.name, facts, &effects) }
    if needsFence, !fence.isClosed {
      effects.agenda.look(at: own.name, at: again)
    } else if inventories > ended.inventories {
      // Seen anew, and the effect is not there: the operation did not work, or was undone.
      course.move(to: .idle)
      ending.didNotWork(kind)
      guard kind == .start else { return }
      if ended.isUnknown { fence.inherit() }
      startFailed(because: .endedAtOnce, of: own, facts)
      effects.note(
        .startFailed, "\(own.name) ended right after its start on \(facts.me)", severity: .error, workload: own.name)
    } else {
      effects.agenda.look(at: own.name, at: again)
    }
  }

  private mutating func take(
    effectOf kind: DomainOperation, _ own: WorkloadFacts, _ sight: LocalDomains.Sight, _ me: NodeName, _ effects: inout Effects
  ) {
    switch (kind, sight) {
    case (.stop, _): noteStopped(own.name, me, &effects)
    case (.resume, .present): failedResumes = 0
    default: break
    }
    course.move(to: .idle)
  }

  // MARK: how it goes

  /// An earlier life of the controller saw it run under this session: where it runs on, that is no news.
  ///
  /// - Parameter isUnwritten: this life has written nothing of its claim.
  mutating func heedEarlierLife(_ own: WorkloadFacts, isUnwritten: Bool) {
    guard isUnwritten, startedOn == nil, told.state == .nothing, own.isClaimed else { return }
    isToldBefore = own.claim?.value.activity == .running
  }

  /// The domain is seen to run, or paused.
  ///
  /// - Parameter wellSince: since when its checks say that it is well; nil: they do not.
  mutating func noteStarted(
    _ own: WorkloadFacts, _ me: NodeName, isPaused: Bool, wellSince: BootInstant?, _ effects: inout Effects
  ) -> Wellness {
    execution.sees(isPaused: isPaused, at: effects.now)
    if told.state == .nothing {
      if own.claim?.value.activity == .stopping { ending.wasBeingStopped() }
      told.move(to: .running(since: effects.now, well: nil))
      giveUp = nil
      if let claim = own.claim?.value, let counted = claim.ends, counted > ends { (ends, unwell) = (counted, claim.unwell) }
      effects.unsay(.killed, workload: own.name)
      effects.unsay(.vanished, workload: own.name)
      effects.unsay(.startFailed, workload: own.name)
      effects.unsay(.stopping, workload: own.name)
      if !isToldBefore {
        let isMoved = isPaused && own.hasArrived
        effects.note(
          .started, isMoved ? "\(own.name) has moved to \(me), and stays paused there" : "\(own.name) runs on \(me)",
          workload: own.name)
      }
      isToldBefore = false
    }
    ending.runs(under: own.epoch)
    guard case .running(let since, let before) = told.state else { return .unproven }
    let well = wellSince.flatMap { execution.since($0, since) }
    if well != before { told.move(to: .running(since: since, well: well)) }
    guard let well else { return .unproven }
    guard effects.now - well < Limits.ranWell else {
      (failedStarts, ends, unwell) = (0, 0, nil)
      if effects.now - well >= Limits.ranWellForLong { return .forLong }
      if own.claim?.value.failures.contains(where: { $0.key != me && $0.value.check != nil }) == true {
        effects.agenda.look(at: own.name, at: well + Limits.ranWellForLong)
      }
      return .forAWhile
    }
    if failedStarts > 0 || ends > 0 || own.claim?.value.failures.isEmpty == false {
      effects.agenda.look(at: own.name, at: well + Limits.ranWell)
    }
    return .unproven
  }

  /// A check of it fails: that counts like an end.
  mutating func countUnwell(_ unwell: Unwell) {
    ends = min(ends + 1, Limits.countedEnds)
    self.unwell = unwell
  }

  /// The run is ended for a check that fails.
  mutating func endsUnwell() { if !isEndingUnwell { told.move(to: .ending) } }

  /// The run was to be ended for a check, and is not any more.
  mutating func isSpared(at now: BootInstant) { if isEndingUnwell { told.move(to: .running(since: now, well: nil)) } }

  private mutating func noteStopped(_ name: WorkloadName, _ me: NodeName, _ effects: inout Effects) {
    if isEndingUnwell { pauseAfterEnd(name, &effects) }
    if told.state != .nothing { told.move(to: .nothing) }
    ending.end()
    effects.note(.stopped, "\(name) has stopped on \(me)", workload: name)
  }

  /// The guard killed it and said so: its end is told already, and no reason to start it later.
  mutating func killed() {
    switch told.state {
    case .running, .ending: told.move(to: .killed)
    case .nothing, .killed: break
    }
  }

  /// The domain was seen to be gone: what was killed is over.
  mutating func gone() {
    guard wasKilled else { return }
    told.move(to: .nothing)
    ending.end()
  }

  /// libvirt said how it ended. It is no news of what was not told to run.
  mutating func ended(_ end: DomainEnd) { if case .running = told.state { ending.saw(end) } }

  /// The end after which it stays down; nil: there was none.
  func staysDown(_ own: WorkloadFacts) -> DomainEnd? { ending.staysDown(under: own.epoch) }

  /// An operator who wants it to be started all the same has the last word.
  mutating func heedOperator(_ own: WorkloadFacts) {
    if own.desired != .running || own.errand == .restart || own.errand == .reset { ending.goesUp() }
  }

  /// The domain ran and was not told to stop: it ended by itself or was ended by somebody. It is started again here, later each time, or stays down.
  ///
  /// - Parameter mayStayDown: nothing but the workload, or somebody who has no part in this, can have ended it.
  mutating func noteVanished(_ own: WorkloadFacts, _ facts: Facts, mayStayDown: Bool, _ effects: inout Effects) {
    let name = own.name, me = facts.me
    gone()
    // Its end was counted when it was decided.
    if isEndingUnwell { return noteStopped(name, me, &effects) }
    guard case .running(_, let well) = told.state else { return }
    told.move(to: .nothing)
    if mayStayDown { ending.decide(own, facts) }
    ending.end()
    guard staysDown(own) == nil else { return }
    countEnd(wellSince: well, at: effects.now)
    pauseAfterEnd(name, &effects)
    effects.note(
      .vanished, "\(name) ended on \(me) without being told to\(timesInARow)", severity: .warning, workload: name)
  }

  private mutating func countEnd(wellSince well: BootInstant?, at now: BootInstant) {
    if let well, now - well >= Limits.ranWell { ends = 0 }
    ends = min(ends + 1, Limits.countedEnds)
    unwell = nil
  }

  /// Follows a clause.
  private var timesInARow: String { ends > 1 ? ", \(ends) times in a row now" : "" }

  // MARK: it crashed, and is kept

  /// Its policy keeps it as it is. When it ends it stays down.
  mutating func keepsCrashed(_ own: WorkloadFacts, _ me: NodeName, _ effects: inout Effects) {
    ending.keepDown(after: .crashed, under: own.epoch)
    effects.noteOnce(
      .vanished,
      "\(own.name) crashed on \(me) and is kept as it is, as its policy says: \(own.wayOutOfCrash(on: me))",
      severity: .error, workload: own.name)
  }

  /// It crashed, or is paused for good: it is ended and started anew, which counts like an end.
  ///
  /// - Parameter what: what came of it, as the predicate of a sentence.
  mutating func startsAnew(_ own: WorkloadFacts, _ me: NodeName, after what: String, _ effects: inout Effects) {
    ending.goesUp()
    guard !isEndingUnwell, !wasKilled else { return }
    if let counted = own.claim?.value.ends, counted > ends { ends = counted }
    var since: BootInstant?
    if case .running(_, let well) = told.state { since = well }
    countEnd(wellSince: since, at: effects.now)
    told.move(to: .ending)
    effects.note(
      .vanished, "\(own.name) \(what) on \(me)\(timesInARow): it is ended and started anew", severity: .warning,
      workload: own.name)
  }

  /// The second end in a row and those after it make the next start wait.
  private mutating func pauseAfterEnd(_ name: WorkloadName, _ effects: inout Effects) {
    guard ends >= Limits.firstLengtheningEnd else { return }
    let at = effects.now + .seconds(1 << (min(ends, Limits.lengtheningEnds) - Limits.firstLengtheningEnd))
    retryAt = at
    effects.agenda.look(at: name, at: at)
  }
}
