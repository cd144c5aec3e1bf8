import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// The controller's side of its guard: what the guard says of itself, what it was told and has not answered, and the freeze that stands in for
/// it while it is gone.
///
///     absent ──connected──▶ disarmed ──extend──▶ armed ──isolate, deadline──▶ isolated ──thaw──▶ armed
///        ▲                      │                  │                              │
///        └──────────lost────────┴──────────────────┴──────────────────────────────┘
public struct GuardLink: Sendable {
  /// The guard's phase as it said last; nil while its door is closed.
  public private(set) var phase: GuardState.Phase?
  /// `isolate` was commanded and not yet answered.
  private var isIsolating = false
  /// The way to a thaw, while everything is frozen.
  private(set) var thaw = Thaw()
  private var lists = GuardLists()
  private var deadline = ToldDeadline()
  private(set) var direct = DirectFreeze()
  /// While everything is frozen: when the guard kills what is `stop`, where it was seen to freeze before its deadline; nil: not known, or done.
  private var killsAt: BootInstant?
  /// In the last turn the guard was armed, within the session's deadline.
  private var wasArmed = false
  /// After a refusal nothing is commanded before this instant.
  private(set) var quietUntil: BootInstant = .zero
  /// The guard has spoken with this life of the controller.
  private var hasSpoken = false
  private var flaws = GuardFlaws()

  var breach: String? { thaw.breach ?? deadline.breach ?? direct.breach }
  public var isConnected: Bool { phase != nil }
  /// Workloads may run: the guard enforces a deadline and nothing is frozen.
  public var isArmed: Bool { if case .armed = phase, !isIsolating { true } else { false } }
  public var isIsolated: Bool { if case .isolated = phase { true } else { false } }
  var workloads: Set<String> { lists.workloads }
  var starting: Set<String> { lists.starting }

  /// The phase in a word, for people.
  public var summary: String {
    switch phase {
    // Nobody has missed it yet.
    case nil where !hasSpoken && !direct.isWanted: Self.awaited
    case nil: "not there"
    case .disarmed: "disarmed"
    case .armed: "armed"
    case .isolated(_, let confirmed): confirmed ? "isolated" : "isolating"
    }
  }

  /// The summary of a controller that has only just begun.
  public static let awaited = "not asked yet"

  /// What people should know of the guard that is there.
  func flaws(_ timing: Timing) -> [NodeFlaw] { isConnected ? flaws.list(timing) : [] }

  /// Since when nothing under protection executes here, for certain; nil: something may.
  var frozenSince: BootInstant? {
    switch phase {
    case nil: direct.confirmedSince
    case .isolated(let since, let confirmed): confirmed ? since : nil
    default: nil
    }
  }

  /// What is told of that.
  var freeze: ReportRecord.Freeze? { isFreezing ? (frozenSince == nil ? .ordered : .confirmed) : nil }

  /// What runs here is stopped in time after this controller has ended: by the guard, or since it was seen frozen.
  var outlastsController: Bool { isConnected || frozenSince != nil }

  /// Everything under protection is frozen, or is being frozen without the guard.
  var isFreezing: Bool { isIsolated || direct.isWanted }
  /// It was told to freeze everything, and has not said so.
  var isAboutToFreeze: Bool { isIsolating }

  /// What holds for a turn.
  var word: GuardWord {
    GuardWord(
      isArmed: isArmed, isFrozen: isFreezing, workloads: lists.workloads, starting: lists.starting)
  }

  /// What holds for a turn under a session with that deadline: a guard that would stop later than the session ends counts as none.
  func word(within deadline: BootInstant?) -> GuardWord {
    var word = word
    if let deadline, case .armed(let told)? = phase, told > deadline { word.isArmed = false }
    return word
  }

  /// What waited for the guard is due when it is armed within the session's deadline, whichever of the two has moved.
  mutating func noteArmed(_ word: GuardWord, _ effects: inout Effects) {
    if word.isArmed, !wasArmed { effects.agenda.note(.guardAnew) }
    wasArmed = word.isArmed
  }

  // MARK: what the guard says

  /// What came of something that the guard said.
  struct Heard {
    /// Names that the guard protects no more.
    var dropped: Set<String> = []
    /// Starts that the guard was told of before this life: they may still succeed.
    var inheritedStarts: [String] = []
    /// What it was told to forget, it may not have forgotten: what it says of itself holds.
    var isAnew = false
    /// What was told to the guard may not have been taken, or its successor does not know: it is told again.
    var losesKills = false
    var protectsAnew = false
    /// It is armed: the deadline goes on.
    var extends = false
    /// It is gone, and everything under protection is to be frozen without it.
    var freezesDirectly = false
  }

  mutating func connected(_ state: GuardState, _ facts: Facts, _ effects: inout Effects) -> Heard {
    // Another guard may be in any phase.
    phase = state.phase
    flaws.take(state.health, facts, &effects)
    killsAt = nil
    lists = GuardLists(state)
    var heard = Heard(isAnew: true, losesKills: true, protectsAnew: true, extends: true)
    if !hasSpoken { heard.inheritedStarts = state.starting }
    hasSpoken = true
    isIsolating = false
    thaw.start()
    if direct.isWanted {
      direct.end()
      effects.note(.guardBack, "the guard is back")
      isolate(&effects)
    }
    effects.agenda.note(.guardAnew)
    return heard
  }

  mutating func said(_ state: GuardState, _ facts: Facts, _ effects: inout Effects) -> Heard {
    let before = phase
    deadline.answered()
    flaws.take(state.health, facts, &effects)
    if case .armed = state.phase, isArmed, lists.areAsTold(by: state) {
      phase = state.phase
      if deadline.isShortening { effects.agenda.note(.other) }
      return Heard()
    }
    let fresh = GuardLists(state)
    effects.agenda.note(.guardLists(fresh.changed(since: lists)))
    var heard = Heard(dropped: lists.workloads.subtracting(fresh.workloads))
    move(to: state.phase, &effects)
    lists = fresh
    switch state.phase {
    case .isolated(_, let confirmed):
      isIsolating = false
      if case .isolated = before { return heard }
      effects.note(
        .isolated,
        confirmed
          ? "everything under protection on \(facts.me) is frozen"
          : "freezing everything under protection on \(facts.me) is not confirmed yet", severity: .error)
      heard.losesKills = true
    case .armed, .disarmed:
      effects.unsay(.guardRefused)
      if case .isolated = before {
        if !isIsolating { effects.note(.resumed, thaw.words(of: facts.me)) }
        effects.agenda.note(.guardAnew)
      } else if case .disarmed? = before, isArmed {
        // Without a deadline it took nothing that runs. While it has none, its answers to this would ask for the same again, for ever.
        effects.agenda.note(.guardAnew)
        heard.protectsAnew = true
      }
      thaw.ended()
    }
    return heard
  }

  mutating func refused(_ reason: String, pause: Duration, _ effects: inout Effects) -> Heard {
    // The refusal may be of any command but `isolate`, which a guard that was greeted never refuses.
    thaw.refused()
    deadline.refused()
    killsAt = nil
    quietUntil = effects.now + pause
    effects.noteOnce(.guardRefused, "the guard refused a command: \(reason)")
    return Heard(isAnew: true, losesKills: true)
  }

  /// - Parameter isSpared: the cluster is disarmed and this node's session stands: the guard is waited for.
  mutating func lost(_ reason: String, isSpared: Bool, _ effects: inout Effects) -> Heard {
    phase = nil
    isIsolating = false
    thaw.start()
    deadline.refused()
    if isSpared {
      effects.note(
        .guardLost, "the guard is gone (\(reason)); the cluster is disarmed, so nothing is frozen", severity: .error)
      return Heard()
    }
    return Heard(freezesDirectly: true)
  }

  /// - Parameter seesProtected: something under protection is seen here.
  func noteLoss(_ reason: String, me: NodeName, seesProtected: Bool, _ effects: inout Effects) {
    guard hasSpoken || seesProtected else {
      // At the start of a host, or of the first installation: nobody knows of anything here that could be lost.
      return effects.note(
        .guardLost,
        "the guard of \(me) has not answered yet: until it does, whatever is under protection there is frozen, and nothing is started",
        severity: .warning)
    }
    effects.note(
      .guardLost, "the guard is gone (\(reason)): freezing everything under protection on \(me) until it is back",
      severity: .error
    )
  }

  private mutating func move(to next: GuardState.Phase, _ effects: inout Effects) {
    switch (phase, next) {
    case (.armed(let deadline), .isolated): killsAt = deadline
    case (.isolated, .isolated): break
    default: killsAt = nil
    }
    // Any phase may follow any other but for one: what is frozen goes on by a thaw alone, and that was asked for on this connection.
    let isUnasked = if case .isolated = phase, case .armed = next { !thaw.wasAsked } else { false }
    phase = next
    guard isUnasked else { return }
    effects.note(
      .guardRefused, "the guard thawed what was frozen, and this controller did not ask for it: everything is frozen again",
      severity: .error)
    isolate(&effects)
  }

  // MARK: what the guard is told

  mutating func isolate(_ effects: inout Effects) {
    isIsolating = true
    effects.tellGuard(.isolate)
  }

  /// Tells the guard to freeze everything, unless it confirms that nothing under protection executes: no deadline and nothing protected, or
  /// everything frozen.
  ///
  /// - Returns: true when it confirms that.
  mutating func freezeUnlessNothingExecutes(seesProtected: Bool, _ effects: inout Effects) -> Bool {
    switch phase {
    // One that knows of nothing is believed only when nothing is seen.
    case .disarmed: if !seesProtected { return true }
    case .isolated(_, let confirmed): return confirmed
    case .armed: break
    case nil: return false
    }
    if !isIsolating { isolate(&effects) }
    return false
  }

  /// Tells how long the session stands. A guard that has frozen everything is told by the thaw only.
  mutating func extend(_ until: BootInstant?, _ effects: inout Effects) {
    guard let until, effects.now < until, isConnected, !isIsolating else { return }
    guard !isIsolated || extendsKills(at: effects.now) else { return }
    deadline.told(until)
    if isIsolated { killsAt = until }
    effects.tellGuard(.extend(deadline: until))
  }

  /// A guard that connects may enforce a later deadline than the session has, from before that was shortened while there was no guard: it is told
  /// the session's, and until it has said so nothing begins (`word(within:)`).
  mutating func meet(_ until: BootInstant?, _ effects: inout Effects) {
    guard let until, case .armed(let told)? = phase, told > until, !isIsolating else { return extend(until, &effects) }
    deadline.refused()
    deadline.shorten(to: until)
    effects.tellGuard(.shorten(deadline: until))
  }

  /// A frozen workload with `isolation: stop` lives until the deadline: as long as the session is renewed and the thaw takes its time, that is
  /// moved. The guard refuses to once it has passed, so it is not asked at the last moment.
  private func extendsKills(at now: BootInstant) -> Bool {
    guard let killsAt, !thaw.isResuming else { return false }
    return now + Limits.guardIsLate < killsAt
  }

  /// The guard must not have a later deadline than the session that is about to be written says. It is told before, and believed only when
  /// it confirms.
  ///
  /// - Returns: true when it is certain.
  ///
  /// - Parameter mayExecute: something under protection is seen here, or may be here unseen, or may still come up.
  mutating func shorten(to latest: BootInstant, mayExecute: @autoclosure () -> Bool, _ effects: inout Effects) -> Bool {
    var known = deadline.latest
    if case .armed(let told)? = phase { known = max(told, known ?? told) }
    if deadline.isShortening {
      // Answers come in order: what it says after the command is the command's.
      guard deadline.isAnswered, known.map({ $0 <= latest }) ?? true else { return false }
      deadline.shortened()
      return true
    }
    let isLater = known.map { $0 > latest }
    switch phase {
    // A thaw is on its way, with a deadline that is too late.
    case .isolated where thaw.isResuming && isLater ?? false: return false
    // What is frozen and `stop` holds its disks until the deadline: that is known only where this life told it.
    case .armed where isLater ?? false, .isolated where isLater ?? true:
      guard effects.now >= quietUntil else { return false }
      deadline.shorten(to: latest)
      killsAt = nil
      effects.tellGuard(.shorten(deadline: latest))
      return false
    // The next guard takes up what the last one was told. What runs is seen frozen before, or nothing does.
    case nil where isLater ?? true: return direct.confirmedSince != nil || !mayExecute()
    default: return true
    }
  }

  var isShortening: Bool { deadline.isShortening }

  /// A guard whose session was declared expired proves nothing any more.
  mutating func sessionEnded() { thaw.sessionEnded() }

  // MARK: the thaw

  mutating func validates() { thaw.validates() }
  mutating func validationEnded() { thaw.validationEnded() }
  mutating func waitsForClaims(since now: BootInstant) -> BootInstant { thaw.waitsForClaims(since: now) }
  mutating func decided() { thaw.decided() }

  /// libvirt may have to wait for a start that is frozen, and we for libvirt: such a start is killed, once in a TTL.
  mutating func freeHypervisor(_ frozenStarts: Set<String>, _ timing: Timing, _ effects: inout Effects) {
    guard case .isolated(let since, _) = phase else { return }
    let until = max(since, thaw.freedAt ?? since) + timing.ttl
    guard effects.now >= until else { return effects.agenda.look(at: until) }
    thaw.frees(at: effects.now)
    effects.agenda.look(at: effects.now + timing.ttl)
    for name in frozenStarts.sorted() { effects.tellGuard(.kill(workload: name)) }
  }

  /// - Parameter goingOn: so many workloads are frozen here and go on.
  mutating func resume(_ permit: consuming ThawPermit, goingOn: Int, _ effects: inout Effects) {
    deadline.told(permit.deadline)
    thaw.resumes(goingOn)
    effects.thaw(permit)
  }

  // MARK: the freeze without the guard

  /// Makes the next attempt, when it is due.
  mutating func attemptDirectFreeze(of workloads: WorkloadTable, _ effects: inout Effects) {
    guard let due = direct.due else { return }
    guard effects.now >= due else { return effects.agenda.look(at: due) }
    direct.attempt()
    effects.freezeDirectly(workloads.guarded)
  }

  mutating func startDirectFreeze(of workloads: WorkloadTable, _ effects: inout Effects) {
    direct.begin(at: effects.now)
    effects.agenda.note(.guardPhase)
    attemptDirectFreeze(of: workloads, &effects)
  }

  mutating func frozeDirectly(isConfirmed: Bool, me: NodeName, _ effects: inout Effects) {
    effects.agenda.note(.guardPhase)
    guard direct.answered(isConfirmed, at: effects.now) == .tellPeople else { return }
    effects.note(
      .isolated,
      "freezing the workloads of \(me) without the guard is not confirmed: some may still execute. Look at this host",
      severity: .error)
  }
}

/// What the guard's side says for one turn.
struct GuardWord: Sendable {
  fileprivate(set) var isArmed: Bool
  /// Everything under protection is frozen, by the guard or without it.
  let isFrozen: Bool
  /// Names that the guard protects, and those of them that may be starting.
  let workloads: Set<String>
  let starting: Set<String>
}

/// What the guard said it protects.
private struct GuardLists: Hashable, Sendable {
  let workloads: Set<String>
  let starting: Set<String>
  /// The lists that the two come from.
  private let told: [[String]]

  init(_ state: GuardState = GuardState(phase: .disarmed, workloads: [])) {
    workloads = Set(state.workloads)
    starting = Set(state.starting)
    told = [state.workloads, state.starting]
  }

  /// Nothing but the deadline is new.
  func areAsTold(by state: GuardState) -> Bool { told == [state.workloads, state.starting] }

  /// Names that the guard protects, or starts, only now or only then.
  func changed(since before: GuardLists) -> Set<WorkloadName> {
    let names = workloads.symmetricDifference(before.workloads).union(starting.symmetricDifference(before.starting))
    return Set(names.map { WorkloadName($0) })
  }
}
