import GuardProtocol

/// What a controller remembers for the planner's work, whether or not it is the planner now.
struct PlannerRole: Sendable {
  /// Something changed that placements depend on.
  var planIsDue = true
  /// The last plan had more changes than one transaction takes.
  var planWasCut = false
  /// The last plan said that it will be another one then, with nothing changed.
  var planAgainAt: BootInstant?
  /// What the last plan warned of.
  var warnings: Set<String> = []
  /// Nothing is planned before this instant.
  private var notBefore: BootInstant = .zero
  /// When this node's session was opened, if by this life of the controller.
  private var openedAt: BootInstant?
  /// Failed starts, by workload and node: until when the node is out of the question.
  private var cooling: [WorkloadName: [NodeName: Cooling]] = [:]

  /// Workloads whose last node is given time to claim them again, and until when.
  private var patience: [WorkloadName: BootInstant] = [:]

  struct Cooling: Hashable, Sendable {
    var count: Int
    var until: BootInstant
  }

  mutating func retry(at instant: BootInstant) { notBefore = max(notBefore, instant) }
  mutating func sessionOpened(at instant: BootInstant) { openedAt = instant }
  func mayPlan(at now: BootInstant) -> Bool { now >= notBefore }

  /// A cluster that is just starting: the nodes that are missing may be only late.
  func isSettling(at now: BootInstant, for duration: Duration) -> BootInstant? {
    guard let openedAt, now < openedAt + duration else { return nil }
    return openedAt + duration
  }

  func nextLook(after now: BootInstant) -> BootInstant? {
    var next = planIsDue && notBefore > now ? notBefore : nil
    if let again = planAgainAt, again > now { next = min(next ?? again, again) }
    for until in patience.values where until > now { next = min(next ?? until, until) }
    for cooling in cooling.values.lazy.flatMap(\.values) where cooling.until > now {
      next = min(next ?? cooling.until, cooling.until)
    }
    return next
  }

  /// Nodes on which the workload failed to start not long ago. The time grows with each failure.
  mutating func excluded(_ workload: WorkloadName, _ failures: [NodeName: ClaimRecord.Failure], now: BootInstant) -> [NodeName:
    String]
  {
    guard !failures.isEmpty else {
      cooling[workload] = nil
      return [:]
    }
    var excluded: [NodeName: String] = [:]
    for (node, failure) in failures {
      var known = cooling[workload]?[node]
      if known?.count != failure.count {
        known = Cooling(count: failure.count, until: now + Self.coolingTime(failure.count))
        cooling[workload, default: [:]][node] = known
      }
      if let known, now < known.until { excluded[node] = "failed to start there: \(failure.reason)" }
    }
    return excluded
  }

  mutating func forget(where isGone: (WorkloadName) -> Bool) {
    if cooling.keys.contains(where: isGone) { cooling = cooling.filter { !isGone($0.key) } }
    if patience.keys.contains(where: isGone) { patience = patience.filter { !isGone($0.key) } }
  }

  /// Whether something is still waited for; the first question begins the wait.
  mutating func waits(for workload: WorkloadName, _ duration: Duration, now: BootInstant) -> Bool {
    let until = patience[workload] ?? now + duration
    patience[workload] = until
    return now < until
  }
  mutating func endWait(for workload: WorkloadName) { if !patience.isEmpty { patience[workload] = nil } }

  /// True when a node's time has passed since the last look.
  func cooled(at now: BootInstant, since before: BootInstant) -> Bool {
    cooling.values.contains { $0.values.contains { $0.until > before && $0.until <= now } }
      || planAgainAt.map { $0 > before && $0 <= now } ?? false
      || patience.values.contains { $0 > before && $0 <= now }
  }

  static func coolingTime(_ failures: Int) -> Duration { .seconds(30 * min(max(failures, 1), 20)) }

  var lastLook: BootInstant = .zero
}

extension Controller {
  /// At most this many placements in one transaction: four conditions each with that for the node, under etcd's limit of 128.
  private static let placementsAtOnce = 30

  var isPlanner: Bool {
    guard let own = session.incarnation, let planner = view.planner?.value.incarnation else { return false }
    return planner == own
  }

  // MARK: other nodes' sessions

  /// Declares expired what may be. The planner does; the others only when the session was the planner's, or it did not.
  mutating func watchOthers() {
    guard session.isValid(at: now), let own = session.standing, !isHandsOff else { return }
    for incarnation in expiry.expired(now: now) where incarnation != own.incarnation {
      guard let entry = view.sessions[incarnation], let due = expiry.due(incarnation) else { continue }
      let wasPlanner = view.planner?.value.incarnation == incarnation
      guard isPlanner || wasPlanner || now >= due + timing.renewInterval else {
        lookAgain(at: due + timing.renewInterval)
        continue
      }
      declareExpired(incarnation, entry, takeRole: wasPlanner && mayPlanForOthers && rules.mayPlan, as: own)
    }
    takeVacantRole(as: own)
  }

  private mutating func declareExpired(
    _ incarnation: Incarnation, _ entry: Stored<SessionRecord>, takeRole: Bool, as own: OwnSession.Standing
  ) {
    let node = entry.value.node
    guard !isUnderWay({ if case .expire(incarnation, _, _) = $0 { true } else { false } }), role.mayPlan(at: now) else {
      return
    }
    var conditions: [Condition<RecordKey>] = [
      .stands(.session(own.incarnation), created: own.created),
      .unchanged(.session(incarnation), modified: entry.modified)
    ]
    var writes: [Write<RecordKey, Record>] = [.delete(.session(incarnation))]
    if let losses = lossesWith(another: node) { writes.append(.put(.losses(node), .losses(losses))) }
    if takeRole, let planner = view.planner {
      conditions.append(.unchanged(.planner, modified: planner.modified))
      writes.append(.put(.planner, .planner(PlannerRecord(node: me, incarnation: own.incarnation))))
    }
    // A store that is full still takes a transaction that only deletes. The session would be gone, and nobody could take its claims.
    // This node's own record, put again as it is, changes nothing and makes the store take all of an expiry or nothing.
    if writes.count == 1 { writes.append(.put(.node(me), .node(configuration.record))) }
    transact(.expire(incarnation, node, takesRole: takeRole), ClusterTransaction(if: conditions, write: writes))
  }

  mutating func expired(of node: NodeName, tookRole: Bool) {
    note(
      .nodeLost,
      "\(node) has not renewed its session for \(Self.seconds(timing.ttl)) s and more: its workloads go to other nodes",
      severity: .error, subject: node)
    if tookRole { note(.plannerTaken, "\(me) is the planner now") }
  }

  /// A node that leaves takes the role only when nobody else is there who could: otherwise it would wait for a planner for ever.
  private var mayPlanForOthers: Bool {
    !isLeaving || !view.sessions.values.contains { $0.value.phase == .active && $0.value.node != me }
  }

  private mutating func takeVacantRole(as own: OwnSession.Standing) {
    if let incumbent = view.planner?.value.incarnation {
      guard view.sessions[incumbent] == nil, view.unreadable[.session(incumbent)] == nil else { return }
    }
    guard mayPlanForOthers, rules.mayPlan, view.unreadable[.planner] == nil, role.mayPlan(at: now) else { return }
    guard !isUnderWay({ $0 == .takeRole }) else { return }
    var conditions: [Condition<RecordKey>] = [.stands(.session(own.incarnation), created: own.created)]
    if let planner = view.planner {
      conditions += [.unchanged(.planner, modified: planner.modified), .absent(.session(planner.value.incarnation))]
    } else {
      conditions.append(.absent(.planner))
    }
    let record = PlannerRecord(node: me, incarnation: own.incarnation)
    transact(.takeRole, ClusterTransaction(if: conditions, write: [.put(.planner, .planner(record))]))
  }

  // MARK: planning

  mutating func plan() {
    if role.cooled(at: now, since: role.lastLook) { role.planIsDue = true }
    role.lastLook = now
    guard isPlanner, session.isValid(at: now), role.planIsDue, role.mayPlan(at: now), rules.mayPlan else { return }
    guard !isUnderWay({ $0 == .place }), !isHandsOff else { return }
    let missing = view.nodes.keys.contains { !view.standingNodes.contains($0) }
    if missing, let until = role.isSettling(at: now, for: timing.settle) { return lookAgain(at: until) }

    role.planIsDue = false
    let outcome = rules.planner.outcome(snapshot())
    let again = [outcome.lookAgainAfter, secondsToNextTerm()].compactMap { $0 }.min()
    role.planAgainAt = again.map { now + .milliseconds(Int64(min($0, 86_400) * 1000) + 1) }
    tellWarnings(outcome.warnings)
    let changes = placementChanges(outcome.placements)
    role.planWasCut = changes.count > Self.placementsAtOnce
    if changes.isEmpty { endMaintenances() } else { write(Array(changes.prefix(Self.placementsAtOnce))) }
  }

  /// The cluster as the planner sees it, at a moment after the last event: for people who ask.
  public func snapshot(now: BootInstant) -> PlanningSnapshot {
    var copy = self
    copy.now = max(copy.now, now)
    return copy.snapshot()
  }

  /// The cluster as the planner sees it.
  mutating func snapshot() -> PlanningSnapshot {
    // Loops: a closure that calls a method of ours makes the compiler copy all of the controller.
    var nodes: [PlanningSnapshot.Node] = []
    for (name, entry) in view.nodes.sorted(by: { $0.key < $1.key }) {
      nodes.append(
        PlanningSnapshot.Node(
          name: name, capacity: entry.value.capacity, labels: entry.value.labels, connections: Set(entry.value.connections),
          unmanaged: view.reports[name]?.value.unmanaged ?? .none, unavailable: unavailability(of: name),
          isDraining: isEmptied(name), availableFor: memory.seconds(of: name, isAvailable: true, now: now),
          unavailableFor: memory.seconds(of: name, isAvailable: false, now: now), quarantine: quarantine(of: name),
          maintenance: maintenance(of: name)))
    }
    role.forget { view.specs[$0] == nil }
    let deaf = deafNodes()
    let runningElsewhere = view.unmanagedDomains
    var workloads: [PlanningSnapshot.Workload] = []
    for name in view.specs.keys.sorted() {
      guard let spec = view.specs[name]?.value, !view.isUnreadable(name) else { continue }
      let intent = view.intents[name]?.value ?? IntentRecord(desired: .running)
      // It runs where it is; there is nothing to decide before it is adopted.
      guard intent.desired != .adopting else { continue }
      let placed = view.placements[name]?.value
      let move = intent.move.flatMap { $0.serial > placed?.servedMove ?? 0 ? $0 : nil }
      let failures = view.claims[name]?.value.failures ?? [:]
      var excluded = role.excluded(name, failures, now: now)
      // What a node holds may run there, and stays.
      let holder = view.holder(of: name)
      let deafHere = deaf[spec.connection] ?? [:]
      if !deafHere.isEmpty {
        let stillThere = mayStandStill(name, among: deafHere)
        for (node, reason) in deafHere where node != holder && node != stillThere { excluded[node] = reason }
      }
      if let runsOn = runningElsewhere[spec.uuid], holder == nil {
        let reason = "a domain with its UUID runs on \(runsOn) outside protection: adopt it there, or stop it"
        for node in view.nodes.keys { excluded[node] = reason }
      }
      workloads.append(
        PlanningSnapshot.Workload(
          name: name, connection: spec.connection, demand: spec.demand, labels: spec.labels, priority: spec.priority,
          desired: intent.desired, placed: placed, move: move, excluded: excluded, running: holder,
          failures: failures.mapValues(\.count), isOnItsWay: isOnItsWay(name)))
    }
    return PlanningSnapshot(nodes: nodes, workloads: workloads, time: memory.weekTime(now: now))
  }

  /// By connection: nodes on which it does not answer, and why. Nothing can be started there.
  private func deafNodes() -> [String: [NodeName: String]] {
    var deaf: [String: [NodeName: String]] = [:]
    for (node, report) in view.reports {
      for (connection, reason) in report.value.unreachable {
        deaf[connection, default: [:]][node] = "\(connection) does not answer there: \(reason)"
      }
    }
    return deaf
  }

  /// The node among the deaf ones whose last session ended, where the workload may stand still and be claimed again, which needs no
  /// libvirt. It gets a moment.
  private mutating func mayStandStill(_ workload: WorkloadName, among deaf: [NodeName: String]) -> NodeName? {
    guard let claim = view.claims[workload]?.value, let node = claim.holder?.node, deaf[node] != nil, !view.isHeld(claim),
      view.placements[workload]?.value.node == node
    else {
      role.endWait(for: workload)
      return nil
    }
    return role.waits(for: workload, timing.settle, now: now) ? node : nil
  }

  func unavailability(of node: NodeName) -> String? {
    let isEmpty = isInMaintenance(node)
    guard let session = view.session(of: node)?.record.value else { return isEmpty ? "is down, in maintenance" : "is down" }
    if session.phase == .leaving { return "is leaving" }
    return isEmpty ? "is in maintenance" : nil
  }

  private func placementChanges(_ plan: [WorkloadName: PlacementRecord]) -> [(WorkloadName, PlacementRecord)] {
    plan.sorted { $0.key < $1.key }.compactMap { name, wanted in
      guard let present = view.placements[name]?.value else { return (name, wanted) }
      if present.node == wanted.node, present.servedMove == wanted.servedMove, present.home == wanted.home,
        wanted.node != nil || present.reason == wanted.reason && present.others == wanted.others
      {
        return nil
      }
      return (name, wanted)
    }
  }

  private mutating func write(_ changes: [(WorkloadName, PlacementRecord)]) {
    guard let own = session.standing, let planner = view.planner else { return }
    // Planned by these policies: others must not have come into force meanwhile.
    var conditions: [Condition<RecordKey>] = [
      .stands(.session(own.incarnation), created: own.created), .unchanged(.planner, modified: planner.modified)
    ]
    if let policies = view.policies {
      conditions.append(.unchanged(.policies, modified: policies.modified))
    } else if view.unreadable[.policies] == nil {
      conditions.append(.absent(.policies))
    }
    // Nothing goes to a node that is being emptied by then.
    for node in Set(changes.compactMap(\.1.node)).sorted() {
      conditions.append(view.asSeen(.maintenance(node), view.maintenance[node]))
    }
    var writes: [Write<RecordKey, Record>] = []
    for (name, placement) in changes {
      let key = RecordKey.placement(name)
      conditions.append(view.placements[name].map { .unchanged(key, modified: $0.modified) } ?? .absent(key))
      // What left protection meanwhile gets no place.
      conditions.append(view.asSeen(.spec(name), view.specs[name]))
      // It is put back where it runs, and has not left meanwhile.
      if let node = placement.node, isInMaintenance(node) {
        conditions.append(view.asSeen(.claim(name), view.claims[name]))
      }
      writes.append(.put(key, .placement(placement)))
    }
    transact(.place, ClusterTransaction(if: conditions, write: writes))
  }

  /// Says what a plan warns of, once.
  private mutating func tellWarnings(_ warnings: [PlanWarning]) {
    let texts = Set(warnings.map(Self.topic))
    for warning in warnings where !role.warnings.contains(Self.topic(warning)) {
      note(.policies, "\(warning)", severity: .warning, workload: warning.workload)
    }
    role.warnings = texts
  }

  /// What a warning is about, whatever the figures in it.
  private static func topic(_ warning: PlanWarning) -> String { warning.description.filter { !$0.isNumber } }

  mutating func tellPlacements(_ writes: [Write<RecordKey, Record>]) {
    for case .put(.placement(let name), .placement(let placement)) in writes {
      if let node = placement.node {
        note(.placed, "\(name) goes to \(node): \(placement.reason)", workload: name, subject: node)
      } else if view.intents[name]?.value.desired != .stopped {
        note(.pending, "\(name) cannot run anywhere: \(placement.reason)", severity: .error, workload: name)
      }
    }
  }
}
