import HoldfastController
import HoldfastModel
import Simulator

extension Mutant {
  /// Found in storms in which workloads have checks, and services fail.
  static let checks: [Mutant] = [
    Mutant("a check that cannot be made counts as one that fails", breaks: .wellIsLeftAlone, withChecks: true) {
      EventMutant { event, _ in
        guard case .health(let workload, let run, let health) = event, health.state == .unknown else { return [event] }
        let findings = health.findings.map { finding in
          WorkloadHealth.Finding(finding.check, finding.reason, isUnknown: false, reaction: finding.reaction)
        }
        return [.health(workload, run: run, WorkloadHealth(.failing, findings))]
      }
    },
    Mutant("what checks found of a run counts for the next", breaks: .wellIsLeftAlone, withChecks: true) { ForeverUnwell() },
    Mutant("what is on hold is judged", breaks: .wellIsLeftAlone, withChecks: true) {
      ActionMutant { action, _ in
        guard case .check(var subject) = action else { return [action] }
        subject.isOnHold = false
        return [.check(subject)]
      }
    },
    Mutant("that a check fails is told to nobody", breaks: .unwellIsEnded, withChecks: true) {
      EventMutant { event, _ in if case .health(_, _, let health) = event, health.state == .failing { [] } else { [event] } }
    }
  ]
}

/// The health of a run is remembered beyond its end.
private final class ForeverUnwell: Tampering {
  private var unwell: [WorkloadName: WorkloadHealth] = [:]
  private var begun: [(WorkloadName, Int)] = []

  func actions(for action: Action, _ scene: Scene) -> [Action] {
    if case .check(let subject) = action, unwell[subject.workload] != nil { begun.append((subject.workload, subject.run)) }
    return [action]
  }

  func events(for event: Event, _ scene: Scene) -> [Event] {
    if case .health(let workload, _, let health) = event, health.state == .failing { unwell[workload] = health }
    defer { begun = [] }
    return [event] + begun.compactMap { workload, run in unwell[workload].map { .health(workload, run: run, $0) } }
  }
}
