/// How a workload leaves a node that is being drained.
public struct Evacuation: Hashable, Sendable, Codable {
  public enum Method: String, Sendable, Codable, CaseIterable {
    /// Moved while it runs, where libvirt can.
    case live
    /// Stopped, and started on the other node.
    case restart
    /// The workload stays, and goes down with the node.
    case stay
  }
  /// nil: live.
  public var method: Method?
  /// The fate of one that cannot be moved while it runs.
  public enum Otherwise: String, Sendable, Codable, CaseIterable {
    /// The workload is stopped, and started on the other node.
    case restart
    /// The workload stays where it is, and is tried again.
    case stay
  }
  /// How many leave one node at a time. nil: as many as there are.
  public var atOnce: Int?
  /// nil: restart.
  public var otherwise: Otherwise?
  /// Seconds that a live migration may take. nil: ten minutes.
  public var timeLimit: Double?
  /// MiB a second that a live migration may send. nil: what there is.
  public var bandwidth: Int?
  /// Milliseconds for which the VM may be paused at the end of a live migration. nil: QEMU's own limit.
  public var downtime: Int?
  /// One that changes its memory too fast is slowed down. nil: it is.
  public var slowsDown: Bool?
  /// The disks are copied with it, as the nodes share no storage. nil: they are not.
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

  /// The limits that a live migration is given.
  public var limits: MigrationLimits {
    MigrationLimits(
      bandwidth: bandwidth, downtime: downtime, slowsDown: slowsDown ?? true, copiesStorage: copiesStorage ?? false,
      time: timeLimit ?? MigrationLimits.defaultTime)
  }

  /// These settings; where they say nothing, those of `earlier`.
  package func over(_ earlier: Evacuation?) -> Evacuation {
    Evacuation(
      method: method ?? earlier?.method, atOnce: atOnce ?? earlier?.atOnce, otherwise: otherwise ?? earlier?.otherwise,
      timeLimit: timeLimit ?? earlier?.timeLimit, bandwidth: bandwidth ?? earlier?.bandwidth,
      downtime: downtime ?? earlier?.downtime, slowsDown: slowsDown ?? earlier?.slowsDown,
      copiesStorage: copiesStorage ?? earlier?.copiesStorage)
  }
}
