import GuardProtocol

/// A live migration, seen from its source: offered in the claim, begun when the target is ready, and settled by what is seen here afterwards.
///
/// The domain arrives paused and executes nothing until the target holds the claim. The source gives it the claim only when the domain
/// was seen gone here; when it is here, it stays the source's. So whatever becomes of the two hosts, of libvirt and of what is between
/// them, nothing executes twice; and a copy that arrived without the claim is ended like any other intruder.
extension Controller {
  /// For a target that does not get ready.
  private static let patience: Duration = .seconds(5)
  /// Attempts before it is stopped and started instead.
  private static let attempts = 2
  /// Before it is tried again where it is neither to be stopped.
  private static let pause: Duration = .seconds(60)

  /// How it leaves this node for the one that it is placed on.
  private enum Way {
    case live(target: ClaimRecord.Holder, uri: String)
    /// It runs on here: the other node is not there, and the planner will say where else.
    case waits
    /// It cannot be moved while it runs, and is not to be stopped for it.
    case stays(why: String)
    /// It is stopped, and started there.
    case restart
  }

  private mutating func way(of workload: WorkloadName, _ spec: SpecRecord) -> Way {
    guard view.intents[workload]?.value.desired == .running, let node = view.placements[workload]?.value.node, node != me,
      !leavesInHaste, !isPastDeadline, !mayStillAppear(workload)
    else { return .restart }
    guard let session = view.session(of: node), session.record.value.phase == .active else {
      return isLeaving ? .restart : .waits
    }
    let passage = Passage(
      spec, to: node, method: view.maintenance[me]?.value.method, rules.settings(of: workload, spec).evacuation, in: view)
    if passage.how == .live, let uri = view.migrationURI(of: node, for: spec.connection) {
      return .live(target: ClaimRecord.Holder(node: node, incarnation: session.incarnation), uri: uri)
    }
    return passage.how == .stay && !isLeaving ? .stays(why: passage.why ?? "") : .restart
  }

  // MARK: the source

  /// It is here and this node's, and on its way elsewhere, or was.
  ///
  /// - Returns: false when there is nothing to do about that: it stays, or it is stopped.
  mutating func migrates(_ workload: WorkloadName, _ domain: DomainObservation, _ spec: SpecRecord) -> Bool {
    let way = way(of: workload, spec)
    if let migration = view.claims[workload]?.value.migration {
      if case .live(migration.target, let uri) = way, !wasTriedInVain(workload), domain.state == .running {
        return go(on: migration, workload, domain, uri, spec)
      }
      return withdraw(workload, domain)
    }
    let target: ClaimRecord.Holder
    switch way {
    case .waits:
      keep(workload, because: nil)
      return true
    case .stays(let why):
      keep(workload, because: why)
      return true
    case .restart where !isWantedHere(workload): return false
    case .live(let other, _)
    where domain.state == .running && domain.uuid == spec.uuid && !domain.persistent
      && domain.mark?.epoch == view.claims[workload]?.value.epoch:
      target = other
    case .live, .restart:
      keep(workload, because: nil)
      agents[workload]?.migration = .init()
      return false
    }
    let failures = agents[workload]?.migration.failures ?? 0
    if failures >= Self.attempts {
      guard rules.settings(of: workload, spec).evacuation.otherwise == .stay else { return false }
      if let at = agents[workload]?.migration.retryAt, now < at {
        let reason = agents[workload]?.migration.reason ?? "it could not be moved while it runs"
        keep(workload, because: "\(reason). It is tried again")
        retry(workload, at: at)
        return true
      }
      agents[workload]?.migration = .init()
    }
    keep(workload, because: nil)
    guard mayAct, mayTry(workload) else { return true }
    offer(.init(.offered, target: target), workload)
    agents[workload, default: Agent()].migration.offeredAt = now
    return true
  }

  /// It was to leave and runs on here until something changes; nil: no more.
  private mutating func keep(_ workload: WorkloadName, because reason: String?) {
    guard agents[workload]?.kept != reason else { return }
    agents[workload, default: Agent()].kept = reason
    reportIsDue = true
  }

  /// An attempt that began came to its end, and it is still here; or this life of the controller did not begin it.
  private func wasTriedInVain(_ workload: WorkloadName) -> Bool {
    guard let migration = agents[workload]?.migration, migration.offeredAt != nil else { return true }
    return migration.isAsked
  }

  private mutating func go(
    on migration: ClaimRecord.Migration, _ workload: WorkloadName, _ domain: DomainObservation, _ uri: String,
    _ spec: SpecRecord
  ) -> Bool {
    guard migration.step == .ready else {
      let until = (agents[workload]?.migration.offeredAt ?? now) + Self.patience
      if now < until {
        retry(workload, at: until)
      } else {
        agents[workload]?.migration.reason = "\(migration.target.node) does not get ready for it"
        return withdraw(workload, domain)
      }
      return true
    }
    guard mayAct, let deadline = session.deadline, mayTry(workload), agents[workload]?.writing != true else { return true }
    begin(.migrate, workload)
    agents[workload]?.migration.isAsked = true
    agents[workload]?.migration.isCancelled = false
    agents[workload]?.migration.progress = nil
    note(.migrating, "\(workload) moves from \(me) to \(migration.target.node) while it runs", workload: workload)
    let limits = rules.settings(of: workload, spec).evacuation.limits
    out.append(
      .migrate(
        workload,
        MigrationRequest(
          id: domain.id, uuid: domain.uuid, destination: uri, limits: limits, notAfter: deadline - timing.startBudget)))
    return true
  }

  /// It is here still: it goes on here, and only then the offer is taken back.
  private mutating func withdraw(_ workload: WorkloadName, _ domain: DomainObservation) -> Bool {
    switch domain.state {
    case .paused:
      if cannotGoOn(workload), !isWantedHere(workload) { return false }
      resume(workload, domain)
      return true
    // On its way down, or nobody knows: what is seen next decides.
    case .arriving, .stopping, .unclear: return isWantedHere(workload)
    case .running: break
    }
    guard mayWrite(workload) else { return true }
    let known = agents[workload]?.migration
    if known?.offeredAt == nil || known?.isAsked == true, known?.isCancelled != true {
      // One of an earlier life may still be under way, or one that libvirt did not answer for.
      agents[workload, default: Agent()].migration.isCancelled = true
      out.append(.cancelMigration(domain.id, uuid: domain.uuid))
    }
    offer(nil, workload)
    var migration = Agent.Migration(isCancelled: true, failures: (known?.failures ?? 0) + 1, reason: known?.reason)
    migration.retryAt = now + Self.pause
    agents[workload, default: Agent()].migration = migration
    if !isWantedHere(workload) {
      note(
        .migrating, "\(workload) did not move while it runs\(known?.reason.map { ": \($0)" } ?? "")", severity: .warning,
        workload: workload)
    }
    return true
  }

  /// What moves is not to go there any more.
  mutating func cancelMigrationIfUnwanted(_ workload: WorkloadName, _ domain: DomainObservation) {
    guard agents[workload]?.operation?.kind == .migrate, agents[workload]?.migration.isCancelled == false,
      let target = view.claims[workload]?.value.migration?.target
    else { return }
    let isWanted = view.intents[workload]?.value.desired == .running && view.placements[workload]?.value.node == target.node
    guard !isWanted || view.sessions[target.incarnation] == nil || leavesInHaste || isPastDeadline else { return }
    agents[workload]?.migration.isCancelled = true
    out.append(.cancelMigration(domain.id, uuid: domain.uuid))
  }

  /// It is gone here because it has arrived: this life of the controller asked for it, and libvirt said so. After any other end it may have
  /// gone on here, and what is there has an older memory: that is ended, and the workload started anew.
  func hasMigrated(_ workload: WorkloadName) -> Bool {
    guard let migration = view.claims[workload]?.value.migration, migration.step == .ready,
      agents[workload]?.migration.isDone == true
    else { return false }
    return migration.target.node != me && view.sessions[migration.target.incarnation] != nil
  }

  /// Whether it arrived or ended, it is the target's from now on: that sees what is there.
  mutating func handOver(_ workload: WorkloadName) {
    guard let own = session.acting, let claim = view.claims[workload], holds(claim.value), mayWrite(workload),
      let target = claim.value.migration?.target, let other = view.sessions[target.incarnation]
    else { return }
    var record = claim.value
    record.holder = target
    record.epoch = record.epoch.next
    record.activity = .starting
    record.migration = .init(.arrived, target: target, mark: claim.value.epoch)
    agents[workload, default: Agent()].writing = true
    transact(
      .handOver(workload, to: target.node, of: claim.modified),
      ClusterTransaction(
        if: [
          .stands(.session(own.incarnation), created: own.created), .unchanged(.claim(workload), modified: claim.modified),
          .stands(.session(target.incarnation), created: other.created)
        ], write: [.put(.claim(workload), .claim(record))]))
  }

  mutating func handedOver(_ workload: WorkloadName, to target: NodeName) {
    retire(workload)
    timers[workload] = nil
    dirty.insert(workload)
    note(.released, "\(me) gave \(workload) to \(target)", workload: workload)
  }

  /// Writes the step of a migration into the claim; nil: there is none.
  mutating func offer(_ migration: ClaimRecord.Migration?, _ workload: WorkloadName) {
    guard let own = session.acting, let claim = view.claims[workload], mayWrite(workload) else { return }
    var record = claim.value
    record.migration = migration
    agents[workload, default: Agent()].writing = true
    transact(
      .offer(workload),
      ClusterTransaction(
        if: [
          .stands(.session(own.incarnation), created: own.created), .unchanged(.claim(workload), modified: claim.modified)
        ], write: [.put(.claim(workload), .claim(record))]))
  }

  // MARK: the target

  /// A domain of it may come here, by a migration that its holder wants.
  func isArriving(_ workload: WorkloadName) -> Bool {
    guard let claim = view.claims[workload]?.value, let migration = claim.migration, migration.step != .arrived,
      let own = session.incarnation, migration.target == .init(node: me, incarnation: own)
    else { return false }
    return view.isHeld(claim) && claim.holder != migration.target
  }

  /// This is the domain that comes here, and no copy that was left from before: its mark came with it.
  func isArriving(_ workload: WorkloadName, _ domain: DomainObservation) -> Bool {
    isArriving(workload) && domain.state != .running && domain.mark?.cluster == configuration.cluster
      && domain.mark?.epoch == view.claims[workload]?.value.epoch
  }

  /// Nothing else of it is here for certain.
  func isOnlyArriving(_ workload: WorkloadName) -> Bool {
    guard isArriving(workload), let spec = view.specs[workload]?.value else { return false }
    return switch local.sight(of: DomainID(connection: spec.connection, name: workload.text)) {
    case .unknown: false
    case .absent: true
    case .present(let domain): isArriving(workload, domain)
    }
  }

  /// Nothing of it is here yet. The guard covers its links, and everything in the partition; then the source may begin.
  mutating func expect(_ workload: WorkloadName) {
    guard let spec = view.specs[workload]?.value, view.claims[workload]?.value.migration?.step == .offered else { return }
    if rules.isExclusive(workload, spec) {
      let links = (0..<Interfaces.count(in: spec.xml)).map {
        Interfaces.linkName(cluster: configuration.cluster, workload: workload, index: $0)
      }
      protect(
        workload, GuardedWorkload(name: workload.text, isolation: isolation(of: workload, spec), cgroup: nil, links: links))
      guard isGuarded(workload) else { return }
    }
    guard mayAct, !isLeaving, let own = session.incarnation else { return }
    offer(.init(.ready, target: .init(node: me, incarnation: own)), workload)
  }

  /// This node holds the claim by a migration, and what arrived has not been seen to go on.
  func hasArrived(_ workload: WorkloadName) -> Bool {
    guard let claim = view.claims[workload]?.value, claim.migration?.step == .arrived else { return false }
    return claim.activity != .running
  }

  /// Lets what has arrived go on.
  ///
  /// - Returns: true when it runs.
  mutating func goOn(
    _ workload: WorkloadName, _ domain: DomainObservation, _ spec: SpecRecord, _ wishes: inout ClaimWishes
  ) -> Bool {
    // Its mark came with it. What has another is a copy from before.
    if let claim = view.claims[workload]?.value, domain.mark.map({ !claim.covers($0.epoch) }) ?? true {
      if mayTry(workload) { stop(workload, domain, grace: .zero) }
      return false
    }
    switch domain.state {
    case .running: return true
    case .paused:
      if cannotGoOn(workload) {
        if mayTry(workload) { stop(workload, domain, grace: .zero) }
      } else {
        resume(workload, domain)
      }
    case .arriving:
      // Its source is gone: nothing more can come of it.
      let since = agents[workload]?.arrivingSince ?? now
      agents[workload, default: Agent()].arrivingSince = since
      if now < since + Self.patience {
        retry(workload, at: since + Self.patience)
      } else if mayTry(workload) {
        stop(workload, domain, grace: .zero)
      }
    case .stopping, .unclear: wish(.unclear, for: workload, &wishes)
    }
    return false
  }

  private func cannotGoOn(_ workload: WorkloadName) -> Bool { agents[workload]?.failedResumes ?? 0 >= Self.attempts + 1 }

  private mutating func resume(_ workload: WorkloadName, _ domain: DomainObservation) {
    guard mayAct, let deadline = session.deadline, mayTry(workload) else { return }
    let notAfter = deadline - timing.startBudget
    guard now < notAfter else { return retry(workload, at: now + timing.renewInterval / 2) }
    begin(.resume, workload)
    out.append(.resume(workload, domain.id, uuid: domain.uuid, notAfter: notAfter))
  }
}
