import GuardProtocol

/// Nodes that are kept empty on purpose, and nodes that keep failing: what the planner makes of their records.
extension Controller {
  func isInMaintenance(_ node: NodeName) -> Bool {
    // What cannot be read may be one.
    view.maintenance[node]?.value.phase == .empty || view.unreadable[.maintenance(node)] != nil
  }

  /// It is up, and what it runs has to leave.
  func isEmptied(_ node: NodeName) -> Bool {
    guard isInMaintenance(node) else { return false }
    return view.session(of: node)?.record.value.phase == .active
  }

  func maintenance(of node: NodeName) -> PlanningSnapshot.Maintenance? {
    // Nobody knows what was asked for: nothing leaves, nothing comes.
    if view.unreadable[.maintenance(node)] != nil { return PlanningSnapshot.Maintenance(atOnce: 0) }
    return view.maintenance[node].map { stored in
      let record = stored.value
      return PlanningSnapshot.Maintenance(
        brings: record.phase == .over ? record.brings : nil,
        atOnce: isOverdue(record) ? nil : record.parallel ?? MaintenanceRecord.defaultParallel,
        leavesPending: record.leavesPending)
    }
  }

  /// Nothing is waited for any more.
  func isOverdue(_ maintenance: MaintenanceRecord) -> Bool {
    guard maintenance.phase == .empty, let deadline = maintenance.deadline, let time = memory.wallTime(now: now) else {
      return false
    }
    return time >= deadline
  }

  /// It is to run somewhere and does not yet run there; false also where its node keeps it. Told only where somebody asks.
  func isOnItsWay(_ workload: WorkloadName) -> Bool? {
    guard !view.maintenance.isEmpty, let placed = view.placements[workload]?.value.node else { return nil }
    if view.whyKept(workload) != nil { return false }
    let claim = view.claims[workload]?.value
    return !(claim?.holder?.node == placed && claim?.activity == .running && view.isHeld(claim))
  }

  /// Seconds for which it is the last choice still.
  func quarantine(of node: NodeName) -> Double? {
    memory.wallTime(now: now).flatMap { view.losses[node]?.value.remaining(at: $0) }
  }

  /// Its record with the loss that is about to be declared.
  func lossesWith(another node: NodeName) -> LossesRecord? {
    guard let time = memory.wallTime(now: now), !isInMaintenance(node), view.unreadable[.losses(node)] == nil else {
      return nil
    }
    return view.losses[node]?.value.again(at: time) ?? LossesRecord(count: 1, last: time)
  }

  /// When the time to empty this node is over, nothing that is on its way while it runs is waited for any more.
  mutating func watchOwnDeadline() {
    var isOver = false
    if let record = view.maintenance[me]?.value { isOver = isOverdue(record) }
    if isOver != isPastDeadline {
      isPastDeadline = isOver
      makeEveryWorkloadDirty()
    }
    if !isOver, let deadline = view.maintenance[me]?.value.deadline, let time = memory.wallTime(now: now), deadline > time {
      lookAgain(at: now + .milliseconds(deadline - time))
    }
  }

  /// Seconds until a quarantine or the time for an evacuation is over.
  func secondsToNextTerm() -> Double? {
    var terms = view.losses.keys.compactMap { quarantine(of: $0) }
    if let time = memory.wallTime(now: now) {
      terms += view.maintenance.values.compactMap { record in
        record.value.deadline.flatMap { $0 > time ? Double($0 - time) / 1000 : nil }
      }
    }
    return terms.min()
  }

  /// It is to go there still, or on its way there.
  private func isComingHome(_ workload: WorkloadName, _ placement: PlacementRecord, to node: NodeName) -> Bool {
    if placement.home == node { return true }
    return placement.node == node && view.intents[workload]?.value.desired == .running && isOnItsWay(workload) == true
  }

  /// A maintenance that is over ends when everything has gone home that goes home at all.
  mutating func endMaintenances() {
    guard let own = session.acting, let planner = view.planner else { return }
    for (node, record) in view.maintenance.sorted(by: { $0.key < $1.key }) where record.value.phase == .over {
      guard !view.placements.contains(where: { isComingHome($0.key, $0.value.value, to: node) }) else { continue }
      guard !isUnderWay({ $0 == .endMaintenance(node) }) else { continue }
      transact(
        .endMaintenance(node),
        ClusterTransaction(
          if: [
            .stands(.session(own.incarnation), created: own.created), .unchanged(.planner, modified: planner.modified),
            .unchanged(.maintenance(node), modified: record.modified)
          ], write: [.delete(.maintenance(node))]))
    }
  }
}
