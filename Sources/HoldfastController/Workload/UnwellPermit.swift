import HoldfastModel

/// The right to end a run for what its checks tell: a check of this very run fails, it runs here under a claim that is this node's, the guard is armed
/// and nothing is frozen, nothing is under way with it, the guard has not killed it, and neither a person nor the planner wants anything else of it.
struct UnwellPermit: ~Copyable {
  let workload: WorkloadName
  let cause: WorkloadHealth.Finding

  init?(
    _ claim: consuming HeldClaim, _ watch: HealthWatch, _ run: Run, _ domain: DomainObservation, _ turn: borrowing Turn,
    _ facts: Facts, _ own: WorkloadFacts
  ) {
    guard claim.workload == own.name, let cause = watch.cause(own.name, facts), turn.mayAct, !turn.guardWord.isFrozen,
      run.isIdle, !run.wasKilled, domain.state == .running, own.migration == nil, own.isWantedHere, own.errand == nil,
      HeldReason.of(own, turn, facts) == nil
    else { return nil }
    workload = claim.workload
    self.cause = cause
  }
}
