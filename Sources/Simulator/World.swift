import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// A cluster on virtual time: one seed, one thread, many real cores and guards. The same seed gives the same story.
public final class World {
  public let seed: UInt64
  public let settings: Settings
  public private(set) var now = Moment.zero
  public let story: Story
  public private(set) var violation: Violation?
  /// Events so far.
  public private(set) var events = 0
  /// Within the second that ends then, no event has a higher number.
  private var circle = (end: Moment.zero, limit: 0)
  /// Many times what the busiest second of a storm has.
  private var mostEventsPerSecond: Int { 2000 * (settings.cluster.nodes.count + settings.cluster.workloads.count) }
  // Nothing that changes these calls anything that could come back to them, in a world of one thread: that needs no watching at run time,
  // which costs a tenth of the whole (here, and wherever else it is said).
  @exclusivity(unchecked) private var trace = Trace()
  @exclusivity(unchecked) private var heap = EventHeap()

  private(set) lazy var store = SimulatedStore(self, dice: Dice(seed: seed ^ settings.chance, matter: 1))
  private(set) lazy var faults = FaultSource(self, dice: Dice(seed: seed, matter: 2))
  private(set) lazy var operators = Operators(self, dice: Dice(seed: seed, matter: 3))
  private(set) lazy var invariants = Invariants(self)
  private lazy var frozenWatch = FrozenWatch(self)
  private lazy var unwellWatch = UnwellWatch(self)
  private(set) var hosts: [SimulatedHost] = []
  /// What came from outside so far, and when.
  public private(set) var happenings: [Scheduled] = []
  public internal(set) var tally = Tally()
  /// nil: nobody asked for it.
  @exclusivity(unchecked) public internal(set) var fingerprint: Fingerprint?
  /// How often each matter was broken, so that the end of an older fault does not end a newer one.
  var turns: [Matter: Int] = [:]
  /// Addresses that somebody has who is none of the cluster.
  var strangers: Set<IPAddress> = []
  /// Kept for scenarios only.
  var chronicle: Chronicle?

  public init(seed: UInt64, _ settings: Settings) {
    self.seed = seed
    self.settings = settings
    story = Story(isKept: settings.keepsStory)
    fingerprint = settings.takesFingerprint ? Fingerprint() : nil
    let dice = Dice(seed: seed, matter: 4)
    for (index, node) in settings.cluster.nodes.enumerated() { hosts.append(makeHost(node, index, dice)) }
    _ = frozenWatch
    // A world in which nothing has checks goes as it went before there were any.
    if settings.cluster.workloads.contains(where: { !$0.checks.isEmpty }) { _ = unwellWatch }
    for host in hosts where host.setup.isOn {
      host.libvirt.boot()
      host.startGuard()
      host.after(dice.milliseconds(1...800)) { host.startController() }
    }
  }

  private func makeHost(_ node: ClusterSetup.Node, _ index: Int, _ dice: Dice) -> SimulatedHost {
    let drift = settings.clockDrift
    // Mostly at the ends of what is allowed: that is where errors are.
    let rate = dice.chance(0.6) ? (dice.chance(0.5) ? drift : -drift) : dice.number(-drift...drift)
    let clock = HostClock(
      at: .zero, reading: BootInstant(nanoseconds: Int64(dice.number(1...1_000_000)) * 1_000_000), rate: Int64(rate))
    let quality = Link.Quality(late: settings.faults.lateMessages, loss: settings.faults.lostMessages)
    // By name, so that the others' chances stay the same when a node is taken away.
    let own = Trace.hash(of: node.name.text)
    let link = Link(self, dice: Dice(seed: seed ^ settings.chance, matter: own), quality: quality)
    let host = SimulatedHost(
      self, index: index, setup: node, dice: Dice(seed: seed ^ settings.chance, matter: own ^ 1),
      serviceDice: Dice(seed: seed ^ settings.chance, matter: own ^ 2),
      healthDice: { [seed, settings] in Dice(seed: seed ^ settings.chance, matter: own ^ 3) },
      partsDice: { [seed, settings] in Dice(seed: seed ^ settings.chance, matter: own ^ 4) }, link: link, clock: clock)
    link.opened = { [unowned host, unowned self] in if $0 == .fromStore { host.controller?.caughtUp(store.model.revision) } }
    for (number, name) in node.unmanaged.keys.sorted().enumerated() {
      host.definitions[name] = Definition(
        id: DomainID(connection: host.connection, name: name), uuid: Operators.uuid(index * 10 + number + 1, kind: 2),
        memory: node.unmanaged[name] ?? 0, vcpus: 1)
    }
    return host
  }

  // MARK: time

  func at(_ moment: Moment, _ body: @escaping () -> Void) {
    heap.plan(at: max(moment, now), EventHeap.Entry(host: -1, boot: 0, deed: .body(body)))
  }
  func after(_ span: Span, _ body: @escaping () -> Void) { at(now + span, body) }

  /// Again and again, for the first time when the span has passed.
  func every(_ span: Span, _ body: @escaping () -> Void) {
    after(span) { [unowned self] in
      body()
      every(span, body)
    }
  }

  /// On a host: not when it has rebooted in between; and when it is paused, as soon as it is resumed.
  func at(_ moment: Moment, on host: SimulatedHost, _ body: @escaping () -> Void) {
    heap.plan(at: max(moment, now), EventHeap.Entry(host: Int32(host.index), boot: host.boot, deed: .body(body)))
  }

  func at(_ moment: Moment, _ deed: EventHeap.Deed) {
    heap.plan(at: max(moment, now), EventHeap.Entry(host: -1, boot: 0, deed: deed))
  }

  func at(_ moment: Moment, on host: SimulatedHost, _ deed: EventHeap.Deed) {
    heap.plan(at: max(moment, now), EventHeap.Entry(host: Int32(host.index), boot: host.boot, deed: deed))
  }

  /// Lets time go by. Ends early when an invariant is violated.
  public func run(for span: Span) { run(until: now + span) }

  /// Lets time go by until the moment, or until `isEnough` after an event.
  public func run(until end: Moment, isEnough: () -> Bool = { false }) {
    while violation == nil, let next = heap.next, next <= end, let (at, entry) = heap.take() {
      now = at
      events += 1
      if at >= circle.end { circle = (at + .seconds(1), events + mostEventsPerSecond) }
      if events > circle.limit { violated(.noCircles, "more than \(mostEventsPerSecond) events within a second") }
      trace.mix(at.nanoseconds)
      if entry.host < 0 { entry.deed() } else { hosts[Int(entry.host)].happens(entry) }
      if isEnough() { return }
    }
    if violation == nil { now = max(now, end) }
  }

  // MARK: the time of day

  /// What the wall clock shows is ahead of the world's time by so many milliseconds. Every host's shows the same.
  private var wallLead: Int64 = 0

  /// Milliseconds since a Monday's midnight.
  var wallTime: Int64 { wallLead + now.nanoseconds / 1_000_000 }

  /// It is that time of the week now, by every host's wall clock.
  func setWallTime(_ time: WeekTime, and span: Span = .zero) {
    // In the second week, so that no time is below zero.
    let week = Int64(7 * WeekTime.minutesOfDay)
    wallLead = (week + Int64(time.minute)) * 60_000 + (span.nanoseconds - now.nanoseconds) / 1_000_000
    for host in hosts { host.controller?.tellTime() }
  }

  /// When something happens next.
  var nextMoment: Moment? { heap.next }

  /// A hash of everything that happened so far, and when.
  public var hash: UInt64 { trace.hash }

  func mix(_ a: Int64, _ b: Int64) {
    trace.mix(a)
    trace.mix(b)
  }

  /// Frees everything that was planned, which holds on to this world's parts.
  public func end() {
    heap.removeAll()
    for host in hosts { host.end() }
    store.end()
    hosts = []
  }

  @inline(__always)
  func tell(_ what: @autoclosure () -> String) { if story.isKept { story.tell(now, "world", what()) } }

  func violated(_ invariant: Invariant, _ text: String) {
    guard violation == nil else { return }
    tell("VIOLATION: \(invariant.rawValue): \(text)")
    violation = Violation(seed: seed, at: now, invariant: invariant, text: Story.withShortNames(text))
  }

  /// Something comes from outside.
  public func happen(_ happening: Happening) {
    happenings.append(Scheduled(at: now, happening: happening))
    carryOut(happening)
  }

  /// A controller said something.
  func noted(_ note: Note, by node: NodeName) {
    if note.kind == .plannerTaken { tally.count(.plannerChanges) }
    chronicle?.said(node, note.text, at: now)
  }

  func host(_ name: NodeName) -> SimulatedHost? { hosts.first { $0.name == name } }
}

/// Something that must never be was.
public struct Violation: Hashable, Sendable, CustomStringConvertible {
  public var seed: UInt64
  public var at: Moment
  public var invariant: Invariant
  public var text: String

  public var description: String { "seed \(seed) at \(at) s: \(invariant.rawValue): \(text)" }
}
