import HoldfastModel
import HoldfastOperator
import HoldfastTime
import Housekeeping

/// When people are told that the cluster is worse than they were told, or better: once, and when it has been so for a while.
package struct HealthCourse: Hashable, Sendable {
  /// A failover is over by then, and tells of itself.
  package static let worseAfter: Duration = .seconds(15)
  package static let betterAfter: Duration = .seconds(60)
  private static let mostReasons = 3

  private enum Drift: Hashable, Sendable {
    case none
    /// Without a break, and however much it was.
    case worse(since: BootInstant)
    case better(since: BootInstant)
  }

  /// What people were told last.
  package private(set) var told: ClusterStatus.Health
  private var drift = Drift.none
  /// What was seen last, and of what.
  package private(set) var sight: Sight?

  /// The cluster's health at a look, and what it was made of. It is costly to make where there are many workloads.
  package struct Sight: Hashable, Sendable {
    /// Some of it changes with the time alone, such as a workload's being started that takes long.
    package static let mostAge: Duration = .seconds(30)

    package var version: UInt64
    package var topics: [StoreConcern.Topic]
    package var at: BootInstant
    package var health: ClusterStatus.Health
    package var reasons: [String]

    package init(
      version: UInt64, topics: [StoreConcern.Topic], at: BootInstant, health: ClusterStatus.Health, reasons: [String]
    ) {
      self.version = version
      self.topics = topics
      self.at = at
      self.health = health
      self.reasons = reasons
    }

    /// Nothing has changed since.
    package func holds(for version: UInt64, _ topics: [StoreConcern.Topic], at now: BootInstant) -> Bool {
      self.version == version && self.topics == topics && now - at < Self.mostAge
    }
  }

  package init(told: ClusterStatus.Health) { self.told = told }

  /// As the history tells it, whichever node wrote that; where that tells nothing of it, all was well.
  package init(_ history: [HistoryRecord]) {
    let last = history.last { $0.note.kind == .degraded || $0.note.kind == .recovered }?.note
    self.init(told: last.map { $0.kind == .recovered ? .ok : $0.severity == .error ? .critical : .degraded } ?? .ok)
  }

  /// Takes what was seen, and tells what to tell of it; nil: nothing.
  package mutating func saw(_ sight: Sight, at now: BootInstant) -> Note? {
    self.sight = sight
    return saw(sight.health, sight.reasons, at: now)
  }

  /// What to tell, when it is time to; nil: nothing.
  ///
  /// - Parameter reasons: sentences, the worst first.
  package mutating func saw(_ health: ClusterStatus.Health, _ reasons: [String], at now: BootInstant) -> Note? {
    guard health != told else {
      drift = .none
      return nil
    }
    let isWorse = Self.rank(health) > Self.rank(told)
    switch (drift, isWorse) {
    case (.worse(let since), true):
      guard now - since >= Self.worseAfter else { return nil }
    case (.better(let since), false):
      guard now - since >= Self.betterAfter else { return nil }
    default:
      drift = isWorse ? .worse(since: now) : .better(since: now)
      return nil
    }
    defer { (told, drift) = (health, .none) }
    return Self.note(health, reasons, before: told)
  }

  private static func note(_ health: ClusterStatus.Health, _ reasons: [String], before: ClusterStatus.Health) -> Note {
    guard health != .ok else {
      return Note(.recovered, "the cluster is OK again, after it was \(before.rawValue.uppercased())")
    }
    let rest = reasons.count - mostReasons
    let named = reasons.prefix(mostReasons).joined(separator: "; ") + (rest > 0 ? "; and \(rest) more" : "")
    let again = rank(health) < rank(before) ? ", and not \(before.rawValue.uppercased()) any more" : ""
    return Note(
      .degraded, "the cluster is \(health.rawValue.uppercased())\(again): \(named)",
      severity: health == .critical ? .error : .warning)
  }

  private static func rank(_ health: ClusterStatus.Health) -> Int {
    switch health {
    case .ok: 0
    case .degraded: 1
    case .critical: 2
    }
  }
}
