import GuardProtocol
import HoldfastCore

/// One host: its clock, its kernel's view of the domains, and the processes that run on it.
final class SimulatedHost {
  unowned let world: World
  let name: NodeName
  let index: Int
  let dice: Dice
  let link: Link
  private(set) var clock: HostClock
  /// Counts boots: whatever was planned on an earlier one does not happen.
  private(set) var boot = 1
  private(set) var isUp = true
  private(set) var isPaused = false
  private var held: [() -> Void] = []

  // The kernel.
  private(set) var domains: [String: SimulatedDomain] = [:]
  private(set) var isPartitionFrozen = false
  private(set) var frozenCgroups: Set<String> = []
  private var freezing: (until: Moment, number: Int)?
  private var freezes = 0
  private var lastPID: Int32 = 1000

  // The disk and the runtime directory.
  var definitions: [String: Definition] = [:]
  var savedSession: OwnSession.Saved?
  var guardRecord: GuardRecord?

  // The processes.
  private(set) lazy var libvirt = SimulatedLibvirt(self)
  var watchdogFed = true
  private(set) var guardian: GuardProcess?
  private(set) var controller: ControllerProcess?
  /// Dead controllers: what was planned in their lives still refers to them.
  private var formerControllers: [ControllerProcess] = []
  /// It has left on purpose and is to stay away until it is told to return.
  var hasLeft = false
  /// Capacity and what it serves.
  let record: NodeRecord

  init(_ world: World, index: Int, record: NodeRecord, dice: Dice, link: Link, clock: HostClock) {
    self.world = world
    self.index = index
    self.record = record
    self.dice = dice
    self.link = link
    self.clock = clock
    name = NodeName("node\(index + 1)")
  }

  var now: BootInstant { clock.reading(at: world.now) }
  var connection: String { record.connections[0] }

  func tell(_ what: @escaping @autoclosure () -> String) { world.story.tell(world.now, name.text, what) }

  // MARK: time on this host

  /// Happens on this host after a while, unless it reboots before; while it is paused nothing happens.
  func after(_ duration: Duration, _ body: @escaping () -> Void) { at(world.now + duration, body) }

  func at(_ moment: Moment, _ body: @escaping () -> Void) {
    let planned = boot
    world.at(moment) { [unowned self] in
      guard boot == planned, isUp else { return }
      if isPaused { held.append(body) } else { body() }
    }
  }

  /// At an instant of this host's own clock.
  func at(_ instant: BootInstant, late: Duration = .zero, _ body: @escaping () -> Void) {
    at(max(clock.moment(of: instant), world.now) + late, body)
  }

  func changeClock(rate: Int64) {
    clock.change(rate: rate, at: world.now)
    guardian?.armAnew()
  }

  // MARK: processes

  func startGuard() {
    guard isUp, guardian == nil else { return }
    tell("the guard starts")
    guardian = GuardProcess(self)
    controller?.guardLine.connect()
  }

  func killGuard() {
    guard let dead = guardian else { return }
    tell("the guard is killed")
    guardian = nil
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
    guardian?.controllerLost()
  }

  // MARK: power

  func crash() {
    guard isUp else { return }
    tell("the host loses power")
    killController()
    killGuard()
    isUp = false
    isPaused = false
    boot += 1
    held = []
    for domain in domains.values { domain.isKilled = true }
    domains = [:]
    isPartitionFrozen = false
    frozenCgroups = []
    freezing = nil
    savedSession = nil
    guardRecord = nil
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
    if !hasLeft { after(dice.milliseconds(50...1500)) { [unowned self] in startController() } }
  }

  func pause() {
    guard isUp, !isPaused else { return }
    tell("the host is paused")
    isPaused = true
    world.invariants.hostChanged(self)
  }

  func resume() {
    guard isUp, isPaused else { return }
    tell("the host goes on")
    isPaused = false
    world.invariants.hostChanged(self)
    let bodies = held
    held = []
    for body in bodies { body() }
  }

  // MARK: the kernel

  func isFrozen(_ domain: SimulatedDomain) -> Bool {
    domain.partition != nil && isPartitionFrozen || frozenCgroups.contains(domain.cgroup)
  }

  /// Whether the domain could run an instruction now.
  func executes(_ domain: SimulatedDomain) -> Bool {
    isUp && !isPaused && !domain.isGone && !domain.isKilled && !isFrozen(domain)
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
  func kill(_ domain: SimulatedDomain, why: String, lasting: Duration) {
    guard !domain.isKilled else { return }
    tell("\(domain.id.name) is killed: \(why)")
    domain.isKilled = true
    world.invariants.hostChanged(self)
    after(lasting) { [unowned self] in remove(domain, why: why) }
  }

  /// Its last process ends by itself.
  func remove(_ domain: SimulatedDomain, why: String) {
    guard domains[domain.id.name] === domain else { return }
    tell("\(domain.id.name) (process \(domain.pid)) is gone: \(why)")
    domains[domain.id.name] = nil
    domain.end()
    world.invariants.hostChanged(self)
    libvirt.noticed(end: domain, why: why)
  }

  /// Orders the freeze of the partition and of single cgroups. Gives when it will hold.
  func freeze(_ cgroups: Set<String>) -> Moment {
    if let freezing { return freezing.until }
    if isPartitionFrozen, cgroups.isSubset(of: frozenCgroups) { return world.now }
    if world.settings.sabotage.contains(.guardDoesNotFreeze) { return world.now }
    freezes += 1
    let number = freezes
    let until = world.now + world.faults.freezeTime(dice)
    freezing = (until, number)
    at(until) { [unowned self] in
      guard freezing?.number == number else { return }
      freezing = nil
      if !isPartitionFrozen { tell("the partition stands still") }
      isPartitionFrozen = true
      frozenCgroups.formUnion(cgroups)
      world.invariants.hostChanged(self)
    }
    return until
  }

  func thaw(_ cgroups: Set<String>) {
    tell("the partition is thawed")
    freezing = nil
    isPartitionFrozen = false
    frozenCgroups.subtract(cgroups)
    world.invariants.hostChanged(self)
    libvirt.thawed()
  }
}
