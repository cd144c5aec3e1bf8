import HoldfastModel
import HoldfastNode
import HoldfastPorts
import HoldfastTime
import LinuxBasics
import Synchronization

/// A libvirt that does what it is asked for at once, unless it is too late for it, and keeps what it was asked for.
final class RecordedHypervisor: Hypervisor {
  private let asked = Mutex<[String]>([])
  private let outcome: OperationOutcome

  init(_ outcome: OperationOutcome = .done) { self.outcome = outcome }

  var calls: [String] { asked.withLock { $0 } }

  private func take(_ call: String) -> OperationOutcome {
    asked.withLock { $0.append(call) }
    return outcome
  }

  let connections = ["lxc:///system"]
  func events() -> AsyncStream<HypervisorEvent> { AsyncStream { $0.finish() } }

  func start(_ request: StartRequest) async -> OperationOutcome {
    BootClock.now <= request.notAfter ? take("start \(request.id.name)") : .tooLate
  }

  func stop(_ id: DomainID, uuid: String, grace: Duration) async -> OperationOutcome {
    take("stop \(id.name) \(grace == .zero ? "at once" : grace > .seconds(30) ? "in time" : "in less time")")
  }

  func migrate(_ request: MigrationRequest) async -> OperationOutcome {
    BootClock.now <= request.notAfter ? take("migrate \(request.id.name)") : .tooLate
  }

  func mark(_ id: DomainID, uuid: String, mark: ClaimMark) async -> OperationOutcome { take("mark") }
  func unmark(_ id: DomainID, uuid: String) async -> OperationOutcome { take("unmark") }
  func bar(_ id: DomainID, uuid: String, mark: ClaimMark) async -> OperationOutcome { take("bar \(id.name)") }
  func unbar(_ id: DomainID, uuid: String, mark: ClaimMark, overBar: Bool) async -> OperationOutcome {
    take("unbar \(id.name)")
  }
  func cancelMigration(_ id: DomainID, uuid: String) async { _ = take("cancel \(id.name)") }
  func suspend(_ id: DomainID, uuid: String) async -> OperationOutcome { take("suspend") }
  func resume(_ id: DomainID, uuid: String, notAfter: BootInstant) async -> OperationOutcome { take("resume") }
  func describe(_ id: DomainID) async throws(HypervisorError) -> DomainDescription { DomainDescription(xml: "<domain/>") }
  func keptState(of id: DomainID) async throws(HypervisorError) -> KeptState { KeptState() }
  func refresh() async { _ = take("refresh") }
  func close() async { _ = take("close") }
}

/// A node with hooks, and what it may be asked for.
struct HookedNode {
  let libvirt: RecordedHypervisor
  let log = RecordedLog()
  let hypervisor: HookedHypervisor

  static let uuid = "6b1d3a52-1f6e-4c8e-9f0a-3c5d2e7b9a10"

  /// - Parameters:
  ///   - view: what the node knows of the cluster.
  ///   - deadline: of this node, from now on; nil: it is renewed for ever.
  init(
    _ hooks: [Hook], libvirt: RecordedHypervisor = RecordedHypervisor(), view: ClusterView = ClusterView(),
    deadline: Duration? = nil
  ) {
    self.libvirt = libvirt
    hypervisor = HookedHypervisor(
      libvirt, hooks: hooks, node: "h1", runner: HookRunner(cluster: "lab", node: "h1", logger: log.logger))
    let end = deadline.map { BootClock.now + $0 }
    hypervisor.look { HookSight(view: view, deadline: end ?? BootClock.now + .seconds(1000)) }
  }

  static func domain(_ name: String) -> DomainID { DomainID(connection: "lxc:///system", name: name) }

  /// - Parameter time: that is left for it.
  func start(_ name: String = "db-1", epoch: Int64 = 7, within time: Duration = .seconds(1000)) async -> OperationOutcome {
    await hypervisor.start(
      StartRequest(
        id: Self.domain(name), xml: "<domain type='lxc'/>", uuid: Self.uuid,
        mark: ClaimMark(cluster: "lab", workload: name, epoch: Epoch(epoch)), partition: "/holdfast", links: [],
        notAfter: BootClock.now + time))
  }

  func stop(_ name: String = "db-1", grace: Duration = .seconds(60)) async -> OperationOutcome {
    await hypervisor.stop(Self.domain(name), uuid: Self.uuid, grace: grace)
  }

  func migrate(_ name: String = "db-1") async -> OperationOutcome {
    await hypervisor.migrate(
      MigrationRequest(
        id: Self.domain(name), uuid: Self.uuid, destination: "qemu+tls://h2/system", limits: MigrationLimits(),
        notAfter: BootClock.now + .seconds(1000)))
  }

  func bar(_ name: String = "db-1") async -> OperationOutcome {
    await hypervisor.bar(
      Self.domain(name), uuid: Self.uuid, mark: ClaimMark(cluster: "lab", workload: name, epoch: .none))
  }

  func cancelMigration(_ name: String = "db-1") async {
    await hypervisor.cancelMigration(Self.domain(name), uuid: Self.uuid)
  }
}
