import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// Errands: what a node does once with what runs there, because an operator asked for it.
enum Errands {
  /// Carries out what is to be done. Left is a workload of which nothing is to be done, or for which it is not the time: it stays as it is.
  static func carryOut(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts,
    _ own: WorkloadFacts, _ effects: inout Effects
  ) -> Attention {
    // What has just arrived is this node's in every respect first, and what leaves with its node starts anew elsewhere.
    guard let errand = own.errand, own.isWantedHere, !own.hasArrived, !turn.stance.isLeaving else { return .left }
    switch domain.state {
    case .running, .paused: break
    // It executes nothing, and cannot be resumed.
    case .crashed: guard errand == .restart || errand == .reset else { return .left }
    // Of what is on its way up or down nobody can tell what it is by then.
    case .arriving, .stopping, .unclear: return .left
    }
    // What could not be started or resumed again is left as it is.
    guard turn.mayAct else {
      effects.waitForTime(parts.name)
      return .left
    }
    switch (errand, domain.state) {
    // It would be stopped, and not started again: its disk has changed since the operator asked.
    case (.restart, _) where own.claim?.value.newerDisks != nil, (.reset, _) where own.claim?.value.newerDisks != nil:
      effects.noteOnce(
        .stopping, "\(parts.name) is not restarted on \(facts.me): its definition names older disks than it runs on",
        severity: .warning, workload: parts.name)
      parts.line.endErrand(own, turn, &effects)
    case (.restart, _), (.reset, _):
      // What is paused, or crashed, cannot shut down.
      let isGraceful = errand == .restart && !domain.cannotShutDown
      restart(&parts, domain, grace: isGraceful ? .seconds(spec.stopTimeout) : .zero, turn, facts, own, &effects)
    case (.pause, .running):
      return pause(&parts, domain, facts, &effects)
    case (.pause, _):
      effects.unsay(.stopping, workload: parts.name)
      return .left
    case (.resume, .paused):
      effects.unsay(.started, workload: parts.name)
      parts.resume(domain, turn, facts, own, &effects)
    case (.resume, _):
      effects.noteOnce(.started, "\(parts.name) is resumed on \(facts.me)", severity: .info, workload: parts.name)
      parts.line.endErrand(own, turn, &effects)
    }
    return .taken
  }

  /// It shuts down, for a restart, a move or a stop, and an operator wants it ended at once: whoever waits for its guest waits no longer. What follows
  /// its end stays as it was.
  static func cutStopShort(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, _ turn: borrowing Turn, _ own: WorkloadFacts, _ me: NodeName,
    _ effects: inout Effects
  ) {
    guard own.errand == .reset, !turn.guardWord.isFrozen, parts.run.cutsStopShort() else { return }
    effects.note(
      .stopping, "\(parts.name) is ended at once on \(me), as an operator asked: its shutdown is waited for no longer",
      workload: parts.name)
    effects.stop(parts.name, domain, grace: .zero)
  }

  private static func pause(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, _ facts: Facts, _ effects: inout Effects
  ) -> Attention {
    let door = parts.run.door(at: facts.now)
    guard door.isOpen else {
      effects.agenda.wait(parts.name, for: door)
      return .left
    }
    effects.noteOnce(
      .stopping, "\(parts.name) is paused on \(facts.me), as an operator asked for it", severity: .info, workload: parts.name)
    parts.run.begin(.suspend)
    effects.suspend(parts.name, domain)
    return .taken
  }

  /// Stops what runs here, so that it is started anew; the write before its start takes the errand away. A controller that dies in between leaves
  /// nothing that the next life would not find: the errand stands, and the workload is here or it is not.
  private static func restart(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, grace: Duration, _ turn: borrowing Turn, _ facts: Facts,
    _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    parts.line.tell(.stopping, own, &effects)
    let door = parts.run.door(at: facts.now)
    guard door.isOpen else { return effects.agenda.wait(parts.name, for: door) }
    effects.noteOnce(
      .stopping, "\(parts.name) is restarted on \(facts.me): it stops first", severity: .info, workload: parts.name)
    parts.stop(domain, grace: grace, turn, &effects)
  }
}
