import HoldfastModel
import HoldfastPlanning

/// The load of the nodes: what they have and what is used of it, as far as the store tells.
public struct ClusterLoad: Hashable, Sendable {
  public struct Node: Hashable, Sendable {
    /// nil: the node has not told yet.
    public var capacity: Resources?
    /// Of that, what workloads and domains outside protection may have: after the policies' reserves and over-commitment.
    public var allowance: Resources?
    /// By the workloads below, as the policies reckon them.
    public var used: Resources
    /// By domains outside protection.
    public var unmanaged: Resources
    /// The part of that which the policies count.
    public var countedUnmanaged: Resources
    /// The workloads that it runs and that are on their way to it, sorted. A workload that moves counts on both nodes until it has moved.
    public var workloads: [WorkloadName]

    /// The room for another workload; below zero where the node is overcommitted.
    public var headroom: Resources? { allowance.map { $0 - used - countedUnmanaged } }
  }
  public private(set) var nodes: [NodeName: Node] = [:]

  /// - Parameter planner: by the policies in force, which say what a node may give away and what a workload counts for.
  public init(_ view: ClusterView, planner: PolicyPlanner = PolicyPlanner()) {
    let reported = view.knownNodes.compactMap { name in
      view.nodes[name].map {
        PlanningSnapshot.Node(
          name: name, capacity: $0.value.capacity, labels: $0.value.labels, connections: [],
          unmanaged: view.reports[name]?.value.unmanaged ?? .none)
      }
    }
    let allowances = planner.allowances(of: reported)
    for name in view.knownNodes {
      let unmanaged = view.reports[name]?.value.unmanaged ?? .none
      nodes[name] = Node(
        capacity: view.nodes[name]?.value.capacity, allowance: allowances[name]?.capacity, used: .none, unmanaged: unmanaged,
        countedUnmanaged: allowances[name]?.unmanaged ?? unmanaged, workloads: [])
    }
    for (name, spec) in view.specs.sorted(by: { $0.key < $1.key }) {
      let demand = Self.demand(of: name, spec.value, view.demand(of: name) ?? spec.value.demand, planner.policies)
      for node in Self.nodes(of: name, in: view) {
        nodes[node]?.used += demand
        nodes[node]?.workloads.append(name)
      }
    }
  }

  /// - Parameter demand: without what the policies say of it.
  private static func demand(
    of name: WorkloadName, _ spec: SpecRecord, _ demand: Resources, _ policies: PolicySet
  ) -> Resources {
    guard policies.workloads.contains(where: { !$0.demand.isEmpty }) else { return demand }
    let rules = policies.settings(of: name, labels: spec.labels).demand
    return Resources(
      memory: rules[ResourceName.memory].map { Int($0) } ?? demand.memory,
      cpus: rules[ResourceName.cpus] ?? demand.cpus)
  }

  private static func nodes(of workload: WorkloadName, in view: ClusterView) -> Set<NodeName> {
    var nodes: Set<NodeName> = []
    if let holder = view.holder(of: workload) { nodes.insert(holder) }
    let isStopped = view.intents[workload]?.value.desired == .stopped
    if !isStopped, let placed = view.placements[workload]?.value.node { nodes.insert(placed) }
    return nodes
  }
}
