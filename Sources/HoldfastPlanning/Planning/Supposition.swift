import HoldfastModel

/// Changes to a cluster that somebody thinks of.
public struct Supposition: Hashable, Sendable {
  /// Nodes that are gone, with what runs on them.
  public var lost: Set<NodeName>
  /// Nodes that are emptied on purpose.
  public var drained: Set<NodeName>
  /// Nodes that join.
  public var nodes: [PlanningSnapshot.Node]
  /// Workloads that come under protection.
  public var workloads: [PlanningSnapshot.Workload]

  public init(
    lost: Set<NodeName> = [], drained: Set<NodeName> = [], nodes: [PlanningSnapshot.Node] = [],
    workloads: [PlanningSnapshot.Workload] = []
  ) {
    self.lost = lost
    self.drained = drained
    self.nodes = nodes
    self.workloads = workloads
  }
}

extension PlanningSnapshot {
  /// The cluster with these changes.
  public func supposing(_ supposition: Supposition) -> PlanningSnapshot {
    var changed = self
    changed.nodes += supposition.nodes
    changed.workloads += supposition.workloads
    for index in changed.nodes.indices {
      let name = changed.nodes[index].name
      if supposition.lost.contains(name) {
        changed.nodes[index].unavailable = .lost
      } else if supposition.drained.contains(name), changed.nodes[index].unavailable == nil {
        changed.nodes[index].unavailable = .beingEmptied
        changed.nodes[index].isDraining = true
        continue
      } else {
        continue
      }
      // Lost for good: nobody waits for it.
      (changed.nodes[index].isDraining, changed.nodes[index].unavailableFor) = (false, nil)
    }
    return changed
  }

  /// The cluster when everything that is under way has arrived: what is to leave a node has left it, and every node is heard of again.
  public func atRest() -> PlanningSnapshot {
    var still = self
    for index in still.workloads.indices { still.workloads[index].running = nil }
    for index in still.nodes.indices { still.nodes[index].isSilent = nil }
    return still
  }

  /// The nodes that a selection selects.
  public func nodes(_ selection: Selection) -> Set<NodeName> {
    Set(nodes.lazy.filter { selection.matches(name: $0.name.text, labels: $0.labels) }.map(\.name))
  }
}
