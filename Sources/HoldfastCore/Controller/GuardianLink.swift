import GuardProtocol

/// What the controller knows of its guard.
public struct GuardianLink: Hashable, Sendable {
  /// nil while the guard's door is closed.
  public internal(set) var phase: GuardState.Phase?
  /// Names that the guard said it protects when it was last asked.
  private(set) var workloads: Set<String> = []
  /// Those of them that may be starting.
  private(set) var starting: Set<String> = []
  /// The lists that the two come from.
  private var told: [[String]] = []
  /// Names that it was told to forget and still lists: what it said before it took the command is no news.
  private var forgetting: Set<String> = []
  /// `isolate` was commanded and not yet answered.
  var isolating = false
  /// The re-validation of the claims is on its way.
  var validating = false
  /// `resume` was commanded and not yet answered.
  var resuming = false
  /// `shorten` was commanded, and its answer not yet seen.
  var shortening = false
  /// It has said something since.
  var hasAnsweredShorten = false
  /// The latest deadline that it was told since the last `shorten`.
  var toldDeadline: BootInstant?
  /// When starts that stand still were last ended for libvirt's sake.
  var freedAt: BootInstant?
  /// After a refusal nothing is commanded before this instant.
  var quietUntil: BootInstant = .zero
  /// Since when the thaw waits for claims that are being taken anew.
  var waitingSince: BootInstant?
  /// It has spoken with this life of the controller.
  var hasSpoken = false
  /// A freeze that this controller makes itself, while the guard is gone.
  struct DirectFreeze: Hashable, Sendable {
    enum Phase: Hashable, Sendable {
      case none
      /// Attempts until everything is seen to stand still; the next one is made then.
      case wanted(attempts: Int, next: BootInstant)
      case confirmed(since: BootInstant)
    }
    var phase = Phase.none
    /// Attempts that were not answered. Until they are, the last of them may freeze what somebody thawed.
    var unanswered = 0
  }
  var directFreeze = DirectFreeze()
  var frozenWithoutIt: Bool { directFreeze.phase != .none }
  /// Since when nothing under protection executes here, for certain; nil: something may.
  var frozenSince: BootInstant? {
    switch (phase, directFreeze.phase) {
    case (nil, .confirmed(let since)): since
    case (.isolated(let since, true), _): since
    default: nil
    }
  }

  public var isConnected: Bool { phase != nil }
  /// Nothing but the deadline is new.
  func isAsTold(by state: GuardState) -> Bool { told == [state.workloads, state.starting] }
  mutating func take(_ state: GuardState) {
    phase = state.phase
    workloads = Set(state.workloads)
    starting = Set(state.starting)
    told = [state.workloads, state.starting]
    guard !forgetting.isEmpty else { return }
    forgetting.formIntersection(workloads)
    workloads.subtract(forgetting)
    starting.subtract(forgetting)
  }
  /// The guard is told to forget it.
  mutating func drop(_ name: String) {
    if workloads.remove(name) != nil { forgetting.insert(name) }
    starting.remove(name)
    told = []
  }
  /// The guard is told to protect it, whatever it was told before.
  mutating func keep(_ name: String) { forgetting.remove(name) }
  /// Commands may not have been taken: what the guard says of itself holds.
  mutating func listenAnew() { forgetting = [] }
  /// Workloads may run: the guard enforces a deadline and nothing is frozen.
  public var isArmed: Bool { if case .armed = phase, !isolating { true } else { false } }
  public var isIsolated: Bool { if case .isolated = phase { true } else { false } }

  /// The phase in a word, for people.
  public var summary: String {
    switch phase {
    case nil: "not there"
    case .disarmed: "disarmed"
    case .armed: "armed"
    case .isolated(_, let confirmed): confirmed ? "isolated" : "isolating"
    }
  }
}

extension Controller {
  mutating func guardianSaid(_ event: Event.GuardianEvent) {
    let before = guardian.summary
    defer { if guardian.summary != before { reportIsDue = true } }
    switch event {
    case .connected(let state): guardianConnected(state)
    case .report(.state(let state)): guardianChanged(to: state)
    case .report(.killed(let name, let confirmed)):
      let workload = WorkloadName(name)
      dirty.insert(workload)
      // Should libvirt not notice by itself.
      if confirmed, observation(of: workload) != nil { out.append(.refresh) }
      note(
        .killed,
        confirmed ? "\(name): every process is gone" : "\(name): its processes were killed, their end is not confirmed yet",
        severity: .warning, workload: workload)
    case .report(.refused(let reason)):
      guardian.listenAnew()
      guardian.resuming = false
      guardian.isolating = false
      guardian.shortening = false
      guardian.quietUntil = now + timing.renewInterval / 2
      condemnAnew()
      noteOnce(.guardRefused, "the guard refused a command: \(reason)")
      lookAgain(at: guardian.quietUntil)
    case .lost(let reason): guardianLost(reason)
    }
  }

  private mutating func guardianConnected(_ state: GuardState) {
    guardian.listenAnew()
    guardian.take(state)
    if !guardian.hasSpoken { inheritStarts(state.starting) }
    guardian.hasSpoken = true
    guardian.isolating = false
    guardian.resuming = false
    guardian.validating = false
    if guardian.frozenWithoutIt {
      guardian.directFreeze.phase = .none
      note(.guardBack, "the guard is back")
      guardian.isolating = true
      tellGuard(.isolate)
    }
    condemnAnew()
    protectAnew()
    extendGuard()
    makeEveryWorkloadDirty()
  }

  /// Tells the guard everything that it is to protect.
  private mutating func protectAnew() {
    for workload in agents.keys.sorted() {
      if let protected = agents[workload]?.guarded { tellGuard(.protect(protected)) }
    }
  }

  /// A kill that the guard did not take, or of which its successor does not know, is commanded again.
  private mutating func condemnAnew() {
    for workload in agents.keys { agents[workload]?.condemned = nil }
  }

  private mutating func guardianChanged(to state: GuardState) {
    let before = guardian.phase
    guardian.hasAnsweredShorten = true
    if case .armed = state.phase, guardian.isArmed, guardian.isAsTold(by: state) {
      guardian.phase = state.phase
      if guardian.shortening { isNews = true }
      return
    }
    isNews = true
    for name in state.workloads where !guardian.workloads.contains(name) { dirty.insert(WorkloadName(name)) }
    for name in state.starting where !guardian.starting.contains(name) { dirty.insert(WorkloadName(name)) }
    guardian.take(state)
    switch state.phase {
    case .isolated(_, let confirmed):
      guardian.isolating = false
      guard before.map(Self.isIsolated) != true else { return }
      condemnAnew()
      note(
        .isolated,
        confirmed
          ? "everything under protection on \(me) is stopped where it is"
          : "stopping everything under protection on \(me) is not confirmed yet", severity: .error)
    case .armed, .disarmed:
      guardian.resuming = false
      unsay(.guardRefused)
      if before.map(Self.isIsolated) == true {
        note(.resumed, "the workloads of \(me) go on where they were")
        makeEveryWorkloadDirty()
      } else if case .disarmed? = before, guardian.isArmed {
        // Without a deadline it took nothing that runs. While it has none, its answers to this would ask for the same again, for ever.
        protectAnew()
        makeEveryWorkloadDirty()
      }
    }
  }

  private static func isIsolated(_ phase: GuardState.Phase) -> Bool { if case .isolated = phase { true } else { false } }

  private mutating func guardianLost(_ reason: String) {
    guardian.phase = nil
    guardian.isolating = false
    guardian.resuming = false
    guardian.validating = false
    guardian.shortening = false
    if isHandsOff, !isOutOfTime {
      return note(.guardLost, "the guard is gone (\(reason)); the cluster is disarmed, so nothing is stopped", severity: .error)
    }
    freezeWithoutIt()
    note(
      .guardLost, "the guard is gone (\(reason)): stopped everything under protection on \(me) until it is back",
      severity: .error)
  }

  /// A controller that finds protected domains and no guard: nobody enforces their deadline. The guard, if it only starts too, gets a moment.
  mutating func missTheGuard() {
    guard guardian.phase == nil, !guardian.frozenWithoutIt, let bornAt else { return }
    // What runs is not known before libvirt has spoken: then it counts as something.
    guard seesProtectedDomain || !local.isComplete else { return }
    // In a disarmed cluster a missing guard is waited for as long as this node's session stands, and not longer.
    let until = isHandsOff ? session.deadline ?? bornAt + timing.ttl : bornAt + Self.guardIsLate
    if now < until { lookAgain(at: until) } else { guardianLost("it does not answer") }
  }
  private static let guardIsLate: Duration = .milliseconds(300)

  /// The session does not stand any more, whatever the cluster is.
  private var isOutOfTime: Bool {
    if let deadline = session.deadline { return now >= deadline }
    return bornAt.map { now >= $0 + timing.ttl } ?? false
  }

  /// The session is gone: what stops everything is the guard, or this controller where there is none.
  mutating func stopEverything() {
    if guardian.isConnected {
      guardian.isolating = true
      tellGuard(.isolate)
    } else if !guardian.frozenWithoutIt {
      freezeWithoutIt()
    }
  }

  private mutating func freezeWithoutIt() {
    guardian.directFreeze.phase = .wanted(attempts: 0, next: now)
    attemptDirectFreeze()
  }

  /// What came of the freeze without the guard.
  mutating func frozeDirectly(confirmed: Bool) {
    guardian.directFreeze.unanswered -= 1
    guard guardian.directFreeze.unanswered == 0, case .wanted(let attempts, _) = guardian.directFreeze.phase else { return }
    guard !confirmed else { return guardian.directFreeze.phase = .confirmed(since: now) }
    let isLong = attempts >= Self.directAttempts
    guardian.directFreeze.phase = .wanted(attempts: attempts, next: now + (isLong ? .milliseconds(100) : .milliseconds(5)))
    if attempts == Self.directAttempts {
      note(
        .isolated,
        "freezing the workloads of \(me) without the guard is not confirmed: some may still execute. Look at this host",
        severity: .error)
    }
  }

  /// Attempts in a row, before people are told and the next ones come slower.
  private static let directAttempts = 100

  mutating func attemptDirectFreeze() {
    guard case .wanted(let attempts, let next) = guardian.directFreeze.phase, guardian.directFreeze.unanswered == 0 else {
      return
    }
    guard now >= next else { return lookAgain(at: next) }
    guardian.directFreeze.phase = .wanted(attempts: attempts + 1, next: next)
    guardian.directFreeze.unanswered += 1
    out.append(.isolateDirectly(agents.sorted { $0.key < $1.key }.compactMap(\.value.guarded)))
  }

  /// Tells the guard how long the session stands. A guard that has stopped everything is told by `resume` only.
  mutating func extendGuard() {
    guard let deadline = session.deadline, now < deadline, guardian.isConnected, !guardian.isIsolated, !guardian.isolating
    else {
      return
    }
    guardian.toldDeadline = max(deadline, guardian.toldDeadline ?? deadline)
    tellGuard(.extend(deadline: deadline))
  }

  // MARK: going on after a stop

  /// Thaws only when a transaction proved that every claim under which something is frozen here still holds; what lost its
  /// claim is killed before, and never executes again.
  mutating func resumeIfValidated() {
    guard guardian.isIsolated, !guardian.resuming, !guardian.validating, session.isValid(at: now) else { return }
    // A freeze without the guard that is still on its way would come after the thaw.
    guard guardian.directFreeze.unanswered == 0 else { return }
    guard let own = session.acting, own.confirmedSent != nil, now >= max(pauseUntil, guardian.quietUntil) else { return }
    let kept = settleStopped()
    // What this life of the controller has not seen may be here without a claim; and while libvirt does not answer, no earlier start
    // can be barred.
    guard local.isComplete, kept != nil || local.unreachable.isEmpty else { return freeTheHypervisor() }
    if let kept { validate(kept, as: own) }
  }

  /// libvirt may have to wait for a start that stands still, and we for libvirt: such a start is ended.
  private mutating func freeTheHypervisor() {
    guard case .isolated(let since, _) = guardian.phase else { return }
    let until = max(since, guardian.freedAt ?? since) + timing.ttl
    guard now >= until else { return lookAgain(at: until) }
    guardian.freedAt = now
    lookAgain(at: now + timing.ttl)
    for name in guardian.starting.sorted() { tellGuard(.kill(workload: name)) }
  }

  /// libvirt does not answer, and may be waiting for a start of it that stands still: that is the guard's to end.
  func mayBlockTheHypervisor(_ workload: WorkloadName) -> Bool {
    guardian.starting.contains(workload.text) && !local.unreachable.isEmpty
  }

  /// Kills what lost its claim. Gives what may go on; nil while something is not decided.
  private mutating func settleStopped() -> [WorkloadName]? {
    var kept: [WorkloadName] = []
    var undecided = false
    for workload in stoppedHere() {
      if view.specs[workload] != nil, staleCopy(of: workload) != nil {
        condemn(workload)
        undecided = true
      } else if isMine(workload) || isAdopting(workload) {
        kept.append(workload)
      } else if isOnlyArriving(workload) {
        // Nothing of it is here, but a start from before may still come.
        if awaitsBar(workload) { undecided = true } else { kept.append(workload) }
      } else if view.unreadable[.claim(workload)] != nil || view.isUnreadable(workload) && wasMine(workload) {
        undecided = true
      } else if view.specs[workload] == nil, staleCopy(of: workload) == nil, !mayComeBack(workload) {
        // Left protection here, or never came under it: nobody's business any more.
        if mayBlockTheHypervisor(workload) { undecided = true } else { letGo(workload) }
      } else if mayReclaim(workload), mayWaitForClaims() {
        undecided = true
      } else {
        condemn(workload)
        if awaitsBar(workload) { undecided = true }
      }
    }
    guard !undecided else { return nil }
    guardian.waitingSince = nil
    return kept
  }

  private mutating func condemn(_ workload: WorkloadName) {
    let known = Agent.Condemned(cgroup: agents[workload]?.guarded?.cgroup)
    guard agents[workload]?.condemned != known else { return }
    agents[workload, default: Agent()].condemned = known
    tellGuard(.kill(workload: workload.text))
    noteOnce(.killed, "\(workload) lost its claim while it was stopped here: killed", workload: workload)
  }

  /// An earlier session of this node held it last.
  private func wasMine(_ workload: WorkloadName) -> Bool {
    guard let claim = view.claims[workload]?.value else { return false }
    return claim.holder?.node == me && !view.isHeld(claim)
  }

  /// A claim is being taken anew, or its placement decided. All that is stopped waits for it, so not for long.
  private mutating func mayWaitForClaims() -> Bool {
    let since = guardian.waitingSince ?? now
    guardian.waitingSince = since
    let until = since + timing.ttl
    if now < until { lookAgain(at: until) }
    return now < until
  }

  /// Workloads that the guard holds, as far as it or the hypervisor told.
  private func stoppedHere() -> [WorkloadName] {
    var names = Set(guardian.workloads.map { WorkloadName($0) })
    names.formUnion(agents.lazy.filter { $0.value.guarded != nil }.map(\.key))
    for domain in local.domains.values {
      guard let mark = domain.mark, mark.cluster == configuration.cluster else { continue }
      let workload = WorkloadName(mark.workload)
      // What may run more than once was not stopped.
      let isShared = view.specs[workload].map { !rules.isExclusive(workload, $0.value) } ?? false
      if !isShared, view.specs[workload] != nil || staleCopy(of: workload) != nil { names.insert(workload) }
    }
    return names.sorted()
  }

  /// Nobody took the claim since an earlier session of this node held it, and it is still meant to run here.
  func mayReclaim(_ workload: WorkloadName) -> Bool {
    guard let claim = view.claims[workload]?.value, wasMine(workload), agents[workload]?.condemned == nil else { return false }
    guard let desired = view.intents[workload]?.value.desired, desired != .stopped else { return false }
    if let mark = observation(of: workload)?.mark, !claim.covers(mark.epoch) { return false }
    let placed = view.placements[workload]?.value.node
    return placed == me || placed == nil
  }

  /// That the session stands is the proof: nobody can take a claim of a standing session. The claims' own revisions are checked
  /// besides, as many as fit, so that an error of ours shows as a refusal and not as two copies.
  private mutating func validate(_ kept: [WorkloadName], as own: OwnSession.Standing) {
    var conditions: [Condition<RecordKey>] = [.stands(.session(own.incarnation), created: own.created)]
    for workload in kept.prefix(100) {
      if isAdopting(workload), let intent = view.intents[workload] {
        conditions.append(.unchanged(.intent(workload), modified: intent.modified))
      } else if let claim = view.claims[workload] {
        conditions.append(.unchanged(.claim(workload), modified: claim.modified))
      }
    }
    guardian.validating = true
    transact(
      .validate(own.incarnation, kept: Set(kept)), ClusterTransaction(if: conditions, write: []), timeout: timing.renewTimeout)
  }

  mutating func validated(_ asked: Set<WorkloadName>, under incarnation: Incarnation) {
    // The proof is of the session that it was asked under: a later one has other claims.
    guard session.incarnation == incarnation else { return }
    guardian.validating = false
    guard guardian.isIsolated, guardian.directFreeze.unanswered == 0, session.acting != nil, let deadline = session.deadline,
      now < deadline
    else { return }
    // What was seen between the question and the answer was not asked about.
    guard let kept = settleStopped(), asked.isSuperset(of: kept) else { return }
    guardian.resuming = true
    guardian.toldDeadline = max(deadline, guardian.toldDeadline ?? deadline)
    tellGuard(.resume(deadline: deadline))
  }
}
