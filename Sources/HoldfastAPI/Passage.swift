import HoldfastCore

/// How a workload gets from one node to another.
public struct Passage: Hashable, Sendable, Codable {
  public enum How: String, Hashable, Sendable, Codable {
    /// While it runs.
    case live
    /// Stopped, and started there.
    case restart
  }
  public var how: How
  /// A clause: why not while it runs; absent where it is asked so, or is moved so.
  public var why: String?

  /// What the node that runs it would do.
  ///
  /// - Parameter method: what an operator asked for in place of the policy.
  public init(
    of name: WorkloadName, _ spec: SpecRecord, to target: NodeName, method: Evacuation.Method?, policies: PolicySet,
    in view: ClusterView
  ) {
    func restart(_ why: String?) -> Passage { Passage(how: .restart, why: why) }
    let policy = policies.settings(of: name, labels: spec.labels).evacuation.method
    if let method, method != .live {
      self = restart(nil)
    } else if method == nil, let policy, policy != .live {
      self = restart("its policy says so")
    } else if spec.connection.hasPrefix("lxc:") {
      self = restart("a container")
    } else if view.claims[name]?.value.activity != .running {
      self = restart("it does not run")
    } else if view.nodes[target]?.value.migration?[spec.connection] == nil {
      self = restart("\(target) has no 'migration' URI for \(spec.connection)")
    } else {
      self = Passage(how: .live, why: nil)
    }
  }

  private init(how: How, why: String?) {
    self.how = how
    self.why = why
  }

  /// Seconds that it takes, guessed from what is known beforehand: the memory to be sent, the time a shutdown may take.
  public func seconds(_ spec: SpecRecord, _ evacuation: Evacuation) -> Double {
    switch how {
    case .live:
      let sent = Double(spec.demand.memory) / Double(evacuation.bandwidth ?? Self.usualBandwidth)
      return min(sent + Self.liveOverhead, evacuation.timeLimit ?? MigrationLimits.defaultTime)
    case .restart: return min(spec.stopTimeout, Self.usualShutdown) + Self.usualStart
    }
  }

  /// MiB a second: what a network of 1 Gbit/s carries.
  private static let usualBandwidth = 110
  private static let liveOverhead = 1.0
  private static let usualShutdown = 5.0
  private static let usualStart = 2.0
}
