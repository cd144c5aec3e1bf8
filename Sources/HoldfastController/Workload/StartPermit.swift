import HoldfastModel
import HoldfastTime

/// What a start needs (Docs/safety.md, rules 5, 10, 11): a claim that this life has proven, the guard's word that it knows of the start, and
/// time left to the deadline.
struct StartPermit: ~Copyable {
  let workload: WorkloadName
  let epoch: Epoch
  /// The start is not to be made after this instant.
  let notAfter: BootInstant

  init?(_ claim: consuming ClaimPermit, _ receipt: consuming GuardReceipt, _ turn: borrowing Turn, startBudget: Duration) {
    guard claim.workload == receipt.workload, turn.mayAct, turn.session.mayWrite, let deadline = turn.session.deadline else {
      return nil
    }
    let notAfter = deadline - startBudget
    guard turn.now < notAfter else { return nil }
    workload = claim.workload
    epoch = claim.epoch
    self.notAfter = notAfter
  }
}

/// What a paused domain needs to be resumed: a claim that is this node's, and time left to the deadline.
struct ResumePermit: ~Copyable {
  let workload: WorkloadName
  /// It is not to be resumed after this instant.
  let notAfter: BootInstant

  init?(_ claim: consuming HeldClaim, _ turn: borrowing Turn, startBudget: Duration) {
    guard turn.mayAct, turn.session.mayWrite, let deadline = turn.session.deadline else { return nil }
    let notAfter = deadline - startBudget
    guard turn.now < notAfter else { return nil }
    workload = claim.workload
    self.notAfter = notAfter
  }
}

/// What a live migration needs to be asked of libvirt (Docs/safety.md, rule 13): a claim that is this node's and says that the target is ready. Its
/// guard covers what arrives then. The target wrote the claim last, so it is not a claim that this life has written.
struct MigrationPermit: ~Copyable {
  let workload: WorkloadName
  /// It is not to be begun after this instant.
  let notAfter: BootInstant

  init?(_ claim: consuming HeldClaim, to target: NodeName, _ turn: borrowing Turn, startBudget: Duration) {
    guard let migration = claim.migration, migration.step == .ready, migration.target.node == target, turn.mayAct,
      turn.session.mayWrite, let deadline = turn.session.deadline
    else { return nil }
    let notAfter = deadline - startBudget
    guard turn.now < notAfter else { return nil }
    workload = claim.workload
    self.notAfter = notAfter
  }
}
