import GuardProtocol

/// What the store says, taken into the state. No decision is made here.
extension Controller {
  mutating func listed(_ listing: ClusterListing) {
    view.load(listing)
    expiry.reload(view.sessions, now: now)
    role.planIsDue = true
    lag.seen(view.revision)
    makeEveryWorkloadDirty()
    for (_, reason) in view.unreadable.sorted(by: { $0.value < $1.value }) {
      note(.unreadable, "cannot read a record of the store, what depends on it is left alone: \(reason)", severity: .error)
    }
  }

  mutating func changed(_ change: ClusterChange) {
    let before = importance(of: change.key)
    if view.apply(change) { learned(change.key, before: before) }
    lag.seen(view.revision)
  }

  mutating func committed(_ writes: [Write<RecordKey, Record>], _ revision: Revision) {
    let before = writes.map { ($0.key, importance(of: $0.key)) }
    view.apply(writes, committed: revision)
    for (key, earlier) in before { learned(key, before: earlier) }
  }

  mutating func refused(_ pending: PendingTransaction, _ current: [RecordKey: Stored<Record>], at revision: Revision) {
    let keys = pending.transaction.conditions.map { condition in
      switch condition {
      case .absent(let key), .unchanged(let key, _), .stands(let key, _): key
      }
    }
    let before = keys.map { ($0, importance(of: $0)) }
    view.apply(current: current, asked: keys, at: revision)
    for (key, earlier) in before { learned(key, before: earlier) }
  }

  /// The part of a record whose change matters to others than its owner: a session's counter does not.
  private func importance(of key: RecordKey) -> SessionRecord.Phase? {
    if case .session(let incarnation) = key { view.sessions[incarnation]?.value.phase } else { nil }
  }

  private mutating func learned(_ key: RecordKey, before: SessionRecord.Phase?) {
    if let reason = view.unreadable[key] {
      note(.unreadable, "cannot read a record of the store, what depends on it is left alone: \(reason)", severity: .error)
    }
    switch key {
    case .session(let incarnation):
      let entry = view.sessions[incarnation]
      expiry.observe(incarnation, entry, now: now)
      if entry?.value.phase != before {
        role.planIsDue = true
        if entry == nil || before == nil { makeEveryWorkloadDirty() }
      }
    case .planner, .node: role.planIsDue = true
    case .report: role.planIsDue = true
    case .spec(let workload), .intent(let workload), .claim(let workload):
      role.planIsDue = true
      dirty.insert(workload)
    case .placement(let workload): dirty.insert(workload)
    case .format, .history: break
    }
  }

  mutating func transactionEnded(_ id: TransactionID, _ outcome: Event.TransactionOutcome) {
    guard let pending = transactions.removeValue(forKey: id) else { return }
    switch outcome {
    case .verdict(.committed(let revision)):
      committed(pending.transaction.writes, revision)
      succeeded(pending, at: revision)
    case .verdict(.refused(let revision, let current)):
      refused(pending, current, at: revision)
      failed(pending, refusedWith: current)
    case .notApplied, .unknown:
      failed(pending, refusedWith: nil)
    }
  }

  private mutating func succeeded(_ pending: PendingTransaction, at revision: Revision) {
    switch pending.purpose {
    case .open(let incarnation, _): sessionOpened(incarnation, at: revision)
    case .renew(let sent): renewed(sent: sent, at: revision)
    case .expire(_, let node, let takesRole): expired(of: node, tookRole: takesRole)
    case .takeRole: note(.plannerTaken, "\(me) is the planner now")
    case .place:
      tellPlacements(pending.transaction.writes)
      role.planIsDue = role.planIsDue || role.planWasCut
    case .claim(let workloads): claimed(workloads)
    case .release(let workload, let why): released(workload, why: why)
    case .activity(let workloads): for workload in workloads { writingEnded(workload) }
    case .forget(let workload): forgotten(workload)
    case .validate: validated()
    case .report(let record): report.written(record, at: now)
    case .depart: departed()
    }
  }

  /// The transaction did not happen, or nobody knows. Whatever it was for is decided anew from the state.
  private mutating func failed(_ pending: PendingTransaction, refusedWith current: [RecordKey: Stored<Record>]?) {
    let pause = timing.renewInterval / 4
    switch pending.purpose {
    case .open: openingFailed()
    case .renew: renewalFailed(refusedWith: current)
    case .expire, .takeRole, .place:
      role.planIsDue = true
      role.retry(at: now + pause)
    case .claim(let workloads):
      for workload in workloads {
        writingEnded(workload)
        agents[workload, default: Agent()].alone = true
        retry(workload, at: now + pause)
      }
    case .release(let workload, _), .forget(let workload):
      writingEnded(workload)
      retry(workload, at: now + pause)
    case .activity(let workloads):
      for workload in workloads {
        writingEnded(workload)
        retry(workload, at: now + pause)
      }
    case .validate:
      guardian.validating = false
      self.pause()
    case .report: report.failed(at: now)
    case .depart: self.pause()
    }
  }

  private mutating func writingEnded(_ workload: WorkloadName) {
    agents[workload]?.writing = false
    dirty.insert(workload)
  }

  mutating func retry(_ workload: WorkloadName, at instant: BootInstant) {
    timers[workload] = min(timers[workload] ?? instant, instant)
  }
}
