import HoldfastModel
import HoldfastOperator
import HoldfastPlanning

/// The body of `POST /v1/nodes/{name}/maintenance`. Everything may be left out.
public struct MaintenanceRequest: Hashable, Sendable, Codable {
  public var reason: String?
  /// When it is expected to be over, in milliseconds since 1970.
  public var until: Int64?
  /// `live` or `restart`; absent: as the policies say.
  public var method: String?
  /// So many leave, or come home, at a time.
  public var parallel: Int?
  /// Seconds from now on after which nothing is waited for.
  public var deadline: Double?
  /// What finds no room elsewhere is stopped. Absent: nothing happens when something finds none.
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
        throw .invalid("method", "'\(text)' is neither live nor restart", "Leave it out: then the policies say how.")
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
      throw .invalid("deadline", "it is not from one second to 30 days", "Leave it out: then there is none.")
    }
    if let until, until <= now {
      throw .invalid("until", "\(timestamp(milliseconds: until)) is over", "Name a time to come, or none.")
    }
    return MaintenanceRecord(
      reason: try oneLine(reason), since: now, until: until, method: method, parallel: parallel,
      deadline: deadline.map { now + Int64($0 * 1000) }, leavesPending: leavesPending ?? false)
  }
}

/// The body of `POST /v1/nodes/{name}/maintenance/exit`.
public struct MaintenanceExit: Hashable, Sendable, Codable {
  /// `by-policy`, `everything` or `nothing` comes home. Absent: by policy.
  public var brings: String?

  public init(brings: MaintenanceRecord.Homecoming? = nil) { self.brings = brings?.rawValue }

  /// - Throws: that it is none of the words.
  public func homecoming() throws(OperatorError) -> MaintenanceRecord.Homecoming {
    guard let brings else { return .byPolicy }
    guard let homecoming = MaintenanceRecord.Homecoming(rawValue: brings) else {
      throw .invalid("brings", "'\(brings)' is none of by-policy, everything and nothing", "Write one of these words.")
    }
    return homecoming
  }
}

/// The body of `POST /v1/disarm`. Everything may be left out.
public struct DisarmRequest: Hashable, Sendable, Codable {
  public var reason: String?
  /// Seconds from now on; absent: until it is armed.
  public var seconds: Double?
  /// Even while something is being recovered or moved: that stops where it is.
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
      throw .invalid("seconds", "it is not from one second to 30 days", "Leave it out: then it ends with `holdfast arm`.")
    }
    return DisarmRecord(reason: try oneLine(reason), since: now, until: seconds.map { now + Int64($0 * 1000) })
  }
}

private func oneLine(_ reason: String?) throws(OperatorError) -> String? {
  guard let reason, !reason.isEmpty else { return nil }
  guard reason.count <= 200, !reason.contains(where: \.isNewline) else {
    throw .invalid("reason", "it is not one line of at most 200 characters", "Say it in a few words.")
  }
  return reason
}

extension OperatorError {
  fileprivate static func invalid(_ field: String, _ reason: String, _ remedy: String) -> OperatorError {
    OperatorError(.invalid, thing: "the field '\(field)'", reason: reason, remedy: remedy)
  }
}

/// The answer of every command about a node or the whole cluster.
public struct UpkeepResult: Hashable, Sendable, Codable {
  /// Nothing was done: this is what would be.
  public var isDryRun: Bool
  /// `node NAME` or `the cluster`.
  public var subject: String
  /// A clause after the subject, such as `is emptied, and kept empty`.
  public var text: String
  /// Something changes, or would.
  public var isChange: Bool
  /// What is to happen to the node's workloads, for a maintenance that begins.
  public var plan: EvacuationPlan?
  /// Why it would be refused, for a dry run that shows a plan which harms; absent: it would not be.
  public var refusal: ErrorBody?
  /// Workloads that are just being recovered or moved, for a cluster that is to be disarmed.
  public var underWay: [String]?

  public init(
    isDryRun: Bool, subject: String, _ prepared: PreparedUpkeep, plan: EvacuationPlan? = nil, underWay: [String]? = nil
  ) {
    self.isDryRun = isDryRun
    self.subject = subject
    text = prepared.text
    isChange = prepared.transaction != nil
    self.plan = plan
    self.underWay = underWay
  }
}

/// The answer of `GET /v1/nodes/{name}/maintenance`.
public struct NodeMaintenance: Hashable, Sendable, Codable {
  public var node: NodeInfo
  /// What it concerns; empty for a node that is not in maintenance.
  public var workloads: [Evacuee]
  /// What would happen if the node were emptied; absent while it is.
  public var plan: EvacuationPlan?
  /// Absent: the cluster is armed.
  public var disarm: DisarmInfo?
  /// Milliseconds since 1970 on the clock of the node that tells this.
  public var milliseconds: Int64

  /// - Parameters:
  ///   - planning: what the planner would plan on; made only for a node that is not being emptied.
  ///   - now: milliseconds since 1970.
  /// - Throws: that there is no such node.
  public init(
    _ name: NodeName, in view: ClusterView, upkeep: ClusterUpkeep, planning: () -> PlanningSnapshot, policies: PolicySet,
    now: Int64
  ) throws(OperatorError) {
    guard view.knownNodes.contains(name) else { throw .unknownNode(name, in: view) }
    node = NodeInfo(name, in: view, load: ClusterLoad(view), upkeep: upkeep)
    disarm = upkeep.disarm
    milliseconds = now
    workloads = upkeep.evacuees[name] ?? []
    if view.maintenance[name]?.value.phase != .empty {
      let asked = MaintenanceRecord(since: now)
      plan = EvacuationPlan(of: name, asked, in: view, planning: planning(), policies: policies)
    }
  }
}

extension UpkeepResult {
  /// Workloads that are not where they are to be and are on their way: what a cluster that is disarmed would leave in the middle.
  public static func underWay(in view: ClusterView) -> [String] {
    WorkloadInfo.all(in: view).filter { workload in
      switch workload.state {
      case .down, .starting, .stopping: true
      case .running: !workload.isInPlace
      case .pending, .stopped, .unclear: false
      }
    }.map(\.name)
  }
}
