import HoldfastModel
import HoldfastPorts
import HoldfastTime
import Logging

/// The domains of this node's libvirt, over one or several connections.
///
/// libvirt's event is a hint: each makes the adapter look at the domain again, and it tells what it saw. A domain is gone when
/// libvirt has nothing active of that name, its process has ended and its cgroup is empty; when any of that cannot be
/// told it is there, and `unclear`.
public final class LibvirtHypervisor: Hypervisor {
  /// Where libvirt puts what names no partition.
  public static let commonPartition = "/machine"

  public let connections: [String]
  let opened: [String: LibvirtConnection]
  private let watch: ProcessWatch
  private let stream: AsyncStream<HypervisorEvent>
  private let tell: AsyncStream<HypervisorEvent>.Continuation

  /// Connects, and goes on trying: the events tell how that goes.
  ///
  /// - Parameters:
  ///   - connections: libvirt's URIs, such as `lxc:///system`. For a daemon elsewhere: `lxc+unix:///system?socket=/run/x/libvirt-sock`;
  ///     its domains' PID files are then looked for beside the socket.
  ///   - cluster: what clears away lost domains touches only those that carry this cluster's mark.
  ///   - node: this node's name, given to containers as `HOLDFAST_NODE`.
  /// - Throws: when this process has no descriptor left to watch the domains' processes with.
  public init(
    connections: [String], cluster: String, node: String, limits: LibvirtLimits = LibvirtLimits(), logger: Logger
  ) throws {
    watch = try ProcessWatch()
    // Unbounded: what is dropped here would be a domain nobody knows of. Its one consumer is the controller's loop.
    (stream, tell) = AsyncStream.makeStream()
    var opened: [String: LibvirtConnection] = [:]
    for uri in connections where opened[uri] == nil {
      opened[uri] = LibvirtConnection(
        uri: uri, cluster: cluster, node: node, limits: limits, logger: logger, watch: watch,
        tell: { [tell] event in tell.yield(event) })
    }
    self.connections = connections
    self.opened = opened
    for connection in opened.values { Task { await connection.run() } }
  }

  public func events() -> AsyncStream<HypervisorEvent> { stream }

  public func start(_ request: StartRequest) async -> OperationOutcome {
    guard let connection = opened[request.id.connection] else { return unconnected(request.id) }
    return await connection.start(request)
  }

  public func stop(_ id: DomainID, uuid: String, grace: Duration) async -> OperationOutcome {
    guard let connection = opened[id.connection] else { return unconnected(id) }
    return await connection.stop(id.name, uuid: uuid.lowercased(), grace: grace)
  }

  public func mark(_ id: DomainID, uuid: String, mark: ClaimMark) async -> OperationOutcome {
    guard let connection = opened[id.connection] else { return unconnected(id) }
    return await connection.mark(id.name, uuid: uuid.lowercased(), mark: mark)
  }

  public func unmark(_ id: DomainID, uuid: String) async -> OperationOutcome {
    guard let connection = opened[id.connection] else { return unconnected(id) }
    return await connection.unmark(id.name, uuid: uuid.lowercased())
  }

  public func bar(_ id: DomainID, uuid: String, mark: ClaimMark) async -> OperationOutcome {
    guard let connection = opened[id.connection] else { return unconnected(id) }
    return await connection.bar(id.name, uuid: uuid.lowercased(), mark: mark)
  }

  public func unbar(_ id: DomainID, uuid: String, mark: ClaimMark, overBar: Bool) async -> OperationOutcome {
    guard let connection = opened[id.connection] else { return unconnected(id) }
    return await connection.unbar(id, uuid: uuid.lowercased(), mark: mark, overBar: overBar)
  }

  public func migrate(_ request: MigrationRequest) async -> OperationOutcome {
    guard let connection = opened[request.id.connection] else { return unconnected(request.id) }
    return await connection.migrate(request)
  }

  public func cancelMigration(_ id: DomainID, uuid: String) async {
    await opened[id.connection]?.cancelMigration(id.name, uuid: uuid.lowercased())
  }

  public func suspend(_ id: DomainID, uuid: String) async -> OperationOutcome {
    guard let connection = opened[id.connection] else { return unconnected(id) }
    return await connection.suspend(id.name, uuid: uuid.lowercased())
  }

  public func resume(_ id: DomainID, uuid: String, notAfter: BootInstant) async -> OperationOutcome {
    guard let connection = opened[id.connection] else { return unconnected(id) }
    return await connection.resume(id.name, uuid: uuid.lowercased(), notAfter: notAfter)
  }

  public func describe(_ id: DomainID) async throws(HypervisorError) -> DomainDescription {
    try await connection(of: id).describe(id.name)
  }

  public func keptState(of id: DomainID) async throws(HypervisorError) -> KeptState {
    try await connection(of: id).keptState(of: id.name)
  }

  private func connection(of id: DomainID) throws(HypervisorError) -> LibvirtConnection {
    if let connection = opened[id.connection] { return connection }
    throw HypervisorError(domain: id, reason: "this node has no connection \(id.connection)", remedy: Self.unconnectedRemedy)
  }

  public func refresh() async {
    await withDiscardingTaskGroup { group in
      for connection in opened.values { group.addTask { await connection.takeInventory(notices: .always) } }
    }
  }

  public func close() async {
    for connection in opened.values { await connection.close() }
    tell.finish()
  }

  private static let unconnectedRemedy = "Add it to the node's configuration, or correct the workload's connection."

  private func unconnected(_ id: DomainID) -> OperationOutcome {
    .failed(reason: Self.noConnection(id))
  }

  private static func noConnection(_ id: DomainID) -> String {
    "\(id.name): this node has no connection \(id.connection). \(unconnectedRemedy)"
  }
}

extension LibvirtHypervisor: LeftoverSearch {
  public func leftovers(of domains: [ProtectedDomain]) async -> [String: [LeftoverDefinition]] {
    await withTaskGroup(of: (String, [LeftoverDefinition]?).self) { group in
      for connection in opened.values {
        group.addTask { (connection.uri, try? await connection.leftovers(of: domains)) }
      }
      var found: [String: [LeftoverDefinition]] = [:]
      for await (uri, leftovers) in group { found[uri] = leftovers }
      return found
    }
  }

  public func removeLeftover(_ id: DomainID, uuid: String) async -> LeftoverRemoval {
    guard let connection = opened[id.connection] else { return .untouched(Self.noConnection(id)) }
    return await connection.removeLeftover(id.name, uuid: uuid.lowercased())
  }
}

extension LibvirtHypervisor: GuestCPUCheck {
  public func runningCPUs(of domains: [DomainID]) async -> [DomainID: GuestCPU] {
    var found: [DomainID: GuestCPU] = [:]
    for (uri, ids) in Dictionary(grouping: domains, by: \.connection) {
      guard let cpus = try? await opened[uri]?.runningCPUs(of: ids.map(\.name)) else { continue }
      for (name, cpu) in cpus { found[DomainID(connection: uri, name: name)] = cpu }
    }
    return found
  }

  public func lacking(_ cpus: [GuestCPU]) async -> [String: [GuestCPU: Incompatibility]] {
    let byConnection = Dictionary(grouping: cpus, by: \.connection)
    var found: [String: [GuestCPU: Incompatibility]] = [:]
    for connection in opened.values {
      if let lacking = try? await connection.lacking(byConnection[connection.uri] ?? []) { found[connection.uri] = lacking }
    }
    return found
  }
}

extension LibvirtHypervisor: CompatibilityCheck {
  public func incompatibilities(of definitions: [StoredDefinition]) async -> [String: [WorkloadName: Incompatibility]] {
    let byConnection = Dictionary(grouping: definitions, by: \.connection)
    return await withTaskGroup(of: (String, [WorkloadName: Incompatibility]?).self) { group in
      for connection in opened.values {
        group.addTask { (connection.uri, try? await connection.incompatibilities(of: byConnection[connection.uri] ?? [])) }
      }
      var found: [String: [WorkloadName: Incompatibility]] = [:]
      for await (uri, incompatibilities) in group { found[uri] = incompatibilities }
      return found
    }
  }
}
