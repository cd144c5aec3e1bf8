import HoldfastModel
import HoldfastTime

/// A freeze that this controller makes itself, while the guard is gone.
package enum DirectFreeze: StateList {
  case none
  /// Attempts until everything is seen to be frozen; the next one is made then.
  case wanted(attempts: Int, next: BootInstant)
  case confirmed(since: BootInstant)

  package func mayBecome(_ next: DirectFreeze) -> Bool {
    switch (self, next) {
    case (.wanted, .confirmed), (_, .wanted): true
    // It ends with the guard's return alone.
    case (.wanted, .none), (.confirmed, .none), (.none, .confirmed), (.confirmed, .confirmed), (.none, .none): false
    }
  }

  var isWanted: Bool { self != .none }
  var confirmedSince: BootInstant? { if case .confirmed(let since) = self { since } else { nil } }
  /// When the next attempt is to be made; nil: none is.
  var due: BootInstant? { if case .wanted(_, let next) = self { next } else { nil } }

  /// One more attempt was made.
  var attempted: DirectFreeze {
    if case .wanted(let attempts, let next) = self { .wanted(attempts: attempts + 1, next: next) } else { self }
  }

  /// The last attempt was answered.
  func answered(_ isConfirmed: Bool, at now: BootInstant) -> DirectFreeze {
    guard case .wanted(let attempts, _) = self else { return self }
    if isConfirmed { return .confirmed(since: now) }
    let pause = Limits.directFreezePause
    return .wanted(attempts: attempts, next: now + (attempts < Limits.directFreezeAttempts ? pause.first : pause.later))
  }

  /// The freeze was tried so often in vain that people are to know, and not more often.
  var hasJustFailed: Bool {
    if case .wanted(let attempts, _) = self { attempts == Limits.directFreezeAttempts } else { false }
  }
}
