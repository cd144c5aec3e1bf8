/// A workload that is defined and whose intent is missing. No command brings that about: somebody deleted the record, or the store lost it. What
/// was wanted of it can only be read from what the other records prove.
extension ClusterView {
  public func lacksIntent(_ workload: WorkloadName) -> Bool {
    specs[workload] != nil && intents[workload] == nil && !isUnreadable(workload)
  }

  /// It has no intent, and the other records prove that it was to run.
  public func isProvenWanted(_ workload: WorkloadName) -> Bool {
    lacksIntent(workload) && claims[workload]?.value.provesWanted(placements[workload]?.value) == true
  }

  /// The node on which a workload that is left alone has its room, as its intent is missing or a record of it cannot be read: where it runs, as far as
  /// anybody can say.
  public func seat(ofLeftAlone workload: WorkloadName) -> NodeName? {
    if unreadable[.claim(workload)] != nil { return placements[workload]?.value.node }
    return isUnreadable(workload) ? claims[workload]?.value.holder?.node : holder(of: workload)
  }

  /// Workloads that lack their intent, sorted.
  public var withoutIntent: [WorkloadName] { specs.keys.filter { intents[$0] == nil && lacksIntent($0) }.sorted() }
}

extension ClaimRecord {
  /// Its holder has the workload, or had it last, as people wanted it to run. What an operator has stopped is never taken for that.
  ///
  /// - Parameter placement: the workload's; nil: it is missing, too.
  package func provesWanted(_ placement: PlacementRecord?) -> Bool {
    guard let holder else { return false }
    guard let placement else { return true }
    guard placement.node != nil || placement.reason != PlacementReason(.stopped) else { return false }
    // What is being stopped where it belongs may be stopped for good: nobody can say.
    return activity != .stopping || placement.node != holder.node
  }
}
