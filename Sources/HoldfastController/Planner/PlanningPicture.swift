import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// The cluster as the planner sees it: the records, and what the planner remembers besides: since when nodes are there, where starts failed lately,
/// which workloads wait for their last node.
struct PlanningPicture: Sendable {
  /// A node that is out of the question for a workload, because starts failed there.
  private struct Cooling: Hashable, Sendable {
    var count: Int
    var until: BootInstant
  }

  private var availability = Availability()
  private var troubles = NodeTroubles()
  private var cooling: [WorkloadName: [NodeName: Cooling]] = [:]
  /// Workloads whose last node is given time to claim them again, and until when.
  private var patience: [WorkloadName: BootInstant] = [:]

  mutating func see(_ facts: Facts) {
    availability.see(facts)
    troubles.see(facts)
  }

  mutating func seeReports(_ facts: Facts) { troubles.see(facts) }

  // MARK: when it changes by itself

  func nextChange(after now: BootInstant) -> BootInstant? {
    var next: BootInstant?
    for until in patience.values where until > now { next = BootInstant.earlier(next, until) }
    for cooling in cooling.values.lazy.flatMap(\.values) where cooling.until > now {
      next = BootInstant.earlier(next, cooling.until)
    }
    return next
  }

  func changes(between before: BootInstant, and now: BootInstant) -> Bool {
    cooling.values.contains { $0.values.contains { $0.until > before && $0.until <= now } }
      || patience.values.contains { $0 > before && $0 <= now }
  }

  // MARK: the snapshot

  /// - Parameter silent: nodes that may be about to be lost.
  mutating func snapshot(_ facts: Facts, silent: Set<NodeName>) -> PlanningSnapshot {
    var nodes = nodes(facts, silent)
    forget { facts.view.specs[$0] == nil }
    let cluster = Surroundings(facts)
    var workloads: [PlanningSnapshot.Workload] = []
    var leftAlone: [NodeName: Resources] = [:]
    for name in facts.view.specs.keys.sorted() {
      guard let spec = facts.view.specs[name]?.value, let demand = facts.view.demand(of: name) else { continue }
      guard !facts.view.isUnreadable(name), let intent = facts.view.intents[name]?.value else {
        // It keeps its place, and its room with it.
        if let node = facts.view.seat(ofLeftAlone: name) { leftAlone[node, default: .none] += demand }
        continue
      }
      // It runs where it is; there is nothing to decide before it is adopted.
      guard intent.desired != .adopting else { continue }
      workloads.append(workload(name, spec, intent, demand, cluster, facts))
    }
    for index in nodes.indices { nodes[index].leftAlone = leftAlone[nodes[index].name] }
    return PlanningSnapshot(nodes: nodes, workloads: workloads, time: facts.calendar.weekTime(now: facts.now))
  }

  /// What is the same for every workload.
  private struct Surroundings {
    let deaf: [String: [NodeName: Exclusion]]
    let runningElsewhere: [String: NodeName]
    let leftovers: [WorkloadName: [NodeName: Exclusion]]
    let incompatible: [WorkloadName: [NodeName: Exclusion]]
    let maintenances: Maintenances

    init(_ facts: Facts) {
      deaf = PlanningPicture.deafNodes(facts.view)
      runningElsewhere = facts.view.unmanagedDomains
      leftovers = PlanningPicture.leftovers(facts.view)
      incompatible = facts.view.incompatible
      maintenances = Maintenances(facts)
    }
  }

  private mutating func workload(
    _ name: WorkloadName, _ spec: SpecRecord, _ intent: IntentRecord, _ demand: Resources, _ cluster: Surroundings,
    _ facts: Facts
  ) -> PlanningSnapshot.Workload {
    let placed = facts.view.placements[name]?.value
    let move = intent.move.flatMap { $0.serial > placed?.servedMove ?? 0 ? $0 : nil }
    let failures = facts.view.claims[name]?.value.failures ?? [:]
    // A workload stays on the node that holds it, and may run there.
    let holder = facts.view.holder(of: name)
    let isEmptied = holder.map(cluster.maintenances.isEmptied) ?? false
    var excluded = excluded(name, spec, failures, holder, isEmptied: isEmptied, cluster, facts)
    let ends = holder == placed?.node || placed?.node == nil ? Self.endsTooOften(name, spec, placed, facts) : nil
    for (node, leftover) in cluster.leftovers[name] ?? [:] where node != holder && excluded[node] == nil {
      excluded[node] = leftover
    }
    // That it runs is proof that it can.
    for (node, reason) in cluster.incompatible[name] ?? [:] where node != holder && excluded[node] == nil {
      excluded[node] = reason
    }
    var counts = failures.mapValues(\.count)
    let cause = ends == nil ? nil : facts.view.claims[name]?.value.unwell
    if let ends, let holder {
      let words = cause.map { WorkloadFailure.unwell(ends, $0).record.reason }
      excluded[holder] = words.map(Exclusion.unwell) ?? .endsAgain(times: ends)
      counts[holder, default: 0] += ends
    }
    return PlanningSnapshot.Workload(
      name: name, connection: spec.connection, demand: demand, labels: spec.labels, priority: spec.priority,
      desired: intent.desired, placed: placed, move: move, excluded: excluded, running: holder,
      failures: counts, ends: ends, unwell: Self.unwell(failures, on: cause == nil ? nil : holder),
      isOnItsWay: cluster.maintenances.isOnItsWay(name),
      namesOlderDisks: facts.view.claims[name]?.value.newerDisks == nil ? nil : true, ended: intent.ended,
      evacuatedFrom: facts.view.evacuationSource(of: name))
  }

  private func nodes(_ facts: Facts, _ silent: Set<NodeName>) -> [PlanningSnapshot.Node] {
    let maintenances = Maintenances(facts)
    return facts.view.nodes.sorted { $0.key < $1.key }.map { name, entry in
      PlanningSnapshot.Node(
        name: name, capacity: entry.value.capacity, labels: entry.value.labels, connections: Set(entry.value.connections),
        unmanaged: facts.view.reports[name]?.value.unmanaged ?? .none, unavailable: maintenances.unavailability(of: name),
        isDraining: maintenances.isEmptied(name),
        availableFor: availableFor(name, facts.now),
        unavailableFor: availability.seconds(of: name, isAvailable: false, now: facts.now),
        quarantine: maintenances.quarantine(of: name), maintenance: maintenances.planned(name),
        isSilent: silent.contains(name) ? true : nil, findings: findings(on: name, entry.value.labels, facts),
        isLeft: facts.view.losses[name]?.value.ailment == nil ? nil : true,
        wasLost: facts.view.wasLost(name) ? true : nil)
    }
  }

  /// A node that was ailing counts from when it was well again.
  private func availableFor(_ node: NodeName, _ now: BootInstant) -> Double? {
    let seconds = availability.seconds(of: node, isAvailable: true, now: now)
    guard let seconds, let well = troubles.wellFor(node, now: now) else { return seconds }
    return min(seconds, well)
  }

  /// Node checks that fail there, or of which nothing is known; nil: none. Of a node that does not tell of them nothing is known, and that they do not
  /// fail on one that has just come may be what it told long ago.
  private func findings(on node: NodeName, _ labels: [String: String], _ facts: Facts) -> [PlanningSnapshot.Finding]? {
    let checks = facts.rules.planner.policies.nodeChecks(of: node, labels: labels)
    guard !checks.isEmpty else { return nil }
    let told = facts.view.reports[node]?.value.nodeChecks
    // What a node that has just come told before says nothing about now.
    let there = availability.seconds(of: node, isAvailable: true, now: facts.now) ?? 0
    let found = checks.compactMap { check -> PlanningSnapshot.Finding? in
      guard let told else { return PlanningSnapshot.Finding(check.name, "\(node) tells nothing of it", isUnknown: true) }
      guard let finding = told.first(where: { $0.check == check.name }) else {
        return there >= check.settling
          ? nil : PlanningSnapshot.Finding(check.name, "\(node) has only just come", isUnknown: true)
      }
      let seconds = min(troubles.seconds(of: check.name, on: node, now: facts.now) ?? 0, there)
      return PlanningSnapshot.Finding(
        check.name, finding.reason, isUnknown: finding.isUnknown, seconds: finding.isUnknown ? nil : seconds)
    }
    return found.isEmpty ? nil : found
  }

  /// Nodes on which the workload cannot run now, and why.
  private mutating func excluded(
    _ name: WorkloadName, _ spec: SpecRecord, _ failures: [NodeName: ClaimRecord.Failure], _ holder: NodeName?, isEmptied: Bool,
    _ cluster: Surroundings, _ facts: Facts
  ) -> [NodeName: Exclusion] {
    var excluded = cooled(name, failures, now: facts.now)
    // What runs on a node that is emptied is not stopped to be tried again where it did not start.
    if isEmptied {
      for (node, failure) in failures where node != holder { excluded[node] = failure.exclusion }
    }
    let deafHere = cluster.deaf[spec.connection] ?? [:]
    if !deafHere.isEmpty {
      let stillThere = mayBeFrozen(name, among: deafHere, facts)
      for (node, reason) in deafHere where node != holder && node != stillThere { excluded[node] = reason }
    }
    if let runsOn = cluster.runningElsewhere[spec.uuid], holder == nil {
      for node in facts.view.nodes.keys { excluded[node] = .runsUnprotected(on: runsOn) }
    }
    return excluded
  }

  /// Nodes on which its checks failed, also after its restarts; nil: none.
  ///
  /// - Parameter holder: where they do now.
  private static func unwell(_ failures: [NodeName: ClaimRecord.Failure], on holder: NodeName?) -> [NodeName]? {
    let nodes = Set(failures.filter { $0.value.check != nil }.keys).union(holder.map { [$0] } ?? [])
    return nodes.isEmpty ? nil : nodes.sorted()
  }

  /// How often it ended by itself where it is held, if another node is to be tried; nil: none is.
  private static func endsTooOften(
    _ name: WorkloadName, _ spec: SpecRecord, _ placed: PlacementRecord?, _ facts: Facts
  ) -> Int? {
    guard let claim = facts.view.claims[name]?.value, let ends = claim.ends, facts.view.isHeld(claim) else { return nil }
    let failover = facts.rules.settings(of: name, spec).failover
    // What was given up and has not left its node yet is not taken back by that.
    guard placed?.node != nil || failover.then == .giveUp else { return nil }
    return failover.isExhausted(by: ends) ? ends : nil
  }

  /// Nodes on which the workload failed to start not long ago. The time grows with each failure.
  private mutating func cooled(
    _ workload: WorkloadName, _ failures: [NodeName: ClaimRecord.Failure], now: BootInstant
  ) -> [NodeName: Exclusion] {
    guard !failures.isEmpty else {
      cooling[workload] = nil
      return [:]
    }
    var excluded: [NodeName: Exclusion] = [:]
    for (node, failure) in failures {
      var known = cooling[workload]?[node]
      if known?.count != failure.count {
        known = Cooling(count: failure.count, until: now + Self.coolingTime(failure.count))
        cooling[workload, default: [:]][node] = known
      }
      if let known, now < known.until { excluded[node] = failure.exclusion }
    }
    return excluded
  }

  private static func coolingTime(_ failures: Int) -> Duration {
    .seconds(Limits.cooling.seconds * min(max(failures, 1), Limits.cooling.most))
  }

  /// By connection: nodes on which it does not answer, and why. Nothing can be started there.
  private static func deafNodes(_ view: ClusterView) -> [String: [NodeName: Exclusion]] {
    var deaf: [String: [NodeName: Exclusion]] = [:]
    for (node, report) in view.reports {
      for (connection, reason) in report.value.unreachable {
        deaf[connection, default: [:]][node] = .connectionSilent(connection, reason: reason)
      }
    }
    return deaf
  }

  /// By workload: nodes on which it cannot start, as something else is defined there under its name or UUID.
  private static func leftovers(_ view: ClusterView) -> [WorkloadName: [NodeName: Exclusion]] {
    var found: [WorkloadName: [NodeName: Exclusion]] = [:]
    for (node, report) in view.reports {
      for leftover in report.value.leftovers ?? [] { found[leftover.workload, default: [:]][node] = .leftover(leftover) }
    }
    return found
  }

  /// The node among the deaf ones whose last session ended, where the workload may be frozen and be claimed again, which needs no libvirt. It gets
  /// a moment.
  private mutating func mayBeFrozen(
    _ workload: WorkloadName, among deaf: [NodeName: Exclusion], _ facts: Facts
  ) -> NodeName? {
    guard let claim = facts.view.claims[workload]?.value, let node = claim.holder?.node, deaf[node] != nil,
      !facts.view.isHeld(claim), facts.view.placements[workload]?.value.node == node
    else {
      if !patience.isEmpty { patience[workload] = nil }
      return nil
    }
    let until = patience[workload] ?? facts.now + facts.timing.settle
    patience[workload] = until
    return facts.now < until ? node : nil
  }

  private mutating func forget(where isGone: (WorkloadName) -> Bool) {
    if cooling.keys.contains(where: isGone) { cooling = cooling.filter { !isGone($0.key) } }
    if patience.keys.contains(where: isGone) { patience = patience.filter { !isGone($0.key) } }
  }
}

extension ClaimRecord.Failure {
  /// Why the workload does not go there for now.
  fileprivate var exclusion: Exclusion {
    if check != nil { return .unwell(reason: reason) }
    return isOfEnds ? .endsAgain(times: count) : .failedToStart(reason: reason)
  }
}
