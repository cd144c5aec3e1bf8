// What each command does. Every one of them is answered by exactly one report, in order.

import HoldfastTime

extension GuardMachine {
  mutating func receive(_ command: GuardCommand, _ now: BootInstant) {
    if case .hello(let version) = command { return hello(version) }
    guard greeted else { return refuse("say hello first: a guard speaks only with a controller whose version it knows") }
    if let breach, command.letsWorkloadsExecute {
      return refuse(
        "this guard found an error in itself (\(breach)): everything stays frozen until holdfast-guard is restarted")
    }
    switch command {
    case .extend, .protect, .isolate, .resume: cancelDisarm()
    case .hello, .shorten, .forget, .release, .kill, .disarm, .status, .acknowledge: break
    }
    switch command {
    case .hello, .status: answer(.ready(.state(state)))
    case .acknowledge(let number):
      acknowledged = max(acknowledged, number)
      answer(.ready(.state(state)))
    case .extend(let deadline): extend(to: deadline, now)
    case .shorten(let deadline): shorten(to: deadline, now)
    case .protect(let workload): protect(workload, now)
    case .forget(let name): forget(name)
    case .release(let workload, let cgroup): leave(workload, cgroup)
    case .kill(let name): kill(name, now)
    case .isolate: isolate(now)
    case .resume(let deadline): resume(to: deadline, now)
    case .disarm: disarm(now)
    }
  }

  private mutating func refuse(_ reason: String) { answer(.ready(.refused(reason: reason))) }

  private mutating func hello(_ version: Int) {
    guard (oldestGuardProtocolVersion...guardProtocolVersion).contains(version) else {
      return refuse(
        "hello: the controller speaks version \(version), this guard version \(guardProtocolVersion). Install both from one release"
      )
    }
    if !greeted { log(.notice, "a controller is connected") }
    greeted = true
    heardVersion = version
    answer(.ready(.state(state)))
  }

  private mutating func extend(to deadline: BootInstant, _ now: BootInstant) {
    switch phase {
    case .isolated(let isolated):
      guard let standing = isolated.killsAt else {
        return refuse("extend: isolated; only a resume, after the claims were re-validated, thaws")
      }
      if deadline > standing { moveKills(isolated, to: deadline) }
      answer(.ready(.state(state)))
    case .armed(let standing):
      if deadline > standing {
        phase = .armed(deadline: deadline)
        persist()
      }
      answer(.ready(.state(state)))
    case .disarmed:
      arm(deadline, now)
    }
  }

  private mutating func shorten(to deadline: BootInstant, _ now: BootInstant) {
    switch phase {
    case .armed(let standing) where deadline < standing: return arm(deadline, now)
    // Passed already, it kills before the next event.
    case .isolated(let isolated) where isolated.killsAt.map({ deadline < $0 }) ?? false: moveKills(isolated, to: deadline)
    case .disarmed, .armed, .isolated: break
    }
    answer(.ready(.state(state)))
  }

  /// The node stays isolated; only the deadline for what is `stop` is another one.
  private mutating func moveKills(_ isolated: IsolatedState, to deadline: BootInstant) {
    var isolated = isolated
    isolated.killsAt = deadline
    phase = .isolated(isolated)
    persist()
  }

  private mutating func arm(_ deadline: BootInstant, _ now: BootInstant) {
    // A controller that died since may have frozen the partition when this guard did not answer. Nothing protected is in it.
    if case .disarmed = phase { act(.thaw(cgroups: [])) }
    phase = .armed(deadline: deadline)
    persist()
    log(.notice, "armed")
    // A deadline that has passed already is a deadline that has passed.
    answer(deadline > now ? .ready(.state(state)) : .stateAfterFreeze)
  }

  private mutating func protect(_ workload: GuardedWorkload, _ now: BootInstant) {
    if case .disarmed = phase, workload.cgroup != nil {
      return refuse("protect \(workload.name): it runs and there is no deadline; extend first")
    }
    if let reason = rivalry(workload) { return refuse("protect \(workload.name): \(reason)") }
    workloads[workload.name] = workload
    released[workload.name] = nil
    book.look(at: workload.addresses, now)
    guard case .isolated(var isolated) = phase else {
      persist()
      return answer(.ready(.state(state)))
    }
    if let cgroup = workload.cgroup, isolated.taken.frozen.insert(cgroup).inserted { isolated.freshCgroups.insert(cgroup) }
    for link in workload.links where isolated.taken.down.insert(link).inserted { isolated.freshLinks.insert(link) }
    isolated.namedLinks.formUnion(workload.links)
    isolated.told = false
    // More may be about to be told: what is not known yet is not taken for a start.
    if isolated.startsEndAt != nil { isolated.startsEndAt = now + times.freezeLimit }
    phase = .isolated(isolated)
    freezeAgain(now)
    killStopped([workload], now)
    persist()
    answer(.stateAfterFreeze)
  }

  private mutating func forget(_ name: String) {
    workloads[name] = nil
    persist()
    answer(.ready(.state(state)))
  }

  private mutating func leave(_ name: String, _ cgroup: String) {
    released[name] = cgroup
    forget(name)
  }

  private mutating func kill(_ name: String, _ now: BootInstant) {
    guard let workload = workloads[name] else { return refuse("kill \(name): not protected here") }
    guard let target = killTarget(workload) else {
      return refuse("kill \(name): its cgroup is not known; protect it with its cgroup, or isolate")
    }
    log(.notice, "killing \(name)")
    kills[target]?.overdue = false
    kills[target]?.begun = now
    kills[target]?.isOfStart = false
    answer(.kill(target))
    beginKills([target], isolation: false, now)
  }

  /// While everything is frozen, what is in no known cgroup can only be a start that was cut short. The cgroup that is known may be
  /// that of an earlier run, where a start may be under way.
  private func killTarget(_ workload: GuardedWorkload) -> KillTarget? {
    let isIsolated = if case .isolated = phase { true } else { false }
    if let cgroup = workload.cgroup, !(isIsolated && workload.isStarting) {
      return .workload(name: workload.name, cgroup: cgroup)
    }
    guard isIsolated else { return nil }
    let others = workloads.values.filter { $0.name != workload.name }.compactMap(\.cgroup)
    return .unseen(name: workload.name, cgroup: workload.cgroup, sparing: Set(others).union(released.values))
  }

  private mutating func isolate(_ now: BootInstant) {
    if case .isolated(let isolated) = phase {
      return answer(isolated.told ? .ready(.state(state)) : .stateAfterFreeze)
    }
    let deadline: BootInstant? = if case .armed(let deadline) = phase { deadline } else { nil }
    beginIsolation(now, why: "the controller commanded it", deadline: deadline)
    answer(.stateAfterFreeze)
  }

  private mutating func resume(to deadline: BootInstant, _ now: BootInstant) {
    guard deadline > now else { return refuse("resume: its deadline has already passed; renew the session first") }
    switch phase {
    case .disarmed: arm(deadline, now)
    case .armed: extend(to: deadline, now)
    case .isolated(let isolated):
      if let (name, reason) = unsafeKill {
        return refuse(
          "resume: \(name) is being killed and may still execute when thawed (\(reason)); it is tried again, resume later")
      }
      phase = .armed(deadline: deadline)
      release(isolated)
      log(.notice, "resumed: thawed, links up, armed")
      answer(.ready(.state(state)))
    }
  }

  /// A kill that has not yet reached every process.
  private var unsafeKill: (String, String)? {
    let unsafe = kills { if case .failed = $0.progress { true } else { false } }
    guard let (target, kill) = unsafe.first, case .failed(let reason) = kill.progress else { return nil }
    return (target.label, reason)
  }

  private mutating func disarm(_ now: BootInstant) {
    if case .disarmed = phase { return answer(book.isEmpty ? .ready(.state(state)) : .disarm(until: now + times.removalLimit)) }
    if case .isolated(let isolated) = phase, isolated.killsAt != nil {
      beginStopping(now, why: "the controller holds no session any more")
    }
    answer(.census(isLeaving: false))
    takeCensus()
  }

  mutating func takeCensus() {
    var cgroups = Set(workloads.values.compactMap(\.cgroup))
    if case .isolated(let isolated) = phase { cgroups.formUnion(isolated.taken.frozen) }
    act(.takeCensus(cgroups: cgroups.sorted(), sparing: Set(released.values)))
  }

  mutating func censusEnded(_ alive: Bool?, _ now: BootInstant) {
    let waiting = answers.indices.filter { if case .census = answers[$0] { true } else { false } }
    guard !waiting.isEmpty else { return }
    let report: GuardReport
    switch alive {
    case true: report = .refused(reason: "disarm: a protected process exists; stop or kill every workload first")
    case false:
      guard book.isEmpty else {
        for index in waiting { answers[index] = .disarm(until: now + times.removalLimit) }
        return
      }
      let before = phase
      phase = .disarmed
      workloads.removeAll()
      if case .isolated(let isolated) = before { release(isolated) } else { persist() }
      log(.notice, "disarmed: nothing protected runs here")
      report = .state(state)
    case nil: report = .refused(reason: "disarm: cannot tell whether a protected process exists; see this guard's log")
    }
    _ = answerWaiting(report) { if case .census = $0 { true } else { false } }
  }
}
