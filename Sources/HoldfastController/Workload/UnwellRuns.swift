import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// What a node does about what runs there and fails its checks: the same as if it had ended by itself. It is started anew in place as often as its
/// policy says; then another node is tried, if one can take it. Where none can, it runs on, and is started anew later each time.
enum UnwellRuns {
  /// - Returns: true when it is being ended for it.
  static func step(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts,
    _ own: WorkloadFacts, _ effects: inout Effects
  ) -> Bool {
    guard let cause = parts.watch.cause(parts.name, facts) else {
      parts.recovers(facts, &effects)
      return false
    }
    if let reason = HeldReason.of(own, turn, facts) {
      parts.watch.keep(because: reason, &effects)
      return false
    }
    guard turn.mayAct else {
      effects.agenda.waitForTime(parts.name, until: facts.now + facts.timing.renewInterval / 2)
      return false
    }
    guard let permit = UnwellPermit(parts, domain, turn, facts, own) else { return false }
    let failover = facts.rules.settings(of: parts.name, spec).failover
    count(cause, failover, &parts, facts, &effects)
    if let reason = waits(failover, parts, facts, &effects) {
      parts.watch.keep(because: reason, &effects)
      return false
    }
    parts.watch.keep(because: nil, &effects)
    parts.endUnwell(permit, domain, grace: .seconds(spec.stopTimeout), turn, own, &effects)
    return true
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

  /// Why it runs on for now, after its restarts were in vain; nil: it is ended now.
  private static func waits(
    _ failover: Failover, _ parts: borrowing WorkloadParts, _ facts: Facts, _ effects: inout Effects
  ) -> HeldReason? {
    guard failover.isExhausted(by: parts.run.ends), let since = parts.watch.countedAt else { return nil }
    guard failover.then != .leaveRunning else { return .leftRunning(times: parts.run.ends) }
    let over = parts.run.ends - (failover.restarts ?? Failover.defaultRestarts)
    let until = since + Limits.unwellPause * (1 << min(over - 1, Limits.lengtheningUnwell))
    guard facts.now < until else { return nil }
    effects.agenda.look(at: parts.name, at: until)
    return .restartedLater(times: parts.run.ends)
  }
}

extension HeldReason {
  /// Why a run that fails its checks is not ended for that, whatever its policy; nil: nothing is against it. What is the node's own trouble, and not the
  /// workload's, would be told apart here.
  static func of(_ own: WorkloadFacts, _ turn: borrowing Turn, _ facts: Facts) -> HeldReason? {
    if facts.isDisarmed { return .disarmed }
    if turn.stance.isLeaving { return .leaving(facts.me) }
    if Maintenances(facts).contains(facts.me) { return .maintenance(facts.me) }
    // It would be stopped, and not be started again.
    if own.claim?.value.newerDisks != nil { return .olderDefinition }
    return nil
  }
}
