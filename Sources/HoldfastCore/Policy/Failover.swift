/// What happens when a workload or its node fails.
public struct Failover: Hashable, Sendable, Codable {
  /// When it failed on all the nodes that it may be tried on.
  public enum Then: String, Sendable, Codable, CaseIterable {
    /// It is tried again, with growing pauses.
    case tryAgain = "try-again"
    /// It stays down until somebody acts.
    case giveUp = "give-up"
  }
  /// Seconds for which a failed node may come back before its workloads go elsewhere. nil: none.
  public var wait: Double?
  /// Failed starts on a node before another one is tried. nil: 2.
  public var restarts: Int?
  /// Nodes on which it is tried. nil: all.
  public var nodes: Int?
  /// nil: it is tried again.
  public var then: Then?

  public static let defaultRestarts = 2

  public init(wait: Double? = nil, restarts: Int? = nil, nodes: Int? = nil, then: Then? = nil) {
    self.wait = wait
    self.restarts = restarts
    self.nodes = nodes
    self.then = then
  }

  /// What is not said here is as `earlier` says.
  func over(_ earlier: Failover?) -> Failover {
    Failover(
      wait: wait ?? earlier?.wait, restarts: restarts ?? earlier?.restarts, nodes: nodes ?? earlier?.nodes,
      then: then ?? earlier?.then)
  }
}

/// Whether a workload goes back to a node that it prefers to the one it is on.
public struct Failback: Hashable, Sendable, Codable {
  public enum Mode: String, Sendable, Codable, CaseIterable {
    case automatic
    /// When an operator says so.
    case byHand = "by-hand"
    case never
  }
  public var mode: Mode
  /// Seconds for which the node must have been available before anything goes back to it.
  public var after: Double
  /// Only then. Empty: at any time.
  public var windows: [WeekWindow]

  /// A node that just came back may fail again soon.
  public static let defaultAfter: Double = 300

  public init(_ mode: Mode, after: Double = Failback.defaultAfter, windows: [WeekWindow] = []) {
    self.mode = mode
    self.after = after
    self.windows = windows
  }
}

/// How a workload leaves a node that is being emptied.
public struct Evacuation: Hashable, Sendable, Codable {
  public enum Method: String, Sendable, Codable, CaseIterable {
    /// Moved while it runs, where libvirt can.
    case live
    /// Stopped, and started on the other node.
    case restart
    /// It stays, and goes down with the node.
    case stay
  }
  /// nil: live.
  public var method: Method?
  /// What becomes of one that cannot be moved while it runs.
  public enum Otherwise: String, Sendable, Codable, CaseIterable {
    /// It is stopped, and started on the other node.
    case restart
    /// It stays where it is, and is tried again.
    case stay
  }
  /// How many leave one node at a time. nil: as many as there are.
  public var atOnce: Int?
  /// nil: restart.
  public var otherwise: Otherwise?
  /// Seconds for which a live migration may go on. nil: ten minutes.
  public var timeLimit: Double?
  /// MiB a second that a live migration may send. nil: what there is.
  public var bandwidth: Int?
  /// Milliseconds for which it may stand still at the end of a live migration. nil: QEMU's own limit.
  public var downtime: Int?
  /// One that changes its memory too fast is slowed down. nil: it is.
  public var slowsDown: Bool?
  /// Its disks are copied with it, as the nodes share no storage. nil: they are not.
  public var copiesStorage: Bool?

  public init(
    method: Method? = nil, atOnce: Int? = nil, otherwise: Otherwise? = nil, timeLimit: Double? = nil, bandwidth: Int? = nil,
    downtime: Int? = nil, slowsDown: Bool? = nil, copiesStorage: Bool? = nil
  ) {
    self.method = method
    self.atOnce = atOnce
    self.otherwise = otherwise
    self.timeLimit = timeLimit
    self.bandwidth = bandwidth
    self.downtime = downtime
    self.slowsDown = slowsDown
    self.copiesStorage = copiesStorage
  }

  /// What a live migration is given.
  public var limits: MigrationLimits {
    MigrationLimits(
      bandwidth: bandwidth, downtime: downtime, slowsDown: slowsDown ?? true, copiesStorage: copiesStorage ?? false,
      time: timeLimit ?? MigrationLimits.defaultTime)
  }

  /// What is not said here is as `earlier` says.
  func over(_ earlier: Evacuation?) -> Evacuation {
    Evacuation(
      method: method ?? earlier?.method, atOnce: atOnce ?? earlier?.atOnce, otherwise: otherwise ?? earlier?.otherwise,
      timeLimit: timeLimit ?? earlier?.timeLimit, bandwidth: bandwidth ?? earlier?.bandwidth,
      downtime: downtime ?? earlier?.downtime, slowsDown: slowsDown ?? earlier?.slowsDown,
      copiesStorage: copiesStorage ?? earlier?.copiesStorage)
  }
}
