import HoldfastModel
import HoldfastTime

/// How much of the store's history is kept, and so up to which revision it may be forgotten.
///
/// Every renewal of a session is a revision. Nobody needs the old ones but a watch that lags, or one that comes back after a while away:
/// it goes on where it was as long as the history reaches back to there, and lists everything anew otherwise. So the history of about an
/// hour is kept, which is far more than a watch may lag, and nothing that this node's own watch has still to see is ever forgotten.
///
/// Time is this node's own: a revision is as old as the look that showed it. All nodes look, so that whoever becomes the planner
/// knows what is old already. Two that both forget do no harm, as forgetting up to an older revision is nothing.
public struct HistoryRetention: Hashable, Sendable {
  /// What is kept when nobody said otherwise.
  public static let usual: Duration = .seconds(3600)
  /// What may be asked for. Below a minute is for trials: a watch that is away for so long must list anew.
  public static let allowed: ClosedRange<Duration> = .seconds(10) ... .seconds(7 * 86_400)
  /// Marks in the time that is kept: what is forgotten is older than that by up to so small a part of it.
  private static let marksKept: Int64 = 12

  /// A revision that was there at an instant.
  private struct Mark: Hashable, Sendable {
    var revision: Revision
    var at: BootInstant
  }

  public let kept: Duration
  /// From one mark to the next, and from one compaction to the next.
  public var spacing: Duration { Duration(wholeNanoseconds: kept.wholeNanoseconds / Self.marksKept) }

  /// Oldest first.
  private var marks: [Mark] = []
  /// Everything up to here is forgotten, as far as this node knows.
  public private(set) var forgotten = Revision.zero
  private var lastAsked: BootInstant?

  public init(keeping kept: Duration = HistoryRetention.usual) { self.kept = kept }

  /// A look at the store showed this revision.
  public mutating func saw(_ revision: Revision, at now: BootInstant) {
    // A member that is behind told it; or the store was restored, or made anew: what it does not have yet is no mark.
    marks.removeAll { $0.revision > revision }
    if forgotten > revision { forgotten = .zero }
    if let last = marks.last, now - last.at < spacing { return }
    marks.append(Mark(revision: revision, at: now))
    // Of those that are old enough only the newest is of use.
    while marks.count > 1, now - marks[1].at >= kept { marks.removeFirst() }
  }

  /// Up to where the store may forget now; nil: there is nothing to do.
  ///
  /// - Parameters:
  ///   - watched: what this node's own watch has seen; nil: it has not begun.
  ///   - isPlanner: one node is enough, and the planner is that one.
  ///   - isFull: the store takes no writes. Then nobody waits for the planner, who may be gone and cannot be succeeded, and nothing is
  ///     kept but what the own watch has to see: no watch lags behind a store in which nothing is written.
  public func due(at now: BootInstant, watched: Revision?, isPlanner: Bool, isFull: Bool) -> Revision? {
    guard isPlanner || isFull, let watched else { return nil }
    if let lastAsked, now - lastAsked < spacing, !isFull { return nil }
    let old = isFull ? marks.last : marks.last { now - $0.at >= kept }
    guard let old else { return nil }
    let target = isFull ? watched : min(old.revision, watched)
    return target > forgotten ? target : nil
  }

  /// The store is asked to forget: not again before the next mark.
  public mutating func asks(at now: BootInstant) { lastAsked = now }

  /// The store has forgotten everything up to there.
  public mutating func forgot(upTo revision: Revision) { forgotten = max(forgotten, revision) }
}
