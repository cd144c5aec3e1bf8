import HoldfastModel
import HoldfastTime

/// A start that libvirt was asked for may succeed long after the call was given up, and even after the controller that made it died.
/// Before anybody else may run the workload, it is made certain that it cannot: by a bar, which takes the domain's name.
///
///     open ──asked──▶ asked ──done──▶ closed ──the next start here──▶ open
///      ▲                └─refused──▶ refused ──after a pause──▶ asked
///
/// What arrives by a migration needs the name too, and runs elsewhere meanwhile: so a bar goes only when nothing from before can come any more.
///
///     open, closed ──asked to take it away──▶ clearing ──done──▶ cleared
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
    case closed(Against, since: BootInstant)
    /// The bar was refused; asked again then.
    case refused(until: BootInstant, Against)
    /// libvirt was asked to take away whatever bar there is, for what arrives.
    ///
    /// - Parameter overBar: one is known of, and what it was against has been refused by now.
    case clearing(overBar: Bool, isLate: Bool)
    /// It could not; asked again then.
    case obstructed(until: BootInstant)
    /// No bar keeps what arrives away, and no start from before can come.
    case cleared

    func mayBecome(_ next: Bar) -> Bool {
      switch (self, next) {
      case (.open, .asked(.ownStart)), (.unbarred, .asked(.lateStart)): true
      case (.asked(let a), .closed(let b, _)), (.asked(let a), .refused(_, let b)), (.refused(_, let a), .asked(let b)): a == b
      // The own start was given up, and may still come; or nothing may come any more.
      case (.open, .unbarred), (.unbarred, .open), (.asked, .asked): self != next
      case (.closed(let a, let since), .closed(let b, let still)): since == still && a != b
      case (.refused(let until, let a), .refused(let still, let b)): until == still && a != b
      // The next start here takes the bar away, or outruns the one that was asked for.
      case (.asked(.ownStart), .open), (.closed(.ownStart, _), .open), (.refused(_, .ownStart), .open): true
      case (.asked(.lateStart), .unbarred), (.closed(.lateStart, _), .unbarred), (.refused(_, .lateStart), .unbarred): true
      // Nobody knows of a bar, or of one alone that has done its work.
      case (.open, .clearing(false, false)), (.obstructed, .clearing(false, false)), (.closed, .clearing(true, true)): true
      case (.clearing(let a, let late), .clearing(let b, let later)): a == b && late != later
      case (.clearing(let overBar, let isLate), .cleared): overBar || !isLate
      // A bar that nobody knew of is taken for one against a late start.
      case (.clearing, .unbarred), (.clearing(_, false), .obstructed): true
      // Nothing arrives any more, or a start here is next.
      case (.clearing(_, false), .open), (.obstructed, .open), (.cleared, .open): true
      case (.obstructed, .unbarred), (.cleared, .unbarred): true
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
    case .open, .clearing(_, isLate: false), .obstructed, .cleared: nil
    case .unbarred, .clearing(_, isLate: true): .lateStart
    case .asked(let against), .closed(let against, _), .refused(_, let against): against
    }
  }

  /// A start that an earlier life of this controller asked for, or one whose call was not answered, may still be on its way.
  var hasLateStart: Bool { against == .lateStart }

  /// libvirt refuses whatever start is still on its way.
  var isClosed: Bool { if case .closed = course.state { true } else { false } }
  /// libvirt was asked to take a bar away, and has not answered.
  var isClearing: Bool { if case .clearing = course.state { true } else { false } }
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
    case .closed, .asked, .clearing: .busy
    case .refused(let until, _) where now < until: .shut(until: until)
    case .refused, .open, .unbarred, .obstructed, .cleared: .open
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
    case .closed(_, let since): course.move(to: .closed(against, since: since))
    case .clearing(let overBar, let isLate): course.move(to: .clearing(overBar: overBar, isLate: !isLate))
    case .obstructed, .cleared: course.move(to: .unbarred)
    case .refused(let until, _): course.move(to: .refused(until: until, against))
    }
  }

  /// The next start here takes the bar away.
  mutating func open() {
    switch course.state {
    case .open, .unbarred: break
    case .asked, .closed, .refused, .clearing, .obstructed, .cleared: course.move(to: hasLateStart ? .unbarred : .open)
    }
  }

  /// Makes certain that no earlier start can succeed: asks for a bar where none is, and waits where one was refused.
  mutating func close(_ name: WorkloadName, _ facts: Facts, _ effects: inout Effects) {
    let door = door(at: facts.now)
    guard door.isOpen else { return effects.agenda.wait(name, for: door) }
    // Where libvirt does not answer it is asked when it does.
    guard let domain = facts.view.identity(of: name), facts.local.unreachable[domain.connection] == nil else { return }
    // Nothing arrives beside a start of this life.
    expectsNothing()
    course.move(to: .asked(hasLateStart ? .lateStart : .ownStart))
    effects.bar(
      name, DomainID(connection: domain.connection, name: name.text), uuid: domain.uuid, Self.mark(of: name, facts))
  }

  private static func mark(of name: WorkloadName, _ facts: Facts) -> ClaimMark {
    ClaimMark(cluster: facts.configuration.cluster, workload: name.text, epoch: .none)
  }

  mutating func ended(_ outcome: OperationOutcome, _ facts: Facts) {
    guard case .asked(let against) = course.state else { return }
    let retryAt = facts.now + facts.timing.barPause
    course.move(to: outcome == .done ? .closed(against, since: facts.now) : .refused(until: retryAt, against))
  }

  // MARK: what arrives

  /// The workload is to arrive here by a migration, and nothing of it is here: whether nothing of ours keeps it away. Asks libvirt where that is not
  /// certain yet.
  mutating func makesRoom(_ name: WorkloadName, _ facts: Facts, _ effects: inout Effects) -> Bool {
    let overBar: Bool, notBefore: BootInstant
    switch course.state {
    case .cleared: return true
    case .open: (overBar, notBefore) = (false, facts.now)
    case .obstructed(let until): (overBar, notBefore) = (false, until)
    case .closed(_, let since): (overBar, notBefore) = (true, since + Limits.lateStart)
    case .unbarred, .asked, .refused, .clearing: return false
    }
    guard facts.now >= notBefore else {
      effects.agenda.look(at: name, at: notBefore)
      return false
    }
    guard let domain = facts.view.identity(of: name), facts.local.unreachable[domain.connection] == nil else { return false }
    course.move(to: .clearing(overBar: overBar, isLate: overBar))
    effects.unbar(
      name, DomainID(connection: domain.connection, name: name.text), uuid: domain.uuid, Self.mark(of: name, facts),
      overBar: overBar)
    return false
  }

  mutating func unbarEnded(_ outcome: OperationOutcome, _ name: WorkloadName, _ facts: Facts, _ effects: inout Effects) {
    guard case .clearing(let overBar, let isLate) = course.state else { return }
    switch outcome {
    case .done: course.move(to: isLate && !overBar ? .unbarred : .cleared)
    // An earlier life made it, against a start of which this one knows nothing.
    case .barred: course.move(to: .unbarred)
    case .failed(let reason), .hindered(_, let reason), .unknown(let reason):
      failsToClear(isLate, facts)
      effects.noteOnce(
        .migrating, "\(name) cannot arrive on \(facts.me) while it runs, and its source does not begin: \(reason)",
        workload: name)
    case .tooLate: failsToClear(isLate, facts)
    }
  }

  private mutating func failsToClear(_ isLate: Bool, _ facts: Facts) {
    course.move(to: isLate ? .unbarred : .obstructed(until: facts.now + facts.timing.barPause))
  }

  /// It is not to arrive, or not any more.
  mutating func expectsNothing() {
    switch course.state {
    case .cleared, .obstructed: course.move(to: .open)
    case .open, .unbarred, .asked, .closed, .refused, .clearing: break
    }
  }

  /// The workload is not this node's any more. A start from before outlives that: the next one here takes its bar away.
  ///
  /// - Parameter withoutFence: none can come any more, or nobody is to look after it.
  mutating func retire(withoutFence: Bool) {
    // A bar that is on its way out is gone before there is another.
    if isClearing, !withoutFence { return }
    if !hasLateStart || withoutFence { course.beginAnew(as: .open) }
  }
}
