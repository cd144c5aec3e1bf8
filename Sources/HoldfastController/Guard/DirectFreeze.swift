import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// A freeze that this controller makes itself, while the guard is gone.
struct DirectFreeze: Hashable, Sendable {
  private enum Phase: StateList {
    case none
    /// Attempts until everything is seen to be frozen; the next one is made then.
    case wanted(attempts: Int, next: BootInstant)
    case confirmed(since: BootInstant)

    func mayBecome(_ next: Phase) -> Bool {
      switch (self, next) {
      case (.wanted, .confirmed), (_, .wanted), (_, .none): true
      case (.none, .confirmed), (.confirmed, .confirmed): false
      }
    }
  }
  enum Answer { case settled, tellPeople }

  private var course = StateCourse(Phase.none)
  private var phase: Phase { course.state }
  /// Attempts that were not answered. Until they are, the last of them may freeze what was thawed since.
  private var unanswered = 0

  var breach: String? { course.breach }
  var isWanted: Bool { phase != .none }
  var isSettled: Bool { unanswered == 0 }
  var confirmedSince: BootInstant? { if case .confirmed(let since) = phase { since } else { nil } }
  /// When the next attempt is to be made; nil: none is.
  var due: BootInstant? { if case .wanted(_, let next) = phase, isSettled { next } else { nil } }

  mutating func begin(at now: BootInstant) { course.move(to: .wanted(attempts: 0, next: now)) }

  mutating func attempt() {
    guard case .wanted(let attempts, let next) = phase else { return }
    course.move(to: .wanted(attempts: attempts + 1, next: next))
    unanswered += 1
  }

  mutating func answered(_ isConfirmed: Bool, at now: BootInstant) -> Answer {
    unanswered -= 1
    guard isSettled, case .wanted(let attempts, _) = phase else { return .settled }
    if isConfirmed {
      course.move(to: .confirmed(since: now))
      return .settled
    }
    let pause = Limits.directFreezePause
    course.move(
      to: .wanted(attempts: attempts, next: now + (attempts < Limits.directFreezeAttempts ? pause.first : pause.later)))
    return attempts == Limits.directFreezeAttempts ? .tellPeople : .settled
  }

  mutating func end() { course.move(to: .none) }
}
