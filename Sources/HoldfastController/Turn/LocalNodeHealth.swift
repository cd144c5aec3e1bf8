import HoldfastModel
import HoldfastTime

/// The last word of this node's own checks.
struct LocalNodeHealth: Hashable, Sendable {
  struct Entry: Hashable, Sendable {
    var health: CheckHealth
    /// Since when it is so.
    var since: BootInstant
    /// The same in milliseconds since 1970; nil: nobody had told the time.
    var time: Int64?
  }

  private var entries: [CheckName: Entry] = [:]

  subscript(check: CheckName) -> Entry? { entries[check] }

  /// - Returns: false when it is what was known.
  mutating func take(_ states: [NodeCheckState], at now: BootInstant, time: Int64?) -> Bool {
    var fresh: [CheckName: Entry] = [:]
    for state in states {
      let known = entries[state.check].flatMap { $0.health == state.health ? $0 : nil }
      fresh[state.check] = known ?? Entry(health: state.health, since: now, time: time)
    }
    defer { entries = fresh }
    return fresh != entries
  }

  /// As the node reports them: those that fail, or of which nothing is known. What an earlier life of the controller found is none of this one's: it knows
  /// nothing yet, which makes no node well that was ailing, and none ailing.
  func findings(of checks: [NodeCheck]) -> [NodeFinding] {
    checks.compactMap { check in
      switch entries[check.name]?.health {
      case .healthy: nil
      case .failing(let reason): NodeFinding(check.name, reason, isUnknown: false, since: entries[check.name]?.time)
      case .unknown(let reason): NodeFinding(check.name, reason, isUnknown: true, since: entries[check.name]?.time)
      case .starting, nil: NodeFinding(check.name, NodeFinding.notAnswered, isUnknown: true)
      }
    }
  }

  /// The first that fails of those for which what runs here would leave, and since when; nil: none does.
  func trouble(of checks: [NodeCheck]) -> (check: CheckName, since: BootInstant)? {
    for check in checks where check.then == .evacuate {
      if let entry = entries[check.name], case .failing = entry.health { return (check.name, entry.since) }
    }
    return nil
  }
}
