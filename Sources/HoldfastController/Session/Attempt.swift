import HoldfastModel
import HoldfastTime

/// Something that is tried, one attempt at a time, and after a failure not at once again.
///
///     idle ──begins──▶ under way ──succeeded──▶ idle
///      ▲                  └──failed──▶ waiting ──time──▶ under way
struct Attempt: Hashable, Sendable {
  private enum Step: StateList {
    case idle, underWay
    /// The last attempt failed.
    case waiting(until: BootInstant)

    func mayBecome(_ next: Step) -> Bool { next != .underWay || self != .underWay }
  }

  private var course = StateCourse(Step.idle)

  var breach: String? { course.breach }
  /// When the next attempt may be made, if one waits.
  var nextLook: BootInstant? { if case .waiting(let until) = course.state { until } else { nil } }

  /// True when an attempt is to be made now.
  mutating func begins(at now: BootInstant) -> Bool {
    switch course.state {
    case .underWay: return false
    case .waiting(let until) where now < until: return false
    case .idle, .waiting: course.move(to: .underWay)
    }
    return true
  }
  mutating func succeeded() { course.move(to: .idle) }
  mutating func failed(until instant: BootInstant) { course.move(to: .waiting(until: instant)) }
}
