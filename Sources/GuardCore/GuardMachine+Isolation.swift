// How everything is stopped, kept stopped, and let go again.

import HoldfastTime

extension GuardMachine {
  /// The guard's beginning: what it makes of the things that it finds. "Cannot tell" never means "fine".
  mutating func start(_ found: FoundAtStart, _ now: BootInstant) {
    switch found.record {
    case .unreadable(let reason):
      beginIsolation(
        now, why: "the state of the guard before this one cannot be read (\(reason))", trusting: false, knowsAll: false)
    case .found(let record) where record.boot == boot:
      takeUp(record, found, now)
    case .none, .found:
      if let doubt = doubt(found) {
        beginIsolation(now, why: "\(doubt), and no state tells a deadline", trusting: false, knowsAll: false)
      }
    }
    persist()
  }

  private func doubt(_ found: FoundAtStart) -> String? {
    switch found.occupied {
    case true: "processes run in the partition"
    case nil: "it cannot be told whether processes run in the partition"
    case false: found.frozen ? "the partition is frozen" : nil
    }
  }

  private mutating func takeUp(_ record: GuardRecord, _ found: FoundAtStart, _ now: BootInstant) {
    workloads = Dictionary(record.workloads.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    released = record.released
    book.takeUp(record.addresses, now)
    switch record.phase {
    case .disarmed:
      if let doubt = doubt(found) {
        beginIsolation(now, why: "\(doubt), and there is no deadline", trusting: false, knowsAll: false)
      }
    case .armed(let deadline):
      phase = .armed(deadline: deadline)
      log(.notice, "took up the deadline and \(workloads.count) workloads of the guard before this one")
      if found.frozen {
        beginIsolation(now, why: "the partition was found frozen", deadline: deadline, trusting: false)
      } else if now >= deadline {
        beginIsolation(now, why: "the deadline passed while no guard ran", trusting: false)
      }
    case .isolated(let since, let killsAt):
      beginIsolation(
        now, since: since, why: "the guard before this one had isolated", deadline: killsAt, taken: record.taken,
        trusting: false)
    }
    beginKills(record.kills, isolation: false, now)
  }

  mutating func enforceDeadline(_ now: BootInstant) {
    switch phase {
    case .armed(let deadline) where now >= deadline: beginIsolation(now, why: Self.passed(deadline, now))
    case .isolated(let isolated):
      if let deadline = isolated.killsAt, now >= deadline { beginStopping(now, why: Self.passed(deadline, now)) }
    case .disarmed, .armed: break
    }
  }

  private static func passed(_ deadline: BootInstant, _ now: BootInstant) -> String {
    "the deadline passed \((now - deadline).wholeNanoseconds / 1000) microseconds ago"
  }

  /// - Parameters:
  ///   - deadline: the one in force, if it is known: until then what is `stop` is frozen only.
  ///   - trusting: what is found frozen or down was so before any guard did it.
  ///   - knowsAll: everything under protection is known.
  mutating func beginIsolation(
    _ now: BootInstant, since: BootInstant? = nil, why: String, deadline: BootInstant? = nil,
    taken: TakenThings = TakenThings(),
    trusting: Bool = true, knowsAll: Bool = true
  ) {
    var isolated = IsolatedState(
      since: since ?? now, startsEndAt: now + times.freezeLimit, knowsAll: knowsAll, nextRound: now + times.verify,
      interval: times.verify, taken: taken)
    if let deadline, deadline > now { isolated.killsAt = deadline }
    isolated.taken.frozen.formUnion(workloads.values.compactMap(\.cgroup))
    isolated.taken.down.formUnion(workloads.values.flatMap(\.links))
    if trusting {
      isolated.freshCgroups = isolated.taken.frozen
      // What the order under way finds down is told with its result.
      isolated.freshLinks = isolated.taken.down.subtracting(linkOrder?.links ?? [])
    }
    // The isolation before this one took them down, and has not taken them up.
    if let links = linkOrder?.thenUp { isolated.taken.down.formUnion(links) }
    linkOrder?.thenUp = nil
    phase = .isolated(isolated)
    freezeAgain(now)
    killStopped(Array(workloads.values), now)
    persist()
    log(.warning, "isolating \(workloads.count) workloads: \(why)")
    let stopped = workloads.values.count { $0.isolation == .stop }
    if let killsAt = isolated.killsAt, stopped > 0 {
      let time = (killsAt - now).wholeNanoseconds / 1_000_000
      log(
        .notice,
        "\(stopped) of them with \"isolation: stop\" are frozen, and killed in \(time) ms unless they are resumed before")
    }
  }

  /// Freeze first: everything else may take its time once nothing executes. Then addresses and links, because this kernel, and a frozen
  /// container's, go on answering for it; then the kills.
  mutating func freezeAgain(_ now: BootInstant) {
    guard case .isolated(var isolated) = phase else { return }
    isolated.interval = times.verify
    phase = .isolated(isolated)
    round += 1
    act(.isolateNow(round: round, cgroups: held(isolated)))
    workAddresses(now)
    orderLinksDown(now)
  }

  /// Kills those of them that are `stop`, and whatever is in their partition, once the deadline has passed.
  mutating func killStopped(_ those: [GuardedWorkload], _ now: BootInstant) {
    guard case .isolated(let isolated) = phase, isolated.killsAt == nil else { return }
    var targets: [KillTarget] = []
    for workload in those.sorted(by: { $0.name < $1.name }) where workload.isolation == .stop {
      if let cgroup = workload.cgroup { targets.append(.workload(name: workload.name, cgroup: cgroup)) }
    }
    // Who is spared may have changed.
    dropStopPartitionKills()
    beginKills(targets + [stopPartition], isolation: true, now)
  }

  /// Begins to kill what is `stop`, which was frozen until now.
  mutating func beginStopping(_ now: BootInstant, why: String) {
    guard case .isolated(var isolated) = phase else { return }
    isolated.killsAt = nil
    phase = .isolated(isolated)
    let stopped = workloads.values.filter { $0.isolation == .stop }
    if !stopped.isEmpty { log(.warning, "killing \(stopped.count) frozen workloads with \"isolation: stop\": \(why)") }
    killStopped(stopped, now)
    persist()
  }

  /// A workload that left protection meanwhile is thawed with everything else, but nobody freezes it again.
  private func held(_ isolated: IsolatedState) -> [String] { isolated.taken.frozen.subtracting(released.values).sorted() }

  private mutating func dropStopPartitionKills() {
    kills = kills.filter { if case .stopPartition = $0.key { false } else { true } }
  }

  /// A kill whose target is "what is not known" would take the next start for it. Who waits for its outcome is told that it
  /// was not seen.
  private mutating func dropPartitionKills() {
    dropStopPartitionKills()
    for target in kills.keys.sorted(by: KillTarget.order) {
      guard case .unseen(let name, _, _) = target else { continue }
      kills[target] = nil
      _ = answerWaiting(.killed(workload: name, confirmed: false)) { $0 == .kill(target) }
    }
  }

  /// Written down before the first SIGKILL: the next guard must finish what this one began.
  mutating func beginKills(_ targets: [KillTarget], isolation: Bool, isOfStart: Bool = false, _ now: BootInstant) {
    for target in targets {
      if kills[target] == nil {
        kills[target] = Kill(
          begun: now, nextAttempt: now, interval: times.killRetry, isolation: isolation, isOfStart: isOfStart)
      } else if isolation {
        kills[target]?.isolation = true
      }
      if let name = target.workload { dropAddresses(of: name) }
    }
    persist()
    for target in targets { attempt(target, now) }
  }

  private mutating func attempt(_ target: KillTarget, _ now: BootInstant) {
    guard var kill = kills[target] else { return }
    kill.nextAttempt = now + kill.interval
    kill.interval = min(kill.interval + kill.interval, times.killRetryMost)
    kills[target] = kill
    act(.kill(target))
  }

  mutating func freezeEnded(_ round: Int, _ confirmed: Bool, _ found: [String], _ now: BootInstant) {
    guard case .isolated(var isolated) = phase, round == self.round else { return }
    let changed = !isolated.told || isolated.confirmed != confirmed
    isolated.taken.foundFrozen.formUnion(isolated.freshCgroups.intersection(found))
    isolated.freshCgroups.removeAll()
    isolated.confirmed = confirmed
    isolated.startsEndAt = confirmed ? nil : isolated.startsEndAt ?? now + times.freezeLimit
    isolated.told = true
    isolated.nextRound = now + (confirmed ? isolated.interval : times.freezeRetry)
    isolated.interval = confirmed ? min(isolated.interval + isolated.interval, longestInterval) : times.verify
    let isNews = isolated.said != confirmed
    isolated.said = confirmed
    phase = .isolated(isolated)
    persist()
    guard changed else { return }
    if isNews, confirmed {
      let time = (now - isolated.since).wholeNanoseconds / 1000
      log(.notice, "isolated: every protected workload is seen frozen, \(time) microseconds after it began")
    } else if isNews {
      log(.error, "isolating: freeze not confirmed for every protected workload yet; trying again")
    }
    let report = GuardReport.state(state)
    if !answerWaiting(report, where: { $0 == .stateAfterFreeze }) { tell(report) }
  }

  private var longestInterval: Duration {
    if mayStart { return times.verify }
    return workloads.isEmpty ? times.verifyIdle : times.verifyMost
  }

  /// One order at a time: it may have to wait, and the guard does not wait for it.
  private mutating func orderLinksDown(_ now: BootInstant) {
    if let order = linkOrder {
      guard !order.isLate, now >= order.begun + times.linksLimit else { return }
      linkOrder?.isLate = true
      return log(
        .error,
        "links are not down yet: the kernel lets nobody change one, as somebody holds its routing lock; look for processes in state D"
      )
    }
    guard case .isolated(var isolated) = phase, !isolated.taken.down.isEmpty else { return }
    linkRound += 1
    linkOrder = LinkOrder(round: linkRound, begun: now, links: isolated.taken.down, fresh: isolated.freshLinks)
    isolated.freshLinks.removeAll()
    isolated.namedLinks.removeAll()
    phase = .isolated(isolated)
    act(.linksDown(round: linkRound, isolated.taken.down.sorted()))
  }

  mutating func linksEnded(_ round: Int, _ found: [String], _ gone: [String], _ now: BootInstant) {
    guard let order = linkOrder, order.round == round else { return }
    linkOrder = nil
    let foundFirst = order.fresh.intersection(found)
    guard case .isolated(var isolated) = phase else {
      let links = (order.thenUp ?? []).subtracting(foundFirst).subtracting(gone)
      if !links.isEmpty { act(.linksUp(links.sorted())) }
      return
    }
    // What was down, and was taken up by somebody since, is to be up: libvirt was still making it.
    isolated.taken.foundDown.formIntersection(found)
    isolated.taken.foundDown.formUnion(foundFirst)
    // Not asked about again before it is named again: the next link of this name may be anybody's.
    let lost = Set(gone).subtracting(isolated.namedLinks)
    isolated.taken.down.subtract(lost)
    isolated.taken.foundDown.subtract(lost)
    phase = .isolated(isolated)
    persist()
    if !isolated.freshLinks.isEmpty || !isolated.namedLinks.isEmpty { orderLinksDown(now) }
  }

  mutating func killEnded(_ target: KillTarget, _ progress: KillProgress, _ now: BootInstant) {
    guard let kill = kills[target] else { return }
    if case .failed(let reason) = progress, kill.progress != progress {
      log(.error, "killing \(target.label): \(reason); trying again")
    }
    kills[target]?.progress = progress
    guard progress == .gone else {
      kills[target]?.hasFound = true
      return
    }
    // What was named while it was killed is not raised for what is dead.
    if let name = target.workload { dropAddresses(of: name) }
    kills[target] = nil
    persist()
    guard let name = target.workload else { return }
    let report = GuardReport.killed(workload: name, confirmed: true)
    let isAnswer = answerWaiting(report) { $0 == .kill(target) }
    // Looked at once more and found as it was: nobody asked, and everybody knows.
    guard isAnswer || kill.hasFound || !kill.isOfStart && !wasTold(target) else { return }
    if case .isolated(var isolated) = phase {
      isolated.ended.insert(target)
      phase = .isolated(isolated)
    }
    log(.notice, "killed \(name): every process is gone")
    if !isAnswer { tell(report) }
  }

  /// That nothing is left of it was told in this isolation.
  private func wasTold(_ target: KillTarget) -> Bool {
    if case .isolated(let isolated) = phase { isolated.ended.contains(target) } else { false }
  }

  /// The rounds and attempts whose time has come.
  mutating func workDue(_ now: BootInstant) {
    if case .isolated(var isolated) = phase, now >= isolated.nextRound {
      round += 1
      isolated.nextRound = now + (isolated.confirmed ? isolated.interval : times.freezeRetry)
      phase = .isolated(isolated)
      act(.retryIsolation(round: round, cgroups: held(isolated)))
      book.removeAtOnce(now)
      workAddresses(now)
      orderLinksDown(now)
      // A start that was under way may have come into the partition since.
      if isolated.killsAt == nil, kills[stopPartition] == nil { beginKills([stopPartition], isolation: true, now) }
    }
    endStarts(now)
    let limit = times.killLimit
    for (target, kill) in kills(where: { now >= $0.nextAttempt || !$0.overdue && now >= $0.begun + limit }) {
      if now >= kill.nextAttempt { attempt(target, now) }
      if !kill.overdue, now >= kill.begun + limit { overdue(target) }
    }
    dropEndedStarts()
  }

  private mutating func overdue(_ target: KillTarget) {
    kills[target]?.overdue = true
    log(.error, "killing \(target.label): its processes are still there; trying on")
    guard let name = target.workload else { return }
    let report = GuardReport.killed(workload: name, confirmed: false)
    if !answerWaiting(report, where: { $0 == .kill(target) }) { tell(report) }
  }

  /// Ends the isolation. The new phase is written down first: should this guard end in between, the next one finds the
  /// partition frozen under a state that says otherwise, and isolates again.
  mutating func release(_ isolated: IsolatedState) {
    // What was begun in whole partitions has its SIGKILL pending; what comes there from now on is none of it.
    dropPartitionKills()
    persist()
    var cgroups = isolated.taken.frozen.subtracting(isolated.taken.foundFrozen)
    // A workload that is being killed stays frozen by itself until its kill has thawed it.
    for case .workload(_, let cgroup) in kills.keys { cgroups.remove(cgroup) }
    act(.thaw(cgroups: cgroups.sorted()))
    // Fresh ones were not taken down yet.
    let links = isolated.taken.down.subtracting(isolated.taken.foundDown).subtracting(isolated.freshLinks)
    if linkOrder != nil {
      linkOrder?.thenUp = links
    } else if !links.isEmpty {
      act(.linksUp(links.sorted()))
    }
  }
}
