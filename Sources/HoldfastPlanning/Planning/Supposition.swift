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
    var changed = self, left: Set<NodeName> = []
    changed.nodes += supposition.nodes
    changed.workloads += supposition.workloads
    for index in changed.nodes.indices {
      let name = changed.nodes[index].name
      if supposition.lost.contains(name) {
        left.insert(name)
        changed.nodes[index].unavailable = .lost
      } else if supposition.drained.contains(name), changed.nodes[index].unavailable == nil {
        changed.nodes[index].unavailable = .beingEmptied
        changed.nodes[index].isDraining = true
        left.insert(name)
        continue
      } else {
        continue
      }
      // Lost for good: nobody waits for it.
      (changed.nodes[index].isDraining, changed.nodes[index].unavailableFor) = (false, nil)
    }
    changed.turnBack(from: left)
    return changed
  }

  /// What is on its way to a node that takes it no more stays where it runs.
  private mutating func turnBack(from left: Set<NodeName>) {
    guard !left.isEmpty else { return }
    let standing = Set(nodes.lazy.filter { $0.unavailable == nil || $0.isDraining }.map(\.name)).subtracting(left)
    for index in workloads.indices where workloads[index].desired == .running {
      guard let target = workloads[index].placed?.node, left.contains(target), let node = workloads[index].running,
        standing.contains(node)
      else { continue }
      workloads[index].placed?.node = node
    }
  }

  /// The cluster as plans of changes begin with it: a move by itself that waits for its turn, or while moves are off, has not been made, and nobody
  /// knows when it will be.
  public func holdingStill(by planner: PolicyPlanner) -> PlanningSnapshot {
    var now = self
    now.pace = .off
    let waiting = Set(planner.run(on: now).waitingMoves.map(\.workload))
    now.pace = pace
    for index in now.workloads.indices where waiting.contains(now.workloads[index].name) {
      now.workloads[index].holdsStill = true
    }
    return now
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
