import HoldfastModel
import HoldfastTime

/// Everything that is frozen here was decided about, in this turn. `FrozenWorkloads` alone makes it, when it has done so.
struct SettledFreeze: ~Copyable {
  /// The workloads that may continue.
  let kept: [WorkloadName]
}

/// The right to thaw: a transaction that was committed under the session that stands, after everything frozen here was decided about, and time
/// left to the deadline.
struct ThawPermit: ~Copyable {
  let deadline: BootInstant

  /// - Parameters:
  ///   - asked: what the transaction that was committed was about, and the session that it was asked under.
  ///   - settled: what is frozen here now and may go on.
  init?(
    _ settled: consuming SettledFreeze, validated asked: (workloads: Set<WorkloadName>, incarnation: Incarnation),
    _ session: borrowing SessionPermit
  ) {
    // The proof is of the session that it was asked under: a later one has other claims.
    guard session.incarnation == asked.incarnation, session.mayWrite, session.isValid, let deadline = session.deadline
    else {
      return nil
    }
    // What was seen between the question and the answer was not asked about.
    guard asked.workloads.isSuperset(of: settled.kept) else { return nil }
    self.deadline = deadline
  }
}
