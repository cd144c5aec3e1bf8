import GuardProtocol

/// A running domain comes under protection in steps, each of which can be the last for a while: its XML is in the store, the guard
/// knows it, its persistent definition is gone, and only then is there a claim. Until then nobody else may start it, and whatever
/// breaks the adoption off leaves a domain that runs once or not at all.
extension Controller {
  func isAdopting(_ workload: WorkloadName) -> Bool {
    guard let intent = view.intents[workload]?.value else { return false }
    return intent.desired == .adopting && intent.adopter == me
  }

  /// It was marked, and the claim to the mark never came.
  func wasAdoptedHalfway(_ workload: WorkloadName, _ domain: DomainObservation) -> Bool {
    guard let mark = domain.mark, mark.cluster == configuration.cluster else { return false }
    return mark.epoch > view.claims[workload]?.value.epoch ?? .none
  }

  /// Adoptions on this node whose claim may come, or have come, without this controller seeing it: the domain carries its mark, or libvirt
  /// does not tell. nil: one of them is to be completed here first.
  func adoptionsInDoubt() -> [(WorkloadName, Stored<IntentRecord>)]? {
    var inDoubt: [(WorkloadName, Stored<IntentRecord>)] = []
    for (workload, intent) in view.intents where isAdopting(workload) {
      guard let spec = view.specs[workload]?.value else { continue }
      switch local.sight(of: DomainID(connection: spec.connection, name: workload.text)) {
      case .unknown: inDoubt.append((workload, intent))
      case .present(let domain): if wasAdoptedHalfway(workload, domain) { return nil }
      // A claim without a domain is nothing that a session's end could harm.
      case .absent: break
      }
    }
    return inDoubt.sorted { $0.0 < $1.0 }
  }

  mutating func adopt(_ workload: WorkloadName, _ domain: DomainObservation, _ spec: SpecRecord) {
    // A node that leaves begins none; one whose claim may be on its way is completed, and handed over like the others.
    if isLeaving, !wasAdoptedHalfway(workload, domain) { return letGo(workload) }
    protect(workload, domain, spec)
    guard mayAct, isGuarded(workload) || !rules.isExclusive(workload, spec), agents[workload]?.operation == nil else { return }
    let claimed = view.claims[workload]?.value.epoch ?? .none
    let isMarked = wasAdoptedHalfway(workload, domain)
    let epoch = isMarked ? domain.mark?.epoch ?? claimed.next : claimed.next
    guard isMarked, !domain.persistent else {
      guard mayTry(workload) else { return }
      begin(.mark, workload)
      let mark = ClaimMark(cluster: configuration.cluster, workload: workload.text, epoch: epoch)
      return out.append(.mark(workload, domain.id, uuid: domain.uuid, mark))
    }
    takeAdopted(workload, at: epoch)
  }

  private mutating func takeAdopted(_ workload: WorkloadName, at epoch: Epoch) {
    guard let own = session.acting, mayWrite(workload), let spec = view.specs[workload], let intent = view.intents[workload]
    else { return }
    var conditions: [Condition<RecordKey>] = [
      .stands(.session(own.incarnation), created: own.created), .stands(.spec(workload), created: spec.created),
      .unchanged(.intent(workload), modified: intent.modified), view.asSeen(.placement(workload), view.placements[workload]),
      view.asSeen(.claim(workload), view.claims[workload])
    ]
    if let holder = view.claims[workload]?.value.holder { conditions.append(.absent(.session(holder.incarnation))) }
    let holder = ClaimRecord.Holder(node: me, incarnation: own.incarnation)
    let placement = PlacementRecord(
      node: me, reason: "adopted here", servedMove: view.placements[workload]?.value.servedMove ?? 0)
    agents[workload, default: Agent()].writing = true
    transact(
      .adopt(workload),
      ClusterTransaction(
        if: conditions,
        write: [
          .put(.intent(workload), .intent(IntentRecord(desired: .running))), .put(.placement(workload), .placement(placement)),
          .put(.claim(workload), .claim(ClaimRecord(epoch: epoch, holder: holder, activity: .running)))
        ]))
  }

  mutating func adopted(_ workload: WorkloadName, at revision: Revision) {
    written(workload)
    agents[workload, default: Agent()].proven = revision
    note(.adopted, "\(workload) is under protection, on \(me)", workload: workload)
  }
}
