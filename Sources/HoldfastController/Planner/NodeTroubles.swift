import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// Since when node checks fail on nodes, and since when they do not any more. Every controller keeps it, so that any of them can become the planner.
struct NodeTroubles: Sendable {
  private var failing: [NodeName: [CheckName: BootInstant]] = [:]
  /// Nodes that failed one, and have not been found well since.
  private var unfit: Set<NodeName> = []
  private var wellSince: [NodeName: BootInstant] = [:]

  /// Takes note of what the nodes report. What is seen first counts from now.
  mutating func see(_ facts: Facts) {
    let policies = facts.rules.planner.policies
    guard !policies.nodeChecks.isEmpty else {
      if !unfit.isEmpty || !wellSince.isEmpty { (failing, unfit, wellSince) = ([:], [], [:]) }
      return
    }
    let known = Set(policies.nodeChecks.lazy.filter { $0.check.then != .tell }.map(\.check.name))
    for node in facts.view.nodes.keys {
      let findings = (facts.view.reports[node]?.value.nodeChecks ?? []).filter { known.contains($0.check) }
      let before = failing[node] ?? [:]
      var fresh: [CheckName: BootInstant] = [:]
      for finding in findings where !finding.isUnknown { fresh[finding.check] = before[finding.check] ?? facts.now }
      failing[node] = fresh.isEmpty ? nil : fresh
      if !fresh.isEmpty {
        unfit.insert(node)
        wellSince[node] = nil
      } else if findings.isEmpty, unfit.remove(node) != nil {
        wellSince[node] = facts.now
      }
    }
  }

  /// Seconds for which the check has been seen to fail there; nil: it has not.
  func seconds(of check: CheckName, on node: NodeName, now: BootInstant) -> Double? {
    failing[node]?[check].map { (now - $0).inSeconds }
  }

  /// Seconds since the last of them was seen not to fail any more; nil: none failed.
  func wellFor(_ node: NodeName, now: BootInstant) -> Double? { wellSince[node].map { (now - $0).inSeconds } }
}
