import GuardProtocol

/// What the store and the hypervisor say, taken into the state. No decision is made here.
extension Controller {
  mutating func listed(_ listing: ClusterListing) {
    view.load(listing)
    expiry.reload(view.sessions, now: now)
    role.planIsDue = true
    reportIsDue = true
    lag.seen(view.revision)
    makeEveryWorkloadDirty()
    readPolicies()
    seeAvailability()
    for (_, reason) in view.unreadable.sorted(by: { $0.value < $1.value }) {
      note(.unreadable, "cannot read a record of the store, what depends on it is left alone: \(reason)", severity: .error)
    }
  }

  mutating func changed(_ change: ClusterChange) {
    let before = importance(of: change.key)
    if view.apply(change) {
      // What of a session is news, shows below.
      if case .session = change.key {} else { isNews = true }
      learned(change.key, before: before)
      if case .session(let incarnation) = change.key, incarnation == session.incarnation, change.entry == nil {
        isNews = true
        ownSessionEnded()
      }
    }
    lag.seen(view.revision)
  }

  /// Seen in the watch, before any answer told it.
  private mutating func ownSessionEnded() {
    if session.acting != nil { sessionLost() } else if isLeaving { departed() } else { withdrew() }
  }

  mutating func committed(_ writes: [Write<RecordKey, Record>], _ revision: Revision) {
    var before: [(RecordKey, Importance)] = []
    for write in writes { before.append((write.key, importance(of: write.key))) }
    view.apply(writes, committed: revision)
    for (key, earlier) in before { learned(key, before: earlier) }
  }

  mutating func refused(_ pending: PendingTransaction, _ current: [RecordKey: Stored<Record>], at revision: Revision) {
    let keys = pending.transaction.conditions.map(\.key)
    var before: [(RecordKey, Importance)] = []
    for key in keys { before.append((key, importance(of: key))) }
    view.apply(current: current, asked: keys, at: revision)
    for (key, earlier) in before { learned(key, before: earlier) }
  }

  /// The part of a record whose change matters to others than its owner: a session's counter does not, nor what a claim or a report
  /// only tells people.
  private enum Importance: Hashable {
    case absent, unreadable
    case standing(SessionRecord.Phase)
    // Seldom, and large: what is asked with every renewal stays small without them.
    indirect case claim(ClaimRecord)
    indirect case report(ReportRecord)
  }

  private func importance(of key: RecordKey) -> Importance {
    if view.unreadable[key] != nil { return .unreadable }
    switch key {
    case .session(let incarnation): return view.sessions[incarnation].map { .standing($0.value.phase) } ?? .absent
    case .claim(let workload):
      guard var claim = view.claims[workload]?.value else { return .absent }
      claim.epoch = .none
      // While a node is emptied, the next leave when those before them run.
      if view.maintenance.isEmpty { claim.activity = nil }
      return .claim(claim)
    case .report(let node):
      guard var report = view.reports[node]?.value else { return .absent }
      report.guardPhase = ""
      report.strays = []
      report.migrations = nil
      return .report(report)
    default: return .absent
    }
  }

  private mutating func learned(_ key: RecordKey, before: Importance) {
    if let reason = view.unreadable[key] {
      note(.unreadable, "cannot read a record of the store, what depends on it is left alone: \(reason)", severity: .error)
    }
    let after = importance(of: key)
    switch key {
    case .session(let incarnation):
      expiry.observe(incarnation, view.sessions[incarnation], now: now)
      if after != before {
        isNews = true
        role.planIsDue = true
        seeAvailability()
        if after == .absent || before == .absent { makeEveryWorkloadDirty() }
      }
    case .planner:
      role.planIsDue = true
      // What leaves protection and is nobody's, the planner forgets.
      if isPlanner { makeEveryWorkloadDirty() }
    case .policies: readPolicies()
    case .node, .maintenance:
      role.planIsDue = true
      seeAvailability()
      // How they leave may be another way now.
      if case .maintenance = key { makeEveryWorkloadDirty() }
    case .losses: role.planIsDue = true
    case .disarm: disarmChanged()
    case .report: if after != before { role.planIsDue = true }
    case .claim(let workload):
      if after != before { role.planIsDue = true }
      // Whether what runs here is the workload's.
      if isSeen(workload) { reportIsDue = true }
      dirty.insert(workload)
    case .spec(let workload), .intent(let workload):
      rules.forget(workload)
      role.planIsDue = true
      reportIsDue = true
      dirty.insert(workload)
    case .placement(let workload): dirty.insert(workload)
    case .format, .history: break
    }
  }

  mutating func transactionEnded(_ id: TransactionID, _ outcome: Event.TransactionOutcome) {
    guard let pending = transactions.removeValue(forKey: id) else { return }
    // A renewal says itself whether it is news.
    if case .renew = pending.purpose, case .verdict(.committed) = outcome {} else { isNews = true }
    switch outcome {
    case .verdict(.committed(let revision)):
      committed(pending.transaction.writes, revision)
      succeeded(pending, at: revision)
    case .verdict(.refused(let revision, let current)):
      refused(pending, current, at: revision)
      failed(pending, refusedWith: current)
    case .notApplied:
      failed(pending, refusedWith: nil)
    case .unknown:
      doubt(pending)
      failed(pending, refusedWith: nil)
    }
  }

  private mutating func succeeded(_ pending: PendingTransaction, at revision: Revision) {
    switch pending.purpose {
    case .open(let incarnation, let sent): sessionOpened(incarnation, sent: sent, at: revision)
    case .renew(let sent): renewed(sent: sent, at: revision)
    case .expire(_, let node, let takesRole): expired(of: node, tookRole: takesRole)
    case .takeRole: note(.plannerTaken, "\(me) is the planner now")
    case .endMaintenance(let node): note(.maintenance, "the maintenance of \(node) is over", subject: node)
    case .arm: note(.armed, "the time is over for which the cluster was to be hands-off: it is armed")
    case .place:
      tellPlacements(pending.transaction.writes)
      // What has no home any more ends a maintenance.
      let isEnding = view.maintenance.values.contains { $0.value.phase == .over }
      role.planIsDue = role.planIsDue || role.planWasCut || isEnding
    case .claim(let workloads): claimed(workloads, at: revision)
    case .adopt(let workload): adopted(workload, at: revision)
    case .offer(let workload): recorded([workload], at: revision)
    case .handOver(let workload, let target, _): handedOver(workload, to: target)
    case .release(let workload, _, let why): released(workload, why: why)
    case .activity(let workloads): recorded(workloads, at: revision)
    case .prove(let workload): recorded([workload], at: revision)
    case .forget(let workload, _): forgotten(workload)
    case .validate(let incarnation, let kept): validated(kept, under: incarnation)
    case .describe: describing.succeeded()
    case .report(let record):
      report.written(record, at: now)
      reportIsDue = true
    case .depart: departed()
    case .withdraw: withdrew()
    }
  }

  /// It may have happened, and it may still happen.
  private mutating func doubt(_ pending: PendingTransaction) {
    switch pending.purpose {
    case .handOver(let workload, _, let revision): agents[workload, default: Agent()].releasing = revision
    case .release(let workload, let revision, _): agents[workload, default: Agent()].releasing = revision
    case .forget(let workload, let revision): agents[workload, default: Agent()].releasing = revision
    case .depart, .withdraw: session.endUnanswered()
    default: break
    }
  }

  /// The transaction did not happen, or nobody knows. Whatever it was for is decided anew from the state.
  private mutating func failed(_ pending: PendingTransaction, refusedWith current: [RecordKey: Stored<Record>]?) {
    let pause = timing.renewInterval / 4
    switch pending.purpose {
    case .open: openingFailed()
    case .renew: renewalFailed(refusedWith: current)
    case .arm: self.pause()
    case .expire, .takeRole, .place, .endMaintenance:
      role.planIsDue = true
      role.retry(at: now + pause)
    case .claim(let workloads):
      for workload in workloads {
        writeFailed(workload)
        agents[workload, default: Agent()].alone = true
      }
    case .release(let workload, _, _), .forget(let workload, _), .prove(let workload), .adopt(let workload),
      .offer(let workload), .handOver(let workload, _, _):
      writeFailed(workload)
    case .activity(let workloads): for workload in workloads { writeFailed(workload, wasOnlyTold: true) }
    case .validate(let incarnation, _):
      if session.incarnation == incarnation { guardian.validating = false }
      self.pause()
    case .describe: describing.failed(until: now + timing.renewInterval)
    case .report:
      report.failed(at: now)
      reportIsDue = true
    case .depart: departureFailed(refusedWith: current)
    case .withdraw: withdrawalFailed(refusedWith: current)
    }
  }

  mutating func observed(_ event: HypervisorEvent) {
    reportIsDue = true
    let before = local.unreachable
    for id in local.receive(event) {
      dirty.insert(WorkloadName(id.name))
      if let mark = local.domains[id]?.mark { dirty.insert(WorkloadName(mark.workload)) }
    }
    switch event {
    case .unreachable(let connection, let reason):
      noteOnce(
        .hypervisorLost, "\(connection) does not answer: \(reason). Nothing is taken for stopped", severity: .error,
        connection: connection)
      if before[connection] == nil { makeEveryWorkloadDirty() }
    case .inventory(let connection, _):
      if unsay(.hypervisorLost, connection: connection) { note(.hypervisorBack, "\(connection) answers again") }
      // Where it answered before, only what it shows is new, and what this node does something about.
      if before[connection] != nil { makeEveryWorkloadDirty() } else { dirty.formUnion(agents.keys) }
    case .migrating(let id, let progress): agents[WorkloadName(id.name)]?.migration.progress = progress
    case .changed, .gone: break
    }
  }

  mutating func retry(_ workload: WorkloadName, at instant: BootInstant) {
    timers[workload] = min(timers[workload] ?? instant, instant)
  }
}
