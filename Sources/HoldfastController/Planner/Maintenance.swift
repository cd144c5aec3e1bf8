import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// Nodes that are kept empty on purpose, and nodes that keep failing: what follows from their records, at a moment. Nothing here changes anything.
struct Maintenances {
  private let view: ClusterView
  /// Milliseconds since 1970; nil: not known.
  private let time: Int64?
  private let terms: Terms
  private let now: BootInstant

  init(_ facts: Facts) {
    view = facts.view
    time = facts.wallTime
    terms = facts.terms
    now = facts.now
  }

  func contains(_ node: NodeName) -> Bool {
    // What cannot be read may be one.
    view.maintenance[node]?.value.phase == .empty || view.unreadable[.maintenance(node)] != nil
  }

  /// The node is up, and what it runs has to leave.
  func isEmptied(_ node: NodeName) -> Bool {
    contains(node) && view.session(of: node)?.record.value.phase == .active
  }

  /// Why nothing can be placed there, as the end of "n1 …"; nil: it can.
  func unavailability(of node: NodeName) -> Exclusion? {
    let isEmpty = contains(node)
    guard let session = view.session(of: node)?.record.value else { return isEmpty ? .downInMaintenance : .down }
    if session.phase == .leaving { return .leaving }
    return isEmpty ? .inMaintenance : nil
  }

  func planned(_ node: NodeName) -> PlanningSnapshot.Maintenance? {
    // Nobody knows what was asked for: nothing leaves, nothing comes.
    if view.unreadable[.maintenance(node)] != nil { return PlanningSnapshot.Maintenance(atOnce: 0) }
    return view.maintenance[node].map { stored in
      let record = stored.value
      return PlanningSnapshot.Maintenance(
        failback: record.phase == .over ? record.failback : nil,
        atOnce: isOverdue(node) ? nil : record.parallel ?? MaintenanceRecord.defaultParallel,
        leavesPending: record.leavesPending)
    }
  }

  /// Nothing is waited for any more.
  func isOverdue(_ node: NodeName) -> Bool {
    guard view.maintenance[node]?.value.phase == .empty, let end = end(on: node) else { return false }
    return now >= end
  }

  /// When nothing is waited for any more on that node; nil: it is so, or never will be.
  func dueTime(on node: NodeName) -> BootInstant? { end(on: node).flatMap { $0 > now ? $0 : nil } }

  private func end(on node: NodeName) -> BootInstant? {
    terms.end(of: .maintenance(node), until: view.maintenance[node]?.value.deadline)
  }

  /// The workload is to run somewhere and does not yet run there; false also where its node keeps it, and where that node cannot tell for now
  /// whether it runs: it may. Told only where somebody asks: where a node is emptied, and where rules may move workloads.
  func isOnItsWay(_ workload: WorkloadName) -> Bool? {
    guard !view.maintenance.isEmpty || view.policies != nil, let placed = view.placements[workload]?.value.node else {
      return nil
    }
    if view.whyKept(workload) != nil { return false }
    guard let claim = view.claims[workload]?.value, claim.holder?.node == placed, view.isHeld(claim) else { return true }
    return switch claim.activity {
    case .running, .unclear: false
    case .starting, .stopping, nil: true
    }
  }

  /// Seconds for which the node is the last choice still.
  func quarantine(of node: NodeName) -> Double? {
    guard let end = terms.end(of: .losses(node), until: view.losses[node]?.value.until), end > now else { return nil }
    return (end - now).inSeconds
  }

  /// The same of every node that is one.
  var quarantines: [NodeName: Double] {
    var found: [NodeName: Double] = [:]
    for node in view.losses.keys { found[node] = quarantine(of: node) }
    return found
  }

  /// The node's record with the loss that is about to be declared.
  func losses(withAnother node: NodeName) -> LossesRecord? {
    guard let time, !contains(node), view.unreadable[.losses(node)] == nil else { return nil }
    return view.losses[node]?.value.again(at: time, after: terms.age(of: .losses(node), now: now))
      ?? LossesRecord(count: 1, last: time)
  }

  /// Seconds until a quarantine or the time for an evacuation is over.
  var secondsToNextTerm: Double? {
    let evacuations = view.maintenance.keys.compactMap { node in dueTime(on: node).map { ($0 - now).inSeconds } }
    return (Array(quarantines.values) + evacuations).min()
  }

  /// Maintenances that are over and from which everything has gone home that goes home at all.
  var ended: [(node: NodeName, record: Stored<MaintenanceRecord>)] {
    var ended: [(node: NodeName, record: Stored<MaintenanceRecord>)] = []
    for (node, record) in view.maintenance.sorted(by: { $0.key < $1.key }) where record.value.phase == .over {
      if !view.placements.contains(where: { isComingHome($0.key, $0.value.value, to: node) }) { ended.append((node, record)) }
    }
    return ended
  }

  /// The workload is to go there still, or on its way there.
  private func isComingHome(_ workload: WorkloadName, _ placement: PlacementRecord, to node: NodeName) -> Bool {
    if placement.home == node { return true }
    return placement.node == node && view.intents[workload]?.value.desired == .running && isOnItsWay(workload) == true
  }
}
