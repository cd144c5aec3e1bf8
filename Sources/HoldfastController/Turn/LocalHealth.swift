import HoldfastModel
import HoldfastTime

/// The last word of this node's checks, by workload. It is of one run each: what is known of an earlier one says nothing of the next.
public struct LocalHealth: Hashable, Sendable {
  public struct Entry: Hashable, Sendable {
    /// `CheckSubject.run`.
    public var run: Int
    public var health: WorkloadHealth
    /// When it was told last.
    public var at: BootInstant
    /// Since when it is in this state.
    public var since: BootInstant
    /// The same in milliseconds since 1970; nil: nobody had told the time.
    public var time: Int64?
    /// Since when nothing that it would be ended for is open or failing; nil: something is.
    public var wellSince: BootInstant?
  }

  public private(set) var entries: [WorkloadName: Entry] = [:]

  init() {}

  subscript(workload: WorkloadName) -> Entry? { entries[workload] }

  /// - Returns: false when it is what was known.
  mutating func take(_ workload: WorkloadName, run: Int, _ health: WorkloadHealth, at now: BootInstant, time: Int64?) -> Bool {
    let known = entries[workload].flatMap { $0.run == run ? $0 : nil }
    var entry = Entry(run: run, health: health, at: now, since: now, time: time)
    if let known, known.health.state == health.state { (entry.since, entry.time) = (known.since, known.time) }
    entry.wellSince = health.isPending ? nil : known?.wellSince ?? now
    entries[workload] = entry
    return known?.health != health
  }

  /// Nothing is known any more but of this run; nil: nothing at all.
  mutating func keep(_ workload: WorkloadName, run: Int?) {
    if let known = entries[workload]?.run, known != run { forget(workload) }
  }

  mutating func forget(_ workload: WorkloadName) { entries[workload] = nil }
}
