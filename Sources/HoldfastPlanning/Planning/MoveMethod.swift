import HoldfastModel

/// How a workload gets from the node that runs it to another one: what that node does, and what people are told beforehand.
public struct MoveMethod: Hashable, Sendable, Codable {
  public enum How: String, Hashable, Sendable, Codable {
    /// While it runs.
    case live
    /// Stopped, and started there.
    case restart
    /// Not at all: it cannot be moved while it runs, and its policy does not let it be stopped.
    case stay
  }
  public var how: How
  /// A clause: why not while it runs; absent where it is asked so, or is moved so.
  public var why: String?

  /// - Parameters:
  ///   - method: what an operator asked for in place of the policy.
  ///   - evacuation: its policy.
  public init(
    _ spec: SpecRecord, to target: NodeName, method: Evacuation.Method?, _ evacuation: Evacuation, in view: ClusterView
  ) {
    if let method, method != .live {
      self = MoveMethod(.restart)
    } else if method == nil, let policy = evacuation.method, policy != .live {
      self = MoveMethod(.restart, "its policy says so")
    } else if view.migrationURI(of: target, for: spec.connection) == nil {
      let isContainer = spec.connection.hasPrefix("lxc:")
      let why = isContainer ? "a container" : "\(target) has no 'migration' URI for \(spec.connection)"
      self = evacuation.otherwise == .stay ? MoveMethod(.stay, "\(why), and 'otherwise: stay'") : MoveMethod(.restart, why)
    } else {
      self = MoveMethod(.live)
    }
  }

  public init(_ how: How, _ why: String? = nil) { (self.how, self.why) = (how, why) }

  /// The same, but what would not be started again from its definition is not stopped.
  public func unlessLagging(_ claim: ClaimRecord?) -> MoveMethod {
    guard how == .restart, claim?.newerDisks != nil else { return self }
    return MoveMethod(.stay, "its definition names older disks than it runs on, so it would not be started again")
  }

  /// Seconds that it takes, guessed from what is known beforehand: the memory to be sent, the time a shutdown may take.
  public func seconds(_ spec: SpecRecord, _ evacuation: Evacuation) -> Double {
    switch how {
    case .live:
      let sent = Double(spec.demand.memory) / Double(evacuation.bandwidth ?? Self.usualBandwidth)
      return min(sent + Self.liveOverhead, evacuation.timeLimit ?? MigrationLimits.defaultTime)
    case .restart: return min(spec.stopTimeout, Self.usualShutdown) + Self.usualStart
    case .stay: return 0
    }
  }

  /// MiB a second: what a network of 1 Gbit/s carries.
  private static let usualBandwidth = 110
  private static let liveOverhead = 1.0
  private static let usualShutdown = 5.0
  private static let usualStart = 2.0
}

extension ClusterView {
  /// Where libvirt's own migration of such a domain finds the node; nil: nothing is moved there while it runs.
  package func migrationURI(of node: NodeName, for connection: String) -> String? { nodes[node]?.value.migration?[connection] }
}
