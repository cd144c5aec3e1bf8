import HoldfastModel

/// The planner's view: a snapshot, already reduced to what matters for placement.
public struct PlanningSnapshot: Hashable, Sendable, Codable {
  public struct Node: Hashable, Sendable, Codable {
    public var name: NodeName
    public var capacity: Resources
    public var labels: [String: String]
    @WrittenInOrder public var connections: Set<String>
    /// Used by domains that are not under protection.
    public var unmanaged: Resources
    /// Why nothing may be placed here now; nil when it may.
    public var unavailable: Exclusion?
    /// The node is being drained but still runs what it has: what is to stay may.
    public var isDraining: Bool
    /// Seconds since it can take workloads; nil: long since, or not known.
    public var availableFor: Double?
    /// Seconds since it cannot; nil: long since, or not known.
    public var unavailableFor: Double?
    /// Seconds for which it is the last choice still, because it was lost lately; nil: it is like any other.
    public var quarantine: Double?
    /// The node is in maintenance, up or not; or that is just over.
    public var maintenance: Maintenance?
    /// The node was not heard of for most of its TTL, so that its session may be about to expire: it is the last choice. nil: it was heard of.
    public var isSilent: Bool?
    /// Used by workloads that are left as they are: a record of theirs cannot be read, or is missing. nil: there is none.
    public var leftAlone: Resources?
    /// Its node checks that fail, or of which nothing is known, in the order of the policies. nil: none of them.
    public var findings: [Finding]?
    /// True: it was decided that what runs here leaves, as a node check fails, and nobody has found the node well since. nil: it was not.
    public var isLeft: Bool?
    /// The node is down because it was lost, and not because it left. nil: it left, is up, or that is not known.
    public var wasLost: Bool?

    public init(
      name: NodeName, capacity: Resources, labels: [String: String] = [:], connections: Set<String>,
      unmanaged: Resources = .none, unavailable: Exclusion? = nil, isDraining: Bool = false, availableFor: Double? = nil,
      unavailableFor: Double? = nil, quarantine: Double? = nil, maintenance: Maintenance? = nil,
      isSilent: Bool? = nil, leftAlone: Resources? = nil, findings: [Finding]? = nil, isLeft: Bool? = nil,
      wasLost: Bool? = nil
    ) {
      self.name = name
      self.capacity = capacity
      self.labels = labels
      self.connections = connections
      self.unmanaged = unmanaged
      self.unavailable = unavailable
      self.isDraining = isDraining
      self.availableFor = availableFor
      self.unavailableFor = unavailableFor
      self.quarantine = quarantine
      self.maintenance = maintenance
      self.isSilent = isSilent
      self.leftAlone = leftAlone
      self.findings = findings
      self.isLeft = isLeft
      self.wasLost = wasLost
    }
  }

  /// A node check that fails, or of which nothing is known.
  public struct Finding: Hashable, Sendable, Codable {
    public var check: CheckName
    /// A clause.
    public var reason: String
    public var isUnknown: Bool
    /// Seconds for which the planner has seen it so; nil: long since.
    public var seconds: Double?

    public init(_ check: CheckName, _ reason: String, isUnknown: Bool = false, seconds: Double? = nil) {
      self.check = check
      self.reason = reason
      self.isUnknown = isUnknown
      self.seconds = seconds
    }

    var clause: String { NodeFinding(check, reason, isUnknown: isUnknown).clause }
  }

  /// A maintenance, as the operator asked for it.
  public struct Maintenance: Hashable, Sendable, Codable {
    /// The workloads that go home, when it is over. nil: it is not over.
    public var failback: MaintenanceRecord.Failback?
    /// The number that leave, or come home, at a time; nil: all, as the time for it is over.
    public var atOnce: Int?
    /// A workload that finds no room elsewhere is stopped.
    public var leavesPending: Bool

    public init(failback: MaintenanceRecord.Failback? = nil, atOnce: Int? = nil, leavesPending: Bool = false) {
      self.failback = failback
      self.atOnce = atOnce
      self.leavesPending = leavesPending
    }
  }

  public struct Workload: Hashable, Sendable, Codable {
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
    public var excluded: [NodeName: Exclusion]
    /// The node that has it now, wherever it should be; nil: none, or not known. What is still to leave a node uses its room.
    public var running: NodeName?
    /// Failed starts by node, since it last ran well.
    public var failures: [NodeName: Int]
    /// How often in a row it ended by itself where it runs, if that is more often than its policy restarts it there; nil: it is not.
    public var ends: Int?
    /// Nodes on which a check of it failed also after the restarts that its policy allows, with the one that has it now; sorted. nil: none.
    public var unwell: [NodeName]?
    /// The workload does not yet run where it is to be; false also where its node keeps it, or cannot tell whether it runs there; nil: nobody
    /// asked.
    public var isOnItsWay: Bool?
    /// True: its definition names older disks than it last ran on, so nobody starts it; for who asks what if. nil: it does not.
    public var namesOlderDisks: Bool?
    /// Where its policy keeps it down, what ended it; nil: an operator stopped it, or it is not stopped.
    public var ended: IntentRecord.Ended?
    /// The node that it was moved off as that was being emptied, if it has run nowhere since and the node has stood all the time. nil: none.
    public var evacuatedFrom: NodeName?
    /// True: it would move by itself, and its move has not begun; the plan does not make that move. nil: it is free to move.
    public var holdsStill: Bool?

    public init(
      name: WorkloadName, connection: String, demand: Resources, labels: [String: String] = [:], priority: Int = 0,
      desired: IntentRecord.Desired = .running, placed: PlacementRecord? = nil,
      move: IntentRecord.Move? = nil, excluded: [NodeName: Exclusion] = [:], running: NodeName? = nil,
      failures: [NodeName: Int] = [:], ends: Int? = nil, unwell: [NodeName]? = nil, isOnItsWay: Bool? = nil,
      namesOlderDisks: Bool? = nil, ended: IntentRecord.Ended? = nil, evacuatedFrom: NodeName? = nil, holdsStill: Bool? = nil
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
      self.running = running
      self.failures = failures
      self.ends = ends
      self.unwell = unwell
      self.isOnItsWay = isOnItsWay
      self.namesOlderDisks = namesOlderDisks
      self.ended = ended
      self.evacuatedFrom = evacuatedFrom
      self.holdsStill = holdsStill
    }
  }

  /// Whether what is moved by itself waits for its turn.
  public enum Pace: String, Hashable, Sendable, Codable {
    /// So many at a time, as the policies say.
    case kept
    /// No such move is begun.
    case off
  }

  public var nodes: [Node]
  public var workloads: [Workload]
  /// The local time of the cluster; nil: not known, and windows of the week are closed.
  public var time: WeekTime?
  /// nil: nobody asked, and the plan says where everything is to be in the end.
  public var pace: Pace?

  public init(nodes: [Node], workloads: [Workload], time: WeekTime? = nil, pace: Pace? = nil) {
    self.nodes = nodes
    self.workloads = workloads
    self.time = time
    self.pace = pace
  }
}
