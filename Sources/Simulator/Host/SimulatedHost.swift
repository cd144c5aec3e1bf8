import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime

/// One host: its clock, its kernel's view of the domains, and the processes that run on it.
final class SimulatedHost {
  /// Until the world ends.
  let world: World
  let name: NodeName
  let index: Int
  let dice: Dice
  let link: Link
  private(set) lazy var addresses = AddressTable(self)
  private(set) lazy var services = SimulatedServices(self, dice: serviceDice)
  private let serviceDice: Dice
  /// How it is by its own checks.
  private(set) lazy var health = SimulatedNodeHealth(self, dice: healthDice())
  private let healthDice: () -> Dice
  /// For workloads made of parts.
  private(set) lazy var partsDice = makePartsDice()
  private let makePartsDice: () -> Dice
  private(set) var clock: HostClock
  /// Counts boots: whatever was planned on an earlier one does not happen.
  private(set) var boot: Int32 = 1
  private(set) var isUp: Bool
  private(set) var isPaused = false
  private var pausedAt = Moment.zero
  private var held: [() -> Void] = []
  /// Just resumed: what runs on it has not yet got its first slice of a processor.
  private(set) var isWaking = false

  // The kernel.
  /// What may be wrong with it.
  struct Kernel {
    /// A freeze holds so much later.
    var freezeDelay = Span.zero
    /// A freeze is confirmed.
    var confirms = true
    /// A start that a freeze catches keeps it from being confirmed, until it is killed.
    var startsHoldFreezes = false
    /// Share of the attempts at a kill that reach nobody.
    var failedKills = 0.0
    /// A timer comes so much later.
    var timerDelay = Span.zero
  }
  var kernel = Kernel()
  private(set) var domains: [String: SimulatedDomain] = [:]
  private(set) var isPartitionFrozen = false
  private(set) var frozenCgroups: Set<String> = []
  private var freezing: (until: Moment, number: Int, cgroups: Set<String>)?
  private var freezes = 0
  private var thawing: [() -> Void] = []
  private var lastPID: Int32 = 1000

  // The disk and the runtime directory.
  var definitions: [String: Definition] = [:]
  /// What somebody defined under a workload's name and UUID, without autostart, by name.
  var leftovers: [String: LeftoverDefinition] = [:]
  /// Workloads that its libvirt cannot run, and why.
  var incompatible: [WorkloadName: Incompatibility] = [:]
  /// There was such a workload once: its controllers ask about it.
  var asksWhatCanRun = false
  var savedSession: OwnSession.Saved?
  var guardRecord: GuardRecord?
  /// Workloads made of parts whose starts are barred.
  var barredParts: Set<String> = []
  /// What is wrong with parts here; outlasts a reboot.
  var partTroubles = PartTroubles()

  // The processes.
  private(set) lazy var libvirt = SimulatedLibvirt(self)
  var watchdogFed = true
  private(set) var guardProcess: GuardProcess?
  private(set) var controller: ControllerProcess?
  /// Dead controllers: what was planned in their lives still refers to them.
  private var formerControllers: [ControllerProcess] = []
  private var formerGuards: [GuardProcess] = []
  /// It has left on purpose and is to stay away until it is told to return.
  var hasLeft = false
  let setup: ClusterSetup.Node

  init(
    _ world: World, index: Int, setup: ClusterSetup.Node, dice: Dice, serviceDice: Dice, healthDice: @escaping () -> Dice,
    partsDice: @escaping () -> Dice, link: Link, clock: HostClock
  ) {
    self.world = world
    self.index = index
    self.setup = setup
    self.dice = dice
    self.serviceDice = serviceDice
    self.healthDice = healthDice
    makePartsDice = partsDice
    self.link = link
    self.clock = clock
    name = setup.name
    isUp = setup.isOn
  }

  var now: BootInstant { clock.reading(at: world.now) }
  var connection: String { setup.connection }
  /// Capacity and what it serves.
  var record: NodeRecord {
    NodeRecord(
      capacity: setup.capacity, labels: setup.labels,
      connections: setup.runsParts ? [setup.connection, SpecRecord.hostConnection] : [setup.connection],
      migration: setup.takesMigrations ? [setup.connection: name.text] : nil, version: "sim")
  }

  @inline(__always)
  func tell(_ what: @autoclosure () -> String) {
    if world.story.isKept { world.story.tell(world.now, name.text, what()) }
  }

  // MARK: time on this host

  /// Happens on this host after a while, unless it reboots before; while it is paused nothing happens.
  func after(_ span: Span, _ body: @escaping () -> Void) { world.at(world.now + span, on: self, body) }

  func at(_ moment: Moment, _ body: @escaping () -> Void) { world.at(moment, on: self, body) }

  /// At an instant of this host's own clock.
  func at(_ instant: BootInstant, late: Span = .zero, _ body: @escaping () -> Void) {
    world.at(moment(of: instant) + late, on: self, body)
  }

  /// When this host's clock shows the instant; now, if that has passed.
  func moment(of instant: BootInstant) -> Moment { max(clock.moment(of: instant), world.now) }

  /// Something planned here comes.
  func happens(_ entry: EventHeap.Entry) {
    guard boot == entry.boot, isUp else { return }
    if isPaused { held.append { entry.deed() } } else { entry.deed() }
  }

  /// It has power and is not paused.
  var isRunning: Bool { isUp && !isPaused }

  /// Something arrives here now.
  func promptly(_ body: @escaping () -> Void) {
    guard isUp else { return }
    if isPaused { held.append(body) } else { body() }
  }

  func changeClock(rate: Int64) {
    clock.change(rate: rate, at: world.now)
    guardProcess?.armAnew()
  }

  // MARK: processes

  func startGuard() {
    guard isUp, guardProcess == nil else { return }
    tell("the guard starts")
    guardProcess = GuardProcess(self)
    world.chronicle?.changed()
    controller?.guardLine.connect()
  }

  func killGuard() {
    guard let dead = guardProcess else { return }
    tell("the guard ends")
    guardProcess = nil
    world.chronicle?.changed()
    formerGuards.append(dead)
    dead.die()
  }

  func startController() {
    guard isUp, controller == nil else { return }
    tell("the controller starts, \(self.savedSession.map { "with session \($0.incarnation)" } ?? "without a session")")
    controller = ControllerProcess(self)
  }

  func killController() {
    guard let dead = controller else { return }
    tell("the controller ends")
    controller = nil
    formerControllers.append(dead)
    dead.die()
    guardProcess?.controllerLost()
  }

  /// A node that left, or whose controller is gone, comes back.
  func comeBack() {
    hasLeft = false
    startController()
  }

  /// Nothing refers to this host's processes any more.
  func end() {
    held = []
    thawing = []
    link.end()
    controller?.die()
    controller = nil
    guardProcess = nil
    formerControllers = []
    formerGuards = []
    for domain in domains.values { domain.parts?.vanish() }
  }

  // MARK: power

  func crash() {
    guard isUp else { return }
    killGuard()
    killController()
    isUp = false
    isPaused = false
    isWaking = false
    kernel = Kernel()
    boot += 1
    held = []
    for domain in domains.values {
      domain.isKilled = true
      domain.parts?.vanish()
    }
    domains = [:]
    isPartitionFrozen = false
    frozenCgroups = []
    freezing = nil
    thawing = []
    addresses.clear()
    savedSession = nil
    guardRecord = nil
    barredParts = []
    libvirt.crash()
    world.invariants.hostChanged(self)
  }

  func powerOn() {
    guard !isUp else { return }
    isUp = true
    clock = HostClock(at: world.now, reading: BootInstant(nanoseconds: 1_000_000_000), rate: clock.rate)
    tell("the host is up again")
    startGuard()
    libvirt.boot()
    if !hasLeft { after(dice.milliseconds(50...1500)) { [self] in startController() } }
  }

  func pause() {
    guard isUp, !isPaused else { return }
    isPaused = true
    pausedAt = world.now
    world.invariants.hostChanged(self)
  }

  func resume() {
    guard isUp, isPaused else { return }
    tell("the host is resumed after \(world.now - pausedAt)")
    isPaused = false
    // After a pause that the deadline does not cover, everything is runnable at once, and who runs first is the scheduler's choice:
    // the limit that Docs/safety.md names. What still executes when the guard had its turn counts.
    // Paused again before that turn, it still waits for it.
    if isWaking || world.now - pausedAt > Self.coveredPause {
      isWaking = true
      let pause = pausedAt
      after(Self.wakingTime) { [self] in
        guard pausedAt == pause, !isPaused else { return }
        isWaking = false
        world.invariants.hostChanged(self)
      }
    }
    world.invariants.hostChanged(self)
    let bodies = held
    held = []
    for body in bodies { promptly(body) }
  }

  /// The stop budget takes a pause of this length.
  private static let coveredPause = Span.milliseconds(60)
  private static let wakingTime = Span.milliseconds(30)

  // MARK: the kernel

  func isFrozen(_ domain: SimulatedDomain) -> Bool {
    domain.partition != nil && isPartitionFrozen || !frozenCgroups.isEmpty && frozenCgroups.contains(domain.cgroup)
  }

  /// Whether the domain could run an instruction now.
  func executes(_ domain: SimulatedDomain) -> Bool {
    guard isUp, !isPaused, !isWaking, !domain.isGone, !domain.isKilled, domain.pause == nil else { return false }
    return domain.parts?.executes(isFrozen: isFrozen(domain)) ?? !isFrozen(domain)
  }

  func nextPID() -> Int32 {
    lastPID += 1
    return lastPID
  }

  func add(_ domain: SimulatedDomain) {
    domains[domain.id.name] = domain
    world.invariants.hostChanged(self)
  }

  /// SIGKILL to every process of it: from now on it executes nothing; soon nothing of it is left.
  func kill(_ domain: SimulatedDomain, why: String, lasting: Span, end: DomainEnd = .failed) {
    if let parts = domain.parts { return parts.kill(why: why, lasting: lasting) }
    guard !domain.isEnding else { return }
    tell("\(domain.id.name) is killed: \(why)")
    domain.isKilled = true
    domain.isEnding = true
    world.invariants.hostChanged(self)
    after(lasting) { [self] in remove(domain, why: why, end: end) }
  }

  /// Its last process ends by itself.
  func remove(_ domain: SimulatedDomain, why: String, end: DomainEnd) {
    guard domains[domain.id.name] === domain else { return }
    tell("\(domain.id.name) (process \(domain.pid)) is gone: \(why)")
    domains[domain.id.name] = nil
    domain.end()
    world.invariants.hostChanged(self)
    libvirt.noticed(end: domain, why: why, end)
  }

  /// Nothing is left of a workload made of parts.
  func removeParts(_ domain: SimulatedDomain, why: String) {
    guard domains[domain.id.name] === domain else { return }
    tell("\(domain.id.name) is gone: \(why)")
    domains[domain.id.name] = nil
    domain.end()
    world.invariants.hostChanged(self)
  }

  /// Its last process ends by itself, if it can.
  func endByItself(_ name: String) {
    after(.zero) { [self] in
      guard let domain = domains[name], domain.parts == nil, !isFrozen(domain), !domain.isKilled else { return }
      remove(domain, why: "it ended by itself", end: .failed)
    }
  }

  /// Its guest powers itself off, or crashes and is kept, if it executes.
  func endGuest(_ name: String, crashes: Bool) {
    after(.zero) { [self] in
      guard let domain = domains[name], domain.parts == nil, domain.isReady, executes(domain), libvirt.migrations[name] == nil
      else { return }
      if crashes {
        tell("\(name) crashes and is kept")
        libvirt.pause(domain, as: .crashed)
      } else {
        remove(domain, why: "it powered itself off", end: .poweredOff)
      }
    }
  }

  /// Whether a freeze that holds is seen to hold.
  var confirmsFreezes: Bool {
    kernel.confirms
      && !(kernel.startsHoldFreezes && domains.values.contains { $0.partition != nil && !$0.isReady && !$0.isKilled })
  }

  /// Whoever looks sees the order at once, before it holds.
  var isFreezeOrdered: Bool { isPartitionFrozen || freezing != nil }

  /// Orders the freeze of the partition and of single cgroups. Gives when it will hold.
  func freeze(_ cgroups: Set<String>) -> Moment {
    world.invariants.frozen(cgroups, on: self)
    if let freezing {
      self.freezing?.cgroups.formUnion(cgroups)
      return freezing.until
    }
    if isPartitionFrozen, cgroups.isSubset(of: frozenCgroups) { return world.now }
    freezes += 1
    let number = freezes
    let until = world.now + dice.milliseconds(0.1...0.6) + kernel.freezeDelay
    freezing = (until, number, cgroups)
    at(until) { [self] in
      guard let cgroups = freezing?.cgroups, freezing?.number == number else { return }
      freezing = nil
      if !isPartitionFrozen {
        tell("everything protected is frozen")
        world.tally.count(.freezes)
      }
      isPartitionFrozen = true
      frozenCgroups.formUnion(cgroups)
      world.invariants.hostChanged(self)
    }
    return until
  }

  func thaw(_ cgroups: Set<String>) {
    tell("everything protected is thawed")
    world.tally.count(.thaws)
    freezing = nil
    isPartitionFrozen = false
    frozenCgroups.subtract(cgroups)
    world.invariants.hostChanged(self)
    let bodies = thawing
    thawing = []
    for body in bodies { body() }
    libvirt.thawed()
  }

  /// What frozen processes were about to do does not need libvirtd.
  func whenThawed(_ body: @escaping () -> Void) { thawing.append(body) }
}
