import CgroupIsolation
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import Logging

/// The workloads of the host itself: the port's `Hypervisor` for `host:///system`. What it calls a domain is such a workload.
///
/// What runs is known from a record in the runtime directory, from the workload's cgroup and from the kernel's table of mounts; none of it needs this
/// process to go on. A workload is gone when no process is in its cgroup and no mount of it is there; when that cannot be told it is there.
public final class HostServices: Hypervisor {
  public var connections: [String] { [SpecRecord.hostConnection] }
  private let desk: HostDesk
  private let stream: AsyncStream<HypervisorEvent>

  /// - Parameter hierarchy: that in which the guard freezes; nil: found as the guard finds it.
  /// - Throws: why parts cannot be run on this host at all: it has no cgroup hierarchy that can freeze.
  public init(_ place: HostPlace, hierarchy: CgroupHierarchy? = nil, logger: Logger) throws {
    // Unbounded: what is dropped here would be a workload nobody knows of. Its one consumer is the controller's loop.
    let (stream, tell) = AsyncStream.makeStream(of: HypervisorEvent.self)
    self.stream = stream
    desk = HostDesk(place, in: try hierarchy ?? CgroupHierarchy.find(), logger: logger, tell: tell)
    Task { [desk] in await desk.open() }
  }

  public func events() -> AsyncStream<HypervisorEvent> { stream }

  public func start(_ request: StartRequest) async -> OperationOutcome { await desk.start(request) }

  public func stop(_ id: DomainID, uuid: String, grace: Duration) async -> OperationOutcome {
    await desk.stop(id, uuid: uuid.lowercased(), grace: grace)
  }

  /// Of what runs under protection, when its claim was taken anew; nothing else can be brought under protection while it runs.
  public func mark(_ id: DomainID, uuid: String, mark: ClaimMark) async -> OperationOutcome {
    await desk.mark(id, uuid: uuid.lowercased(), mark: mark)
  }

  public func unmark(_ id: DomainID, uuid: String) async -> OperationOutcome {
    .failed(
      reason:
        "\(id.name) does not leave protection while it runs: nobody but Holdfast would know how to stop it. Stop it first: `holdfast stop \(id.name)`"
    )
  }

  public func bar(_ id: DomainID, uuid: String, mark: ClaimMark) async -> OperationOutcome { await desk.bar(id) }

  public func unbar(_ id: DomainID, uuid: String, mark: ClaimMark, overBar: Bool) async -> OperationOutcome {
    Self.impossible(id, "come here while it runs", "It is stopped and started: `holdfast move` does that")
  }

  public func migrate(_ request: MigrationRequest) async -> OperationOutcome {
    Self.impossible(request.id, "be moved while it runs", "It is stopped and started: `holdfast move` does that")
  }

  public func cancelMigration(_ id: DomainID, uuid: String) async {}

  public func suspend(_ id: DomainID, uuid: String) async -> OperationOutcome {
    Self.impossible(id, "be paused", "Stop it: `holdfast stop \(id.name)`")
  }

  public func resume(_ id: DomainID, uuid: String, notAfter: BootInstant) async -> OperationOutcome {
    Self.impossible(id, "be resumed", "It is never paused")
  }

  private static func impossible(_ id: DomainID, _ what: String, _ remedy: String) -> OperationOutcome {
    .failed(reason: "\(id.name) cannot \(what): it is made of parts of the host. \(remedy)")
  }

  public func describe(_ id: DomainID) async throws(HypervisorError) -> DomainDescription { throw Self.notAdopted(id) }

  public func keptState(of id: DomainID) async throws(HypervisorError) -> KeptState { throw Self.notAdopted(id) }

  private static func notAdopted(_ id: DomainID) -> HypervisorError {
    HypervisorError(
      domain: id, reason: "what runs on the host itself tells no definition from which it could be started elsewhere",
      remedy: "Write its parts into a workload file, stop it where it runs, and `holdfast apply` the file.")
  }

  public func refresh() async { await desk.refresh() }

  public func close() async { await desk.close() }
}

extension HostServices: CompatibilityCheck {
  public func incompatibilities(of definitions: [StoredDefinition]) async -> [String: [WorkloadName: Incompatibility]] {
    let own = definitions.filter { SpecRecord.isOfHost($0.connection) }
    guard let found = await desk.incompatibilities(of: own) else { return [:] }
    return [SpecRecord.hostConnection: found]
  }
}
