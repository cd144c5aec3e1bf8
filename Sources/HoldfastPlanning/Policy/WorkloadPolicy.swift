import GuardCore
import HoldfastModel

/// A rule for some workloads.
///
/// Rules about nodes and neighbours add up: all that match a workload hold. Of a single value, such as the priority, the last rule
/// that matches decides.
public struct WorkloadPolicy: Hashable, Sendable, Codable {
  /// Explanations quote it.
  public var name: String
  public var selection: Selection

  // Where they may run.
  public var onlyOn: Selection?
  public var neverOn: Selection?
  /// Only on these nodes, and on the first of them that can take it.
  public var onlyInOrder: [Selection]
  public var prefer: Preference?
  /// Not on these while others can take it.
  public var avoid: Selection?

  // Beside whom.
  public var keepApart: [KeepApart]
  public var keepTogether: [KeepTogether]

  // What they need and are worth.
  /// Resources by name, memory in MiB: replaces what the workload's spec says, and adds countable ones.
  public var demand: [String: Double]
  /// Replaces the spec's.
  public var priority: Int?
  public var displace: Displacement?
  /// The workloads may be moved so that another workload finds room.
  public var makeRoom: Bool?
  public var spread: Spread?

  // What happens when something fails, and afterwards.
  public var failover: Failover?
  public var failback: Failback?
  public var evacuation: Evacuation?
  /// How many points more a node must be preferred before they move there by themselves.
  public var stickiness: Int?
  /// False: copies may run at the same time, so nobody freezes them.
  public var exclusive: Bool?
  public var isolation: Isolation?
  /// What becomes of them when they end by themselves.
  public var whenItEnds: WhenItEnds?
  /// What becomes of them when libvirt pauses them for an I/O error.
  public var onIOError: OnIOError?

  public init(
    name: String, selection: Selection, onlyOn: Selection? = nil, neverOn: Selection? = nil, onlyInOrder: [Selection] = [],
    prefer: Preference? = nil, avoid: Selection? = nil, keepApart: [KeepApart] = [], keepTogether: [KeepTogether] = [],
    demand: [String: Double] = [:], priority: Int? = nil, displace: Displacement? = nil, makeRoom: Bool? = nil,
    spread: Spread? = nil, failover: Failover? = nil, failback: Failback? = nil, evacuation: Evacuation? = nil,
    stickiness: Int? = nil, exclusive: Bool? = nil, isolation: Isolation? = nil, whenItEnds: WhenItEnds? = nil,
    onIOError: OnIOError? = nil
  ) {
    self.name = name
    self.selection = selection
    self.onlyOn = onlyOn
    self.neverOn = neverOn
    self.onlyInOrder = onlyInOrder
    self.prefer = prefer
    self.avoid = avoid
    self.keepApart = keepApart
    self.keepTogether = keepTogether
    self.demand = demand
    self.priority = priority
    self.displace = displace
    self.makeRoom = makeRoom
    self.spread = spread
    self.failover = failover
    self.failback = failback
    self.evacuation = evacuation
    self.stickiness = stickiness
    self.exclusive = exclusive
    self.isolation = isolation
    self.whenItEnds = whenItEnds
    self.onIOError = onIOError
  }
}

/// Which of the nodes that can take a workload is liked best.
public enum Preference: Hashable, Sendable, Codable {
  /// The first that can; then any other.
  case inOrder([Selection])
  /// The one with the most points; a node gets those of every entry that selects it.
  case weighted([Weight])

  /// The points that an entry can give.
  public static let points = -1000...1000

  public struct Weight: Hashable, Sendable, Codable {
    public var nodes: Selection
    /// Below zero: disliked.
    public var points: Int

    public init(_ nodes: Selection, _ points: Int) {
      self.nodes = nodes
      self.points = points
    }
  }
}

/// Workloads that must not, or should not, be in the same place.
public struct KeepApart: Hashable, Sendable, Codable {
  /// A label of nodes whose values are the places, or `node`.
  public var over: String
  /// Only those with the same value of this label are kept apart from each other.
  public var same: String?
  /// Kept apart from these, not from each other.
  public var from: Selection?
  /// The number of them that may be in one place.
  public var atMost: Int
  /// Broken rather than that a workload does not run.
  public var ifPossible: Bool

  public init(
    over: String = nodeTopology, same: String? = nil, from: Selection? = nil, atMost: Int = 1, ifPossible: Bool = false
  ) {
    self.over = over
    self.same = same
    self.from = from
    self.atMost = atMost
    self.ifPossible = ifPossible
  }
}

/// Workloads that must, or should, be in the same place.
public struct KeepTogether: Hashable, Sendable, Codable {
  /// A label of nodes whose values are the places, or `node`.
  public var over: String
  /// Only those with the same value of this label are kept together.
  public var same: String?
  /// Kept together with these too.
  public var with: Selection?
  /// Broken rather than that a workload does not run.
  public var ifPossible: Bool

  public init(over: String = nodeTopology, same: String? = nil, with: Selection? = nil, ifPossible: Bool = false) {
    self.over = over
    self.same = same
    self.with = with
    self.ifPossible = ifPossible
  }
}

/// Whom a workload may push out when not all fit.
public enum Displacement: String, Sendable, Codable, CaseIterable {
  case nobody
  case lowerPriority = "lower-priority"
}
