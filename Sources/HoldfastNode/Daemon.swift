import AddressPresence
import CLinux
import DomainXML
import GuardDoor
import HealthProbes
import HoldfastController
import HoldfastModel
import HoldfastPolicies
import HoldfastPorts
import HoldfastTime
import HostServices
import Housekeeping
import LibvirtHypervisor
import Logging

/// One node's daemon: its ports, the controller's loop over them, the API. Ends after a clean departure or when its task is cancelled.
package struct Daemon: Sendable {
  /// What a clean departure may take besides the migrations, and the stop of the workload here that may take the longest.
  private static let handoverTime: Duration = .seconds(100)

  /// What the last notices of a clean departure may take. What is not delivered then is kept, and delivered after the next start.
  private static let lastNotices: Duration = .seconds(2)

  /// What hooks may take that are told of the last stops of a clean departure.
  private static let lastHooks: Duration = .seconds(5)

  /// By then everything that only a start needs has been done: most of the program's code is never used again.
  private static let startupTime: Duration = .seconds(15)

  private let configuration: NodeConfiguration
  private let ports: ControllerLoop.Ports
  private let unhooked: NodeHypervisor
  /// nil: nobody is asked or told.
  private let hooked: HookedHypervisor?
  private let loop: ControllerLoop
  private let history: HistoryBook
  /// nil: the store cannot tell how it is.
  private let housekeeper: Housekeeper?
  private let leftovers: LeftoverWatch
  private let compatibility: CompatibilityWatch
  private let diskPlaces: DiskPlaceWatch
  private let guestCPUs: GuestCPUWatch
  private let hostWatch: HostWatch
  private let probes: HealthProbes
  private let checks: CheckLoop
  private let nodeChecks: NodeCheckLoop
  /// nil: nobody is to get notices.
  private let courier: NoticeCourier?
  private let logger: Logger
  /// Departures that were asked for: whether in haste.
  private let departures: AsyncStream<Bool>
  private let departure: AsyncStream<Bool>.Continuation

  /// - Throws: what keeps a node from being one: certificates that cannot be read, a store configured against its rules.
  package init(_ configuration: NodeConfiguration, version: String, logger: Logger) throws {
    self.configuration = configuration
    self.logger = logger
    (departures, departure) = AsyncStream.makeStream(of: Bool.self)
    let store = try configuration.makeStore(logger: logger)
    let libvirt = try LibvirtHypervisor(
      connections: configuration.connections.filter { !SpecRecord.isOfHost($0) }, cluster: configuration.cluster,
      node: configuration.node.text, logger: logger)
    let hypervisor = NodeHypervisor(
      configuration.connections, libvirt: libvirt, host: try Self.host(configuration, logger))
    unhooked = hypervisor
    let hooked = configuration.hooks.isEmpty ? nil : Self.hooked(hypervisor, configuration, logger)
    self.hooked = hooked
    let door = try GuardDoor(path: configuration.guardDoor.socket, logger: logger)
    probes = HealthProbes(node: configuration.node, agents: libvirt)
    checks = CheckLoop(probes, logger: logger)
    nodeChecks = NodeCheckLoop(NodeProber(node: configuration.node, with: probes), logger: logger)
    let isolation = try DirectIsolation(partition: configuration.guardDoor.partition, logger: logger)
    ports = ControllerLoop.Ports(
      store: store, hypervisor: hooked ?? hypervisor, guardDoor: door, addresses: LinkAddresses(), checks: checks,
      nodeChecks: nodeChecks,
      isolateDirectly: { isolation.isolate($0, ended: $1) },
      state: StateFile(directory: configuration.runDirectory))
    let (notes, told) = AsyncStream.makeStream(of: TimedNote.self)
    history = HistoryBook(
      node: configuration.node, cluster: configuration.cluster, store: store,
      notes: configuration.receivers.isEmpty ? nil : told, logger: logger)
    courier = configuration.receivers.isEmpty ? nil : Self.courier(configuration, notes, history, logger)
    let loop = ControllerLoop(
      ControllerConfiguration(
        cluster: configuration.cluster, node: configuration.node,
        record: NodeRecord(
          capacity: configuration.capacity, labels: configuration.labels, connections: configuration.connections,
          migration: configuration.migration.isEmpty ? nil : configuration.migration, version: version),
        timing: configuration.timing, partition: configuration.guardDoor.partition,
        commonPartition: LibvirtHypervisor.commonPartition, seed: UInt64.random(in: .min ... .max),
        policyReader: PolicyFileReader(), hardwareReader: DomainHardwareReader()),
      ports: ports, history: history, logger: logger)
    self.loop = loop
    hooked?.look { await loop.hookSight() }
    leftovers = LeftoverWatch(
      node: configuration.node, search: hypervisor, view: { await loop.view }, report: { loop.send(.leftovers($0)) },
      tell: { [history] in await history.write($0) })
    hostWatch = HostWatch(
      loop: loop, cluster: configuration.cluster, hypervisor: { await libvirt.flaws() },
      receivers: { [courier] in await courier?.flaws() ?? [] })
    compatibility = CompatibilityWatch(
      check: hypervisor, view: { await loop.view }, domains: { await loop.picture().observations },
      report: { loop.send(.incompatible($0)) })
    diskPlaces = DiskPlaceWatch(
      view: { await loop.view }, domains: { await loop.picture().observations }, report: { loop.send(.ownDisks($0)) })
    guestCPUs = GuestCPUWatch(
      node: configuration.node, check: libvirt, view: { await loop.view }, domains: { await loop.picture().observations },
      report: { loop.send(.guestCPUs($0)) })
    housekeeper = (store as? any StoreHousekeeping).map { [history] store in
      Housekeeper(
        store, keeping: configuration.keptHistory, ttl: configuration.timing.ttl,
        standing: { Housekeeper.Standing(await loop.view, of: configuration.node) }, tell: { await history.write($0) },
        isHere: { OwnPlace().has($0, node: configuration.node) }, logger: logger)
    }
  }

  private static func hooked(_ hypervisor: NodeHypervisor, _ configuration: NodeConfiguration, _ logger: Logger)
    -> HookedHypervisor
  {
    HookedHypervisor(
      hypervisor, hooks: configuration.hooks, node: configuration.node,
      runner: HookRunner(cluster: configuration.cluster, node: configuration.node, logger: logger))
  }

  /// nil: the configuration does not let this host run parts of its own.
  private static func host(_ configuration: NodeConfiguration, _ logger: Logger) throws -> HostServices? {
    guard configuration.connections.contains(SpecRecord.hostConnection) else { return nil }
    let place = HostPlace(
      cluster: configuration.cluster, node: configuration.node, runDirectory: configuration.runDirectory,
      partition: configuration.guardDoor.partition, commonPartition: LibvirtHypervisor.commonPartition)
    return try HostServices(place, logger: logger)
  }

  private static func courier(
    _ configuration: NodeConfiguration, _ notes: AsyncStream<TimedNote>, _ history: HistoryBook, _ logger: Logger
  ) -> NoticeCourier {
    let sender = NoticeSender(configuration.receivers, logger: logger)
    return NoticeCourier(
      node: configuration.node, cluster: configuration.cluster, receivers: configuration.receivers, notes: notes,
      file: OutboxFile(directory: configuration.stateDirectory), deliver: { await sender.deliver($0, to: $1) },
      tell: { await history.record($0) }, logger: logger)
  }

  /// Runs until departed. `ready` is called when the API answers.
  package func run(ready: @Sendable @escaping () -> Void) async throws {
    await warnAboutStore()
    // Who only asks needs no hooks, and asks the hypervisor for more than the controller does.
    var asked = ports
    asked.hypervisor = unhooked
    let access = NodeAccess(
      cluster: configuration.cluster, node: configuration.node, loop: loop, ports: asked, history: history,
      housekeeper: housekeeper)
    let release = Task {
      try await Task.sleep(for: Self.startupTime)
      holdfast_release_startup()
    }
    defer { release.cancel() }
    try await withThrowingTaskGroup { group in
      let readings = Readings()
      let api = APIServer(
        access: access, readings: readings, socket: configuration.api.socket, group: configuration.api.group, logger: logger)
      group.addTask { try await api.run(ready: ready) }
      group.addTask { await ServiceNotifier(loop: loop, node: configuration.node).run() }
      if let housekeeper { group.addTask { await housekeeper.run() } }
      group.addTask { await ReleasedClearance(access: access, logger: logger).run() }
      group.addTask { await leftovers.run() }
      group.addTask { await compatibility.run() }
      group.addTask { await diskPlaces.run() }
      group.addTask { await guestCPUs.run() }
      group.addTask { await checks.run() }
      group.addTask { await nodeChecks.run() }
      group.addTask { await hostWatch.run() }
      group.addTask(priority: .low) { await ClusterHealthWatch(access, readings: readings, logger: logger).run() }
      // Behind what matters: claims and starts of the same moment go first.
      if let courier { group.addTask(priority: .low) { await courier.run() } }
      group.addTask { await loop.run() }
      // Whichever ends first ends the daemon: the loop after a departure, the API when its socket cannot be had.
      try await group.next()
      await history.flush(within: .seconds(1))
      await courier?.flush(within: Self.lastNotices)
      await hooked?.flush(within: Self.lastHooks)
      group.cancelAll()
    }
    await probes.close()
    await ports.hypervisor.close()
    await ports.guardDoor.close()
    await ports.store.close()
  }

  /// Hands everything over, then ends. `fast`: nothing is migrated live.
  package func leave(fast: Bool) {
    loop.send(.leave(fast: fast))
    departure.yield(fast)
  }

  /// How long a clean departure may take before the daemon ends anyway. What is left then is held by the guard's deadline and taken over when the
  /// session expires.
  ///
  /// - Parameters:
  ///   - longestStop: seconds that the slowest workload here may take to shut down.
  ///   - migrations: seconds that moving the others live may take before; 0: nothing is moved live.
  package static func departureLimit(longestStop: Double, migrations: Double) -> Duration {
    handoverTime + .seconds(longestStop) + .seconds(migrations)
  }

  /// Returns some time after a departure was asked for, so that one that hangs does not hang for ever.
  package func departureLimitPassed() async {
    for await fast in departures {
      let picture = await loop.picture(), node = configuration.node
      let limit = Self.departureLimit(
        longestStop: picture.view.longestStop(on: node),
        migrations: fast ? 0 : DepartureTime.migrations(from: node, in: picture.view, by: picture.planner))
      ServiceNotifier.needs(limit + .seconds(20))
      try? await Task.sleep(for: limit)
      if !Task.isCancelled { logger.error("the handover took longer than \(limit.inSeconds) s: ending anyway") }
      return
    }
  }

  private func warnAboutStore() async {
    for warning in (try? await ports.store.warnings(timeout: .seconds(1))) ?? [] { logger.warning("\(warning)") }
  }
}
