import GuardCore
import HoldfastModel
import HoldfastTime

/// The guard as this controller knows it: there, with what it said last; or gone, with the freeze that stands in for it.
enum GuardStanding: StateList {
  case absent(GuardAbsence)
  case present(GuardPresence)

  func mayBecome(_ next: GuardStanding) -> Bool {
    switch (self, next) {
    case (.absent(let before), .absent(let after)):
      before.hasSpoken == after.hasSpoken && before.freeze.mayBecome(after.freeze)
    // What another one was told is not known to this one, and the freeze without it ends.
    case (.absent, .present(let presence)): presence == GuardPresence(presence.said)
    case (.present, .absent(let absence)): absence == GuardAbsence(hasSpoken: true)
    case (.present(let before), .present(let after)): before.mayBecome(after)
    }
  }
}

/// A guard whose door is closed.
struct GuardAbsence: Hashable, Sendable {
  /// One has spoken with this life of the controller.
  let hasSpoken: Bool
  /// The freeze that stands in for the guard.
  var freeze = DirectFreeze.none
}

/// A guard that is there: what it said last, and what it was told and has not answered.
struct GuardPresence: Hashable, Sendable {
  enum Phase: Hashable, Sendable {
    case disarmed
    case armed(deadline: BootInstant)
    case isolated(GuardIsolation)
  }

  private(set) var phase: Phase
  /// `isolate` was commanded and not yet answered. Also where it is isolated already: a thaw may be on its way.
  private(set) var isIsolating = false
  private(set) var shortening = Shortening.none

  init(_ said: GuardState.Phase) {
    phase =
      switch said {
      case .disarmed: .disarmed
      case .armed(let deadline): .armed(deadline: deadline)
      case .isolated(let since, let confirmed): .isolated(GuardIsolation(since: since, isConfirmed: confirmed))
      }
  }

  func mayBecome(_ next: GuardPresence) -> Bool {
    guard shortening.mayBecome(next.shortening) else { return false }
    switch (phase, next.phase) {
    case (.isolated(let before), .isolated(let after)): return before.thaw.mayBecome(after.thaw)
    // What was told to isolate is believed when it says so.
    case (_, .isolated(let isolation)): return isolation.thaw == .settling(asked: nil) && !next.isIsolating
    // What is frozen goes on by a thaw alone that this controller asked for; after any other everything is frozen again.
    case (.isolated(let isolation), .armed) where isolation.thaw.asked == nil: return next.isIsolating
    default: return !isIsolating || next.isIsolating
    }
  }

  /// The phase as it said last.
  var said: GuardState.Phase {
    switch phase {
    case .disarmed: .disarmed
    case .armed(let deadline): .armed(deadline: deadline)
    case .isolated(let isolation): .isolated(since: isolation.since, confirmed: isolation.isConfirmed)
    }
  }
  var isArmed: Bool { if case .armed = phase { !isIsolating } else { false } }
  var isDisarmed: Bool { phase == .disarmed }
  var isolation: GuardIsolation? { if case .isolated(let isolation) = phase { isolation } else { nil } }

  // MARK: what it says

  /// The guard answers, or says unasked: only what was told before is answered.
  ///
  /// - Returns: false when it thawed what was frozen, and this controller did not ask for that: it is to isolate again.
  mutating func hear(_ said: GuardState.Phase) -> Bool {
    shortening = shortening.heard
    var isExpected = true
    switch (phase, said) {
    case (.isolated(var isolation), .isolated(let since, let confirmed)):
      (isolation.since, isolation.isConfirmed) = (since, confirmed)
      phase = .isolated(isolation)
      isIsolating = false
    case (let before, .isolated(let since, let confirmed)):
      // It was seen to freeze before its deadline.
      let killsAt: BootInstant? = if case .armed(let deadline) = before { deadline } else { nil }
      phase = .isolated(GuardIsolation(since: since, isConfirmed: confirmed, killsAt: killsAt))
      isIsolating = false
    case (let before, .armed(let deadline)):
      if case .isolated(let isolation) = before, isolation.thaw.asked == nil { isExpected = false }
      phase = .armed(deadline: deadline)
      if !isExpected { isIsolating = true }
    case (_, .disarmed): phase = .disarmed
    }
    return isExpected
  }

  /// The guard refused a command, which may be any but `isolate`: a guard that was greeted never refuses that.
  mutating func refuses() {
    shortening = .none
    change { isolation in
      isolation.killsAt = nil
      if case .resuming(let goingOn) = isolation.thaw { isolation.thaw = .settling(asked: goingOn) }
    }
  }

  // MARK: what it is told

  mutating func isolates() { isIsolating = true }

  mutating func shortens(to deadline: BootInstant) {
    shortening = .asked(deadline)
    change { $0.killsAt = nil }
  }

  mutating func shortened() { shortening = .none }

  mutating func extendsKill(to deadline: BootInstant) { change { $0.killsAt = deadline } }

  mutating func thaws(_ step: (Thaw) -> Thaw) { change { $0.thaw = step($0.thaw) } }

  private mutating func change(_ body: (inout GuardIsolation) -> Void) {
    guard case .isolated(var isolation) = phase else { return }
    body(&isolation)
    phase = .isolated(isolation)
  }
}

/// Everything under protection is frozen by the guard, or is being frozen.
struct GuardIsolation: Hashable, Sendable {
  fileprivate(set) var since: BootInstant
  /// Every protected process was seen frozen, or gone.
  fileprivate(set) var isConfirmed: Bool
  /// When the guard kills what is `stop`, where it was seen to freeze before its deadline; nil: not known, or done.
  fileprivate(set) var killsAt: BootInstant?
  /// The way to going on.
  fileprivate(set) var thaw = Thaw.settling(asked: nil)

  /// The guard refuses to put the killing off once its time has come, so it is not asked at the last moment.
  func mayExtendKill(at now: BootInstant, _ timing: Timing) -> Bool {
    guard let killsAt, !thaw.isResuming else { return false }
    return now + timing.guardIsLate < killsAt
  }
}
