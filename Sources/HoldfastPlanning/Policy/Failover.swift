/// The failover of a workload: what happens when it or its node fails.
public struct Failover: Hashable, Sendable, Codable {
  /// When it failed on all the nodes that it may be tried on.
  public enum Then: String, Sendable, Codable, CaseIterable {
    /// The start is tried again, with growing pauses.
    case tryAgain = "try-again"
    /// The workload stays down until somebody acts.
    case giveUp = "give-up"
    /// One that fails its checks runs on where it is; one that does not start, or ends by itself, is tried again.
    case leaveRunning = "leave-running"
  }
  /// Seconds for which a failed node may come back before its workloads go elsewhere. nil: none.
  public var wait: Double?
  /// Failed starts on a node before another one is tried, and starts after an end that nobody asked for. nil: 2.
  public var restarts: Int?
  /// Nodes on which it is tried. nil: all; for what fails its checks, two.
  public var nodes: Int?
  /// nil: it is tried again.
  public var then: Then?

  /// Restarts in place before another node is tried, when nobody said.
  public static let defaultRestarts = 2
  /// Nodes on which a workload that fails its checks is tried when nobody said on how many: what fails on two of them is rather its own fault than
  /// theirs, and a bad release must not go through all.
  public static let defaultUnwellNodes = 2

  /// The workload ended by itself so often in a row on one node that another one is to be tried.
  package func isExhausted(by ends: Int) -> Bool { ends > restarts ?? Self.defaultRestarts }

  public init(wait: Double? = nil, restarts: Int? = nil, nodes: Int? = nil, then: Then? = nil) {
    self.wait = wait
    self.restarts = restarts
    self.nodes = nodes
    self.then = then
  }

  /// These settings; where they say nothing, those of `earlier`.
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
