import HoldfastModel
import HoldfastPorts
import HoldfastTime
import HostServices
import LibvirtHypervisor

/// All that runs workloads on this node: libvirt, and the host itself where the configuration names `host:///system`. Each is asked about what is on its
/// own connections.
package final class NodeHypervisor: Hypervisor {
  package let connections: [String]
  private let libvirt: LibvirtHypervisor
  private let host: HostServices?

  package init(_ connections: [String], libvirt: LibvirtHypervisor, host: HostServices?) {
    self.connections = connections
    self.libvirt = libvirt
    self.host = host
  }

  private func owner(of connection: String) -> any Hypervisor {
    if let host, SpecRecord.isOfHost(connection) { host } else { libvirt }
  }

  package func events() -> AsyncStream<HypervisorEvent> {
    guard let host else { return libvirt.events() }
    // Unbounded, as theirs are. The order within a connection is kept.
    let (stream, tell) = AsyncStream.makeStream(of: HypervisorEvent.self)
    let streams = [libvirt.events(), host.events()]
    let task = Task {
      await withDiscardingTaskGroup { group in
        for events in streams { group.addTask { for await event in events { tell.yield(event) } } }
      }
      tell.finish()
    }
    tell.onTermination = { _ in task.cancel() }
    return stream
  }

  package func start(_ request: StartRequest) async -> OperationOutcome {
    await owner(of: request.id.connection).start(request)
  }
  package func stop(_ id: DomainID, uuid: String, grace: Duration) async -> OperationOutcome {
    await owner(of: id.connection).stop(id, uuid: uuid, grace: grace)
  }
  package func mark(_ id: DomainID, uuid: String, mark: ClaimMark) async -> OperationOutcome {
    await owner(of: id.connection).mark(id, uuid: uuid, mark: mark)
  }
  package func unmark(_ id: DomainID, uuid: String) async -> OperationOutcome {
    await owner(of: id.connection).unmark(id, uuid: uuid)
  }
  package func bar(_ id: DomainID, uuid: String, mark: ClaimMark) async -> OperationOutcome {
    await owner(of: id.connection).bar(id, uuid: uuid, mark: mark)
  }

  package func unbar(_ id: DomainID, uuid: String, mark: ClaimMark, overBar: Bool) async -> OperationOutcome {
    await owner(of: id.connection).unbar(id, uuid: uuid, mark: mark, overBar: overBar)
  }
  package func migrate(_ request: MigrationRequest) async -> OperationOutcome {
    await owner(of: request.id.connection).migrate(request)
  }
  package func cancelMigration(_ id: DomainID, uuid: String) async {
    await owner(of: id.connection).cancelMigration(id, uuid: uuid)
  }
  package func suspend(_ id: DomainID, uuid: String) async -> OperationOutcome {
    await owner(of: id.connection).suspend(id, uuid: uuid)
  }
  package func resume(_ id: DomainID, uuid: String, notAfter: BootInstant) async -> OperationOutcome {
    await owner(of: id.connection).resume(id, uuid: uuid, notAfter: notAfter)
  }
  package func describe(_ id: DomainID) async throws(HypervisorError) -> DomainDescription {
    try await owner(of: id.connection).describe(id)
  }
  package func keptState(of id: DomainID) async throws(HypervisorError) -> KeptState {
    try await owner(of: id.connection).keptState(of: id)
  }

  package func refresh() async {
    await host?.refresh()
    await libvirt.refresh()
  }

  package func close() async {
    await host?.close()
    await libvirt.close()
  }
}

extension NodeHypervisor: CompatibilityCheck {
  package func incompatibilities(of definitions: [StoredDefinition]) async -> [String: [WorkloadName: Incompatibility]] {
    let own = definitions.filter { SpecRecord.isOfHost($0.connection) }
    async let ofHost = host?.incompatibilities(of: own) ?? [:]
    let ofLibvirt = await libvirt.incompatibilities(of: definitions.filter { !SpecRecord.isOfHost($0.connection) })
    return ofLibvirt.merging(await ofHost) { first, _ in first }
  }
}

/// The host itself has nothing defined that could start beside what is protected.
extension NodeHypervisor: LeftoverSearch {
  package func leftovers(of domains: [ProtectedDomain]) async -> [String: [LeftoverDefinition]] {
    var found = await libvirt.leftovers(of: domains.filter { !SpecRecord.isOfHost($0.connection) })
    if host != nil { found[SpecRecord.hostConnection] = [] }
    return found
  }

  package func removeLeftover(_ id: DomainID, uuid: String) async -> LeftoverRemoval {
    await libvirt.removeLeftover(id, uuid: uuid)
  }
}
