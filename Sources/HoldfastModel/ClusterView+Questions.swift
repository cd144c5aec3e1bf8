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

  /// The node in maintenance that the workload was moved off, in the life in which it still stands, while it has run nowhere since; nil: there is none.
  public func evacuationSource(of workload: WorkloadName) -> NodeName? {
    guard let source = claims[workload]?.value.evacuatedFrom, sessions[source.incarnation] != nil else { return nil }
    return source.node
  }

  /// The node is down, and did not leave: somebody declared its session expired. The node's record is written when it opens a session, the other one
  /// when it is declared lost. Always false where no time of day was known for that other record.
  public func wasLost(_ node: NodeName) -> Bool {
    guard session(of: node) == nil, let opened = nodes[node]?.modified, let lost = losses[node]?.modified else { return false }
    return lost > opened
  }

  /// Where no node takes workloads: the nodes that would but for their maintenance, sorted; empty: there is none, or another node takes them.
  public var onlyInMaintenance: [NodeName] {
    let active = standingNodes.filter { session(of: $0)?.record.value.phase == .active }
    let emptied = active.filter { maintenance[$0]?.value.phase == .empty || unreadable[.maintenance($0)] != nil }
    return emptied.count == active.count ? emptied.sorted() : []
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
