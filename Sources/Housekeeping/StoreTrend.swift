import HoldfastModel
import HoldfastTime

/// How long the store takes for writes, as one node sees it: its own requests, from the instant before each was sent to its answer.
public struct WriteTimes: Hashable, Sendable {
  /// How many were measured; those without an answer are not.
  public var count: Int
  public var median: Duration

  public init(count: Int, median: Duration) {
    self.count = count
    self.median = median
  }

  /// With one decimal.
  public var medianMilliseconds: Double { (median.inSeconds * 10_000).rounded() / 10 }
}

/// What a node knows of the store's last hour, beyond the last look.
public struct StoreTrend: Hashable, Sendable {
  /// How often its members called an election.
  public var elections: Int
  /// By name of a member: for how long it has not answered.
  public var silences: [String: Duration]
  /// What a write takes, where that is longer than it should be; nil: it is quick enough.
  public var slowWrite: Duration?
  /// What a write should take at most.
  public var soundWrite: Duration

  public init(
    elections: Int = 0, silences: [String: Duration] = [:], slowWrite: Duration? = nil,
    soundWrite: Duration = .milliseconds(300)
  ) {
    self.elections = elections
    self.silences = silences
    self.slowWrite = slowWrite
    self.soundWrite = soundWrite
  }
}

/// What one look at the store after the other showed. Bounded: a look is a mark at most, and marks are kept for an hour.
public struct StoreCourse: Hashable, Sendable {
  /// For so long marks are kept: long enough to tell a trend from one bad look.
  public static let window: Duration = .seconds(3600)
  /// Fewer measured writes tell nothing.
  private static let fewestWrites = 20
  /// A write that takes so small a part of the TTL is sound: a renewal is sent every fifth of it, and sent again when it was not answered by the next.
  private static let share = 10
  private static let leastSoundWrite: Duration = .milliseconds(100)

  /// The store's term changed to this one.
  private struct Mark: Hashable, Sendable {
    var term: UInt64
    var at: BootInstant
  }

  public let soundWrite: Duration
  /// Oldest first; the first is how it was when the window began.
  private var marks: [Mark] = []
  private var silentSince: [String: BootInstant] = [:]
  private var isSlow = false

  /// - Parameter ttl: of this node's session.
  public init(ttl: Duration) {
    soundWrite = max(Duration(wholeNanoseconds: ttl.wholeNanoseconds / Int64(Self.share)), Self.leastSoundWrite)
  }

  /// - Returns: the store's last hour, as of this look.
  public mutating func saw(_ health: StoreHealth, at now: BootInstant) -> StoreTrend {
    if let term = health.term { mark(term, at: now) }
    var silences: [String: Duration] = [:], silent: [String: BootInstant] = [:]
    for member in health.members {
      guard case .silent = member.standing else { continue }
      let since = silentSince[member.name] ?? now
      silent[member.name] = since
      silences[member.name] = now - since
    }
    silentSince = silent
    return StoreTrend(
      elections: elections, silences: silences, slowWrite: slowWrite(health.writes), soundWrite: soundWrite)
  }

  private mutating func mark(_ term: UInt64, at now: BootInstant) {
    // It was restored, or made anew.
    if let last = marks.last, term < last.term { marks = [] }
    if marks.last?.term != term { marks.append(Mark(term: term, at: now)) }
    while marks.count > 1, now - marks[1].at >= Self.window { marks.removeFirst() }
  }

  /// Every election is a term of its own, also one that nobody wins.
  private var elections: Int {
    guard let first = marks.first, let last = marks.last else { return 0 }
    return Int(clamping: last.term - first.term)
  }

  /// It counts as quick again when it is clearly so.
  private mutating func slowWrite(_ writes: WriteTimes?) -> Duration? {
    guard let writes, writes.count >= Self.fewestWrites else {
      isSlow = false
      return nil
    }
    isSlow = writes.median > (isSlow ? soundWrite * 3 / 4 : soundWrite)
    return isSlow ? writes.median : nil
  }
}
