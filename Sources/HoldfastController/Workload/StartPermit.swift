import HoldfastModel
import HoldfastTime

/// The right to start (Docs/safety.md, rules 5, 10, 11): a claim that this life has proven, the guard's word that it knows of the start, and
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

/// The right to resume a paused domain: a claim that is this node's, and time left to the deadline.
struct ResumePermit: ~Copyable {
  let workload: WorkloadName
  /// The instant after which the domain is not to be resumed.
  let notAfter: BootInstant

  init?(_ claim: consuming HeldClaim, _ turn: borrowing Turn, startBudget: Duration) {
    guard turn.mayAct, turn.session.mayWrite, let deadline = turn.session.deadline else { return nil }
    let notAfter = deadline - startBudget
    guard turn.now < notAfter else { return nil }
    workload = claim.workload
    self.notAfter = notAfter
  }
}

/// The right to ask libvirt for a live migration (Docs/safety.md, rule 13): a claim that is this node's and says that the target is ready. Its
/// guard covers what arrives then. The target wrote the claim last, so it is not a claim that this life has written.
struct MigrationPermit: ~Copyable {
  let workload: WorkloadName
  /// The instant after which the migration is not to be begun.
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
