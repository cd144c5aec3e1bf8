/// What tells whether a workload works while it runs: what is asked, how often, and how many answers in a row count.
public struct HealthCheck: Hashable, Sendable {
  /// What follows from a failure.
  public enum Reaction: String, Sendable, Codable, CaseIterable {
    /// The run is ended and the workload started anew: in place, then elsewhere, as `failover` of its policies says.
    case restart
    /// People are told.
    case report
  }
  public var name: CheckName
  public var probe: Probe
  /// From the start of one probe to the start of the next; what takes longer delays the next.
  public var interval: Duration
  /// A probe that has not answered by then has failed.
  public var timeout: Duration
  /// Failures in a row that make it failing.
  public var down: Int
  /// Successes in a row that make it healthy.
  public var up: Int
  /// After the start of a run no failure counts for so long; the first success ends it.
  public var grace: Duration
  public var reaction: Reaction

  public init(
    name: CheckName, probe: Probe, interval: Duration = HealthCheck.defaultInterval, timeout: Duration? = nil,
    down: Int = HealthCheck.defaultDown, up: Int = HealthCheck.defaultUp, grace: Duration = HealthCheck.defaultGrace,
    reaction: Reaction = .restart
  ) {
    self.name = name
    self.probe = probe
    self.interval = interval
    self.timeout = timeout ?? Self.defaultTimeout(interval: interval)
    self.down = down
    self.up = up
    self.grace = grace
    self.reaction = reaction
  }

  // MARK: what holds when nobody said

  /// From one probe to the next.
  public static let defaultInterval: Duration = .seconds(10)
  /// The longest for one answer.
  public static let greatestDefaultTimeout: Duration = .seconds(5)
  /// Bad answers in a row that make it *failing*: one may be lost on the way.
  public static let defaultDown = 3
  /// Good answers in a row that make it *healthy*.
  public static let defaultUp = 2
  /// After a start bad answers count for nothing for so long: a guest boots.
  public static let defaultGrace: Duration = .seconds(60)

  /// Five seconds, and never longer than the interval.
  public static func defaultTimeout(interval: Duration) -> Duration { min(interval, greatestDefaultTimeout) }

  // MARK: bounds

  /// Checks of one workload.
  public static let most = 16
  public static let intervals: ClosedRange<Duration> = .milliseconds(200) ... .seconds(86_400)
  public static let timeouts: ClosedRange<Duration> = .milliseconds(50) ... .seconds(300)
  /// Answers in a row, of either kind.
  public static let thresholds = 1...100
  public static let graces: ClosedRange<Duration> = .zero ... .seconds(86_400)

  /// By when a failure from one instant on is acted upon, apart from what the node itself adds: the last good answer may be one interval old.
  public var longestDetection: Duration { interval * down + timeout }
}

/// One object with the probe's fields among its own; times in seconds, to the millisecond.
extension HealthCheck: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable { case name, interval, timeout, down, up, grace, onFailure }

  /// The fields that the object may have.
  public var fieldNames: Set<String> { Set(CodingKeys.allCases.map(\.rawValue)).union(probe.fieldNames) }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    func time(_ key: CodingKeys) throws -> Duration? {
      try fields.decodeIfPresent(Double.self, forKey: key).map { Self.time(seconds: $0) }
    }
    // A reaction that a later build knows is that build's: here nothing is done but to tell.
    let reaction = try fields.decodeIfPresent(String.self, forKey: .onFailure).map { Reaction(rawValue: $0) ?? .report }
    self.init(
      name: try fields.decode(CheckName.self, forKey: .name), probe: try Probe(from: decoder),
      interval: try time(.interval) ?? Self.defaultInterval, timeout: try time(.timeout),
      down: try fields.decodeIfPresent(Int.self, forKey: .down) ?? Self.defaultDown,
      up: try fields.decodeIfPresent(Int.self, forKey: .up) ?? Self.defaultUp,
      grace: try time(.grace) ?? Self.defaultGrace, reaction: reaction ?? .restart)
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(name, forKey: .name)
    try fields.encode(Self.seconds(interval), forKey: .interval)
    try fields.encode(Self.seconds(timeout), forKey: .timeout)
    try fields.encode(down, forKey: .down)
    try fields.encode(up, forKey: .up)
    try fields.encode(Self.seconds(grace), forKey: .grace)
    try fields.encode(reaction, forKey: .onFailure)
    try probe.encode(to: encoder)
  }

  /// A number that no time is made of, as a record from elsewhere may have it, becomes one that no bound allows.
  private static func time(seconds: Double) -> Duration {
    guard (0...1e9).contains(seconds) else { return .seconds(-1) }
    return .milliseconds(Int64((seconds * 1000).rounded()))
  }

  private static func seconds(_ time: Duration) -> Double {
    let (seconds, attoseconds) = time.components
    return (Double(seconds) * 1000 + (Double(attoseconds) / 1e15).rounded()) / 1000
  }
}

extension HealthCheck {
  /// What is wrong with a workload's checks as a record has them, as a clause; nil: nothing.
  package static func flaw(of checks: [HealthCheck]) -> String? {
    if checks.count > most { return "there are more than \(most) checks" }
    if Set(checks.map(\.name)).count < checks.count { return "two checks have the same name" }
    return checks.lazy.compactMap(\.flaw).first
  }

  private var flaw: String? {
    let thing = "the check '\(InWords.visible(name.text.bounded))'"
    if !CheckName.isValid(name.text) { return "\(thing) has no possible name" }
    if !Self.intervals.contains(interval) { return "\(thing) has no possible interval" }
    if !Self.timeouts.contains(timeout) { return "\(thing) has no possible timeout" }
    if !Self.thresholds.contains(down) || !Self.thresholds.contains(up) { return "\(thing) has no possible threshold" }
    if !Self.graces.contains(grace) { return "\(thing) has no possible grace" }
    return probe.flaw.map { "\(thing) has \($0)" }
  }
}
