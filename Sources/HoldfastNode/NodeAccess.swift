import HoldfastController
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import Housekeeping

/// What the API may see and do of the running node.
package struct NodeAccess: ClusterAccess {
  package let cluster: String
  package let node: NodeName
  private let loop: ControllerLoop
  private let ports: ControllerLoop.Ports
  private let codec: RecordCodec
  private let history: HistoryBook
  private let housekeeper: Housekeeper?

  package init(
    cluster: String, node: NodeName, loop: ControllerLoop, ports: ControllerLoop.Ports, history: HistoryBook,
    housekeeper: Housekeeper? = nil
  ) {
    self.cluster = cluster
    self.node = node
    self.loop = loop
    self.ports = ports
    self.history = history
    self.housekeeper = housekeeper
    codec = RecordCodec(cluster: cluster)
  }

  package func picture() async -> ClusterPicture { await loop.picture() }
  package func storePicture() async -> StorePicture? { await housekeeper?.picture }
  package func networkWarnings(links: [String], bridges: [String]) -> [String] {
    Bridges().warnings(links: links, bridges: bridges)
  }

  package func leftovers(of domains: [ProtectedDomain]) async -> [LeftoverDefinition] {
    guard let search = ports.hypervisor as? any LeftoverSearch else { return [] }
    return await search.leftovers(of: domains).values.joined().sorted(by: LeftoverDefinition.isBefore)
  }

  package func incompatibilities(of definitions: [StoredDefinition]) async -> [WorkloadName: Incompatibility] {
    guard let check = ports.hypervisor as? any CompatibilityCheck else { return [:] }
    var all: [WorkloadName: Incompatibility] = [:]
    for found in await check.incompatibilities(of: definitions).values { all.merge(found) { first, _ in first } }
    return all
  }

  package func describe(_ id: DomainID) async throws(HypervisorError) -> DomainDescription {
    try await ports.hypervisor.describe(id)
  }

  package func keptState(of id: DomainID) async throws(HypervisorError) -> KeptState {
    try await ports.hypervisor.keptState(of: id)
  }

  package func ownFiles(among paths: [String]) -> Set<String> { OwnFiles().among(paths) }

  package func commit(_ transaction: ClusterTransaction, telling note: Note?) async throws(StoreError) -> ClusterVerdict {
    let encoded: StoreTransaction
    do { encoded = try codec.encode(transaction) } catch {
      throw .notApplied(reason: "the record cannot be encoded: \(error)")
    }
    let verdict = codec.decode(try await ports.store.transact(encoded, timeout: .seconds(5)))
    if case .committed(let revision) = verdict {
      if let note { await tell(note) }
      await loop.take(.committed(transaction.writes, revision))
    }
    return verdict
  }

  package func tell(_ note: Note) async { await history.write(note) }

  package func history(limit: Int, workload: WorkloadName?) async -> [HistoryRecord] {
    await history.last(limit, workload: workload)
  }

  package func followHistory() -> AsyncStream<HistoryRecord> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: HistoryRecord.self, bufferingPolicy: .bufferingNewest(HistoryBook.mostUnread))
    let task = Task {
      for await line in await history.follow() { continuation.yield(line) }
      continuation.finish()
    }
    continuation.onTermination = { _ in task.cancel() }
    return stream
  }
}
