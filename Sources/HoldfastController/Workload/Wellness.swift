import HoldfastModel
import HoldfastTime

/// For how long a workload has run well: what failed before is forgiven then.
enum Wellness: Hashable, Sendable { case unproven, forAWhile, forLong }

/// Whether a workload executes, or did not for a while: the time before it went on does not count as running well.
///
///     none ──paused──▶ on ──executes again──▶ over ──paused──▶ on
struct Execution: Hashable, Sendable {
  private enum Pause: StateList {
    case none
    case on
    case over(at: BootInstant)

    func mayBecome(_ next: Pause) -> Bool {
      switch (self, next) {
      case (.none, .on), (.on, .over), (.over, .on): true
      case (_, .none), (.none, .over), (.on, .on), (.over, .over): false
      }
    }
  }

  private var course = StateCourse(Pause.none)

  var breach: String? { course.breach }

  mutating func sees(isPaused: Bool, at now: BootInstant) {
    if isPaused, course.state != .on {
      course.move(to: .on)
    } else if !isPaused, course.state == .on {
      course.move(to: .over(at: now))
    }
  }

  /// Since when it has executed and all of these were so; nil: it is paused.
  func since(_ instants: BootInstant...) -> BootInstant? {
    switch course.state {
    case .none: instants.max()
    case .on: nil
    case .over(let at): max(at, instants.max() ?? at)
    }
  }
}
