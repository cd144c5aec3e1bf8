/// A workload as it was when it was released, kept for a time so that it can be brought back.
public struct ReleasedRecord: Hashable, Sendable, Codable {
  public var spec: SpecRecord
  /// The operator's wish then: to run, or to be stopped.
  public var desired: IntentRecord.Desired
  /// When it was released: milliseconds since 1970 on the clock of the node that was asked.
  public var time: Int64
  /// Disks on which it last ran then and which its definition does not name, as its claim had them; nil: none, or an earlier build released it.
  @LaterField public var newerDisks: [String: OtherDisk]?

  /// Days for which it is kept; the planner's node drops it then.
  public static let days = 7
  private static let kept = Int64(days) * 86_400_000

  public init(
    spec: SpecRecord, desired: IntentRecord.Desired, time: Int64, newerDisks: [String: OtherDisk]? = nil
  ) {
    self.spec = spec
    self.desired = desired
    self.time = time
    self.newerDisks = newerDisks
  }

  /// Until when it is kept, in milliseconds since 1970.
  public var end: Int64 { time + Self.kept }

  /// How many are dropped in one transaction.
  private static let droppedAtOnce = 32

  /// Drops those whose time is over, the oldest first; nil: there are none.
  ///
  /// - Parameter now: milliseconds since 1970.
  public static func clearance(in view: ClusterView, now: Int64) -> ClusterTransaction? {
    let over = view.released.filter { $0.value.value.end <= now }
      .sorted { ($0.value.value.time, $0.key) < ($1.value.value.time, $1.key) }.prefix(droppedAtOnce)
    guard !over.isEmpty else { return nil }
    return ClusterTransaction(
      if: over.map { .unchanged(.released($0.key), modified: $0.value.modified) },
      write: over.map { .delete(.released($0.key)) }
    )
  }
}
