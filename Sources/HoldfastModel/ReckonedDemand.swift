/// What a workload is reckoned with where it runs, while that is not what is defined.
extension ClusterView {
  /// The demand of a workload, as plans reckon it: while its node runs an earlier definition of it, no less than that needs.
  public func demand(of workload: WorkloadName) -> Resources? {
    guard let spec = specs[workload] else { return nil }
    guard let running = spec.value.runsWith, let holder = holder(of: workload) else { return spec.value.demand }
    let report = reports[holder]
    // The definition has just changed, and the node has not told yet what it runs.
    let isUntold = report.map { $0.modified < spec.modified } ?? true
    let isOutdated = report?.value.outdated?.contains(workload) == true
    return isUntold || isOutdated ? spec.value.demand.atLeast(running) : spec.value.demand
  }
}

extension SpecRecord {
  /// The same as the next definition of the workload: what runs of it keeps what it has until its next start.
  public func following(_ workload: WorkloadName, in view: ClusterView) -> SpecRecord {
    var spec = self
    spec.runsWith = nil
    guard let present = view.specs[workload]?.value, view.claims[workload]?.value.holder != nil,
      let reckoned = view.demand(of: workload), xml != present.xml || reckoned != present.demand,
      demand.atLeast(reckoned) != demand
    else { return spec }
    spec.runsWith = reckoned
    return spec
  }
}

extension Resources {
  /// Of each the larger amount.
  fileprivate func atLeast(_ other: Resources) -> Resources {
    Resources(memory: max(memory, other.memory), cpus: max(cpus, other.cpus))
  }
}
