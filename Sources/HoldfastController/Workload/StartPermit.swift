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

  init?(_ line: ClaimLine, _ own: WorkloadFacts, _ turn: borrowing Turn, startBudget: Duration) {
    guard line.isMine(own), turn.mayAct, turn.session.mayWrite, let deadline = turn.session.deadline else { return nil }
    let notAfter = deadline - startBudget
    guard turn.now < notAfter else { return nil }
    workload = own.name
    self.notAfter = notAfter
  }
}
