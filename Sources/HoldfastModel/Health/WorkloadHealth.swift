/// How one check of a workload is, in a run of it.
public enum CheckHealth: Hashable, Sendable {
  /// Nothing is known yet: it has not answered often enough.
  case starting
  case healthy
  /// The last answers in a row were bad.
  case failing(reason: String)
  /// It cannot be made, which says nothing about the workload.
  case unknown(reason: String)
}

/// How a workload is, in a run of it, as its checks tell: those that fail first, then those of which nothing is known, each in the order of the spec.
public struct WorkloadHealth: Hashable, Sendable {
  public enum State: String, Sendable, Codable, CaseIterable {
    /// Some check has not answered often enough yet, and none is known to fail.
    case starting
    case healthy
    case failing
    /// Some check cannot be made, and none of the others fails.
    case unknown
  }
  /// A check that fails, or cannot be made.
  public struct Finding: Hashable, Sendable {
    public var check: CheckName
    /// A clause, such as `10.0.0.4:80 refuses the connection`.
    public var reason: String
    /// It cannot be made; else it fails.
    public var isUnknown: Bool
    public var reaction: HealthCheck.Reaction

    public init(_ check: CheckName, _ reason: String, isUnknown: Bool, reaction: HealthCheck.Reaction) {
      self.check = check
      self.reason = reason
      self.isUnknown = isUnknown
      self.reaction = reaction
    }
  }
  public var state: State
  public var findings: [Finding]
  /// A check that the run is ended for when it fails has not answered often enough yet, or fails: nobody can say that it runs well.
  public var isPending: Bool

  public init(_ state: State, _ findings: [Finding] = []) {
    self.state = state
    self.findings = findings
    isPending = state == .starting || findings.contains { !$0.isUnknown && $0.reaction == .restart }
  }

  /// - Parameter checks: with what each of them is, in the order of the spec.
  public init(_ checks: [(check: HealthCheck, health: CheckHealth)]) {
    var failing: [Finding] = [], unknown: [Finding] = [], isStarting = false
    isPending = false
    for (check, health) in checks {
      switch health {
      case .starting:
        isStarting = true
        isPending = isPending || check.reaction == .restart
      case .healthy: break
      case .failing(let reason): failing.append(Finding(check.name, reason, isUnknown: false, reaction: check.reaction))
      case .unknown(let reason): unknown.append(Finding(check.name, reason, isUnknown: true, reaction: check.reaction))
      }
    }
    isPending = isPending || failing.contains { $0.reaction == .restart }
    findings = failing + unknown
    state = !failing.isEmpty ? .failing : !unknown.isEmpty ? .unknown : isStarting ? .starting : .healthy
  }

  /// What the run is to be ended for; nil: nothing.
  public var cause: Finding? { findings.first { !$0.isUnknown && $0.reaction == .restart } }
}

/// What a node tells of a workload there that is not well, or of which that is not known.
public struct HealthReport: Hashable, Sendable, Codable {
  /// A check fails; else none is known to fail, and one cannot be made.
  public var isFailing: Bool
  /// The first of these checks.
  public var check: CheckName
  /// A clause.
  public var reason: String
  /// Milliseconds since 1970 on the node's wall clock; nil: it was not told the time yet.
  public var since: Int64?
  /// Other checks of it that fail or cannot be made. nil: none.
  public var others: [CheckName]?
  /// Why nothing is done about it, as a clause; nil: something is, or there is nothing to be done.
  public var held: String?

  public init(
    isFailing: Bool, check: CheckName, reason: String, since: Int64?, others: [CheckName] = [], held: String? = nil
  ) {
    self.isFailing = isFailing
    self.check = check
    self.reason = reason
    self.since = since
    self.others = others.isEmpty ? nil : others
    self.held = held
  }
}
