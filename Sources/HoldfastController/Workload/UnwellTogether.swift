import HoldfastModel
import HoldfastTime

/// Whether what fails here fails rather for the node's network: where most workloads that are asked over it fail at once, none of them is ended
/// for that at once.
enum UnwellTogether {
  /// Until when nothing is done about the workload for that; nil: it is not so.
  static func pause(_ cause: WorkloadHealth.Finding, _ own: WorkloadFacts, _ facts: Facts) -> BootInstant? {
    guard let since = facts.health[own.name]?.since, throughNode(own.spec?.value).contains(cause.check) else { return nil }
    let until = since + Limits.unwellTogetherPause
    guard facts.now < until else { return nil }
    var asked = 0, failing = 0
    for (name, entry) in facts.health.entries {
      let checks = throughNode(facts.view.specs[name]?.value)
      guard !checks.isEmpty else { continue }
      asked += 1
      if entry.health.findings.contains(where: { !$0.isUnknown && checks.contains($0.check) }) { failing += 1 }
    }
    return failing >= Limits.unwellTogether && failing * 2 > asked ? until : nil
  }

  /// The checks for which it would be ended and that are asked over the node's own network.
  private static func throughNode(_ spec: SpecRecord?) -> Set<CheckName> {
    Set((spec?.checks ?? []).lazy.filter { $0.reaction == .restart && $0.probe.isThroughNode }.map(\.name))
  }
}
