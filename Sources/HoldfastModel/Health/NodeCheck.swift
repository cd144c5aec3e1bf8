import HoldfastTime

/// What tells whether a node is fit to run workloads: what is asked on it, how often, and how many answers in a row count.
public struct NodeCheck: Hashable, Sendable, Codable {
  /// What follows while it fails. A node with such a check is *ailing*, but for `tell`.
  public enum Then: String, Sendable, Codable, CaseIterable {
    /// What runs there leaves, and nothing new comes while another node can take it.
    case evacuate
    /// Nothing new comes while another node can take it; what runs there stays.
    case avoid
    /// People are told.
    case tell
  }
  public var name: CheckName
  public var probe: NodeProbe
  /// From the start of one probe to the start of the next; what takes longer delays the next.
  public var interval: Duration
  /// A probe that has not answered by then has failed.
  public var timeout: Duration
  /// Failures in a row that make it failing.
  public var down: Int
  /// Successes in a row that make it well again.
  public var up: Int
  public var then: Then

  public init(
    name: CheckName, probe: NodeProbe, interval: Duration = HealthCheck.defaultInterval, timeout: Duration? = nil,
    down: Int = HealthCheck.defaultDown, up: Int = NodeCheck.defaultUp, then: Then = .evacuate
  ) {
    self.name = name
    self.probe = probe
    self.interval = interval
    self.timeout = timeout ?? HealthCheck.defaultTimeout(interval: interval)
    self.down = down
    self.up = up
    self.then = then
  }

  /// Good answers in a row that make it well again, when nobody said: a node is trusted later than a workload, as more hangs on it.
  public static let defaultUp = 3
  /// Node checks of one cluster.
  public static let most = 32

  /// Seconds from a cause that all nodes share until each of them is seen to fail it, with what its report takes: nothing leaves a node before.
  public var settling: Double { (interval * down + timeout + Self.lateness).inSeconds }

  /// An answer may come so much later than its time limit, and a report waits for the one before it.
  private static let lateness: Duration = .seconds(4)
}

/// What a node check asks, on the node itself.
public enum NodeProbe: Hashable, Sendable, Codable {
  /// The network interface of that name is up and has a carrier.
  case link(String)
  /// The address answers an ICMP echo.
  case ping(PingProbe)
  /// The gateway of the default route answers an ICMP echo.
  case gateway
  /// A small file can be made, written to the disk, and removed in that directory.
  case writable(path: String)
  case diskSpace(DiskSpaceProbe)
  case memory(MemoryProbe)
  /// An executable on the node ends with status 0.
  case script(ScriptProbe)

  /// The kind's name in files and for people.
  public var kind: String {
    switch self {
    case .link: "link"
    case .ping: "ping"
    case .gateway: "gateway"
    case .writable: "writable"
    case .diskSpace: "disk-space"
    case .memory: "memory"
    case .script: "script"
    }
  }

  /// Characters of an interface's name.
  public static let interfaceLengths = 1...15
}

/// The file system of a path has room.
public struct DiskSpaceProbe: Hashable, Sendable, Codable {
  /// Absolute.
  public var path: String
  public var free: LeastFree

  public init(path: String, free: LeastFree) {
    self.path = path
    self.free = free
  }
}

/// How much must be free at least.
public enum LeastFree: Hashable, Sendable, Codable {
  /// Millionths of all there is.
  case share(Int)
  case mebibytes(Int)

  /// What is free is enough; both in bytes.
  public func isMet(free: UInt64, of total: UInt64) -> Bool {
    switch self {
    case .share(let millionths): Double(free) * 1e6 >= Double(total) * Double(millionths)
    case .mebibytes(let least): free >> 20 >= UInt64(clamping: least)
    }
  }
}

/// The node has memory to work with.
public enum MemoryProbe: Hashable, Sendable, Codable {
  /// All tasks together waited for memory for no more than so many millionths of the last ten seconds (PSI, `full avg10`).
  case pressure(Int)
  /// So much is available at least.
  case available(LeastFree)
}

/// What a node tells of one of its node checks that fails, or of which nothing is known.
public struct NodeFinding: Hashable, Sendable, Codable {
  public var check: CheckName
  /// A clause, such as `/srv is read-only`.
  public var reason: String
  /// Nobody knows: it cannot be made, or has not answered often enough yet. Else it fails.
  public var isUnknown: Bool
  /// Milliseconds since 1970 on the node's wall clock; nil: it was not told the time yet.
  public var since: Int64?

  public init(_ check: CheckName, _ reason: String, isUnknown: Bool, since: Int64? = nil) {
    self.check = check
    self.reason = reason
    self.isUnknown = isUnknown
    self.since = since
  }

  /// The reason while it has not answered often enough.
  public static let notAnswered = "it has not answered often enough yet"
}

/// How one of a node's checks is.
public struct NodeCheckState: Hashable, Sendable {
  public var check: CheckName
  public var health: CheckHealth

  public init(_ check: CheckName, _ health: CheckHealth) {
    self.check = check
    self.health = health
  }
}

/// Why what runs on a node leaves it: the check that the planner decided that for.
public struct NodeAilment: Hashable, Sendable, Codable {
  public var check: CheckName
  /// A clause.
  public var reason: String
  /// Milliseconds since 1970 at which the planner decided it.
  public var since: Int64

  public init(_ check: CheckName, _ reason: String, since: Int64) {
    self.check = check
    self.reason = reason
    self.since = since
  }

  /// `/srv is read-only (check 'srv')`.
  public var clause: String { "\(reason) (check '\(check)')" }
}

extension NodeFinding {
  /// `/srv is read-only (check 'srv')`.
  public var clause: String { "\(reason) (check '\(check)')" }
}
