import HoldfastModel

/// What the nodes have and what is used of it, as far as the store tells.
public struct ClusterLoad: Hashable, Sendable {
  public struct Node: Hashable, Sendable {
    /// nil: the node has not told yet.
    public var capacity: Resources?
    /// By the workloads below.
    public var used: Resources
    /// By domains outside protection.
    public var unmanaged: Resources
    /// What it runs and what is on its way to it, sorted. A workload that moves counts on both nodes until it has moved.
    public var workloads: [WorkloadName]

    /// What another workload could take; below zero where the node is overcommitted.
    public var headroom: Resources? { capacity.map { $0 - used - unmanaged } }
  }
  public private(set) var nodes: [NodeName: Node] = [:]

  public init(_ view: ClusterView) {
    for name in view.knownNodes {
      nodes[name] = Node(
        capacity: view.nodes[name]?.value.capacity, used: .none, unmanaged: view.reports[name]?.value.unmanaged ?? .none,
        workloads: [])
    }
    for (name, spec) in view.specs.sorted(by: { $0.key < $1.key }) {
      for node in Self.nodes(of: name, in: view) {
        nodes[node]?.used += spec.value.demand
        nodes[node]?.workloads.append(name)
      }
    }
  }

  private static func nodes(of workload: WorkloadName, in view: ClusterView) -> Set<NodeName> {
    var nodes: Set<NodeName> = []
    if let holder = view.holder(of: workload) { nodes.insert(holder) }
    let isStopped = view.intents[workload]?.value.desired == .stopped
    if !isStopped, let placed = view.placements[workload]?.value.node { nodes.insert(placed) }
    return nodes
  }
}
