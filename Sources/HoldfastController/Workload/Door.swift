import HoldfastTime

/// Whether something may be begun now: a write to a claim, an operation on a domain.
enum Door: Hashable, Sendable {
  case open
  /// What was begun before has not ended; its end makes the workload due.
  case busy
  /// The last attempt failed.
  case shut(until: BootInstant)

  var isOpen: Bool { self == .open }
}

/// What came of a step about a workload, for the steps after it in the same turn.
enum Attention: Hashable, Sendable {
  /// This was the step of the turn: nothing else is done about it now.
  case taken
  /// Nothing is to be done, or not now: the next step may have something.
  case left
}
