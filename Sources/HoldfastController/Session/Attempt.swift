import HoldfastModel
import HoldfastTime

/// Something that is tried, one attempt at a time, and after a failure not at once again.
///
///     idle ──begins──▶ under way ──succeeded──▶ idle
///      ▲                  └──failed──▶ waiting ──time──▶ under way
///      └──────not needed any more─────────┘
package struct Attempt: Hashable, Sendable {
  package enum Step: StateList {
    case idle, underWay
    /// The last attempt failed.
    case waiting(until: BootInstant)

    package func mayBecome(_ next: Step) -> Bool {
      switch (self, next) {
      case (.idle, .underWay), (.waiting, .underWay), (.underWay, .idle), (.underWay, .waiting), (.waiting, .idle): true
      case (.idle, .idle), (.idle, .waiting), (.underWay, .underWay), (.waiting, .waiting): false
      }
    }
  }

  private var course = StateCourse(Step.idle)

  var breach: String? { course.breach }
  /// When the next attempt may be made, if one waits.
  var nextLook: BootInstant? { if case .waiting(let until) = course.state { until } else { nil } }

  /// An attempt may be made now.
  func mayBegin(at now: BootInstant) -> Bool {
    switch course.state {
    case .idle: true
    case .waiting(let until): now >= until
    case .underWay: false
    }
  }

  mutating func begins() { course.move(to: .underWay) }

  /// The attempt succeeded, or what it was for is so already: then an answer that is still to come says nothing.
  mutating func succeeded() { if course.state != .idle { course.move(to: .idle) } }

  mutating func failed(until instant: BootInstant) {
    if course.state == .underWay { course.move(to: .waiting(until: instant)) }
  }
}
