/// All policies of a cluster: what its policy files say together.
public struct PolicySet: Hashable, Sendable, Codable {
  public var cluster: ClusterPolicy
  /// In the order of the files: what a later one says about a node replaces what an earlier one said.
  public var nodes: [NodePolicy]
  /// The same for workloads.
  public var workloads: [WorkloadPolicy]
  /// What tells whether nodes are fit to run workloads; their names differ.
  public var nodeChecks: [NodeCheckPolicy]

  public init(
    cluster: ClusterPolicy = ClusterPolicy(), nodes: [NodePolicy] = [], workloads: [WorkloadPolicy] = [],
    nodeChecks: [NodeCheckPolicy] = []
  ) {
    self.cluster = cluster
    self.nodes = nodes
    self.workloads = workloads
    self.nodeChecks = nodeChecks
  }

  /// The number of its rules, node checks among them.
  public var ruleCount: Int { nodes.count + workloads.count + nodeChecks.count }

  /// No policies: workloads go to the least loaded node that can take them, and stay there.
  public static let none = PolicySet()
}

/// How workloads are spread over the nodes that can take them.
public enum Spread: String, Sendable, Codable, CaseIterable {
  /// The node that is least loaded with it; the load is the fullest of its resources.
  case leastLoaded = "least-loaded"
  /// The node where it evens out all resources best.
  case balanced
  /// The fullest node that has the room, so that others stay empty.
  case packed
  /// The node with the fewest workloads.
  case roundRobin = "round-robin"
}

/// The rules for the whole cluster.
public struct ClusterPolicy: Hashable, Sendable, Codable {
  public var spread: Spread?
  /// The resources whose use is the load. Empty: memory and processors.
  public var load: [String]
  /// Whether domains outside protection count as load and use room. nil: they do.
  public var countUnprotected: Bool?
  public var survive: Survival?
  /// Countable resources that the nodes share, such as floating licences.
  public var pool: [String: Int]
  /// How many workloads may be moved to make room for one. nil: 2.
  public var movesToMakeRoom: Int?
  /// The pace of what is moved by itself. nil: the defaults.
  public var moves: MovePace?

  /// Workloads that may be moved to make room for one, when nobody said.
  public static let defaultMovesToMakeRoom = 2

  public init(
    spread: Spread? = nil, load: [String] = [], countUnprotected: Bool? = nil, survive: Survival? = nil,
    pool: [String: Int] = [:], movesToMakeRoom: Int? = nil, moves: MovePace? = nil
  ) {
    self.spread = spread
    self.load = load
    self.countUnprotected = countUnprotected
    self.survive = survive
    self.pool = pool
    self.movesToMakeRoom = movesToMakeRoom
    self.moves = moves
  }
}

/// Room that is kept for failures.
public struct Survival: Hashable, Sendable, Codable {
  /// One kind of failure; every kind must be survived by itself.
  public enum Loss: Hashable, Sendable, Codable {
    /// Any number of values of a label at once, whichever they are; of `node`, so many nodes.
    case any(count: Int, of: String)
    /// All nodes that are selected, at once.
    case nodes(Selection)
  }
  public enum Otherwise: String, Sendable, Codable, CaseIterable {
    /// New workloads are placed all the same, and somebody is told.
    case warn
    /// New workloads that would use the room are not placed. What ran before is always placed.
    case refuse
  }
  public var losses: [Loss]
  public var otherwise: Otherwise
  /// The share of what they demand that workloads may have to do without after the failure, from 0 to 1.
  public var tolerate: Double

  public init(losses: [Loss], otherwise: Otherwise = .warn, tolerate: Double = 0) {
    self.losses = losses
    self.otherwise = otherwise
    self.tolerate = tolerate
  }
}

/// Names of the resources that every node has and every workload needs.
public enum ResourceName {
  /// In MiB.
  public static let memory = "memory"
  public static let cpus = "cpus"
}

/// The topology in which every node is a place of its own.
public let nodeTopology = "node"
