import HoldfastModel
import HoldfastPlanning

/// The workloads that would find no room if a node were lost now.
public struct LossRehearsal: Hashable, Sendable {
  public struct Loss: Hashable, Sendable {
    public var node: NodeName
    /// The workloads that no other node could take, sorted, and what they need together.
    public var unplaceable: [WorkloadName]
    public var demand: Resources
  }
  /// One for each node whose loss the others could not absorb, sorted by node.
  public private(set) var losses: [Loss] = []

  /// Rehearses the loss of every standing node alone, with the planner that would place its workloads.
  ///
  /// - Parameter planning: what the planner would plan on: which nodes take nothing, or are the last choice; nil: not known.
  public init(_ view: ClusterView, load: ClusterLoad, planner: PolicyPlanner, planning: PlanningSnapshot? = nil) {
    // What runs where is told as what domains outside protection use, so that counts, whatever the policies say of those.
    var policies = planner.policies
    policies.cluster.countUnprotected = true
    let planner = PolicyPlanner(policies)
    let known = Dictionary(uniqueKeysWithValues: (planning?.nodes ?? []).map { ($0.name, $0) })
    let standing = view.standingNodes.sorted().compactMap { name in
      load.nodes[name].flatMap { Self.node(name, $0, known[name], in: view) }
    }
    for lost in standing where lost.unavailable == nil || lost.isDraining {
      let affected = load.nodes[lost.name]?.workloads ?? []
      let workloads = affected.compactMap { name -> PlanningSnapshot.Workload? in
        guard let spec = view.specs[name]?.value, view.intents[name]?.value.desired ?? .running == .running else { return nil }
        return PlanningSnapshot.Workload(
          name: name, connection: spec.connection, demand: spec.demand, labels: spec.labels, priority: spec.priority)
      }
      guard !workloads.isEmpty else { continue }
      let others = standing.filter { $0.name != lost.name }
      let plan = planner.plan(PlanningSnapshot(nodes: others, workloads: workloads))
      let unplaceable = workloads.filter { plan[$0.name]?.node == nil }
      guard !unplaceable.isEmpty else { continue }
      losses.append(
        Loss(
          node: lost.name, unplaceable: unplaceable.map(\.name).sorted(), demand: unplaceable.reduce(.none) { $0 + $1.demand }))
    }
  }

  /// The node as the planner sees it, with everything that it runs now as if it were not to move: only the lost node's workloads are
  /// planned, so that rehearsing every node costs about as much as one plan. What the others run counts as room that is used, and no
  /// more: from whom a workload is to keep apart is `whatif --lose each`'s to tell.
  private static func node(
    _ name: NodeName, _ load: ClusterLoad.Node, _ known: PlanningSnapshot.Node?, in view: ClusterView
  ) -> PlanningSnapshot.Node? {
    guard let record = view.nodes[name]?.value, let session = view.session(of: name)?.record.value else { return nil }
    let unreachable = view.reports[name]?.value.unreachable ?? [:]
    return PlanningSnapshot.Node(
      name: name, capacity: record.capacity, labels: record.labels,
      connections: Set(record.connections.filter { unreachable[$0] == nil }), unmanaged: load.used + load.countedUnmanaged,
      unavailable: session.phase == .leaving ? .leaving : known?.unavailable,
      isDraining: known?.isDraining ?? false,
      quarantine: known?.quarantine)
  }
}
