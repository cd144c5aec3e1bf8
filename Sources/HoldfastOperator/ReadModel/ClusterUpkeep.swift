import HoldfastModel

/// What operators asked of nodes and of the cluster, and nodes that are not trusted: everything that a screen has to show besides.
public struct ClusterUpkeep: Sendable {
  public private(set) var maintenance: [NodeName: MaintenanceInfo] = [:]
  public private(set) var quarantine: [NodeName: QuarantineInfo] = [:]
  public let disarm: DisarmInfo?
  /// What the maintenance of each node concerns.
  package let evacuees: [NodeName: [Evacuee]]

  /// - Parameters:
  ///   - evacuees: of every node in maintenance.
  ///   - now: milliseconds since 1970.
  public init(_ view: ClusterView, evacuees: [NodeName: [Evacuee]], now: Int64) {
    disarm = view.disarm.map { DisarmInfo($0.value) }
    self.evacuees = evacuees
    for (node, record) in view.maintenance {
      maintenance[node] = MaintenanceInfo(record.value, evacuees[node] ?? [], now: now)
    }
    for (node, record) in view.losses where view.maintenance[node] == nil {
      quarantine[node] = record.value.remaining(at: now).map { QuarantineInfo(record.value, remaining: $0) }
    }
  }
}

/// The cluster is hands-off.
public struct DisarmInfo: Hashable, Sendable, Codable {
  public var reason: String?
  public var since: Moment
  /// When it ends by itself; absent: when somebody says so.
  public var until: Moment?

  public init(_ record: DisarmRecord) {
    reason = record.reason
    since = Moment(record.since)
    until = record.until.map { Moment($0) }
  }
}

/// A node that was lost lately: it is the last choice for a while.
public struct QuarantineInfo: Hashable, Sendable, Codable {
  /// How often, within the time that counts.
  public var losses: Int
  public var lastLoss: Moment
  public var until: Moment
  /// Seconds that are left of it.
  public var remaining: Double

  public init(_ record: LossesRecord, remaining: Double) {
    losses = record.count
    lastLoss = Moment(record.last)
    until = Moment(record.until)
    self.remaining = remaining
  }
}

/// A node that is kept empty on purpose, or gets back what left it.
public struct MaintenanceInfo: Hashable, Sendable, Codable {
  public enum Phase: String, Hashable, Sendable, Codable {
    /// What runs there leaves.
    case emptying
    /// What was to leave has left.
    case empty
    /// It is over: what left comes home.
    case returning
  }
  public var phase: Phase
  public var reason: String?
  public var since: Moment
  /// When it is expected to be over. Nobody acts on it.
  public var until: Moment?
  /// It was expected to be over by now.
  public var isOverdue: Bool
  /// `live` or `restart`, in place of what the policies say.
  public var method: String?
  /// So many leave, or come home, at a time.
  public var parallel: Int
  /// What has not left by then leaves at once, stopped and started.
  public var deadline: Moment?
  /// What finds no room elsewhere is stopped.
  public var leavesPending: Bool
  /// `by-policy`, `everything` or `nothing`: what comes home when it is over.
  public var brings: String
  /// Workloads that are still to leave, or to come home.
  public var left: Int
  /// Workloads that stay there because their policy says so.
  public var stays: Int
  /// Workloads that run on there because no other node can take them.
  public var stranded: Int
  /// Workloads that left it and are elsewhere.
  public var away: Int
  /// Workloads that left it and run nowhere.
  public var pending: Int

  /// - Parameter now: milliseconds since 1970.
  public init(_ record: MaintenanceRecord, _ evacuees: [Evacuee], now: Int64) {
    let by = Dictionary(grouping: evacuees, by: \.state).mapValues(\.count)
    (stays, stranded) = (by[.stays] ?? 0, by[.stranded] ?? 0)
    (away, pending) = (by[.arrived] ?? 0, by[.pending] ?? 0)
    left = evacuees.count - stays - stranded - away - pending
    phase = record.phase == .over ? .returning : left > 0 ? .emptying : .empty
    reason = record.reason
    since = Moment(record.since)
    until = record.until.map { Moment($0) }
    isOverdue = record.phase == .empty && record.until.map { $0 < now } ?? false
    method = record.method?.rawValue
    parallel = record.parallel ?? MaintenanceRecord.defaultParallel
    deadline = record.deadline.map { Moment($0) }
    leavesPending = record.leavesPending
    brings = record.brings.rawValue
  }
}
