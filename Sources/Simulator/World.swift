import GuardProtocol
import HoldfastCore

/// A cluster on virtual time: one seed, one thread, many real cores and guards. The same seed gives the same story.
public final class World {
  public let seed: UInt64
  public let settings: Settings
  public private(set) var now = Moment.zero
  public let story: Story
  public private(set) var violation: Violation?
  /// Events so far.
  public private(set) var events = 0
  private var trace = Trace()
  private var heap = EventHeap()

  private(set) lazy var store = SimulatedStore(self, dice: Dice(seed: seed, matter: 1))
  private(set) lazy var faults = Faults(self, dice: Dice(seed: seed, matter: 2))
  private(set) lazy var operators = Operators(self, dice: Dice(seed: seed, matter: 3))
  private(set) lazy var invariants = Invariants(self)
  private(set) var hosts: [SimulatedHost] = []

  public init(seed: UInt64, _ settings: Settings = Settings()) {
    self.seed = seed
    self.settings = settings
    story = Story(settings.story)
    let dice = Dice(seed: seed, matter: 4)
    for index in 0..<settings.nodes {
      let drift = settings.clocksDrift ? Int(settings.timing.drift) : 0
      // Mostly at the ends of what is allowed: that is where errors are.
      let rate = dice.chance(0.6) ? (dice.chance(0.5) ? drift : -drift) : dice.number(-drift...drift)
      let clock = HostClock(
        at: .zero, reading: BootInstant(nanoseconds: Int64(dice.number(1...1_000_000)) * 1_000_000), rate: Int64(rate))
      let record = NodeRecord(
        capacity: Resources(memory: settings.memory, cpus: 64), labels: [:], connections: ["lxc:///system"], version: "sim")
      let quality = Link.Quality(
        late: settings.faults.lateMessages, loss: settings.faults.lostMessages, held: settings.faults.heldMessages)
      let link = Link(self, dice: Dice(seed: seed, matter: 100 + UInt64(index)), quality: quality)
      let host = SimulatedHost(
        self, index: index, record: record, dice: Dice(seed: seed, matter: 200 + UInt64(index)), link: link, clock: clock)
      link.opened = { [unowned host, unowned self] in
        if $0 == .fromStore { host.controller?.caughtUp(self.store.model.revision) }
      }
      hosts.append(host)
    }
    for host in hosts {
      for number in 0..<settings.unmanaged {
        let name = "other\(host.index + 1)-\(number + 1)"
        host.definitions[name] = Definition(
          id: DomainID(connection: host.connection, name: name), uuid: Operators.uuid(host.index * 10 + number + 1, kind: 2),
          memory: 128, vcpus: 1)
      }
      host.libvirt.boot()
      host.startGuard()
      host.after(dice.milliseconds(1...800)) { [unowned host] in host.startController() }
    }
  }

  // MARK: time

  func at(_ moment: Moment, _ body: @escaping () -> Void) { heap.plan(at: max(moment, now), body) }
  func after(_ duration: Duration, _ body: @escaping () -> Void) { at(now + duration, body) }

  /// Lets time go by. Ends early when an invariant is violated.
  public func run(for duration: Duration) {
    let end = now + duration
    while violation == nil, let next = heap.next, next <= end, let entry = heap.take() {
      now = entry.at
      events += 1
      trace.mix(entry.at.nanoseconds)
      trace.mix(Int64(truncatingIfNeeded: entry.sequence))
      entry.body()
    }
    if violation == nil { now = end }
  }

  /// A hash of everything that happened so far, and when.
  public var hash: UInt64 { trace.hash }

  func mix(_ a: Int64, _ b: Int64) {
    trace.mix(a)
    trace.mix(b)
  }

  /// Frees everything that was planned, which holds on to this world's parts.
  public func end() { heap.removeAll() }

  func tell(_ what: @escaping @autoclosure () -> String) { story.tell(now, "world", what) }

  func violated(_ invariant: String, _ text: String) {
    guard violation == nil else { return }
    tell("VIOLATION of \"\(invariant)\": \(text)")
    violation = Violation(seed: seed, at: now, invariant: invariant, text: text)
  }

  func host(_ name: NodeName) -> SimulatedHost? { hosts.first { $0.name == name } }
}

/// Something that must never be was.
public struct Violation: Sendable, Hashable, CustomStringConvertible {
  public var seed: UInt64
  public var at: Moment
  public var invariant: String
  public var text: String

  public var description: String { "seed \(seed) at \(at) s: \(invariant): \(text)" }
}
