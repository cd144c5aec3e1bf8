import HoldfastModel
import HoldfastTime

/// A start that libvirt was asked for may succeed long after the call was given up, and even after the controller that made it died.
/// Before anybody else may run the workload, it is made certain that it cannot: by a bar, which takes the domain's name.
///
///     open ──asked──▶ asked ──done──▶ closed ──the next start here──▶ open
///      ▲                └─refused──▶ refused ──after a pause──▶ asked
struct StartFence: Hashable, Sendable {
  private enum Bar: StateList {
    case open, asked, closed
    /// It could not be made certain; asked again then.
    case refused(until: BootInstant)

    func mayBecome(_ next: Bar) -> Bool {
      switch (self, next) {
      case (.open, .asked), (.asked, .closed), (.asked, .refused), (.refused, .asked): true
      // The next start here takes the bar away, or outruns the one that was asked for.
      case (_, .open): true
      default: false
      }
    }
  }

  /// A start that an earlier life of this controller asked for, or one whose call was not answered, may still be on its way.
  private(set) var hasLateStart = false
  private var course = StateCourse(Bar.open)
  private var bar: Bar { course.state }

  var isBlank: Bool { self == StartFence() }
  var breach: String? { course.breach }

  /// A start that was asked of libvirt before may still succeed. That the workload is seen to run does not settle it: two lives may have asked,
  /// and the second start waits for the end of what the first began.
  ///
  /// - Parameter isStarting: one of this life's has not told its end.
  func mayStillAppear(isStarting: Bool) -> Bool { bar == .closed ? false : isStarting || hasLateStart }

  /// The guard was told of a start before this life, or libvirt refused one as barred.
  mutating func inherit() { hasLateStart = true }

  mutating func noLateStart() { hasLateStart = false }

  /// The next start here takes the bar away.
  mutating func open() { course.move(to: .open) }

  /// Makes certain that no earlier start can succeed: asks for a bar where none is, and waits where one was refused.
  ///
  /// - Returns: true when it is certain.
  mutating func close(_ name: WorkloadName, _ facts: Facts, _ effects: inout Effects) -> Bool {
    switch bar {
    case .closed: return true
    case .asked: return false
    case .refused(let until) where facts.now < until:
      effects.agenda.look(at: name, at: until)
      return false
    case .refused, .open: break
    }
    // Where libvirt does not answer it is asked when it does.
    guard let domain = facts.view.identity(of: name), facts.local.unreachable[domain.connection] == nil else { return false }
    course.move(to: .asked)
    let mark = ClaimMark(cluster: facts.configuration.cluster, workload: name.text, epoch: .none)
    effects.bar(name, DomainID(connection: domain.connection, name: name.text), uuid: domain.uuid, mark)
    return false
  }

  /// - Returns: false when nobody asked.
  mutating func ended(_ outcome: OperationOutcome, at now: BootInstant) -> Bool {
    guard bar == .asked else { return false }
    course.move(to: outcome == .done ? .closed : .refused(until: now + Limits.betweenBars))
    return true
  }
}
