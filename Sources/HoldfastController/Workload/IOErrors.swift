import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// What a node does about what libvirt paused there as a disk of it has an I/O error: its policy has it resumed now and then, or started anew, or it is
/// left for somebody to act.
enum IOErrors {
  /// Resumes it, or ends it. Left is what has no such error, or for which it is not the time: it stays as it is.
  static func attend(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts,
    _ own: WorkloadFacts, _ effects: inout Effects
  ) -> Attention {
    let policy = facts.rules.settings(of: parts.name, spec).onIOError
    let isPaused = domain.state == .paused && domain.reason == .ioError
    guard isPaused, own.errand != .pause, own.isWantedHere, !turn.stance.isLeaving, policy != .leave else {
      if parts.ioError.end() { effects.unsay(.stopping, workload: parts.name) }
      return .left
    }
    parts.ioError.begin(at: facts.now)
    // A restart would open an older disk than the one with the error.
    if policy == .restart, own.claim?.value.newerDisks != nil {
      tell("is not started anew, as its definition names older disks than it runs on", parts.name, facts.me, &effects)
      return .left
    }
    if policy == .resume {
      tell(
        "is resumed every \(InWords.number(Limits.ioErrorPause.inSeconds)) s until the disk answers, as its policy says",
        parts.name, facts.me, &effects)
      guard facts.now >= parts.ioError.due else {
        effects.agenda.look(at: parts.name, at: parts.ioError.due)
        return .left
      }
    }
    guard turn.mayAct else {
      effects.waitForTime(parts.name)
      return .left
    }
    if policy == .resume {
      parts.ioError.tried(at: facts.now)
      parts.resume(domain, turn, facts, own, &effects)
    } else {
      parts.startAnew(domain, after: "was paused as a disk of it has an I/O error", turn, facts, own, &effects)
    }
    return .taken
  }

  /// - Parameter what: what comes of it, as the predicate of a sentence.
  private static func tell(_ what: String, _ name: WorkloadName, _ me: NodeName, _ effects: inout Effects) {
    effects.noteOnce(
      .stopping, "\(name) is paused on \(me) as a disk of it has an I/O error: it \(what)", severity: .error, workload: name)
  }
}
