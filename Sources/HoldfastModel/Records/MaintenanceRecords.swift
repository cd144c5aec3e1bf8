/// A node is kept empty on purpose. It stands in the store until the maintenance is over, whatever becomes of the node or of who asked for it.
public struct MaintenanceRecord: Hashable, Sendable, Codable {
  public enum Phase: String, Sendable, Codable {
    /// The node's workloads leave, and nothing is placed there.
    case empty
    /// The maintenance is over: what came from there goes home, as `failback` says; then the record goes.
    case over
  }
  /// The workloads that go home when it is over.
  public enum Failback: String, Sendable, Codable, CaseIterable {
    /// Everything whose policy does not say `failback: never`.
    case byPolicy = "by-policy"
    case everything
    case nothing
  }
  public var phase: Phase
  public var reason: String?
  /// Milliseconds since 1970 at which it was asked for.
  public var since: Int64
  /// When it is expected to be over; nobody acts on it. Milliseconds since 1970.
  public var until: Int64?
  /// Replaces what the policies say about how workloads leave, but for `stay`.
  public var method: Evacuation.Method?
  /// The number of workloads that leave, or come home, at a time; nil: `defaultParallel`.
  public var parallel: Int?
  /// Milliseconds since 1970 from which nothing is waited for: what is left then leaves at once, stopped and started.
  public var deadline: Int64?
  /// A workload that finds no room elsewhere is stopped; else it stays where it runs.
  public var leavesPending: Bool
  public var failback: Failback

  /// As many as a node starts at a time.
  public static let defaultParallel = 4
  /// The numbers that may be asked for.
  public static let parallels = 1...1000

  public init(
    phase: Phase = .empty, reason: String? = nil, since: Int64, until: Int64? = nil, method: Evacuation.Method? = nil,
    parallel: Int? = nil, deadline: Int64? = nil, leavesPending: Bool = false, failback: Failback = .byPolicy
  ) {
    self.phase = phase
    self.reason = reason
    self.since = since
    self.until = until
    self.method = method
    self.parallel = parallel
    self.deadline = deadline
    self.leavesPending = leavesPending
    self.failback = failback
  }
}

/// How often a node was lost, or was ailing: one that keeps failing gets nothing while others can take it, for longer each time.
public struct LossesRecord: Hashable, Sendable, Codable {
  public var count: Int
  /// Milliseconds since 1970 of the last loss, or of the last beginning or end of an ailment, on the clock of who declared it.
  public var last: Int64
  /// What runs there leaves it because of this. nil: it was lost, or it is well again.
  @LaterField public var ailment: NodeAilment?
  /// True: the last was no loss, but an ailment. nil: it was a loss, or a build before this field wrote the record.
  @LaterField public var wasAiling: Bool?

  public init(count: Int, last: Int64, ailment: NodeAilment? = nil, wasAiling: Bool = false) {
    self.count = count
    self.last = last
    self.ailment = ailment
    self.wasAiling = wasAiling ? true : nil
  }

  /// Seconds after the last loss in which the node is the last choice. The first is the time for which a node has to be stable before
  /// it is used like any other.
  public var quarantine: Int64 { Self.times[min(max(count, 1), Self.times.count) - 1] }
  private static let times: [Int64] = [30, 300, 900, 3600, 14_400, 86_400]

  /// A loss so long after the last one is counted as the first.
  public var memory: Int64 { max(2 * quarantine, 3600) }

  /// Milliseconds since 1970.
  public var until: Int64 { last + quarantine * 1000 }

  /// Seconds for which it is the last choice still, at `now` in milliseconds since 1970; nil: it is like any other. By the wall clocks alone: a
  /// controller knows better.
  public func remaining(at now: Int64) -> Double? {
    // A clock that was set back must not keep a node out for ever.
    now < until ? min(Double(until - now) / 1000, Double(quarantine)) : nil
  }

  /// The record with another loss at `now`, in milliseconds since 1970.
  ///
  /// - Parameter age: milliseconds since the last loss, on a clock that nobody sets; nil: as the wall clocks have it.
  public func again(at now: Int64, after age: Int64? = nil) -> LossesRecord {
    LossesRecord(count: age ?? (now - last) > memory * 1000 ? 1 : min(count + 1, 1000), last: now)
  }

  /// The record when what runs there is to leave because of that.
  public func ailing(_ ailment: NodeAilment, after age: Int64? = nil) -> LossesRecord {
    var record = again(at: ailment.since, after: age)
    (record.ailment, record.wasAiling) = (ailment, true)
    return record
  }

  /// The record when the ailment is over at `now`: the quarantine begins then.
  public func recovered(at now: Int64) -> LossesRecord {
    LossesRecord(count: count, last: now, wasAiling: true)
  }
}

/// Automatic recovery is off: sessions stand for long, nobody is declared lost, nothing is placed anew.
public struct DisarmRecord: Hashable, Sendable, Codable {
  public var reason: String?
  /// Milliseconds since 1970.
  public var since: Int64
  /// Milliseconds since 1970 at which it ends by itself; nil: when somebody says so.
  public var until: Int64?

  public init(reason: String? = nil, since: Int64, until: Int64? = nil) {
    self.reason = reason
    self.since = since
    self.until = until
  }
}

/// Nothing moves by itself, by policy or home after a maintenance: an operator stopped that, or the planner did, as several moves in a row had failed.
public struct MovesOffRecord: Hashable, Sendable, Codable {
  public var reason: String?
  /// Milliseconds since 1970.
  public var since: Int64

  public init(reason: String? = nil, since: Int64) {
    self.reason = reason
    self.since = since
  }
}
