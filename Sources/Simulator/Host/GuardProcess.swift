import GuardCore
import HoldfastTime

/// The guard's program around the real machine: one thread, one thing after the other, on this host's clock.
final class GuardProcess {
  private let host: SimulatedHost
  @exclusivity(unchecked) private var machine: GuardMachine
  private let tampering: (any Tampering)?
  @exclusivity(unchecked) private var inputs: [GuardMachine.Event] = []
  private var isBusy = false
  private var isAlive = true
  /// As the chronicle knows it.
  private var wasIsolated = false
  /// When the machine wants to be woken.
  private var timer: BootInstant?
  /// When it will be looked at; counted, so that an older one is known.
  private var alarm: BootInstant?
  private var alarms = 0
  private(set) var line: GuardLine?

  private static let firstLook = Span.milliseconds(3)
  private static let nextLook = Span.milliseconds(1)

  init(_ host: SimulatedHost) {
    self.host = host
    tampering = host.world.settings.tampering?()
    machine = GuardMachine(boot: "\(host.name)-boot\(host.boot)")
    let released = Set(host.guardRecord?.released.values.map { $0 } ?? [])
    let found = GuardMachine.FoundAtStart(
      record: host.guardRecord.map { .found($0) } ?? .none,
      occupied: host.domains.values.contains {
        $0.partition != nil && $0.hasProcesses && !released.contains($0.cgroup)
      },
      frozen: host.isFreezeOrdered)
    input(.started(tampering?.found(found) ?? found))
  }

  var isIsolated: Bool { if case .isolated = machine.state.phase { true } else { false } }

  func saysIsUp(_ address: IPAddress) -> Bool { isAlive && machine.state.raised.contains { $0.address == address } }

  /// Until when what is `isolation: stop` is not killed; nil: it is being killed, or nobody is there to.
  var sparesUntil: BootInstant? {
    guard isAlive else { return nil }
    switch machine.record.phase {
    case .armed(let deadline): return deadline
    case .isolated(_, let killsAt): return killsAt
    case .disarmed: return nil
    }
  }

  func die() {
    isAlive = false
    line?.lost("its process ended")
    line = nil
  }

  // MARK: the door

  func connected(_ line: GuardLine) {
    self.line = line
    input(.controllerConnected)
  }

  func controllerLost() {
    guard line != nil else { return }
    line = nil
    input(.controllerLost)
  }

  // MARK: one thread

  func input(_ event: GuardMachine.Event) {
    guard isAlive else { return }
    if isBusy { inputs.append(event) } else { step(event, []) }
  }

  /// - Parameter rest: comes after the event, before anything from outside.
  private func step(_ event: GuardMachine.Event, _ rest: [GuardMachine.Event]) {
    isBusy = true
    var actions: [GuardMachine.Action] = []
    var told = rest
    if let tampering {
      for event in tampering.guardEvents(for: event) {
        for action in machine.receive(event, now: host.now) {
          let instead = tampering.guardActions(for: action)
          actions += instead.done
          told += instead.told
        }
      }
    } else {
      actions = machine.receive(event, now: host.now)
    }
    if let breach = machine.breach { host.world.violated(.coreIsSound, "the guard of \(host.name): \(breach)") }
    if let chronicle = host.world.chronicle, isIsolated != wasIsolated {
      wasIsolated = isIsolated
      chronicle.changed()
    }
    perform(actions[...], told)
  }

  private func goOn(_ events: [GuardMachine.Event]) {
    if let event = events.first { return step(event, Array(events.dropFirst())) }
    isBusy = false
    if isAlive, !inputs.isEmpty { step(inputs.removeFirst(), []) }
  }

  /// Does one action after the other; what takes time continues later. Results follow as events, in order.
  private func perform(_ actions: ArraySlice<GuardMachine.Action>, _ results: [GuardMachine.Event]) {
    guard isAlive else { return }
    var results = results
    for (index, action) in zip(actions.indices, actions) {
      switch action {
      case .isolateNow(let round, let cgroups):
        return isolate(round, cgroups, Self.firstLook, actions[(index + 1)...], results)
      case .retryIsolation(let round, let cgroups):
        return isolate(round, cgroups, Self.nextLook, actions[(index + 1)...], results)
      default:
        if let result = perform(action) { results.append(result) }
      }
    }
    goOn(results)
  }

  private func isolate(
    _ round: Int, _ cgroups: [String], _ patience: Span, _ rest: ArraySlice<GuardMachine.Action>,
    _ results: [GuardMachine.Event]
  ) {
    let holds = host.freeze(SimulatedDomain.outside(cgroups))
    let patient = host.world.now + patience
    let done = min(holds, patient)
    host.at(done) { [self] in
      let isConfirmed = holds <= patient && host.confirmsFreezes
      let result = GuardMachine.Event.freezeResult(round: round, confirmed: isConfirmed, foundFrozen: [])
      perform(rest, results + [result])
    }
  }

  private func perform(_ action: GuardMachine.Action) -> GuardMachine.Event? {
    switch action {
    case .report(let report): line?.report(report)
    case .setTimer(let instant): arm(instant)
    case .thaw(let cgroups): host.thaw(SimulatedDomain.outside(cgroups))
    case .linksDown(let round, _): return .linksResult(round: round, foundDown: [])
    case .linksUp: break
    case .setAddresses(let round, let removed, let raised, let notAfter):
      host.addresses.change(remove: removed, add: raised, notAfter: notAfter, while: { [self] in isAlive }) { [self] in
        input(.addressesResult(round: round, removed: $0.removed, raised: $0.raised, found: $0.found, failed: $0.failed))
      }
    case .kill(let target): return .killResult(target, kill(target))
    case .feedWatchdog(let fed): host.watchdogFed = fed
    case .persist(let record): host.guardRecord = record
    case .takeCensus(let cgroups, let spared): return .census(alive: census(Set(cgroups), sparing: spared))
    case .log(_, let text): host.tell("guard: \(text)")
    case .isolateNow, .retryIsolation: break
    }
    return nil
  }

  // MARK: doing

  /// A deadline moves with every renewal: one that moves away is looked at when the present alarm comes.
  private func arm(_ instant: BootInstant?) {
    timer = instant
    if let instant, alarm.map({ instant < $0 }) ?? true { plan(instant) }
  }

  private func plan(_ instant: BootInstant) {
    alarm = instant
    alarms += 1
    let number = alarms
    host.at(instant, late: host.dice.milliseconds(0.02...0.3) + host.kernel.timerDelay) { [self] in
      guard isAlive, number == alarms else { return }
      alarm = nil
      guard let timer else { return }
      guard host.now >= timer else { return plan(timer) }
      self.timer = nil
      input(.timer)
    }
  }

  /// The host's clock runs at another rate now.
  func armAnew() {
    alarm = nil
    if let timer { plan(timer) }
  }

  private func census(_ cgroups: Set<String>, sparing: Set<String>) -> Bool {
    host.domains.values.contains {
      ($0.partition != nil || cgroups.contains($0.cgroup)) && $0.hasProcesses && !sparing.contains($0.cgroup)
    }
  }

  private func kill(_ target: KillTarget) -> KillProgress {
    let aims = host.domains.values.filter { domain in
      switch target {
      case .workload(_, let cgroup): domain.cgroup == cgroup
      case .stopPartition(let sparing): domain.partition == .stop && !sparing.contains(domain.cgroup)
      case .unseen(_, let cgroup, let sparing):
        domain.cgroup == cgroup || domain.partition != nil && !sparing.contains(domain.cgroup)
      }
    }.filter(\.hasProcesses).sorted { $0.pid < $1.pid }
    if aims.isEmpty { return .gone }
    if host.dice.chance(host.kernel.failedKills) { return .failed(reason: "a process could not be reached") }
    for domain in aims {
      host.world.invariants.touched(domain, on: host, by: "the guard's kill")
      if !domain.isKilled { host.world.tally.count(.guardKills) }
      host.kill(domain, why: "by the guard", lasting: host.dice.milliseconds(4...12))
    }
    return .dying
  }
}
