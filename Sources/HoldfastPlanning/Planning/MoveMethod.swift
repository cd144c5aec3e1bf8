import HoldfastModel

/// How a workload gets from the node that runs it to another one: what that node does, and what people are told beforehand.
public struct MoveMethod: Sendable {
  public enum How: String, Hashable, Sendable, Codable {
    /// While it runs.
    case live
    /// Stopped, and started there.
    case restart
    /// Not at all: it cannot be moved while it runs, and its policy does not let it be stopped.
    case stay
  }
  /// Why it is not moved while it runs.
  public enum Obstacle: Hashable, Sendable {
    case policy
    case container
    /// It is made of parts of the host, and has no memory that could be taken along.
    case parts
    /// The node's libvirt cannot be reached by others.
    case noURI(NodeName, connection: String)
    case notRunning
    /// An operator paused it, and its node does not move it so.
    case paused
    /// libvirt paused it, as for a disk; as its node reports it.
    case pausedOutside(String)
    /// libvirt does not move it with that.
    case immovable(ImmovablePart)
    /// libvirt has so many snapshots of it.
    case snapshots(Int)
    /// It writes to a file of the node that runs it alone, and its policy has no disks copied.
    case ownDisk(String, NodeName)
    /// No guest there can have the CPU with which it runs, as libvirt says.
    case lackingCPU(NodeName, String)
    /// The definition names older disks than it runs on: it would not be started again.
    case olderDisks
    /// libvirt there cannot run it as it is defined: it could not be started there either.
    case incompatible(NodeName, Incompatibility)
    /// As a screen or a file says it.
    case recorded(String)
  }
  public var how: How
  /// nil where it is asked so, or is moved so.
  public var obstacle: Obstacle?

  /// - Parameters:
  ///   - name: the workload's.
  ///   - method: what an operator asked for in place of the policy.
  ///   - evacuation: its policy.
  public init(
    _ name: WorkloadName, _ spec: SpecRecord, to target: NodeName, method: Evacuation.Method?, _ evacuation: Evacuation,
    in view: ClusterView
  ) {
    if let why = view.incompatibility(of: name, on: target) {
      self = MoveMethod(.stay, .incompatible(target, why))
    } else if let method, method != .live {
      self = MoveMethod(.restart)
    } else if method == nil, let policy = evacuation.method, policy != .live {
      self = MoveMethod(.restart, .policy)
    } else if spec.isOfHost || view.migrationURI(of: target, for: spec.connection) == nil {
      let isContainer = spec.connection.hasPrefix("lxc:")
      let obstacle: Obstacle =
        spec.isOfHost ? .parts : isContainer ? .container : .noURI(target, connection: spec.connection)
      self = MoveMethod(evacuation.otherwise == .stay ? .stay : .restart, obstacle)
    } else {
      self = MoveMethod(.live)
    }
  }

  public init(_ how: How, _ obstacle: Obstacle? = nil) { (self.how, self.obstacle) = (how, obstacle) }

  /// A clause: why not while it runs; nil where it is asked so, or is moved so.
  public var why: String? {
    let clause: String
    switch obstacle {
    case nil: return nil
    case .recorded(let text): return text
    case .olderDisks: return "its definition names older disks than it runs on, so it would not be started again"
    case .incompatible(let target, let why): return "\(target) cannot run it: \(why.clause)"
    case .policy: clause = "its policy says so"
    case .container: clause = "a container"
    case .parts: clause = "made of parts of the host"
    case .noURI(let target, let connection): clause = "\(target) has no 'migration' URI for \(connection)"
    case .notRunning: clause = "it does not run"
    case .paused: clause = "it is paused, as an operator asked for it"
    case .pausedOutside(let text): clause = text
    case .immovable(let part): clause = part.clause
    case .snapshots(let count): clause = "libvirt has \(count == 1 ? "a snapshot" : "\(count) snapshots") of it"
    case .lackingCPU(let target, let what): clause = "\(target) cannot give it the CPU that it runs with (\(what))"
    case .ownDisk(let file, let node): clause = "its disk \(file) is on a file system of \(node)'s own"
    }
    return how == .stay ? "\(clause), and 'otherwise: stay'" : clause
  }

  /// It probably does not move while it runs, as far as can be told beforehand; its node tries all the same, as libvirt alone knows for certain.
  public var isTriedAllTheSame: Bool {
    switch obstacle {
    case .immovable, .snapshots, .ownDisk, .lackingCPU: true
    case .policy, .container, .noURI, .notRunning, .paused, .pausedOutside, .olderDisks, .incompatible, .recorded, nil: false
    }
  }

  /// The same, but what would not be started again from its definition is not stopped.
  public func unlessLagging(_ claim: ClaimRecord?) -> MoveMethod {
    guard how == .restart, claim?.newerDisks != nil else { return self }
    return MoveMethod(.stay, .olderDisks)
  }

  /// The same, as it will probably be: what libvirt paused, has what it does not move, or does not find there, is stopped and started, or stays. For
  /// people only: the node tries to move it all the same, as libvirt alone knows for certain.
  public func foreseen(
    _ name: WorkloadName, _ spec: SpecRecord, to target: NodeName, _ evacuation: Evacuation, in view: ClusterView
  ) -> MoveMethod {
    guard how == .live, let obstacle = view.liveObstacle(of: name, spec, to: target, evacuation) else { return self }
    return MoveMethod(evacuation.otherwise == .stay ? .stay : .restart, obstacle)
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
  /// Seconds: what a live migration takes apart from sending memory, to connect and to change over.
  private static let liveOverhead = 1.0
  /// Seconds: what a guest takes to shut down when it is asked to. Its stop timeout is the longest, and seldom used up.
  private static let usualShutdown = 5.0
  /// Seconds: from the claim to a domain that runs.
  private static let usualStart = 2.0
}

/// Two are the same when they say the same: what was read has no more than its text.
extension MoveMethod: Hashable {
  public static func == (a: MoveMethod, b: MoveMethod) -> Bool { a.how == b.how && a.why == b.why }
  public func hash(into hasher: inout Hasher) {
    hasher.combine(how)
    hasher.combine(why)
  }
}

extension MoveMethod: Codable {
  private enum CodingKeys: String, CodingKey { case how, why }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    how = try values.decode(How.self, forKey: .how)
    obstacle = try values.decodeIfPresent(String.self, forKey: .why).map(Obstacle.recorded)
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(how, forKey: .how)
    try values.encodeIfPresent(why, forKey: .why)
  }
}

extension ClusterView {
  /// Why libvirt would fail to move it there while it runs, as far as its definition and the reports of both nodes tell; nil: nothing is known.
  ///
  /// - Parameter target: nil: wherever to.
  package func liveObstacle(
    of name: WorkloadName, _ spec: SpecRecord, to target: NodeName?, _ evacuation: Evacuation
  ) -> MoveMethod.Obstacle? {
    let holder = claims[name]?.value.holder?.node, report = holder.flatMap { reports[$0]?.value }
    if let paused = report?.paused?[name], report?.suspended?.contains(name) != true {
      return intents[name]?.value.errand == .pause ? .paused : .pausedOutside(paused)
    }
    if let part = ImmovablePart.first(in: spec.xml) { return .immovable(part) }
    if let count = report?.snapshots?[name] { return .snapshots(count) }
    guard let holder else { return nil }
    if let target, let lack = cpuLack(of: name, from: holder, to: target) { return .lackingCPU(target, lack.detail) }
    guard evacuation.copiesStorage != true, let file = report?.ownDisks?[name] else { return nil }
    return .ownDisk(file, holder)
  }

  /// Where libvirt's own migration of such a domain finds the node; nil: nothing is moved there while it runs.
  package func migrationURI(of node: NodeName, for connection: String) -> String? { nodes[node]?.value.migration?[connection] }
}
