import HoldfastModel
import HoldfastTime

/// When the spans are over that people gave for a maintenance and for a disarmed cluster, and those for which a node that was lost is the last choice.
/// Records carry times of the wall clock of whoever wrote them; each node counts the span on its own boot clock, from the instant at which it saw
/// the record come. So a wall clock that is wrong neither arms a cluster nor ends anybody's patience, nor a quarantine.
struct Terms: Sendable {
  /// The instant on this node's clock that a record's beginning stands for.
  private struct Anchor: Hashable, Sendable {
    /// Milliseconds since 1970, as the record says.
    var since: Int64
    /// nil: what was there before this life is reckoned with the time of day, and nobody has told it yet.
    var at: BootInstant?
  }
  private var anchors: [RecordKey: Anchor] = [:]

  /// Milliseconds: no span counts for longer, so that no sum of two is out of range.
  private static let longest: Int64 = 3_000_000_000_000

  /// The whole of the records was read: what this life has not seen come began when the cluster's clocks say so.
  ///
  /// - Parameter time: milliseconds since 1970, as most of the cluster's clocks have it.
  mutating func load(_ view: ClusterView, now: BootInstant, time: Int64?) {
    var fresh: [RecordKey: Anchor] = [:]
    for (key, since) in view.beginnings {
      if let known = anchors[key], known.since == since {
        fresh[key] = known
      } else {
        fresh[key] = Anchor(since: since, at: nil)
      }
    }
    anchors = fresh
    resolve(now: now, time: time)
  }

  /// The record has changed, or is gone.
  mutating func see(_ key: RecordKey, _ view: ClusterView, now: BootInstant) {
    guard let since = view.beginnings[key] else {
      anchors[key] = nil
      return
    }
    // New settings keep the beginning.
    if anchors[key]?.since != since { anchors[key] = Anchor(since: since, at: now) }
  }

  /// - Parameter time: milliseconds since 1970; nil: not known yet.
  mutating func resolve(now: BootInstant, time: Int64?) {
    guard let time else { return }
    for (key, anchor) in anchors where anchor.at == nil {
      anchors[key]?.at = now - .milliseconds(min(max(time - anchor.since, 0), Self.longest))
    }
  }

  /// When it is over; nil: never, or nobody can tell yet.
  ///
  /// - Parameter until: milliseconds since 1970, as the record says.
  func end(of key: RecordKey, until: Int64?) -> BootInstant? {
    guard let until, let anchor = anchors[key], let at = anchor.at else { return nil }
    return at + .milliseconds(min(max(until - anchor.since, 0), Self.longest))
  }

  /// Milliseconds since what has the span began; nil: nobody can tell yet.
  func age(of key: RecordKey, now: BootInstant) -> Int64? {
    anchors[key]?.at.map { Int64((now - $0).inSeconds * 1000) }
  }
}

extension ClusterView {
  /// Milliseconds since 1970 at which what has a span began, as its record says.
  fileprivate var beginnings: [RecordKey: Int64] {
    var found: [RecordKey: Int64] = [:]
    if let disarm { found[.disarm] = disarm.value.since }
    for (node, record) in maintenance { found[.maintenance(node)] = record.value.since }
    for (node, record) in losses { found[.losses(node)] = record.value.last }
    return found
  }
}
