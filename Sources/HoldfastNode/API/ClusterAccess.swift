import HoldfastModel
import HoldfastPorts
import Housekeeping

/// What the API needs of the daemon it runs in.
package protocol ClusterAccess: Sendable {
  var cluster: String { get }
  var node: NodeName { get }

  /// What this node knows now.
  func picture() async -> ClusterPicture

  /// The XML from which the running domain can be started elsewhere.
  func describe(_ id: DomainID) async throws(HypervisorError) -> DomainDescription

  /// What libvirt keeps of the running domain beside its definition.
  func keptState(of id: DomainID) async throws(HypervisorError) -> KeptState

  /// Commits on the operator's behalf; the controller learns of it at once.
  ///
  /// - Parameter note: a line of history about it, written when it is committed, and before the controller does anything for it: people read the cause
  ///   before what follows from it. nil: there is none.
  func commit(_ transaction: ClusterTransaction, telling note: Note?) async throws(StoreError) -> ClusterVerdict

  /// Writes a line of history: what an operator did that no node tells by itself.
  func tell(_ note: Note) async

  /// The last lines of the cluster's history, oldest first.
  func history(limit: Int, workload: WorkloadName?) async -> [HistoryRecord]

  /// New lines as they come. Ends when the reader goes; a reader that is too slow loses lines rather than hold anything up.
  func followHistory() -> AsyncStream<HistoryRecord>

  /// The last look at the store; nil: there was none, or the store cannot be looked at. Never waits for the store.
  func storePicture() async -> StorePicture?

  /// What this host's network makes slow for a workload with these links, or with these bridges in its definition: sentences.
  func networkWarnings(links: [String], bridges: [String]) -> [String]

  /// What libvirt on this node keeps defined beside these workloads' domains, as it is now. A connection that does not answer tells nothing.
  func leftovers(of domains: [ProtectedDomain]) async -> [LeftoverDefinition]

  /// Which of these libvirt on this node could not run now, and why. A connection that does not answer tells nothing.
  func incompatibilities(of definitions: [StoredDefinition]) async -> [WorkloadName: Incompatibility]

  /// Of these paths, those on file systems that this host has to itself.
  func ownFiles(among paths: [String]) -> Set<String>
}

extension ClusterAccess {
  func commit(_ transaction: ClusterTransaction) async throws(StoreError) -> ClusterVerdict {
    try await commit(transaction, telling: nil)
  }
}
