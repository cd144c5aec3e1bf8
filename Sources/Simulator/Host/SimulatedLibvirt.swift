import GuardCore
import HoldfastModel

/// libvirtd on one host, and the part of the adapter that does not depend on a controller's life. Domains live on without it.
final class SimulatedLibvirt {
  private unowned let host: SimulatedHost
  private let dice: Dice
  /// The daemon runs.
  private(set) var isUp = true
  /// It takes calls and returns none.
  private(set) var isHanging = false
  /// Starts, and all that is done besides, take so much longer (milliseconds).
  var slowness: ClosedRange<Double>?
  /// A workload's starts, or its stops, that fail here.
  struct Breakage {
    var reason: String
    /// How often; nil: until it is mended.
    var times: Int?
  }
  var broken: [String: Breakage] = [:]
  var stubborn: [String: Breakage] = [:]
  /// Workloads whose domains it works at: a backup, a block job. They are not migrated meanwhile.
  var busy: Set<String> = []
  /// Why other hosts' libvirts cannot connect to it; nil: they can.
  var inboundFlaw: String?
  /// Names that a placeholder has, so that no start that is on its way succeeds.
  private(set) var barred: Set<String> = []
  /// Starts that have not come to the list of domains, where the name is looked for.
  private var unlisted: [UnlistedStart] = []
  private final class UnlistedStart {
    let name: String
    let come: () -> Void
    var isOver = false
    init(_ name: String, _ come: @escaping () -> Void) { (self.name, self.come) = (name, come) }
  }
  /// A start that libvirt took before it made a placeholder comes to its list within so long.
  private static let listing = Span.seconds(2)
  /// Share of calls that fail for no reason.
  var failures = 0.0
  /// From here, under way.
  var migrations: [String: SimulatedMigration] = [:]
  /// What breaks the next migrations from here, once each.
  var interruptions: [Happening.MigrationStep] = []
  private(set) weak var door: HypervisorDoor?
  private var blocked: [() -> Void] = []
  private var frozenStarts: [() -> Void] = []
  /// Starts under way whose process exists and is frozen: the daemon's other calls wait for them.
  private var starting: [SimulatedDomain] = []
  /// Ends that it sees when it no longer hangs.
  private var unsaid: [(DomainID, String, DomainEnd)] = []
  private var life = 0

  init(_ host: SimulatedHost) {
    self.host = host
    dice = host.dice
  }

  func opened(_ door: HypervisorDoor) { self.door = door }

  // MARK: life

  /// With the host. What makes starts fail or slow is on its disk, and outlasts a reboot.
  func crash() {
    life += 1
    isUp = false
    isHanging = false
    unsaid = []
    blocked = []
    frozenStarts = []
    starting = []
    migrations = [:]
  }

  /// With the host: what is defined here and starts by itself does so.
  func boot() {
    isUp = true
    for definition in host.definitions.values.sorted(by: { $0.id.name < $1.id.name }) {
      let domain = SimulatedDomain(
        id: definition.id, uuid: definition.uuid, pid: host.nextPID(), partition: nil, memory: definition.memory,
        vcpus: definition.vcpus, links: [], mark: nil, isPersistent: true)
      domain.isReady = true
      host.add(domain)
    }
    door?.connect()
  }

  func kill() {
    guard isUp else { return }
    host.tell("libvirtd is killed")
    life += 1
    isUp = false
    isHanging = false
    unsaid = []
    blocked = []
    frozenStarts = []
    for domain in starting where !domain.isReady {
      if dice.chance(0.5) { host.kill(domain, why: "libvirtd died while starting it", lasting: .milliseconds(5)) }
      domain.isReady = true
    }
    starting = []
    for migration in migrations.values.sorted(by: { $0.domain.pid < $1.domain.pid }) { migration.sourceDied() }
    migrations = [:]
    door?.lost("libvirtd is gone")
  }

  func restart() {
    guard !isUp, host.isUp else { return }
    host.tell("libvirtd is back")
    isUp = true
    door?.connect()
  }

  func hang(_ hangs: Bool) {
    guard isHanging != hangs else { return }
    host.tell(hangs ? "libvirtd hangs" : "libvirtd answers again")
    isHanging = hangs
    if hangs { return }
    for (id, why, end) in unsaid { door?.say(.gone(id, reason: why, end: end), after: dice.milliseconds(3...230)) }
    unsaid = []
    drain()
  }

  private func drain() {
    guard !isBlocked else { return }
    let calls = blocked
    blocked = []
    for call in calls { call() }
  }

  private var isBlocked: Bool { isHanging || starting.contains { !$0.isReady && !$0.isGone && host.isFrozen($0) } }

  func thawed() {
    let starts = frozenStarts
    frozenStarts = []
    for start in starts { start() }
    drain()
  }

  // MARK: calls

  /// Runs when the daemon gets to it; never if it dies before.
  func call(_ body: @escaping () -> Void) {
    let number = life
    host.after(dice.milliseconds(0.3...3)) { [self] in
      guard number == life, isUp else { return }
      if isBlocked { blocked.append(body) } else { body() }
    }
  }

  func inventory() -> [DomainObservation] {
    let seen = host.domains.values.filter { $0.parts == nil && ($0.isReady || $0.isSeenEarly) }
    return seen.map(\.observation).sorted { $0.id.name < $1.id.name }
  }

  func noticed(end domain: SimulatedDomain, why: String, _ end: DomainEnd) {
    // Everything that waited for a frozen start is answered.
    if !domain.isReady, starting.contains(where: { $0 === domain }) { host.after(.zero) { [self] in thawed() } }
    starting.removeAll { $0 === domain }
    guard isUp else { return }
    if isHanging { return unsaid.append((domain.id, why, end)) }
    door?.say(.gone(domain.id, reason: why, end: end), after: dice.milliseconds(3...230))
  }

  /// Counts the daemon's lives: a new one knows nothing of what the last was doing.
  var lives: Int { life }
  var answers: Bool { isUp && !isBlocked }

  func said(_ domain: SimulatedDomain) { door?.say(.changed(domain.observation), after: dice.milliseconds(0.5...20)) }

  /// The daemon's own work on a start, from the moment at which the call was made.
  func create(_ request: StartRequest, _ ended: @escaping (OperationOutcome) -> Void) {
    let number = life
    let preparation = dice.milliseconds(slowness ?? 5...40)
    let unlisted = UnlistedStart(request.id.name) { [self] in
      guard number == life, isUp else { return }
      if let other = host.domains[request.id.name] {
        return ended(.failed(reason: "a domain of that name is there: \(other.uuid)"))
      }
      if host.definitions[request.id.name] != nil { return ended(.failed(reason: "another domain of that name is defined")) }
      if let leftover = host.leftovers[request.id.name] { return ended(.failed(reason: leftover.clause)) }
      if let lack = host.incompatible[WorkloadName(request.mark.workload)] { return ended(.failed(reason: lack.clause)) }
      if barred.contains(request.id.name) { return ended(.failed(reason: "a placeholder of that name is defined")) }
      if let reason = failsToStart(request.mark.workload) { return ended(.failed(reason: reason)) }
      if dice.chance(failures) { return ended(.failed(reason: "internal error")) }
      let domain = SimulatedDomain(
        id: request.id, uuid: request.uuid, pid: host.nextPID(),
        partition: Isolation.allCases.first { request.partition == "\(ControllerProcess.partition)/\($0.rawValue)" },
        memory: host.world.store.spec(of: WorkloadName(request.mark.workload))?.demand.memory ?? 0, vcpus: 1,
        links: request.links,
        mark: request.mark, isPersistent: false)
      domain.isSeenEarly = dice.chance(0.3)
      starting.append(domain)
      host.tell("\(request.id.name) begins as process \(domain.pid) at epoch \(request.mark.epoch.value)")
      host.world.tally.count(.starts)
      host.world.chronicle?.started(WorkloadName(request.mark.workload))
      host.add(domain)
      if domain.isSeenEarly { said(domain) }
      comeUp(domain, number, ended)
    }
    self.unlisted.append(unlisted)
    host.after(preparation) { [self] in comes(unlisted) }
  }

  private func comes(_ start: UnlistedStart) {
    guard !start.isOver else { return }
    start.isOver = true
    unlisted.removeAll { $0 === start }
    start.come()
  }

  func bar(_ name: String) {
    barred.insert(name)
    for start in unlisted where start.name == name {
      host.after(Self.listing) { [self] in comes(start) }
    }
  }

  func unbar(_ name: String) { barred.remove(name) }

  // MARK: migration

  func migrate(
    _ domain: SimulatedDomain, to target: NodeName, _ limits: MigrationLimits, _ ended: @escaping (OperationOutcome) -> Void
  ) {
    guard migrations[domain.id.name] == nil else { return ended(.failed(reason: "it is being migrated already")) }
    guard let other = host.world.host(target) else { return ended(.failed(reason: "no route to \(target)")) }
    if busy.contains(domain.id.name) { return ended(.hindered(.busy, reason: "domain has active block job")) }
    if let flaw = other.libvirt.inboundFlaw { return ended(.hindered(.target, reason: flaw)) }
    let migration = SimulatedMigration(domain, from: host, to: other, limits, ended)
    if !interruptions.isEmpty { migration.breaks = interruptions.removeFirst() }
    migrations[domain.id.name] = migration
    migration.begin()
  }

  /// A migration brings it here.
  func receive(_ domain: SimulatedDomain) -> SimulatedDomain? {
    guard answers, host.isRunning, host.domains[domain.id.name] == nil, host.definitions[domain.id.name] == nil,
      host.leftovers[domain.id.name] == nil, !barred.contains(domain.id.name),
      host.incompatible[WorkloadName(domain.id.name)] == nil
    else { return nil }
    let copy = SimulatedDomain(
      id: domain.id, uuid: domain.uuid, pid: host.nextPID(), partition: domain.partition ?? .freeze, memory: domain.memory,
      vcpus: domain.vcpus, links: domain.links, mark: domain.mark, isPersistent: false)
    copy.hardware = domain.hardware
    (copy.answersFrom, copy.isServiceDead, copy.hasFailed) = (domain.answersFrom, domain.isServiceDead, domain.hasFailed)
    host.services.arrives(copy)
    copy.pause = .arriving
    copy.isReady = true
    host.tell("\(domain.id.name) begins to arrive as process \(copy.pid)")
    host.add(copy)
    said(copy)
    return copy
  }

  func goOn(_ domain: SimulatedDomain) {
    guard domain.pause != nil, !domain.isGone else { return }
    host.tell("\(domain.id.name) is resumed")
    domain.pause = nil
    host.world.invariants.hostChanged(host)
    said(domain)
  }

  func pause(_ domain: SimulatedDomain, as pause: SimulatedDomain.Pause) {
    domain.pause = pause
    host.world.invariants.hostChanged(host)
    said(domain)
  }

  private func failsToStart(_ workload: String) -> String? { Self.failure(of: workload, in: &broken) }

  /// Asked at every attempt to stop it.
  func failsToStop(_ workload: WorkloadName) -> String? { Self.failure(of: workload.text, in: &stubborn) }

  private static func failure(of workload: String, in breakages: inout [String: Breakage]) -> String? {
    guard var breakage = breakages[workload] else { return nil }
    if let times = breakage.times {
      breakage.times = times - 1
      breakages[workload] = times > 1 ? breakage : nil
    }
    return breakage.reason
  }

  /// Somebody starts the workload past Holdfast: under its name and UUID, without a mark, outside the partition.
  func startByHand(_ workload: WorkloadName) {
    let id = DomainID(connection: host.connection, name: workload.text)
    guard host.isRunning, answers, let spec = host.world.store.spec(of: workload), spec.connection == host.connection else {
      return host.tell("\(workload) cannot be started by hand here")
    }
    guard host.domains[id.name] == nil, host.definitions[id.name] == nil, !barred.contains(id.name) else {
      return host.tell("\(workload) cannot be started by hand here: libvirt has its name already")
    }
    let copy = SimulatedDomain(
      id: id, uuid: spec.uuid, pid: host.nextPID(), partition: nil, memory: spec.demand.memory, vcpus: 1, links: [],
      mark: nil, isPersistent: false)
    copy.isByHand = true
    copy.isReady = true
    host.tell("\(id.name) begins as process \(copy.pid), started by hand")
    host.add(copy)
    said(copy)
  }

  /// How long the node takes until it looks again at what is defined beside the protected domains.
  static let lookTime = Span.seconds(10)

  /// Somebody defines a copy of the workload here, shut off, or takes that definition away.
  func keepDefinition(of workload: WorkloadName, _ isKept: Bool) {
    host.leftovers[workload.text] = isKept ? LeftoverDefinition(of: workload) : nil
    host.after(Self.lookTime) { [self] in host.controller?.tellLeftovers() }
  }

  /// Its QEMU knows the workload's machine type no more, or knows it again; the node asks now and then.
  func forgetMachineType(of workload: WorkloadName, _ isForgotten: Bool) {
    host.asksWhatCanRun = true
    host.incompatible[workload] = isForgotten ? Incompatibility(.machine, "of \(workload)") : nil
    host.after(Self.lookTime) { [self] in host.controller?.tellIncompatible() }
  }

  private func comeUp(_ domain: SimulatedDomain, _ number: Int, _ ended: @escaping (OperationOutcome) -> Void) {
    host.after(dice.milliseconds(30...60)) { [self] in
      guard number == life, isUp else { return }
      if domain.isGone || domain.isKilled { return ended(.failed(reason: "it was killed while it started")) }
      if host.isFrozen(domain) {
        return frozenStarts.append { [self] in comeUp(domain, number, ended) }
      }
      domain.isReady = true
      starting.removeAll { $0 === domain }
      host.services.begins(domain)
      said(domain)
      ended(.done)
    }
  }

  /// Asks the domain to go; it may not listen.
  func askToShutDown(_ domain: SimulatedDomain) {
    guard !domain.isStopping, !domain.isGone, domain.pause != .crashed, !dice.chance(0.1) else { return }
    domain.isStopping = true
    shutDown(domain, after: dice.milliseconds(20...300))
  }

  private func shutDown(_ domain: SimulatedDomain, after span: Span) {
    host.after(span) { [self] in
      if host.isFrozen(domain) {
        host.whenThawed { [self] in shutDown(domain, after: dice.milliseconds(5...50)) }
      } else if !domain.isKilled {
        host.remove(domain, why: "it shut down", end: .poweredOff)
      }
    }
  }

  func destroy(_ domain: SimulatedDomain) {
    guard host.isFrozen(domain) else {
      return host.kill(domain, why: "destroyed", lasting: dice.milliseconds(5...200), end: .destroyed)
    }
    domain.isKilled = true
    host.world.chronicle?.changed()
    host.whenThawed { [self] in
      host.after(dice.milliseconds(2...20)) { [self] in host.remove(domain, why: "destroyed", end: .destroyed) }
    }
  }

  func replaceDisk(of domain: SimulatedDomain) {
    domain.hardware = SimulatedDisks.afterSnapshot
    said(domain)
  }

  func setMark(_ mark: ClaimMark?, on domain: SimulatedDomain, persistent: Bool) {
    domain.mark = mark
    domain.isPersistent = persistent
    if domain.isByHand { host.world.invariants.hostChanged(host) }
    host.definitions[domain.id.name] =
      persistent ? Definition(id: domain.id, uuid: domain.uuid, memory: domain.memory, vcpus: domain.vcpus) : nil
    said(domain)
  }
}
