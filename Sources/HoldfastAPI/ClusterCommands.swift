import HoldfastModel
import HoldfastOperator
import HoldfastPlanning

/// The body of `POST /v1/nodes/{name}/maintenance`. Everything may be left out.
public struct MaintenanceRequest: Hashable, Sendable, Codable {
  public var reason: String?
  /// Planned end, for information only, in milliseconds since 1970.
  public var until: Int64?
  /// `live` or `restart`; absent: as the policies say.
  public var method: String?
  /// How many workloads leave at once, and at most move back at once.
  public var parallel: Int?
  /// Seconds from now after which remaining workloads are stopped and started elsewhere, all at once.
  public var deadline: Double?
  /// Workloads that no other node can take are stopped. Absent: the request is refused when there are any.
  public var leavesPending: Bool?

  public init(
    reason: String? = nil, until: Int64? = nil, method: String? = nil, parallel: Int? = nil, deadline: Double? = nil,
    leavesPending: Bool? = nil
  ) {
    self.reason = reason
    self.until = until
    self.method = method
    self.parallel = parallel
    self.deadline = deadline
    self.leavesPending = leavesPending
  }

  /// - Parameter now: milliseconds since 1970.
  /// - Throws: which field cannot be.
  public func record(now: Int64) throws(OperatorError) -> MaintenanceRecord {
    let method = try self.method.map { (text) throws(OperatorError) -> Evacuation.Method in
      guard let method = Evacuation.Method(rawValue: text), method != .stay else {
        throw .invalid("method", "'\(text)' is neither live nor restart", "Leave it out to use the policies' methods.")
      }
      return method
    }
    if let parallel, !MaintenanceRecord.parallels.contains(parallel) {
      throw .invalid(
        "parallel",
        "\(parallel) is not from \(MaintenanceRecord.parallels.lowerBound) to \(MaintenanceRecord.parallels.upperBound)",
        "Leave it out for \(MaintenanceRecord.defaultParallel).")
    }
    if let deadline, !(1...2_592_000).contains(deadline) {
      throw .invalid("deadline", "it is not from one second to 30 days", "Leave it out for no deadline.")
    }
    if let until, until <= now {
      throw .invalid("until", "\(timestamp(milliseconds: until)) is in the past", "Use a time in the future, or leave it out.")
    }
    return MaintenanceRecord(
      reason: try oneLine(reason), since: now, until: until, method: method, parallel: parallel,
      deadline: deadline.map { now + Int64($0 * 1000) }, leavesPending: leavesPending ?? false)
  }
}

/// The body of `POST /v1/nodes/{name}/maintenance/exit`.
public struct MaintenanceExit: Hashable, Sendable, Codable {
  /// Which workloads move back: `by-policy`, `everything` or `nothing`. Absent: by policy.
  public var failback: String?

  public init(failback: MaintenanceRecord.Failback? = nil) { self.failback = failback?.rawValue }

  /// - Throws: that the field is none of the words.
  public func decoded() throws(OperatorError) -> MaintenanceRecord.Failback {
    guard let failback else { return .byPolicy }
    guard let decoded = MaintenanceRecord.Failback(rawValue: failback) else {
      throw .invalid("failback", "'\(failback)' is none of by-policy, everything and nothing", "Use one of these words.")
    }
    return decoded
  }
}

/// The body of `POST /v1/nodes/{name}/rename`.
public struct RenameRequest: Hashable, Sendable, Codable {
  /// The name that the node has from now on.
  public var to: String

  public init(to: String) { self.to = to }
}

/// The body of `POST /v1/disarm`. Everything may be left out.
public struct DisarmRequest: Hashable, Sendable, Codable {
  public var reason: String?
  /// Seconds until the cluster is armed again by itself; absent: only by `arm`.
  public var seconds: Double?
  /// Do not refuse while workloads are being recovered or moved; they stop where they are.
  public var now: Bool?

  public init(reason: String? = nil, seconds: Double? = nil, now: Bool? = nil) {
    self.reason = reason
    self.seconds = seconds
    self.now = now
  }

  /// - Parameter now: milliseconds since 1970.
  /// - Throws: which field cannot be.
  public func record(now: Int64) throws(OperatorError) -> DisarmRecord {
    if let seconds, !(1...2_592_000).contains(seconds) {
      throw .invalid("seconds", "it is not from one second to 30 days", "Leave it out to stay disarmed until `holdfast arm`.")
    }
    return DisarmRecord(reason: try oneLine(reason), since: now, until: seconds.map { now + Int64($0 * 1000) })
  }
}

/// The body of `POST /v1/moves/off`.
public struct MovesOffRequest: Hashable, Sendable, Codable {
  public var reason: String?

  public init(reason: String? = nil) { self.reason = reason }

  /// - Parameter now: milliseconds since 1970.
  /// - Throws: which field cannot be.
  public func record(now: Int64) throws(OperatorError) -> MovesOffRecord {
    MovesOffRecord(reason: try oneLine(reason), since: now)
  }
}

private func oneLine(_ reason: String?) throws(OperatorError) -> String? {
  guard let reason, !reason.isEmpty else { return nil }
  guard reason.count <= 200, !reason.contains(where: \.isNewline) else {
    throw .invalid("reason", "it is not one line of at most 200 characters", "Shorten it.")
  }
  return reason
}

extension OperatorError {
  fileprivate static func invalid(_ field: String, _ reason: String, _ remedy: String) -> OperatorError {
    OperatorError(.invalid, thing: "the field '\(field)'", reason: reason, remedy: remedy)
  }
}

/// The answer of every command on a node or on the whole cluster.
public struct ClusterCommandResult: Hashable, Sendable, Codable {
  /// Nothing was changed: this is what would happen.
  public var isDryRun: Bool
  /// `node NAME` or `the cluster`.
  public var subject: String
  /// A clause after the subject, such as `is being drained`.
  public var text: String
  /// Whether the command changes anything.
  public var isChange: Bool
  /// The plan of the drain, for maintenance that begins.
  public var plan: EvacuationPlan?
  /// Why it would be refused, for a dry run that shows a plan which harms; absent: it would not be.
  public var refusal: ErrorBody?
  /// Workloads that are being recovered or moved, for a cluster that is to be disarmed.
  public var inProgress: [String]?

  public init(
    isDryRun: Bool, subject: String, _ prepared: PreparedClusterCommand, plan: EvacuationPlan? = nil,
    inProgress: [String]? = nil
  ) {
    self.init(isDryRun: isDryRun, subject: subject, text: prepared.text, isChange: prepared.transaction != nil)
    self.plan = plan
    self.inProgress = inProgress
  }

  /// - Parameter text: a clause after the subject.
  public init(isDryRun: Bool, subject: String, text: String, isChange: Bool) {
    self.isDryRun = isDryRun
    self.subject = subject
    self.text = text
    self.isChange = isChange
  }
}

/// The answer of `GET /v1/nodes/{name}/maintenance`.
public struct NodeMaintenance: Hashable, Sendable, Codable {
  public var node: NodeInfo
  /// The workloads that it concerns; empty for a node that is not in maintenance.
  public var moves: [EvacuationMove]
  /// What would happen if the node were drained; absent while it is in maintenance.
  public var plan: EvacuationPlan?
  /// Absent: the cluster is armed.
  public var disarm: DisarmInfo?
  /// Milliseconds since 1970 on the clock of the node that answers.
  public var milliseconds: Int64

  /// - Parameters:
  ///   - planning: the planner's snapshot; made only for a node that is not being drained.
  ///   - now: milliseconds since 1970.
  /// - Throws: that there is no such node.
  public init(
    _ name: NodeName, in view: ClusterView, restrictions: ClusterRestrictions, planning: () -> PlanningSnapshot,
    policies: PolicySet, now: Int64
  ) throws(OperatorError) {
    guard view.knownNodes.contains(name) else { throw .unknownNode(name, in: view) }
    node = NodeInfo(
      name, in: ClusterSight(view), load: ClusterLoad(view, planner: PolicyPlanner(policies)), restrictions: restrictions)
    disarm = restrictions.disarm
    milliseconds = now
    moves = restrictions.moves[name] ?? []
    if view.maintenance[name]?.value.phase != .empty {
      let request = MaintenanceRecord(since: now)
      plan = EvacuationPlan(of: name, request, in: view, planning: planning(), policies: policies)
    }
  }
}

extension ClusterCommandResult {
  /// Workloads that are being started, stopped or moved: disarming would leave them half-way.
  public static func inProgress(in view: ClusterView) -> [String] {
    WorkloadInfo.all(in: ClusterSight(view)).filter { workload in
      switch workload.state {
      case .down, .starting, .stopping: true
      case .running, .frozen, .paused, .crashed: workload.isToLeave
      case .pending, .stopped, .unclear: false
      }
    }.map(\.name)
  }
}
