import GuardProtocol

/// One workload on this node: what is wanted against what is seen, one step at a time.
///
/// The order of the questions is the order of safety: whose claim is it, what is seen, what is wanted.
extension Controller {
  /// Starts that may be under way at once on one node: libvirt's own limit for one client is near.
  private static let startsAtOnce = 4
  /// libvirt's own, which the guard leaves alone: for what may run more than once.
  private static let commonPartition = "/machine"

  mutating func reconcile(_ workload: WorkloadName, _ wishes: inout ClaimWishes) {
    guard view.isLoaded else { return }
    guard let spec = view.specs[workload]?.value else { return reconcileUnknown(workload) }
    guard !view.isUnreadable(workload) else { return }
    if let domain = staleCopy(of: workload) { return endStale(workload, domain) }
    let id = DomainID(connection: spec.connection, name: workload.text)
    let sight = local.sight(of: id)
    settleOperation(workload, id, sight)
    switch (sight, isMine(workload)) {
    case (.unknown, true): wish(.unclear, for: workload, &wishes)
    case (.unknown, false): unknownAndNotMine(workload, &wishes)
    case (.absent, true): absentAndMine(workload, id, spec)
    case (.absent, false): absentAndNotMine(workload, &wishes)
    case (.present(let domain), true): presentAndMine(workload, domain, spec, &wishes)
    case (.present(let domain), false): presentAndNotMine(workload, domain, spec, &wishes)
    }
  }

  /// After a failure nothing is tried for a while; what is seen is taken in all the same.
  mutating func mayTry(_ workload: WorkloadName) -> Bool {
    guard let at = agents[workload]?.retryAt else { return true }
    guard at > now else {
      agents[workload]?.retryAt = nil
      return true
    }
    retry(workload, at: at)
    return false
  }

  mutating func isolation(of workload: WorkloadName, _ spec: SpecRecord) -> Isolation {
    rules.settings(of: workload, spec).isolation ?? spec.isolation
  }

  /// What the operator and the planner want is that it runs here.
  func isWantedHere(_ workload: WorkloadName) -> Bool {
    view.intents[workload]?.value.desired == .running && view.placements[workload]?.value.node == me
  }

  /// The claim is to be this node's: to run it, or to let it go in peace.
  private func isClaimWantedHere(_ workload: WorkloadName) -> Bool {
    view.placements[workload]?.value.node == me && (isWantedHere(workload) || isUnprotecting(workload))
  }

  /// Asks for the claim, unless it was given up under this very placement or a write has just failed.
  private mutating func wishClaim(_ workload: WorkloadName, _ wishes: inout ClaimWishes) {
    if let gaveUp = agents[workload]?.gaveUp, gaveUp == view.placements[workload]?.modified,
      view.claims[workload]?.value.failures[me] != nil
    {
      return
    }
    if mayWrite(workload) { wishes.claims.append(workload) }
  }

  private func isUnprotecting(_ workload: WorkloadName) -> Bool { view.intents[workload]?.value.desired == .unprotected }

  /// This node may begin something under a claim now.
  var mayAct: Bool { if session.isValid(at: now) { guardian.isArmed } else { false } }

  func observation(of workload: WorkloadName) -> DomainObservation? {
    guard let spec = view.specs[workload]?.value else { return nil }
    return local.domains[DomainID(connection: spec.connection, name: workload.text)]
  }

  func isSeen(_ workload: WorkloadName) -> Bool { observation(of: workload) != nil }

  // MARK: whose domain it is

  /// The domain is the workload, by its UUID or by our mark: a copy that was started before the spec got another UUID is one too.
  func isCopy(_ domain: DomainObservation, of workload: WorkloadName, _ spec: SpecRecord) -> Bool {
    domain.uuid == spec.uuid || domain.mark?.cluster == configuration.cluster && domain.mark?.workload == workload.text
  }

  /// It has the workload's UUID and never was under protection here: somebody else's, and not to be touched.
  func isNamesake(_ domain: DomainObservation, of workload: WorkloadName, _ spec: SpecRecord) -> Bool {
    guard domain.uuid == spec.uuid, domain.mark?.cluster != configuration.cluster, !isMine(workload) else { return false }
    return agents[workload]?.guarded == nil && !isGuarded(workload)
  }

  // MARK: the six cases

  /// libvirt does not answer. What stands still here and was this node's is claimed again all the same, so that it can go on.
  private mutating func unknownAndNotMine(_ workload: WorkloadName, _ wishes: inout ClaimWishes) {
    let claim = view.claims[workload]?.value
    if isUnprotecting(workload), isPlanner, !view.isHeld(claim), claim?.holder?.node != me {
      return forget(workload)
    }
    let isHere = agents[workload]?.guarded != nil || isGuarded(workload)
    if isHere, session.isValid(at: now), mayReclaim(workload), isClaimWantedHere(workload) { wishClaim(workload, &wishes) }
  }

  private mutating func absentAndMine(_ workload: WorkloadName, _ id: DomainID, _ spec: SpecRecord) {
    if !isAboutToStart(workload) { dropFromGuard(workload) }
    guard agents[workload]?.operation == nil, agents[workload]?.writing != true else { return }
    if hasMigrated(workload) {
      // A start of an earlier life may wait in libvirt for the name to be free.
      if awaitsBar(workload) { return }
      return handOver(workload)
    }
    if isWantedHere(workload), view.claims[workload]?.value.migration?.step == .ready { return offer(nil, workload) }
    noteVanished(workload)
    let staysHere = isWantedHere(workload) && agents[workload]?.giveUp == nil
    if !staysHere, awaitsBar(workload) { return }
    if isUnprotecting(workload) { return forget(workload) }
    guard isWantedHere(workload) else {
      return release(workload, why: view.intents[workload]?.value.desired == .stopped ? "stopped by the operator" : "it moves")
    }
    if let reason = agents[workload]?.giveUp {
      return release(
        workload, why: "it does not start here: \(reason)",
        failure: .init(count: agents[workload]?.failedStarts ?? 1, reason: reason))
    }
    if mayTry(workload) { start(workload, id, spec) }
  }

  private mutating func absentAndNotMine(_ workload: WorkloadName, _ wishes: inout ClaimWishes) {
    if awaitsBar(workload) { return }
    if isArriving(workload) { return expect(workload) }
    dropFromGuard(workload)
    if let agent = agents[workload], agent.condemned != nil, agent.operation == nil, !agent.writing {
      agents[workload]?.condemned = nil
    }
    let claim = view.claims[workload]?.value
    if holds(claim) { return settleDoubt(workload) }
    if isUnprotecting(workload), isPlanner, !view.isHeld(claim) { return forget(workload) }
    if isWantedHere(workload), !isLeaving, mayAct { wishClaim(workload, &wishes) }
  }

  /// A release was sent, and nobody knows what became of it: a write that succeeds or is refused tells.
  private mutating func settleDoubt(_ workload: WorkloadName) {
    if isUnprotecting(workload) {
      forget(workload)
    } else if hasMigrated(workload) {
      handOver(workload)
    } else if isWantedHere(workload) {
      prove(workload)
    } else {
      release(workload, why: "it was given up before")
    }
  }

  private mutating func presentAndMine(
    _ workload: WorkloadName, _ domain: DomainObservation, _ spec: SpecRecord, _ wishes: inout ClaimWishes
  ) {
    guard isCopy(domain, of: workload, spec) else {
      return nameIsTaken(workload, by: domain)
    }
    if isUnprotecting(workload), view.claims[workload]?.value.migration == nil {
      // Under the claim, like anything else: without its mark nobody would know it for a copy.
      guard mayAct else { return retry(workload, at: now + timing.renewInterval / 2) }
      return unprotect(workload, domain)
    }
    protect(workload, domain, spec)
    cancelMigrationIfUnwanted(workload, domain)
    guard agents[workload]?.operation == nil, !guardian.isIsolated else { return }
    if hasArrived(workload), !goOn(workload, domain, spec, &wishes) { return }
    if view.claims[workload]?.value.migration?.step != .arrived, migrates(workload, domain, spec) { return }
    // What leaves protection in the middle of a migration goes on first, here or there: afterwards nobody would let it.
    if isUnprotecting(workload) { return wish(.running, for: workload, &wishes) }
    let mark = ClaimMark(
      cluster: configuration.cluster, workload: workload.text, epoch: view.claims[workload]?.value.epoch ?? .none)
    // What has just arrived is this node's in every respect before it moves on.
    let finishesArrival = hasArrived(workload) && view.intents[workload]?.value.desired == .running
    guard isWantedHere(workload) || finishesArrival, domain.uuid == spec.uuid else {
      wish(.stopping, for: workload, &wishes)
      guard mayTry(workload) else { return }
      note(.stopping, "\(workload) stops on \(me)", workload: workload)
      return stop(workload, domain, grace: .seconds(spec.stopTimeout))
    }
    if domain.mark != mark || domain.persistent {
      guard mayTry(workload) else { return }
      begin(.mark, workload)
      out.append(.mark(workload, domain.id, uuid: domain.uuid, mark))
      return
    }
    switch domain.state {
    case .running, .paused:
      noteStarted(workload)
      wish(.running, for: workload, &wishes)
    case .stopping, .unclear, .arriving: wish(.unclear, for: workload, &wishes)
    }
  }

  private mutating func presentAndNotMine(
    _ workload: WorkloadName, _ domain: DomainObservation, _ spec: SpecRecord, _ wishes: inout ClaimWishes
  ) {
    // Somebody else's domain that only has the name: never touched. If the workload is wanted here, it cannot start here.
    guard isCopy(domain, of: workload, spec) else {
      if isUnprotecting(workload), isPlanner, !view.isHeld(view.claims[workload]?.value) { return forget(workload) }
      if mayAct, isWantedHere(workload) { wishClaim(workload, &wishes) }
      return
    }
    if isAdopting(workload) { return adopt(workload, domain, spec) }
    if isUnprotecting(workload), wasAdoptedHalfway(workload, domain) { return unprotect(workload, domain) }
    if agents[workload]?.unmarked == true || isUnprotecting(workload) && domain.mark == nil {
      let claim = view.claims[workload]?.value
      // Ours, with the answer to its end lost; or nobody's.
      if holds(claim) || isPlanner && !view.isHeld(claim) { forget(workload) }
      return
    }
    guard !isNamesake(domain, of: workload, spec) else {
      return noteOnce(
        .stray, "\(domain.id) has the UUID of \(workload) and runs on \(me) outside protection: adopt it, or stop it",
        severity: .error, workload: workload)
    }
    protect(workload, domain, spec)
    // It executes nothing before this node holds the claim. Should somebody have let it go on, it is an intruder.
    if isArriving(workload, domain) { return }
    guard agents[workload]?.writing != true, agents[workload]?.operation == nil else { return }
    // Without a session nothing can be told about claims: the guard's deadline holds meanwhile.
    guard session.isValid(at: now) else { return }
    if mayReclaim(workload) {
      if isClaimWantedHere(workload) {
        wishClaim(workload, &wishes)
      } else if isUnprotecting(workload), agents[workload]?.guarded == nil, !isGuarded(workload) {
        // What may run more than once was never stopped, and nobody places it any more.
        unprotect(workload, domain)
      }
      return
    }
    endIntruder(workload, domain)
  }

  /// It runs here without a valid claim.
  mutating func endIntruder(_ workload: WorkloadName, _ domain: DomainObservation) {
    guard guardian.isArmed else { return }
    if agents[workload]?.condemned == nil {
      agents[workload, default: Agent()].condemned = Agent.Condemned(cgroup: domain.cgroup)
      if domain.state == .arriving {
        note(.migrating, "\(workload) had begun to arrive on \(me), and does not come: that is ended", workload: workload)
      } else {
        note(
          .intruder, "\(workload) runs on \(me) without a valid claim: it is stopped at once", severity: .error,
          workload: workload)
      }
    }
    guard mayTry(workload) else { return }
    tellGuard(.kill(workload: workload.text))
    stop(workload, domain, grace: .zero)
  }

  // MARK: steps

  /// The guard was told of a start that is to be made when it has said so.
  private func isAboutToStart(_ workload: WorkloadName) -> Bool {
    isWantedHere(workload) && agents[workload]?.guarded?.isStarting == true && agents[workload]?.giveUp == nil
  }

  private mutating func start(_ workload: WorkloadName, _ id: DomainID, _ spec: SpecRecord) {
    guard mayAct, let deadline = session.deadline, let epoch = view.claims[workload]?.value.epoch else { return }
    guard agents[workload]?.proven == view.claims[workload]?.modified else { return prove(workload) }
    let notAfter = deadline - timing.startBudget
    let underWay = agents.values.count { $0.operation?.kind == .start && $0.operation?.ended == nil }
    guard now < notAfter else { return retry(workload, at: now + timing.renewInterval / 2) }
    guard underWay < Self.startsAtOnce else {
      waitingToStart.insert(workload)
      return
    }
    waitingToStart.remove(workload)
    let isolation = isolation(of: workload, spec), interfaces = Interfaces.count(in: spec.xml)
    let links = (0..<interfaces).map { Interfaces.linkName(cluster: configuration.cluster, workload: workload, index: $0) }
    agents[workload]?.bar = .none
    agents[workload]?.condemned = nil
    let isExclusive = rules.isExclusive(workload, spec)
    // Before the start, so that the guard knows the links whenever the deadline comes; and it has said so, as what it wrote down is all
    // that the next life of this controller will know of the start.
    if isExclusive {
      protect(
        workload, GuardedWorkload(name: workload.text, isolation: isolation, cgroup: nil, links: links, isStarting: true))
      guard guardian.starting.contains(workload.text) else { return }
    }
    begin(.start, workload)
    out.append(
      .start(
        workload,
        StartRequest(
          id: id, xml: spec.xml, uuid: spec.uuid,
          mark: ClaimMark(cluster: configuration.cluster, workload: workload.text, epoch: epoch),
          partition: isExclusive ? "\(configuration.partition)/\(isolation.rawValue)" : Self.commonPartition, links: links,
          notAfter: notAfter, overBar: agents[workload]?.lateStart == true)))
  }

  mutating func stop(_ workload: WorkloadName, _ domain: DomainObservation, grace: Duration) {
    guard !guardian.isIsolated else { return }
    begin(.stop, workload)
    out.append(.stop(workload, domain.id, uuid: domain.uuid, grace: grace))
  }

  private mutating func nameIsTaken(_ workload: WorkloadName, by domain: DomainObservation) {
    guard agents[workload]?.operation == nil, agents[workload]?.writing != true else { return }
    let reason = "a domain that is not under protection has its name (UUID \(domain.uuid))"
    guard isWantedHere(workload) else { return release(workload, why: "it moves") }
    release(workload, why: reason, failure: .init(count: 1, reason: reason))
  }

  mutating func begin(_ kind: DomainOperation, _ workload: WorkloadName) {
    agents[workload, default: Agent()].operation = Agent.Operation(kind: kind, began: now, ended: nil)
  }

  mutating func wish(_ activity: ClaimRecord.Activity, for workload: WorkloadName, _ wishes: inout ClaimWishes) {
    guard let claim = view.claims[workload]?.value, agents[workload]?.writing != true else { return }
    if let at = agents[workload]?.tellAt, now < at { return retry(workload, at: at) }
    if claim.activity != activity || activity == .running && !claim.failures.isEmpty {
      wishes.activities.append((workload, activity))
    }
  }

  // MARK: the guard's knowledge

  mutating func protect(_ workload: WorkloadName, _ domain: DomainObservation, _ spec: SpecRecord) {
    // What is guarded stays so until its end, whatever the rules say now: it runs in the guard's partition.
    guard rules.isExclusive(workload, spec) || isGuarded(workload) || agents[workload]?.guarded != nil else { return }
    protect(
      workload,
      GuardedWorkload(
        name: workload.text, isolation: isolation(of: workload, spec), cgroup: domain.cgroup, links: domain.links.sorted(),
        isStarting: agents[workload]?.operation?.kind == .start || agents[workload]?.lateStart == true))
  }

  mutating func protect(_ workload: WorkloadName, _ guarded: GuardedWorkload) {
    guard agents[workload]?.guarded != guarded else { return }
    agents[workload, default: Agent()].guarded = guarded
    guardian.keep(workload.text)
    tellGuard(.protect(guarded))
  }

  /// The domain was seen to be gone.
  mutating func dropFromGuard(_ workload: WorkloadName) {
    if !mayStillAppear(workload) { unguard(workload, .forget(workload: workload.text)) }
  }

  /// The guard, where it protects the workload, is told by this command that it no longer does.
  mutating func unguard(_ workload: WorkloadName, _ command: GuardCommand) {
    guard agents[workload]?.guarded != nil || isGuarded(workload) else { return }
    agents[workload]?.guarded = nil
    guardian.drop(workload.text)
    tellGuard(command)
  }
}
