import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// What a node does with what runs there, because an operator asked for it.
enum Errands {
  /// - Returns: false when there is nothing to do, or it is not the time for that: what is here stays as it is.
  static func step(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts,
    _ own: WorkloadFacts, _ effects: inout Effects
  ) -> Bool {
    // What has just arrived is this node's in every respect first, and what leaves with its node starts anew elsewhere.
    guard let errand = own.errand, own.isWantedHere, !own.hasArrived, !turn.stance.isLeaving else { return false }
    // Of what is on its way up or down nobody can tell what it is by then.
    guard domain.state == .running || domain.state == .paused else { return false }
    // What could not be started or resumed again is left as it is.
    guard turn.mayAct else {
      effects.agenda.waitForTime(parts.name, until: facts.now + facts.timing.renewInterval / 2)
      return false
    }
    switch (errand, domain.state) {
    // It would be stopped, and not started again: its disk has changed since the operator asked.
    case (.restart, _) where own.claim?.value.newerDisks != nil, (.reset, _) where own.claim?.value.newerDisks != nil:
      effects.noteOnce(
        .stopping, "\(parts.name) is not restarted on \(facts.me): its definition names older disks than it runs on",
        severity: .warning, workload: parts.name)
      parts.line.endErrand(own, turn, &effects)
    case (.restart, _), (.reset, _):
      // What is paused cannot shut down.
      let isGraceful = errand == .restart && domain.state == .running
      restart(&parts, domain, grace: isGraceful ? .seconds(spec.stopTimeout) : .zero, turn, facts, own, &effects)
    case (.pause, .running):
      guard parts.run.mayTryOrWait(parts.name, &effects) else { return false }
      effects.noteOnce(
        .stopping, "\(parts.name) is paused on \(facts.me), as an operator asked for it", severity: .info, workload: parts.name)
      parts.run.begin(.suspend)
      effects.suspend(parts.name, domain)
    case (.pause, _):
      effects.unsay(.stopping, workload: parts.name)
      return false
    case (.resume, .paused):
      effects.unsay(.started, workload: parts.name)
      parts.resume(domain, turn, facts, own, &effects)
    case (.resume, _):
      effects.noteOnce(.started, "\(parts.name) is resumed on \(facts.me)", severity: .info, workload: parts.name)
      parts.line.endErrand(own, turn, &effects)
    }
    return true
  }

  /// Stops what runs here, so that it is started anew; the write before its start takes the errand away. A controller that dies in between leaves
  /// nothing that the next life would not find: the errand stands, and the workload is here or it is not.
  private static func restart(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, grace: Duration, _ turn: borrowing Turn, _ facts: Facts,
    _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    parts.line.tell(.stopping, own, &effects)
    guard parts.run.mayTryOrWait(parts.name, &effects) else { return }
    effects.noteOnce(
      .stopping, "\(parts.name) is restarted on \(facts.me): it stops first", severity: .info, workload: parts.name)
    parts.stop(domain, grace: grace, turn, &effects)
  }
}
