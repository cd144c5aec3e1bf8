import HoldfastModel
import HoldfastPlanning

/// The time that the live migrations from a node that leaves may take: what its daemon has to be given before it ends.
package enum DepartureTime {
  /// Seconds; longer than that no departure waits for migrations.
  package static let longestMigrations: Double = 7200

  /// Seconds in which everything that may be moved live from there is there or is given up: its time limit for each attempt, one after the other where
  /// only so many leave at a time; 0: nothing is moved live.
  package static func migrations(from node: NodeName, in view: ClusterView, by planner: PolicyPlanner) -> Double {
    var moving = 0, longest = 0.0
    var atOnce = view.maintenance[node].map { $0.value.parallel ?? MaintenanceRecord.defaultParallel } ?? .max
    for (workload, claim) in view.claims where claim.value.holder?.node == node {
      guard let spec = view.specs[workload]?.value, view.intents[workload]?.value.desired ?? .running == .running else {
        continue
      }
      let evacuation = planner.policies.settings(of: workload, labels: spec.labels).evacuation
      let method = view.maintenance[node]?.value.method ?? evacuation.method ?? .live
      let isReachable = view.nodes.keys.contains { $0 != node && view.migrationURI(of: $0, for: spec.connection) != nil }
      guard method == .live, isReachable else { continue }
      moving += 1
      longest = max(longest, evacuation.limits.time)
      atOnce = min(atOnce, max(evacuation.atOnce ?? .max, 1))
    }
    let rounds = moving == 0 ? 0 : (moving - 1) / max(atOnce, 1) + 1
    return min(Double(rounds * Limits.migrationAttempts) * longest, longestMigrations)
  }
}
