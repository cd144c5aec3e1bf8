extension ClusterView {
  /// The condition that a record is as this view shows it.
  package func asSeen<Value>(_ key: RecordKey, _ entry: Stored<Value>?) -> Condition<RecordKey> {
    entry.map { .unchanged(key, modified: $0.modified) } ?? .absent(key)
  }

  /// Why one of the workload's records cannot be read; nil when all can.
  public func unreadableReason(_ workload: WorkloadName) -> String? {
    let keys: [RecordKey] = [.spec(workload), .intent(workload), .placement(workload), .claim(workload)]
    return keys.lazy.compactMap { unreadable[$0] }.first
  }

  /// The node that holds the workload with a standing session.
  public func holder(of workload: WorkloadName) -> NodeName? {
    guard let claim = claims[workload]?.value, isHeld(claim) else { return nil }
    return claim.holder?.node
  }

  /// Seconds that the slowest of the workloads which the node holds may take to shut down; 0: it holds none.
  package func longestStop(on node: NodeName) -> Double {
    var longest = 0.0
    for (workload, claim) in claims where claim.value.holder?.node == node {
      longest = max(longest, specs[workload]?.value.stopTimeout ?? 0)
    }
    return longest
  }

  /// The nodes that any record speaks of, sorted.
  public var knownNodes: [NodeName] { Set(nodes.keys).union(standingNodes).sorted() }
}
