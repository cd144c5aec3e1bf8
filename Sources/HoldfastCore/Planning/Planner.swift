/// What the planner sees: a snapshot, already reduced to what matters for placement.
public struct PlanningSnapshot: Hashable, Sendable {
  public struct Node: Hashable, Sendable {
    public var name: NodeName
    public var capacity: Resources
    public var labels: [String: String]
    public var connections: Set<String>
    /// Used by domains that are not under protection.
    public var unmanaged: Resources
    /// Why nothing may be placed here now; nil when it may.
    public var unavailable: String?

    public init(
      name: NodeName, capacity: Resources, labels: [String: String] = [:], connections: Set<String>,
      unmanaged: Resources = .none, unavailable: String? = nil
    ) {
      self.name = name
      self.capacity = capacity
      self.labels = labels
      self.connections = connections
      self.unmanaged = unmanaged
      self.unavailable = unavailable
    }
  }

  public struct Workload: Hashable, Sendable {
    public var name: WorkloadName
    public var connection: String
    public var demand: Resources
    public var labels: [String: String]
    public var priority: Int
    public var desired: IntentRecord.Desired
    /// Where the last plan put it.
    public var placed: PlacementRecord?
    /// A move request that was not served yet.
    public var move: IntentRecord.Move?
    /// Nodes that are out of the question for it now, and why (it failed to start there).
    public var excluded: [NodeName: String]

    public init(
      name: WorkloadName, connection: String, demand: Resources, labels: [String: String] = [:], priority: Int = 0,
      desired: IntentRecord.Desired = .running, placed: PlacementRecord? = nil,
      move: IntentRecord.Move? = nil, excluded: [NodeName: String] = [:]
    ) {
      self.name = name
      self.connection = connection
      self.demand = demand
      self.labels = labels
      self.priority = priority
      self.desired = desired
      self.placed = placed
      self.move = move
      self.excluded = excluded
    }
  }

  public var nodes: [Node]
  public var workloads: [Workload]

  public init(nodes: [Node], workloads: [Workload]) {
    self.nodes = nodes
    self.workloads = workloads
  }
}

/// Makes placements. The one interface for every way of planning: the daemon, `whatif`, `explain` and the simulator call it, and
/// policies come in behind it.
public protocol Planning: Sendable {
  /// Pure: the same snapshot gives the same plan, in whatever order its parts come.
  func plan(_ snapshot: PlanningSnapshot) -> [WorkloadName: PlacementRecord]
}

/// Places by capacity and least load: what has a place keeps it while its node is available; everything else goes, in order of
/// priority and then size, to the node that is least loaded afterwards.
public struct LeastLoadPlanner: Planning {
  public init() {}

  public func plan(_ snapshot: PlanningSnapshot) -> [WorkloadName: PlacementRecord] {
    var board = Board(nodes: snapshot.nodes.sorted { $0.name < $1.name })
    var plan: [WorkloadName: PlacementRecord] = [:]
    var homeless: [PlanningSnapshot.Workload] = []
    var movers: [(workload: PlanningSnapshot.Workload, from: NodeName)] = []

    // In one order, because sums of fractions depend on it.
    for workload in snapshot.workloads.sorted(by: { $0.name < $1.name }) {
      guard workload.desired != .stopped else {
        plan[workload.name] = nowhere(workload, "stopped by the operator")
        continue
      }
      if workload.desired == .unprotected, let placed = workload.placed {
        // It stays where it is, even if that node is away: nobody may start it elsewhere.
        plan[workload.name] = placed
        if let node = placed.node { board.add(workload.demand, to: node) }
        continue
      }
      switch standing(workload, on: board) {
      case .stays(let node):
        board.add(workload.demand, to: node)
        if workload.move != nil, workload.desired == .running {
          movers.append((workload, node))
        } else {
          plan[workload.name] = workload.placed ?? PlacementRecord(node: node, reason: "it runs there")
        }
      case .homeless: homeless.append(workload)
      }
    }

    for (workload, from) in movers.sorted(by: { Self.goesFirst($0.workload, $1.workload) }) {
      plan[workload.name] = serveMove(workload, from: from, on: &board)
    }
    for workload in homeless.sorted(by: Self.goesFirst) {
      plan[workload.name] = place(workload, on: &board)
    }
    return plan
  }

  private enum Standing {
    case stays(NodeName)
    case homeless
  }

  /// A placement is kept while its node is available and not excluded: nothing moves without a reason.
  private func standing(_ workload: PlanningSnapshot.Workload, on board: Board) -> Standing {
    guard let node = workload.placed?.node, workload.excluded[node] == nil, board.isAvailable(node) else { return .homeless }
    return .stays(node)
  }

  private static func goesFirst(_ a: PlanningSnapshot.Workload, _ b: PlanningSnapshot.Workload) -> Bool {
    if a.priority != b.priority { return a.priority > b.priority }
    if a.demand.memory != b.demand.memory { return a.demand.memory > b.demand.memory }
    return a.name < b.name
  }

  private func nowhere(_ workload: PlanningSnapshot.Workload, _ reason: String, others: [NodeName: String] = [:])
    -> PlacementRecord
  {
    PlacementRecord(
      node: nil, reason: reason, others: others, servedMove: workload.move?.serial ?? workload.placed?.servedMove ?? 0)
  }

  private func place(_ workload: PlanningSnapshot.Workload, on board: inout Board) -> PlacementRecord {
    let served = workload.move?.serial ?? workload.placed?.servedMove ?? 0
    var others: [NodeName: String] = [:]
    var best: (node: NodeName, load: Double, rest: Double)?
    for node in board.nodes {
      if let refusal = board.refusal(of: workload, by: node) {
        others[node.name] = refusal
        continue
      }
      let load = board.load(of: node, with: workload.demand)
      others[node.name] = "more loaded: \(percent(load)) with it"
      let rest = board.lesserLoad(of: node, with: workload.demand)
      if workload.move?.to == node.name {
        best = (node.name, -1, 0)
      } else if best.map({ (load, rest) < ($0.load, $0.rest) }) ?? true {
        best = (node.name, load, rest)
      }
    }
    guard let best else {
      return nowhere(workload, board.nodes.isEmpty ? "the cluster has no node" : "no node can take it", others: others)
    }
    board.add(workload.demand, to: best.node)
    others[best.node] = nil
    let why = workload.move?.to == best.node ? "the operator asked for it" : "least loaded: \(percent(best.load)) with it"
    return PlacementRecord(node: best.node, reason: why, others: others, servedMove: served)
  }

  private func serveMove(
    _ workload: PlanningSnapshot.Workload, from: NodeName, on board: inout Board
  ) -> PlacementRecord {
    guard let move = workload.move else { return workload.placed ?? PlacementRecord(node: from, reason: "it runs there") }
    let others = workload.placed?.others ?? [:]
    func stays(_ reason: String) -> PlacementRecord {
      PlacementRecord(node: from, reason: reason, others: others, servedMove: move.serial)
    }
    guard move.to != from else { return stays("the operator asked for it; it was here already") }
    guard let target = board.node(move.to) else {
      return stays("asked to move to \(move.to), which this cluster does not know")
    }
    if let refusal = board.refusal(of: workload, by: target) {
      return stays("asked to move to \(move.to), which cannot take it: \(refusal)")
    }
    board.add(workload.demand, to: move.to)
    board.remove(workload.demand, from: from)
    return PlacementRecord(
      node: move.to, reason: "the operator asked for it", others: [from: "it was moved away by the operator"],
      servedMove: move.serial)
  }
}

/// Loads while a plan is being made.
private struct Board {
  let nodes: [PlanningSnapshot.Node]
  private var used: [NodeName: Resources]
  private let index: [NodeName: Int]

  init(nodes: [PlanningSnapshot.Node]) {
    self.nodes = nodes
    used = Dictionary(nodes.map { ($0.name, $0.unmanaged) }, uniquingKeysWith: { first, _ in first })
    index = Dictionary(nodes.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func node(_ name: NodeName) -> PlanningSnapshot.Node? { index[name].map { nodes[$0] } }
  func isAvailable(_ name: NodeName) -> Bool { node(name).map { $0.unavailable == nil } ?? false }

  mutating func add(_ demand: Resources, to node: NodeName) { used[node, default: .none] += demand }
  mutating func remove(_ demand: Resources, from node: NodeName) { used[node, default: .none] -= demand }

  /// Why the node cannot take the workload; nil when it can.
  func refusal(of workload: PlanningSnapshot.Workload, by node: PlanningSnapshot.Node) -> String? {
    if let why = node.unavailable { return why }
    if let why = workload.excluded[node.name] { return why }
    if !node.connections.contains(workload.connection) { return "does not serve \(workload.connection)" }
    let free = node.capacity - used[node.name, default: .none]
    if workload.demand.memory > free.memory {
      return "needs \(workload.demand.memory) MiB of memory, \(max(0, free.memory)) MiB are free"
    }
    if workload.demand.cpus > free.cpus + 1e-9 {
      return "needs \(workload.demand.cpus) processors, \(rounded(max(0, free.cpus))) are free"
    }
    return nil
  }

  /// The greater of the memory and processor shares.
  func load(of node: PlanningSnapshot.Node, with demand: Resources) -> Double {
    let shares = shares(of: node, with: demand)
    return max(shares.memory, shares.cpus)
  }

  /// The other of the two, which decides between nodes that are loaded alike.
  func lesserLoad(of node: PlanningSnapshot.Node, with demand: Resources) -> Double {
    let shares = shares(of: node, with: demand)
    return min(shares.memory, shares.cpus)
  }

  private func shares(of node: PlanningSnapshot.Node, with demand: Resources) -> (memory: Double, cpus: Double) {
    let total = used[node.name, default: .none] + demand
    func share(_ used: Double, _ capacity: Double) -> Double { capacity > 0 ? used / capacity : 1 }
    return (share(Double(total.memory), Double(node.capacity.memory)), share(total.cpus, node.capacity.cpus))
  }
}

private func percent(_ share: Double) -> String { "\(Int((min(share, 1e6) * 100).rounded())) %" }
private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
