import HoldfastModel

/// The headroom of one resource: what is left of it.
public struct Headroom: Hashable, Sendable, Codable {
  /// `memory` (MiB), `cpus`, or the name of something that the policies count.
  public var resource: String
  /// On all nodes that can take workloads, after reserves and over-commitment.
  public var capacity: Double
  public var free: Double
  /// The most that one workload could have.
  public var largest: Double
  /// Where that is; nil for what the nodes share.
  public var node: NodeName?
}

/// How full one node is.
public struct NodeFill: Hashable, Sendable, Codable {
  public var node: NodeName
  public var workloads: Int
  /// The fullest of the resources that count as load, as a share of its capacity.
  public var load: Double
}

extension PlanRun {
  /// By resource: what other workloads could still have.
  func headroom() -> [Headroom] {
    let columns = tables.resourceCount
    return (0..<columns).map { column in
      let table = tables.nodes.resources
      var capacity: Int64 = 0, free: Int64 = 0, best: (free: Int64, node: Int)?
      let isShared = tables.pool[column] >= 0
      for node in 0..<tables.nodes.count where tables.nodes.isAvailable[node] {
        let whole = max(0, tables.nodes.capacity[node * columns + column])
        let left = max(0, whole - board.used[node * columns + column])
        capacity += whole
        free += left
        if best.map({ left > $0.free }) ?? true { best = (left, node) }
      }
      if isShared {
        let left = max(0, tables.pool[column] - board.poolUsed[column])
        (capacity, free) = (min(capacity, tables.pool[column]), min(free, left))
        return Headroom(
          resource: table.names[column], capacity: table.value(capacity, column), free: table.value(free, column),
          largest: table.value(min(best?.free ?? 0, left), column))
      }
      return Headroom(
        resource: table.names[column], capacity: table.value(capacity, column), free: table.value(free, column),
        largest: table.value(best?.free ?? 0, column), node: best.map { wording.node($0.node) })
    }
  }

  /// How full the nodes are that can take workloads, or still have some; by name.
  func fills() -> [NodeFill] {
    (0..<tables.nodes.count).compactMap { node in
      guard tables.nodes.isAvailable[node] || !board.residents[node].isEmpty else { return nil }
      return NodeFill(
        node: wording.node(node), workloads: board.residents[node].count,
        load: search.standingShare(node, board, tables))
    }
  }
}
