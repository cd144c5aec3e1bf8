import HoldfastModel
import HoldfastTime

/// Since when nodes can take workloads, or cannot. Every controller keeps it, so that any of them can become the planner.
struct Availability: Sendable {
  private var standing: [NodeName: (isAvailable: Bool, since: BootInstant)] = [:]

  /// Takes note of which nodes can take workloads. What is seen first counts from now.
  mutating func see(_ facts: Facts) {
    let maintenances = Maintenances(facts)
    var fresh: [NodeName: (isAvailable: Bool, since: BootInstant)] = [:]
    for node in facts.view.nodes.keys {
      let isAvailable = maintenances.unavailability(of: node) == nil
      let known = standing[node].flatMap { $0.isAvailable == isAvailable ? $0 : nil }
      fresh[node] = known ?? (isAvailable, facts.now)
    }
    standing = fresh
  }

  /// Seconds for which the node has been as it is; nil: not known.
  func seconds(of node: NodeName, isAvailable: Bool, now: BootInstant) -> Double? {
    standing[node].flatMap { $0.isAvailable == isAvailable ? (now - $0.since).inSeconds : nil }
  }
}
