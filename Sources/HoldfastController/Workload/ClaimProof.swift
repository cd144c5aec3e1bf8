import HoldfastModel

/// The right of this life of the controller to one workload, as far as it is proven: the only maker of the permits that follow from that.
///
///     none ──a write is committed──▶ written ──a release is unanswered──▶ in doubt ──a later write is committed──▶ written
///
/// It begins anew as none when the workload is not this node's any more; and what was written, when the store is an earlier one than it was.
struct ClaimProof: Hashable, Sendable {
  /// Each with a revision of the claim: it says nothing of the claim at another one.
  private enum Proof: StateList {
    case none
    /// This life wrote the claim at that revision: whatever was sent on an earlier one is refused.
    case written(Written)
    /// A release was sent at that revision and nobody knows what became of it: as long as the claim is seen at it, it may be given up already.
    case inDoubt(Revision)

    func mayBecome(_ next: Proof) -> Bool {
      switch (self, next) {
      // Nothing is unlearned but by beginning anew: a claim that is seen at another revision is not proven by this one.
      case (_, .none): false
      // Every write has a revision of its own, and is guarded on the one before it.
      case (.written(let before), .written(let after)): before.revision != after.revision
      case (.inDoubt(let before), .written(let after)): before != after.revision
      case (.none, .written), (_, .inDoubt): true
      }
    }
  }

  /// The claim as it was written, to be compared with what is read back.
  private struct Written: Hashable, Sendable {
    var revision: Revision
    /// nil: the write took no claim, or ended it.
    var epoch: Epoch?
    var holder: ClaimRecord.Holder?
  }

  private var course = StateCourse(Proof.none)

  private init() {}

  /// A new one knows of no release in doubt.
  init(_ vacancy: borrowing Vacancy) {}

  var isBlank: Bool { self == ClaimProof() }
  var breach: String? { course.breach }

  mutating func written(_ claim: ClaimRecord?, at revision: Revision) {
    course.move(to: .written(Written(revision: revision, epoch: claim?.epoch, holder: claim?.holder)))
  }

  /// A release, or what is one, may have been applied, and may still be.
  mutating func doubt(_ revision: Revision) { course.move(to: .inDoubt(revision)) }

  /// The workload is not this node's any more.
  mutating func retire() { course.beginAnew(as: .none) }

  /// The store is an earlier one than it was: what was written to it may not be there, and its revisions are given again. A doubt stays.
  mutating func storeWentBack() { if case .written = course.state { course.beginAnew(as: .none) } }

  /// The claim that the store shows at the revision of this life's write is what was written; true where it shows another revision.
  func agrees(_ own: WorkloadFacts) -> Bool {
    guard case .written(let written) = course.state, let claim = own.claim, claim.modified == written.revision,
      let epoch = written.epoch
    else { return true }
    return claim.value.epoch == epoch && claim.value.holder == written.holder
  }

  /// This life of the controller has written nothing of the claim: what it says is from an earlier one, or from another node.
  var isUnwritten: Bool { course.state == .none }

  // MARK: what follows from it

  /// The claim is ours, and no release of it may have been applied without our knowing.
  func isMine(_ own: WorkloadFacts) -> Bool {
    guard own.isClaimed, let claim = own.claim else { return false }
    return course.state != .inDoubt(claim.modified)
  }

  /// The claim that is ours; nil: it is another's, or in doubt.
  func held(_ own: WorkloadFacts) -> HeldClaim? {
    guard isMine(own), let claim = own.claim else { return nil }
    return HeldClaim(workload: own.name, epoch: claim.value.epoch, migration: claim.value.migration)
  }

  /// The claim as this life of the controller has written it; nil: it is another's, in doubt, or not proven yet. An errand is meant for the run
  /// before: the write that proves the claim takes it away, so that no start carries it into the next run.
  func permit(_ own: WorkloadFacts) -> ClaimPermit? {
    guard isMine(own), own.errand == nil, let claim = own.claim, case .written(let written) = course.state,
      written.revision == claim.modified
    else { return nil }
    return ClaimPermit(workload: own.name, epoch: claim.value.epoch)
  }
}

/// The right to start the workload: its claim is this node's, and this life of the controller has written it, so that no request from before
/// can take it away unseen (Docs/safety.md, rule 10). Only `ClaimProof` makes it.
struct ClaimPermit: ~Copyable {
  let workload: WorkloadName
  let epoch: Epoch

  fileprivate init(workload: WorkloadName, epoch: Epoch) {
    self.workload = workload
    self.epoch = epoch
  }
}

/// The right to go on with what runs: the claim is this node's, and no release of it is in doubt (Docs/safety.md, rules 10 and 13). Others may have
/// written it last, as the target of a migration does when it is ready: so it is less than a `ClaimPermit`. Only `ClaimProof` makes it.
struct HeldClaim: ~Copyable {
  let workload: WorkloadName
  let epoch: Epoch
  /// As the claim says.
  let migration: ClaimRecord.Migration?

  fileprivate init(workload: WorkloadName, epoch: Epoch, migration: ClaimRecord.Migration?) {
    self.workload = workload
    self.epoch = epoch
    self.migration = migration
  }
}
