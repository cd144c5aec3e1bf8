import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// A node's dealings with what runs there and fails its checks: the same as if it had ended by itself. It is started anew in place as often as its
/// policy says; then another node is tried, if one can take it. Where none can, it runs on, and is started anew later each time.
enum UnwellRuns {
  /// Ends what fails its checks. Left is a workload that does not, or that runs on for now.
  static func attend(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts,
    _ own: WorkloadFacts, _ effects: inout Effects
  ) -> Attention {
    guard let cause = parts.watch.cause(parts.name, facts) else {
      parts.recovers(facts, &effects)
      return .left
    }
    if let reason = HeldReason.of(own, turn, facts) {
      parts.watch.keep(because: reason, &effects)
      if case .nodeAiling = reason, let trouble = facts.nodeTrouble {
        effects.agenda.look(at: parts.name, at: trouble.since + Limits.unwellTogetherPause)
      }
      return .left
    }
    guard turn.mayAct else {
      effects.waitForTime(parts.name)
      return .left
    }
    guard let claim = parts.line.held(own),
      let permit = UnwellPermit(claim, parts.watch, parts.run, domain, turn, facts, own)
    else { return .left }
    if parts.watch.countedAt == nil {
      parts.watch.lookAround(cause, own, facts)
      if let until = parts.watch.pauseTogether(cause, own, facts) {
        parts.watch.keep(because: .together(facts.me), &effects)
        effects.agenda.look(at: parts.name, at: min(until, facts.now + Limits.unwellTogetherLook))
        return .left
      }
    }
    let failover = facts.rules.settings(of: parts.name, spec).failover
    count(cause, failover, &parts, facts, &effects)
    if let pause = pause(failover, parts, at: facts.now) {
      parts.watch.keep(because: pause.reason, &effects)
      if let until = pause.until { effects.agenda.look(at: parts.name, at: until) }
      return .left
    }
    parts.watch.keep(because: nil, &effects)
    parts.endUnwell(permit, domain, grace: .seconds(spec.stopTimeout), turn, own, &effects)
    return .taken
  }

  /// Once in a run: it counts like an end.
  private static func count(
    _ cause: WorkloadHealth.Finding, _ failover: Failover, _ parts: inout WorkloadParts, _ facts: Facts,
    _ effects: inout Effects
  ) {
    guard parts.watch.countedAt == nil else { return }
    parts.watch.counts(at: facts.now)
    parts.run.countUnwell(Unwell(check: cause.check, reason: cause.reason))
    guard failover.isExhausted(by: parts.run.ends) else { return }
    let rest =
      switch failover.then {
      case .giveUp: "is given up"
      case .leaveRunning: "is left running"
      case .tryAgain, nil: "runs on here and is restarted later each time"
      }
    let what = "fails its check '\(cause.check)' on \(facts.me), \(parts.run.ends) times in a row now"
    effects.note(
      .health, "\(parts.name) \(what): it goes to another node that can take it, or \(rest)", severity: .error,
      workload: parts.name)
  }

  /// Why it runs on for now, after its restarts were in vain, and until when; nil: it is ended now.
  private static func pause(
    _ failover: Failover, _ parts: borrowing WorkloadParts, at now: BootInstant
  ) -> (reason: HeldReason, until: BootInstant?)? {
    let times = parts.run.ends
    guard failover.isExhausted(by: times), let since = parts.watch.countedAt else { return nil }
    guard failover.then != .leaveRunning else { return (.leftRunning(times: times), nil) }
    let over = times - (failover.restarts ?? Failover.defaultRestarts)
    let until = since + Limits.unwellPause * (1 << min(over - 1, Limits.lengtheningUnwell))
    return now < until ? (.restartedLater(times: times), until) : nil
  }
}
