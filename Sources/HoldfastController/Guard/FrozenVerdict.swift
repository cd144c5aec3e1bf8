import HoldfastModel

/// The fate of one workload that is frozen here.
enum FrozenVerdict: Hashable, Sendable {
  /// The workload may continue, under a claim that is validated.
  case keep
  /// Something about it is not known yet.
  case undecided
  /// Its claim may come back: so it waits, and not for long.
  case reclaimable
  /// The workload lost its claim, or is a copy of what ran elsewhere since.
  case killPending(isStale: Bool)
  /// Nothing of it is here, and an earlier start of it must not come any more.
  case keepWhenBarred
  /// The workload left protection here, or never came under it.
  case leave

  /// The workload's fate when everything here is frozen.
  static func of(_ parts: borrowing WorkloadParts, _ own: WorkloadFacts, _ facts: Facts, _ guardWord: borrowing GuardWord)
    -> FrozenVerdict
  {
    if own.spec != nil, own.staleCopy != nil { return .killPending(isStale: true) }
    if parts.line.isMine(own) || own.isAdopting { return .keep }
    // Nothing of it is here, but a start from before may still come.
    if own.isOnlyArriving { return parts.mayStillAppear ? .keepWhenBarred : .keep }
    if facts.view.unreadable[.claim(parts.name)] != nil || own.isUnreadable && own.wasHere { return .undecided }
    // A definition that cannot be read was not taken out of the store: what another node has claimed does not go on here.
    let isAnothers = own.isUnreadable && own.isAnothers
    if own.spec == nil, !isAnothers, own.staleCopy == nil, !parts.mayComeBack(own, facts) {
      // Left protection here, or never came under it: nobody's business any more.
      return parts.mayBlockHypervisor(facts, guardWord) ? .undecided : .leave
    }
    return parts.mayReclaim(own, facts) ? .reclaimable : .killPending(isStale: false)
  }
}
