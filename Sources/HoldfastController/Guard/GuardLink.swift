import GuardCore
import HoldfastModel
import HoldfastTime

/// The controller's side of its guard: what the guard says of itself, what it was told and has not answered, and the freeze that stands in for
/// it while it is gone.
///
///     absent ──connected──▶ disarmed ──extend──▶ armed ──isolate, deadline──▶ isolated ──thaw──▶ armed
///        ▲                      │                  │                              │
///        └──────────lost────────┴──────────────────┴──────────────────────────────┘
public struct GuardLink: Sendable {
  private var course = StateCourse(GuardStanding.absent(GuardAbsence(hasSpoken: false)))
  /// Attempts at a freeze without the guard that were not answered. Until they are, the last of them may freeze what was thawed since.
  private var unansweredFreezes = 0
  /// The workloads that the guard protects, as it said last. While it is gone, so does its successor, as far as anybody knows.
  private var lists = GuardLists()
  /// Addresses that were to be removed with the last attempt at a freeze without the guard.
  private var removedDirectly: Set<GuardedAddress> = []
  private var guardFlaws = GuardFlaws()
  /// The latest deadline that a guard was told since the last `shorten`; nil: not known. Its successor takes it up.
  private var toldDeadline: BootInstant?
  /// The latest that a guard can have: of what one said when it connected, and of all that was told.
  private var latestDeadline = BootInstant.zero
  /// After a refusal nothing is commanded before this instant.
  private(set) var quietUntil: BootInstant = .zero
  /// When frozen starts were last killed for libvirt's sake.
  private var startsKilledAt: BootInstant?
  /// In the last turn the guard was armed, within the session's deadline.
  private var wasArmed = false

  // MARK: questions

  var breach: String? { course.breach }
  private var presence: GuardPresence? { if case .present(let presence) = course.state { presence } else { nil } }
  private var absence: GuardAbsence? { if case .absent(let absence) = course.state { absence } else { nil } }
  private var hasSpoken: Bool { absence?.hasSpoken ?? true }

  /// The guard's phase as it said last; nil while its door is closed.
  public var phase: GuardState.Phase? { presence?.said }
  public var isConnected: Bool { presence != nil }
  /// Workloads may run: the guard enforces a deadline and nothing is frozen.
  public var isArmed: Bool { presence?.isArmed ?? false }
  public var isIsolated: Bool { thaw != nil }
  var workloads: Set<String> { lists.workloads }
  var starting: Set<String> { lists.starting }
  /// The guard that is there is one of an earlier release, which would raise no address.
  var lacksAddresses: Bool { isConnected && !lists.knowsAddresses }
  /// The way to a thaw; nil: the guard has frozen nothing.
  var thaw: Thaw? { presence?.isolation?.thaw }
  /// Nothing that was asked for without the guard can freeze anything any more.
  var isDirectFreezeSettled: Bool { unansweredFreezes == 0 }
  var isFreezingDirectly: Bool { absence?.freeze.isWanted ?? false }
  /// A shorter deadline is to be confirmed.
  var isShortening: Bool { presence.map { $0.shortening != .none } ?? false }

  /// The phase as it is reported.
  public var summary: GuardPhase {
    switch phase {
    // Nobody has missed it yet.
    case nil where !hasSpoken && !isFreezingDirectly: .awaited
    case nil: .absent
    case .disarmed: .disarmed
    case .armed: .armed
    case .isolated(_, let confirmed): confirmed ? .isolated : .isolating
    }
  }

  /// Flaws of the guard that is there, for people; sorted.
  var flaws: [NodeFlaw] { isConnected ? guardFlaws.list : [] }

  /// Since when nothing under protection executes here, for certain; nil: something may.
  var frozenSince: BootInstant? {
    switch course.state {
    case .absent(let absence): absence.freeze.confirmedSince
    // An address that is up answers for what is frozen.
    case .present(let presence): presence.isolation.flatMap { $0.isConfirmed && lists.held.isEmpty ? $0.since : nil }
    }
  }

  /// What is told of that.
  var freeze: ReportRecord.Freeze? { isFreezing ? (frozenSince == nil ? .ordered : .confirmed) : nil }

  /// This node's workloads are stopped in time after this controller has ended: by the guard, or since it was seen frozen.
  var outlastsController: Bool { isConnected || frozenSince != nil }

  /// Everything under protection is frozen, or is being frozen without the guard.
  var isFreezing: Bool { isIsolated || isFreezingDirectly }
  /// The guard was told to freeze everything, and has not said so.
  var isAboutToFreeze: Bool { presence?.isIsolating ?? false }

  /// The guard's word for a turn under that session.
  func word(within session: borrowing SessionPermit) -> GuardWord {
    GuardWord(course.state, lists, within: session.deadline)
  }

  /// Work that waited for the guard is due when it is armed within the session's deadline, whichever of the two has moved.
  mutating func noteArmed(_ word: borrowing GuardWord, _ workloads: WorkloadTable, _ effects: inout Effects) {
    if word.isArmed, !wasArmed { effects.agenda.note(.guardAnew) }
    // What its checks look at is not judged meanwhile.
    if !word.isArmed, wasArmed, case let checked = workloads.checked, !checked.isEmpty { effects.agenda.note(.health(checked)) }
    wasArmed = word.isArmed
  }

  // MARK: what the guard says

  /// The consequences of something that the guard said.
  struct Heard {
    /// Names that the guard protects no more.
    var dropped: Set<String> = []
    /// Starts that the guard was told of before this life: they may still succeed.
    var inheritedStarts: [String] = []
    /// Addresses that it holds from before this life.
    var inheritedAddresses: [HeldAddress] = []
    /// Addresses with which it is another step further; and whether it has acknowledged more.
    var addresses: Set<HeldAddress> = []
    var acknowledges = false
    /// The guard may not have forgotten what it was told to forget: what it says of itself holds.
    var isAnew = false
    /// The guard may not have taken what it was told, or its successor does not know: it is told again.
    var losesKills = false
    var protectsAnew = false
    /// The guard is armed: the deadline moves on.
    var extends = false
  }

  mutating func connected(_ state: GuardState, _ facts: Facts, _ effects: inout Effects) -> Heard {
    let isFirst = !hasSpoken, wasFreezing = isFreezingDirectly
    if isConnected { course.move(to: .absent(GuardAbsence(hasSpoken: true))) }
    // Another guard may be in any phase.
    course.move(to: .present(GuardPresence(state.phase)))
    if case .armed(let deadline) = state.phase { latestDeadline = max(latestDeadline, deadline) }
    guardFlaws.take(state.health, facts, &effects)
    lists = GuardLists(state)
    var heard = Heard(isAnew: true, losesKills: true, protectsAnew: true, extends: true)
    if isFirst { (heard.inheritedStarts, heard.inheritedAddresses) = (state.starting, state.held) }
    if wasFreezing {
      effects.note(.guardBack, "the guard is back")
      isolate(&effects)
    }
    effects.agenda.note(.guardAnew)
    return heard
  }

  mutating func said(_ state: GuardState, _ facts: Facts, _ effects: inout Effects) -> Heard {
    // One that speaks is there.
    guard let before = presence else { return connected(state, facts, &effects) }
    guardFlaws.take(state.health, facts, &effects)
    var presence = before
    let isExpected = presence.hear(state.phase)
    course.move(to: .present(presence))
    if isExpected { checkHeard(state.phase, &effects) }
    if before.isArmed, presence.isArmed, lists.areAsTold(by: state) {
      if isShortening { effects.agenda.note(.other) }
      return Heard()
    }
    var heard = take(GuardLists(state), &effects)
    if !isExpected {
      effects.note(
        .guardRefused, "the guard thawed what was frozen, and this controller did not ask for it: everything is frozen again",
        severity: .error)
      effects.tellGuard(.isolate)
    }
    switch state.phase {
    case .isolated(_, let confirmed):
      if before.isolation != nil { return heard }
      effects.note(
        .isolated,
        confirmed
          ? "everything under protection on \(facts.me) is frozen"
          : "freezing everything under protection on \(facts.me) is not confirmed yet", severity: .error)
      heard.losesKills = true
    case .armed, .disarmed:
      effects.unsay(.guardRefused)
      if let isolation = before.isolation {
        if !presence.isIsolating { effects.note(.resumed, isolation.thaw.words(of: facts.me)) }
        effects.agenda.note(.guardAnew)
      } else if before.isDisarmed, presence.isArmed {
        // Without a deadline it took nothing that runs. While it has none, its answers to this would ask for the same again, for ever.
        effects.agenda.note(.guardAnew)
        heard.protectsAnew = true
      }
    }
    return heard
  }

  private mutating func take(_ fresh: GuardLists, _ effects: inout Effects) -> Heard {
    effects.agenda.note(.guardLists(fresh.changed(since: lists)))
    var heard = Heard(dropped: lists.workloads.subtracting(fresh.workloads))
    heard.addresses = fresh.changedAddresses(since: lists)
    heard.acknowledges = fresh.acknowledged != lists.acknowledged
    lists = fresh
    return heard
  }

  /// What it says of addresses, unasked. It answers nothing that it was told.
  mutating func said(_ held: [HeldAddress], acknowledged: Int, _ effects: inout Effects) -> Heard {
    isConnected ? take(lists.with(held, acknowledged: acknowledged), &effects) : Heard()
  }

  /// The deadline that the guard acknowledges is one that it was told, or had.
  private func checkHeard(_ said: GuardState.Phase, _ effects: inout Effects) {
    guard case .armed(let deadline) = said else { return }
    effects.check(deadline <= latestDeadline, "the guard has a later deadline than it was ever told")
  }

  mutating func refused(_ reason: String, pause: Duration, _ effects: inout Effects) -> Heard {
    change { $0.refuses() }
    quietUntil = effects.now + pause
    effects.noteOnce(.guardRefused, "the guard refused a command: \(reason)")
    return Heard(isAnew: true, losesKills: true)
  }

  /// - Parameter isSpared: the cluster is disarmed and this node's session stands: the guard is waited for.
  mutating func lost(_ loss: GuardLoss, isSpared: Bool, _ effects: inout Effects) {
    if isConnected { course.move(to: .absent(GuardAbsence(hasSpoken: true))) }
    if isSpared {
      effects.note(
        .guardLost, "the guard is gone (\(loss)); the cluster is disarmed, so nothing is frozen", severity: .error)
    }
  }

  /// - Parameter seesProtected: something under protection is seen here.
  func noteLoss(_ loss: GuardLoss, me: NodeName, seesProtected: Bool, _ effects: inout Effects) {
    guard hasSpoken || seesProtected else {
      // At the start of a host, or of the first installation: nobody knows of anything here that could be lost.
      return effects.note(
        .guardLost,
        "the guard of \(me) has not answered yet: until it does, whatever is under protection there is frozen, and nothing is started",
        severity: .warning)
    }
    effects.note(
      .guardLost, "the guard is gone (\(loss)): freezing everything under protection on \(me) until it is back",
      severity: .error
    )
  }

  private mutating func change(_ body: (inout GuardPresence) -> Void) {
    guard var presence else { return }
    body(&presence)
    course.move(to: .present(presence))
  }

  // MARK: what the guard is told

  mutating func isolate(_ effects: inout Effects) {
    change { $0.isolates() }
    effects.tellGuard(.isolate)
  }

  /// Whether the guard confirms that nothing under protection executes: it has no deadline and protects nothing, or everything is frozen.
  func rest(seesProtected: Bool) -> GuardRest {
    switch phase {
    // One that knows of nothing is believed only when nothing is seen. An address that is up answers for what executes nothing.
    case .disarmed where !seesProtected && lists.held.isEmpty: .certain
    case .isolated(_, true) where lists.held.isEmpty: .certain
    case .isolated, nil: .awaited
    case .disarmed, .armed: isAboutToFreeze ? .awaited : .toBeFrozen
    }
  }

  /// Tells how long the session stands. A guard that has frozen everything is told by the thaw only, but for what it is about to kill: a frozen
  /// workload with `isolation: stop` lives until the deadline, and as long as the session is renewed and the thaw takes its time, that is moved.
  mutating func extend(_ session: borrowing SessionPermit, _ timing: Timing, _ effects: inout Effects) {
    guard session.isValid, let until = session.deadline, let presence, !presence.isIsolating else { return }
    if let isolation = presence.isolation {
      guard isolation.mayExtendKill(at: effects.now, timing) else { return }
      change { $0.extendsKill(to: until) }
    }
    told(until)
    effects.extend(session)
  }

  private mutating func told(_ deadline: BootInstant) {
    toldDeadline = max(deadline, toldDeadline ?? deadline)
    latestDeadline = max(latestDeadline, deadline)
  }

  /// A guard that connects may enforce a later deadline than the session has, from before that was shortened while there was no guard: it is told
  /// the session's, and until it has said so nothing begins (`GuardWord.isArmed`).
  mutating func meet(_ session: borrowing SessionPermit, _ timing: Timing, _ effects: inout Effects) {
    guard let until = session.deadline, case .armed(let told)? = phase, told > until, !isAboutToFreeze else {
      return extend(session, timing, &effects)
    }
    askToShorten(to: until, &effects)
  }

  private mutating func askToShorten(to deadline: BootInstant, _ effects: inout Effects) {
    toldDeadline = nil
    change { $0.shortens(to: deadline) }
    effects.tellGuard(.shorten(deadline: deadline))
  }

  /// Whether the guard certainly has no later deadline than the session that is about to be written says. It is told before, and believed only when
  /// it confirms.
  ///
  /// - Parameter mayExecute: something under protection is seen here, or may be here unseen, or may still come up.
  func assurance(of latest: BootInstant, mayExecute: @autoclosure () -> Bool, at now: BootInstant) -> DeadlineAssurance {
    guard let presence else {
      // The next guard takes up what the last one was told. What runs is seen frozen before, or nothing does.
      guard toldDeadline.map({ $0 > latest }) ?? true else { return .certain }
      return frozenSince != nil || !mayExecute() ? .certain : .awaited
    }
    var known = toldDeadline
    if case .armed(let told) = presence.phase { known = max(told, known ?? told) }
    let isLater = known.map { $0 > latest }
    switch presence.shortening {
    case .asked: return .awaited
    // Answers come in order: what it says after the command is the command's.
    case .answered(let deadline): return isLater == true ? .awaited : .confirmed(deadline)
    case .none: break
    }
    switch presence.phase {
    // A thaw is on its way, with a deadline that is too late.
    case .isolated(let isolation) where isolation.thaw.isResuming && isLater ?? false: return .awaited
    // What is frozen and `stop` holds its disks until the deadline: that is known only where this life told it.
    case .armed where isLater ?? false, .isolated where isLater ?? true:
      return now >= quietUntil ? .toBeAsked(latest) : .awaited
    case .disarmed, .armed, .isolated: return .certain
    }
  }

  /// Does what that asks for.
  mutating func act(on assurance: DeadlineAssurance, _ effects: inout Effects) {
    switch assurance {
    case .certain, .awaited: break
    case .confirmed(let deadline):
      toldDeadline = deadline
      change { $0.shortened() }
    case .toBeAsked(let deadline): askToShorten(to: deadline, &effects)
    }
  }

  // MARK: the thaw

  /// The claims are asked about.
  mutating func validates() { change { $0.thaws { .validating(asked: $0.asked) } } }

  /// Nobody knows whether they still hold.
  mutating func validationEnded() { change { $0.thaws { $0.isValidating ? .settling(asked: $0.asked) : $0 } } }

  /// A thaw that is on its way can no longer be taken back. A validation under a session that was declared expired proves nothing any more, and claims
  /// that were awaited under it are awaited anew under the next.
  mutating func sessionEnded() { change { $0.thaws { $0.isResuming ? $0 : .settling(asked: $0.asked) } } }

  /// Everything frozen waits for claims that are being taken anew.
  mutating func awaitsClaims(since now: BootInstant) { change { $0.thaws { $0.awaiting(since: now) } } }

  /// Everything that is frozen is decided about.
  mutating func decided() { change { $0.thaws { $0.isSettling ? .settling(asked: $0.asked) : $0 } } }

  /// libvirt may have to wait for a start that is frozen, and we for libvirt: such a start is killed, once in a TTL.
  mutating func freeHypervisor(_ frozenStarts: Set<String>, _ timing: Timing, _ effects: inout Effects) {
    guard let since = presence?.isolation?.since else { return }
    let until = max(since, startsKilledAt ?? since) + timing.frozenStartPause
    guard effects.now >= until else { return effects.agenda.look(at: until) }
    startsKilledAt = effects.now
    effects.agenda.look(at: effects.now + timing.frozenStartPause)
    for name in frozenStarts.sorted() { effects.tellGuard(.kill(workload: name)) }
  }

  /// - Parameter goingOn: so many workloads are frozen here and go on.
  mutating func resume(_ permit: consuming ThawPermit, goingOn: Int, _ effects: inout Effects) {
    effects.check(thaw?.isValidating == true, "a thaw of what the guard has not frozen, or nobody validated")
    told(permit.deadline)
    change { $0.thaws { _ in .resuming(goingOn: goingOn) } }
    effects.thaw(permit)
  }

  // MARK: the freeze without the guard

  /// Makes the next attempt, when it is due. It is due again when there is an address of which nobody knew: a life that began without a guard knows of none
  /// before the store has told it what is defined, and what it holds. Until then its session does not end by the freeze: that takes the store, too.
  mutating func attemptDirectFreeze(of workloads: WorkloadTable, _ facts: Facts, _ effects: inout Effects) {
    guard isDirectFreezeSettled, let freeze = absence?.freeze, freeze.isWanted else { return }
    guard let due = freeze.due else {
      guard !addresses(of: workloads, facts).isSubset(of: removedDirectly) else { return }
      return startDirectFreeze(of: workloads, facts, &effects)
    }
    guard effects.now >= due else { return effects.agenda.look(at: due) }
    freezesDirectly(freeze.attempted)
    unansweredFreezes += 1
    removedDirectly = addresses(of: workloads, facts)
    effects.freezeDirectly(workloads.guarded(with: removedDirectly))
  }

  mutating func startDirectFreeze(of workloads: WorkloadTable, _ facts: Facts, _ effects: inout Effects) {
    freezesDirectly(.wanted(attempts: 0, next: effects.now))
    effects.agenda.note(.guardPhase)
    attemptDirectFreeze(of: workloads, facts, &effects)
  }

  /// All that may be on the host's links, as far as anybody knows.
  private func addresses(of workloads: WorkloadTable, _ facts: Facts) -> Set<GuardedAddress> {
    workloads.lentAddresses.union(facts.ownAddresses).union(lists.held.lazy.map(\.address))
  }

  mutating func frozeDirectly(isConfirmed: Bool, me: NodeName, _ effects: inout Effects) {
    effects.agenda.note(.guardPhase)
    unansweredFreezes -= 1
    guard isDirectFreezeSettled, let freeze = absence?.freeze, freeze.due != nil else { return }
    freezesDirectly(freeze.answered(isConfirmed, at: effects.now))
    guard !isConfirmed, freeze.hasJustFailed else { return }
    effects.note(
      .isolated,
      "freezing the workloads of \(me) without the guard is not confirmed: some may still execute. Look at this host",
      severity: .error)
  }

  private mutating func freezesDirectly(_ freeze: DirectFreeze) {
    if let absence { course.move(to: .absent(GuardAbsence(hasSpoken: absence.hasSpoken, freeze: freeze))) }
  }
}
