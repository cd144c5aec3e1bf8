import HoldfastModel
import HoldfastTime

/// A start that libvirt was asked for may succeed long after the call was given up, and even after the controller that made it died.
/// Before anybody else may run the workload, it is made certain that it cannot: by a bar, which takes the domain's name.
///
///     open ──asked──▶ asked ──done──▶ closed ──the next start here──▶ open
///      ▲                └─refused──▶ refused ──after a pause──▶ asked
///
/// Retired, it begins anew as open, unless it is against a start from before.
struct StartFence: Hashable, Sendable {
  /// The start that a bar is against.
  private enum Against: Hashable, Sendable {
    /// A start of this life whose call has not told its end: `Run` knows whether it is waited for still.
    case ownStart
    /// One that an earlier life of this controller asked for, or one whose call was not answered.
    case lateStart
  }

  private enum Bar: StateList {
    /// There is no bar, and no need of one that is known of.
    case open
    /// There is no bar, and a start from before may still be on its way.
    case unbarred
    case asked(Against)
    case closed(Against)
    /// The bar was refused; asked again then.
    case refused(until: BootInstant, Against)

    func mayBecome(_ next: Bar) -> Bool {
      switch (self, next) {
      case (.open, .asked(.ownStart)), (.unbarred, .asked(.lateStart)): true
      case (.asked(let a), .closed(let b)), (.asked(let a), .refused(_, let b)), (.refused(_, let a), .asked(let b)): a == b
      // The own start was given up, and may still come; or nothing may come any more.
      case (.open, .unbarred), (.unbarred, .open), (.asked, .asked), (.closed, .closed): self != next
      case (.refused(let until, let a), .refused(let still, let b)): until == still && a != b
      // The next start here takes the bar away, or outruns the one that was asked for.
      case (.asked(.ownStart), .open), (.closed(.ownStart), .open), (.refused(_, .ownStart), .open): true
      case (.asked(.lateStart), .unbarred), (.closed(.lateStart), .unbarred), (.refused(_, .lateStart), .unbarred): true
      default: false
      }
    }
  }

  private var course = StateCourse(Bar.open)

  private init() {}

  /// A new one knows of no start from before.
  init(_ vacancy: borrowing Vacancy) {}

  var isBlank: Bool { self == StartFence() }
  var breach: String? { course.breach }

  // MARK: questions

  private var against: Against? {
    switch course.state {
    case .open: nil
    case .unbarred: .lateStart
    case .asked(let against), .closed(let against), .refused(_, let against): against
    }
  }

  /// A start that an earlier life of this controller asked for, or one whose call was not answered, may still be on its way.
  var hasLateStart: Bool { against == .lateStart }

  /// libvirt refuses whatever start is still on its way.
  var isClosed: Bool { if case .closed = course.state { true } else { false } }
  /// libvirt was asked for a bar, and has not answered.
  var isAsked: Bool { if case .asked = course.state { true } else { false } }

  /// A start that was asked of libvirt before may still succeed. That the workload is seen to run does not settle it: two lives may have asked,
  /// and the second start waits for the end of what the first began.
  ///
  /// - Parameter isStarting: one of this life's has not told its end.
  func mayStillAppear(isStarting: Bool) -> Bool { isClosed ? false : isStarting || hasLateStart }

  /// Whether libvirt may be asked for a bar now.
  func door(at now: BootInstant) -> Door {
    switch course.state {
    case .closed, .asked: .busy
    case .refused(let until, _) where now < until: .shut(until: until)
    case .refused, .open, .unbarred: .open
    }
  }

  // MARK: what happens

  /// The guard was told of a start before this life, or libvirt refused one as barred.
  mutating func inherit() { become(.lateStart) }

  /// Nothing that was started before can come any more. A bar that is there stays: the next start takes it away.
  mutating func noLateStart() { become(.ownStart) }

  private mutating func become(_ against: Against) {
    guard hasLateStart != (against == .lateStart) else { return }
    switch course.state {
    case .open: course.move(to: .unbarred)
    case .unbarred: course.move(to: .open)
    case .asked: course.move(to: .asked(against))
    case .closed: course.move(to: .closed(against))
    case .refused(let until, _): course.move(to: .refused(until: until, against))
    }
  }

  /// The next start here takes the bar away.
  mutating func open() {
    switch course.state {
    case .open, .unbarred: break
    case .asked, .closed, .refused: course.move(to: hasLateStart ? .unbarred : .open)
    }
  }

  /// Makes certain that no earlier start can succeed: asks for a bar where none is, and waits where one was refused.
  mutating func close(_ name: WorkloadName, _ facts: Facts, _ effects: inout Effects) {
    let door = door(at: facts.now)
    guard door.isOpen else { return effects.agenda.wait(name, for: door) }
    // Where libvirt does not answer it is asked when it does.
    guard let domain = facts.view.identity(of: name), facts.local.unreachable[domain.connection] == nil else { return }
    course.move(to: .asked(hasLateStart ? .lateStart : .ownStart))
    let mark = ClaimMark(cluster: facts.configuration.cluster, workload: name.text, epoch: .none)
    effects.bar(name, DomainID(connection: domain.connection, name: name.text), uuid: domain.uuid, mark)
  }

  mutating func ended(_ outcome: OperationOutcome, _ facts: Facts) {
    guard case .asked(let against) = course.state else { return }
    course.move(to: outcome == .done ? .closed(against) : .refused(until: facts.now + facts.timing.barPause, against))
  }

  /// The workload is not this node's any more. A start from before outlives that: the next one here takes its bar away.
  ///
  /// - Parameter withoutFence: none can come any more, or nobody is to look after it.
  mutating func retire(withoutFence: Bool) { if !hasLateStart || withoutFence { course.beginAnew(as: .open) } }
}
