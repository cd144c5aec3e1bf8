import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// The latest deadline that the guard was told, and a shorter one that it is to confirm.
struct ToldDeadline: Hashable, Sendable {
  private enum Shortening: StateList {
    case none
    case asked(BootInstant)
    /// The guard has said something since.
    case answered(BootInstant)

    func mayBecome(_ next: Shortening) -> Bool {
      switch (self, next) {
      case (.none, .asked), (_, .none): true
      case (.asked(let asked), .answered(let answered)): asked == answered
      default: false
      }
    }
  }

  /// Since the last `shorten`; nil: not known.
  private(set) var latest: BootInstant?
  private var course = StateCourse(Shortening.none)
  private var shortening: Shortening { course.state }

  var breach: String? { course.breach }

  var isShortening: Bool { shortening != .none }
  var isAnswered: Bool { if case .answered = shortening { true } else { false } }

  mutating func told(_ deadline: BootInstant) { latest = max(deadline, latest ?? deadline) }
  mutating func shorten(to deadline: BootInstant) {
    latest = nil
    course.move(to: .asked(deadline))
  }
  mutating func answered() { if case .asked(let deadline) = shortening { course.move(to: .answered(deadline)) } }
  /// The guard's deadline is not later than that.
  mutating func shortened() {
    if case .answered(let deadline) = shortening { latest = deadline }
    course.move(to: .none)
  }
  mutating func refused() { course.move(to: .none) }
}
