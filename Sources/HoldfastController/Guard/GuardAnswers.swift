import HoldfastTime

// What the link answers when it is asked. Who asks acts on it.

/// Whether the guard confirms that nothing under protection executes.
enum GuardRest: Hashable, Sendable {
  case certain
  /// It was told to freeze everything, or is gone: what it says next tells.
  case awaited
  /// Something may execute, and nobody has told it to stop that.
  case toBeFrozen
}

/// Whether the guard certainly has no later deadline than a session says.
enum DeadlineAssurance: Hashable, Sendable {
  case certain
  /// It has confirmed this one, which is none later.
  case confirmed(BootInstant)
  /// It is to be told this one.
  case toBeAsked(BootInstant)
  /// It was told, or cannot be told now.
  case awaited

  var isCertain: Bool {
    switch self {
    case .certain, .confirmed: true
    case .toBeAsked, .awaited: false
    }
  }
}
