import GuardCore
import HoldfastModel

/// What leaves protection goes on where it runs, and nowhere else: its mark is taken off, the guard leaves it alone, and its records go but for
/// the claim, which says where it went on. Whatever comes up of it elsewhere after that is a stale copy.
extension Controller {
  mutating func unprotect(_ workload: WorkloadName, _ domain: DomainObservation) {
    guard agents[workload]?.operation == nil, agents[workload]?.writing != true else { return }
    if agents[workload]?.unmarked == true { return forget(workload) }
    guard mayTry(workload) else { return }
    begin(.unmark, workload)
    out.append(.unmark(workload, domain.id, uuid: domain.uuid))
  }

  /// It left protection: the guard is to leave alone what runs on here.
  mutating func letGo(_ workload: WorkloadName) {
    guard !standsStillStarting(workload) else { return }
    let domain = view.identity(of: workload).flatMap { local.domains[DomainID(connection: $0.connection, name: workload.text)] }
    // Whether it runs on is not known before libvirt has spoken.
    guard domain != nil || local.isComplete else { return }
    unguard(workload, domain?.cgroup.map { .release(workload: workload.text, cgroup: $0) } ?? .forget(workload: workload.text))
  }

  /// libvirt may be waiting for a start of it that stands still, which only the guard can end: it is let go when everything here goes on.
  private func standsStillStarting(_ workload: WorkloadName) -> Bool {
    guardian.isIsolated && guardian.starting.contains(workload.text)
  }

  /// A domain of a workload that left protection, or is on another connection now, and not of the last run under the claim: somebody else
  /// ran it since. A clone, with another name, is somebody's own.
  func staleCopy(of workload: WorkloadName) -> DomainObservation? {
    let connection = view.specs[workload]?.value.connection
    if connection != nil, configuration.record.connections.count == 1 { return nil }
    guard let claim = view.claims[workload]?.value else { return nil }
    // What went on here is no copy, even when the mark was taken off before it was brought up to date.
    if connection == nil, claim.left?.node == me { return nil }
    for served in configuration.record.connections where served != connection {
      guard let domain = local.domains[DomainID(connection: served, name: workload.text)], let mark = domain.mark else {
        continue
      }
      if mark.cluster == configuration.cluster, mark.workload == workload.text, mark.epoch < claim.epoch { return domain }
    }
    return nil
  }

  /// It left protection, and went on on another node, or nowhere: a start of it that is still on its way here is a stale one. So it is where
  /// it went on here and nothing of it is seen.
  func mayComeBack(_ workload: WorkloadName) -> Bool {
    guard view.specs[workload] == nil, let left = view.claims[workload]?.value.left, mayStillAppear(workload) else {
      return false
    }
    return left.node != me || local.sight(of: DomainID(connection: left.connection, name: workload.text)) == .absent
  }

  mutating func endStale(_ workload: WorkloadName, _ domain: DomainObservation) {
    settleOperation(workload, domain.id, local.sight(of: domain.id))
    protect(
      workload, GuardedWorkload(name: workload.text, isolation: .freeze, cgroup: domain.cgroup, links: domain.links.sorted()))
    guard session.isValid(at: now), agents[workload]?.operation == nil else { return }
    endIntruder(workload, domain)
  }

  /// A domain that carries our mark, of a workload that the store does not know. Nobody else can start it either: left alone.
  mutating func reconcileUnknown(_ workload: WorkloadName) {
    if let domain = staleCopy(of: workload) { return endStale(workload, domain) }
    // What was started here before it ran, and left protection, elsewhere must not come up beside that.
    if mayComeBack(workload) ? !isBarred(workload) : mayBlockTheHypervisor(workload) || standsStillStarting(workload) { return }
    agents[workload]?.lateStart = false
    letGo(workload)
    let isMarked = local.domains.values.contains {
      $0.mark?.workload == workload.text && $0.mark?.cluster == configuration.cluster
    }
    // What has just left protection here is still seen with its mark for a moment.
    guard isMarked, view.claims[workload]?.value.left?.node != me else {
      agents[workload] = nil
      return
    }
    noteOnce(
      .stray,
      "a domain on \(me) carries the mark of \(workload), which this cluster does not know: left alone. Adopt it or destroy it",
      workload: workload)
  }
}
