import HoldfastModel

/// The restrictions of the cluster at present: nodes in maintenance, nodes in quarantine, and whether automatic recovery is off.
public struct ClusterRestrictions: Sendable {
  public private(set) var maintenance: [NodeName: MaintenanceInfo] = [:]
  public private(set) var quarantine: [NodeName: QuarantineInfo] = [:]
  public let disarm: DisarmInfo?
  /// The workloads that the maintenance of each node concerns.
  package let moves: [NodeName: [EvacuationMove]]

  /// - Parameters:
  ///   - moves: of every node in maintenance.
  ///   - quarantines: of every node in quarantine the seconds that remain; nil: as the records and the wall clock say.
  ///   - now: milliseconds since 1970.
  public init(
    _ view: ClusterView, moves: [NodeName: [EvacuationMove]], quarantines: [NodeName: Double]? = nil, now: Int64
  ) {
    disarm = view.disarm.map { DisarmInfo($0.value) }
    self.moves = moves
    for (node, record) in view.maintenance {
      maintenance[node] = MaintenanceInfo(record.value, moves[node] ?? [], now: now)
    }
    // What is left by what runs there is told as that.
    for (node, record) in view.losses where view.maintenance[node] == nil && record.value.ailment == nil {
      let remaining = quarantines.map { $0[node] } ?? record.value.remaining(at: now)
      quarantine[node] = remaining.map { QuarantineInfo(record.value, remaining: $0, now: now) }
    }
  }
}

/// Automatic recovery is off.
public struct DisarmInfo: Hashable, Sendable, Codable {
  public var reason: String?
  public var since: WallInstant
  /// When the cluster is armed again by itself; absent: only by `holdfast arm`.
  public var until: WallInstant?

  public init(_ record: DisarmRecord) {
    reason = record.reason
    since = WallInstant(record.since)
    until = record.until.map { WallInstant($0) }
  }
}

/// A node that was lost recently, or was ailing: workloads go there only when no other node can take them.
public struct QuarantineInfo: Hashable, Sendable, Codable {
  /// Recent losses.
  public var losses: Int
  public var lastLoss: WallInstant
  public var until: WallInstant
  /// Seconds that remain.
  public var remaining: Double
  /// True: the last of these was no loss: a check of the node failed, and is good again. Absent: it was a loss.
  public var wasAiling: Bool?

  /// - Parameters:
  ///   - remaining: seconds.
  ///   - now: milliseconds since 1970, on the clock of the node that tells it: the end is told by that clock, too.
  public init(_ record: LossesRecord, remaining: Double, now: Int64) {
    losses = record.count
    lastLoss = WallInstant(record.last)
    until = WallInstant(now + Int64(remaining * 1000))
    self.remaining = remaining
    wasAiling = record.wasAiling
  }
}

/// A node that is kept empty on purpose, or whose workloads move back.
public struct MaintenanceInfo: Hashable, Sendable, Codable {
  public enum Phase: String, Hashable, Sendable, Codable {
    /// The node's workloads move off.
    case draining
    /// Every workload that can move has moved off.
    case empty
    /// Maintenance is over: workloads move back.
    case returning
  }
  public var phase: Phase
  public var reason: String?
  public var since: WallInstant
  /// Planned end, for information only.
  public var until: WallInstant?
  /// The planned end has passed.
  public var isOverdue: Bool
  /// `live` or `restart`; absent: as the policies say.
  public var method: String?
  /// How many workloads leave at once, and at most move back at once.
  public var parallel: Int
  /// From then on remaining workloads are stopped and started elsewhere, all at once.
  public var deadline: WallInstant?
  /// Workloads that no other node can take are stopped.
  public var leavesPending: Bool
  /// `by-policy`, `everything` or `nothing`: which workloads move back when maintenance is over.
  public var failback: String
  /// Workloads that are still to move, out or back.
  public var remaining: Int
  /// Workloads that stay on the node by policy.
  public var stays: Int
  /// Workloads that still run on the node because no other node can take them.
  public var stuck: Int
  /// Workloads that moved off and run elsewhere.
  public var away: Int
  /// Workloads that moved off and do not run.
  public var pending: Int

  /// - Parameter now: milliseconds since 1970.
  public init(_ record: MaintenanceRecord, _ moves: [EvacuationMove], now: Int64) {
    let by = Dictionary(grouping: moves, by: \.state).mapValues(\.count)
    (stays, stuck) = (by[.stays] ?? 0, by[.stuck] ?? 0)
    (away, pending) = (by[.arrived] ?? 0, by[.pending] ?? 0)
    remaining = moves.count - stays - stuck - away - pending
    phase = record.phase == .over ? .returning : remaining > 0 ? .draining : .empty
    reason = record.reason
    since = WallInstant(record.since)
    until = record.until.map { WallInstant($0) }
    isOverdue = record.phase == .empty && record.until.map { $0 < now } ?? false
    method = record.method?.rawValue
    parallel = record.parallel ?? MaintenanceRecord.defaultParallel
    deadline = record.deadline.map { WallInstant($0) }
    leavesPending = record.leavesPending
    failback = record.failback.rawValue
  }
}
