import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// What a node does once with what runs there, because an operator asked for it.
enum Errands {
  /// Stops what runs here, so that it is started anew; the write before its start takes the errand away. A controller that dies in between leaves
  /// nothing that the next life would not find: the errand stands, and the workload is here or it is not.
  ///
  /// - Returns: false when it is not the time for that: what runs runs on.
  static func restart(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts,
    _ own: WorkloadFacts, _ effects: inout Effects
  ) -> Bool {
    // What has just arrived is this node's in every respect first, and what leaves with its node starts anew elsewhere.
    guard domain.state == .running || domain.state == .paused, !own.hasArrived, !turn.stance.isLeaving else { return false }
    // What could not be started again is not stopped.
    guard turn.mayAct else {
      effects.agenda.waitForTime(parts.name, until: facts.now + facts.timing.renewInterval / 2)
      return false
    }
    parts.line.tell(.stopping, own, &effects)
    guard parts.run.mayTryOrWait(parts.name, &effects) else { return true }
    effects.note(.stopping, "\(parts.name) is restarted on \(facts.me): it stops first", workload: parts.name)
    parts.stop(domain, grace: .seconds(spec.stopTimeout), turn, &effects)
    return true
  }
}
