import HoldfastTime

/// For how long a workload has run well: what failed before is forgiven then.
enum Wellness: Hashable, Sendable { case unproven, forAWhile, forLong }

/// Whether a workload executes, or did not for a while: the time before it went on does not count as running well.
struct Execution: Hashable, Sendable {
  private enum Pause: Hashable, Sendable {
    case none
    case on
    case over(at: BootInstant)
  }
  private var pause = Pause.none

  mutating func sees(isPaused: Bool, at now: BootInstant) {
    if isPaused { pause = .on } else if pause == .on { pause = .over(at: now) }
  }

  /// Since when it has executed and all of these were so; nil: it is paused.
  func since(_ instants: BootInstant...) -> BootInstant? {
    switch pause {
    case .none: instants.max()
    case .on: nil
    case .over(let at): max(at, instants.max() ?? at)
    }
  }
}
