import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// The node checks that failed on so many nodes at once that the cause was none of theirs, as this planner has seen it. It ends for one node before
/// the others: who is the last to be well again is left no sooner than one who has just begun to fail.
struct CommonCauses: Hashable, Sendable {
  private enum Cause: Hashable, Sendable {
    case stands
    case ended(BootInstant)
  }
  private var causes: [CheckName: Cause] = [:]
  /// The first plan: what nodes had in common before it, nobody here knows.
  private var since: BootInstant?

  /// A node's time to settle counts from when the check failed on it alone.
  func settle(_ snapshot: inout PlanningSnapshot, at now: BootInstant) {
    for row in snapshot.nodes.indices {
      guard let findings = snapshot.nodes[row].findings else { continue }
      snapshot.nodes[row].findings = findings.map { finding in
        var finding = finding
        let seconds = secondsAlone(finding.check, at: now)
        finding.seconds = min(finding.seconds ?? seconds, seconds)
        return finding
      }
    }
  }

  private func secondsAlone(_ check: CheckName, at now: BootInstant) -> Double {
    let watched = since.map { (now - $0).inSeconds } ?? 0
    return switch causes[check] {
    case nil: watched
    case .stands: 0
    case .ended(let instant): min(watched, (now - instant).inSeconds)
    }
  }

  /// A plan was made.
  ///
  /// - Parameter checks: those that the policies want made.
  mutating func see(_ warnings: [PlanWarning], checks: some Sequence<CheckName>, at now: BootInstant) {
    since = since ?? now
    let wanted = Set(checks)
    let common = Set(warnings.compactMap { if case .commonCause(let check, _, _, _) = $0.what { check } else { nil } })
    causes = causes.filter { wanted.contains($0.key) }
    for (check, cause) in causes where cause == .stands && !common.contains(check) { causes[check] = .ended(now) }
    for check in common { causes[check] = .stands }
  }
}
