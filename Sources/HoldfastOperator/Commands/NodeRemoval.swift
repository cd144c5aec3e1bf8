import HoldfastModel

/// A node that is down for good is forgotten: its record, its report, its losses, its maintenance. Its history is not in the mirror and goes besides
/// (`historyTransactions`).
///
/// A session that stands is never touched. A node that opens one writes its record in the same transaction, guarded on the record as it was: so of a
/// removal that is guarded on the record and an opening only one is committed.
public struct NodeRemoval: Sendable {
  let prepared: PreparedClusterCommand
  private let node: NodeName
  private let guardCondition: Condition<RecordKey>

  /// - Throws: why it may not be forgotten.
  public init(_ node: NodeName, in view: ClusterView) throws(OperatorError) {
    try Self.check(node, view)
    self.node = node
    guardCondition = view.asSeen(.node(node), view.nodes[node])
    var conditions = [guardCondition, view.asSeen(.maintenance(node), view.maintenance[node])]
    var writes: [Write<RecordKey, Record>] = [
      .delete(.node(node)), .delete(.report(node)), .delete(.losses(node)), .delete(.maintenance(node))
    ]
    // Unreadable, it cannot be said how it was seen.
    if view.unreadable[.maintenance(node)] != nil {
      conditions.removeLast()
      writes.removeLast()
    }
    let placed = view.placements.values.count { $0.value.node == node }
    let rest =
      placed == 0 ? "" : "; \(placed == 1 ? "1 workload is" : "\(placed) workloads are") placed there still, and placed anew"
    prepared = PreparedClusterCommand(
      "is removed: its record, report, losses, maintenance and history\(rest)",
      ClusterTransaction(if: conditions, write: writes))
  }

  /// What makes its lines of history go, before the record does: what fails can be repeated then.
  ///
  /// - Parameter slots: the length of a node's ring of lines.
  public func historyTransactions(slots: Int) -> [ClusterTransaction] {
    Self.historyTransactions(of: node, slots: slots, if: [guardCondition])
  }

  private static func check(_ node: NodeName, _ view: ClusterView) throws(OperatorError) {
    func refusal(_ reason: String, _ remedy: String) -> OperatorError {
      OperatorError(.conflict, thing: "node \(node)", reason: reason, remedy: remedy)
    }
    guard view.speaks(of: node) else { throw .unknownNode(node, in: view) }
    if let reason = view.unreadable[.node(node)] {
      throw refusal(
        "its record cannot be read by this build (\(reason))",
        OperatorError.wayOutOfUnreadable)
    }
    try view.refuseUp(
      node,
      remedy: "Stop it there for good first: `systemctl disable --now holdfastd`; its workloads go to other nodes. Then repeat."
    )
    let held = view.claims.filter { _, claim in
      claim.value.holder?.node == node && view.isHeld(claim.value)
        || claim.value.migration.map { $0.target.node == node && view.sessions[$0.target.incarnation] != nil } ?? false
    }.keys.sorted()
    guard held.isEmpty else {
      throw refusal(
        "it still holds \(InWords.list(held.map(\.text), most: 5))",
        "Wait until other nodes have taken over: `holdfast workloads`.")
    }
  }
}

extension NodeRemoval {
  /// Keys in one transaction: etcd takes 128 operations.
  private static let mostKeys = 100

  /// - Parameter slots: the length of a node's ring of lines.
  static func historyTransactions(
    of node: NodeName, slots: Int, if conditions: [Condition<RecordKey>]
  ) -> [ClusterTransaction] {
    stride(from: 0, to: slots, by: mostKeys).map { first in
      ClusterTransaction(
        if: conditions, write: (first..<min(slots, first + mostKeys)).map { .delete(.history(node, slot: $0)) })
    }
  }
}

extension ClusterView {
  /// The records of a node that outlive its sessions.
  static func lastingKeys(of node: NodeName) -> [RecordKey] {
    [.node(node), .report(node), .losses(node), .maintenance(node)]
  }

  /// There is a record of the node, be it one that this build cannot read.
  func speaks(of node: NodeName) -> Bool {
    knownNodes.contains(node) || reports[node] != nil || losses[node] != nil || maintenance[node] != nil
      || Self.lastingKeys(of: node).contains { unreadable[$0] != nil }
  }

  /// - Throws: that the node is up, or may be.
  func refuseUp(_ node: NodeName, remedy: String) throws(OperatorError) {
    func refusal(_ reason: String, _ remedy: String) -> OperatorError {
      OperatorError(.conflict, thing: "node \(node)", reason: reason, remedy: remedy)
    }
    guard session(of: node) == nil else { throw refusal("it is up: it has a session", remedy) }
    // The incarnation begins with the node's name.
    let isInDoubt = unreadable.keys.contains { key in
      if case .session(let incarnation) = key { "\(incarnation)".hasPrefix("\(node)-") } else { false }
    }
    guard !isInDoubt else {
      throw refusal("a session that may be its own cannot be read by this build", OperatorError.wayOutOfUnreadable)
    }
  }
}
