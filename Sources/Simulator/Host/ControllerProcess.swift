import GuardProtocol
import HoldfastCore

/// The controller's program around the real core: feeds it events, carries out its actions.
final class ControllerProcess {
  unowned let host: SimulatedHost
  private let world: World
  private(set) var core: Controller
  private(set) var isAlive = true
  /// Stopped by SIGSTOP.
  private(set) var isHalted = false
  private var held: [() -> Void] = []
  private var alarm = 0
  private var unanswered: Set<TransactionID> = []
  private(set) lazy var guardLine = GuardLine(self, on: host)
  private(set) lazy var hypervisor = HypervisorDoor(self, on: host)
  private var watcher: Watcher?
  /// Turns taken, to notice one that spins.
  private(set) var turns = 0

  init(_ host: SimulatedHost) {
    self.host = host
    world = host.world
    core = Controller(
      .init(
        cluster: "sim", node: host.name, record: host.record, timing: world.settings.coreTiming, partition: "/holdfast",
        seed: host.dice.bits()),
      saved: host.savedSession)
    watcher = Watcher(world, store: world.store, link: host.link, dice: host.dice) { [weak self] event in
      guard let self else { return }
      self.host.after(.zero) { [weak self] in self?.deliver(event) }
    }
    guardLine.connect()
    _ = hypervisor
  }

  func die() {
    isAlive = false
    held = []
    watcher?.close()
    guardLine.close()
  }

  // MARK: SIGSTOP

  func halt(for duration: Duration) {
    guard isAlive, !isHalted else { return }
    host.tell("the controller is stopped for \(duration.inSeconds) s")
    isHalted = true
    host.after(duration) { [weak self] in self?.goOn() }
  }

  private func goOn() {
    guard isAlive else { return }
    host.tell("the controller goes on")
    isHalted = false
    let bodies = held
    held = []
    for (index, body) in bodies.enumerated() {
      // Stopped again in between: the rest waits again, in its order.
      if isHalted {
        held = Array(bodies[index...]) + held
        return
      }
      body()
    }
  }

  /// Something that needs this process to run.
  func whenRunning(_ body: @escaping () -> Void) {
    guard isAlive else { return }
    if isHalted { held.append(body) } else { body() }
  }

  // MARK: turns

  func deliver(_ event: Event) { whenRunning { [self] in handle(event) } }

  private func handle(_ event: Event) {
    guard isAlive else { return }
    turns += 1
    let actions = core.receive(event, now: host.now)
    world.mix(Int64(host.index), Int64(actions.count))
    perform(actions[...])
  }

  private func perform(_ actions: ArraySlice<Action>) {
    var rest = actions
    while let action = rest.popFirst() {
      guard isAlive else { return }
      perform(action)
      if !rest.isEmpty { world.faults.maybeHalt(self) }
      if isHalted, !rest.isEmpty {
        held.insert({ [self, rest] in perform(rest) }, at: 0)
        return
      }
    }
  }

  private func perform(_ action: Action) {
    switch action {
    case .transact(let id, let transaction, let timeout): transact(id, transaction, timeout: timeout)
    case .start(let workload, let request):
      host.tell("asks for the start of \(workload) at epoch \(request.mark.epoch.value)")
      hypervisor.start(workload, request)
    case .stop(let workload, let domain, let uuid, let grace):
      host.tell("asks for the stop of \(workload) within \(grace.inSeconds) s")
      hypervisor.stop(workload, domain, uuid: uuid, grace: grace)
    case .mark(let workload, let domain, let uuid, let mark):
      host.tell("marks \(workload) with epoch \(mark.epoch.value)")
      hypervisor.mark(workload, domain, uuid: uuid, mark)
    case .unmark(let workload, let domain, let uuid):
      host.tell("unmarks \(workload)")
      hypervisor.mark(workload, domain, uuid: uuid, nil)
    case .bar(let workload, let domain, _, _): hypervisor.bar(workload, domain)
    case .refresh: hypervisor.takeInventory()
    case .tellGuard(let command): tellGuard(command)
    case .isolateDirectly(let workloads): isolateDirectly(workloads)
    case .save(let session): host.savedSession = session
    case .restartWatch:
      host.tell("the watch is deaf: connects it elsewhere")
      watcher?.restart()
    case .note(let note): host.tell("note: \(note.kind.rawValue): \(note.text)")
    case .wake(let instant): wake(at: instant)
    case .finished: finish()
    }
  }

  private func finish() {
    host.tell("has left")
    host.hasLeft = true
    host.after(.zero) { [weak self] in
      guard let self, host.controller === self else { return }
      host.killController()
      // Asked to leave in the storm, gone when it is over: somebody brings it back.
      if !world.faults.isStorm { host.after(.seconds(1)) { [host] in Operators.bringBack(host) } }
    }
  }

  private func wake(at instant: BootInstant) {
    alarm += 1
    let number = alarm
    host.at(instant, late: host.dice.milliseconds(0.05...1)) { [weak self] in
      guard let self, number == alarm else { return }
      deliver(.tick)
    }
  }

  private func tellGuard(_ command: GuardCommand) {
    let sabotage = world.settings.sabotage
    var command = command
    if sabotage.contains(.deadlineFromReply), case .extend = command {
      command = .extend(deadline: world.settings.coreTiming.deadline(sent: host.now))
    }
    if sabotage.contains(.noKillBeforeThaw), case .kill = command { return }
    switch command {
    case .extend: break
    default: host.tell("tells the guard: \(command.wireText)")
    }
    guardLine.send(command)
  }

  private func isolateDirectly(_ workloads: [GuardedWorkload]) {
    if world.settings.sabotage.contains(.guardLossIgnored) { return }
    host.tell("freezes everything without the guard")
    _ = host.freeze(Set(workloads.compactMap(\.cgroup).filter { !$0.contains("holdfast.partition") }))
  }

  // MARK: the store

  private func transact(_ id: TransactionID, _ transaction: ClusterTransaction, timeout: Duration) {
    unanswered.insert(id)
    var transaction = transaction
    if world.settings.sabotage.contains(.claimWithoutLooking) {
      transaction.conditions.removeAll { if case .absent(.session) = $0 { true } else { false } }
    }
    host.link.carry(.toStore) { [weak self, name = host.name.text, world] in
      world.store.submit(transaction, from: name) { [weak self] answer in
        guard let self else { return }
        host.link.carry(.fromStore) { [weak self] in self?.answered(id, answer, transaction) }
      }
    }
    host.at(host.now + timeout) { [weak self] in
      self?.conclude(id, transaction, .unknown(reason: "no answer within \(timeout.inSeconds) s"))
    }
  }

  private func answered(_ id: TransactionID, _ answer: SimulatedStore.Answer, _ transaction: ClusterTransaction) {
    host.after(.zero) { [weak self] in
      switch answer {
      case .verdict(let verdict): self?.conclude(id, transaction, .verdict(verdict))
      case .refused: self?.conclude(id, transaction, .notApplied(reason: "the store refuses requests"))
      }
    }
  }

  /// The first of reply and time-out that the process sees counts.
  private func conclude(_ id: TransactionID, _ transaction: ClusterTransaction, _ outcome: Event.TransactionOutcome) {
    whenRunning { [self] in
      guard unanswered.remove(id) != nil else { return }
      handle(.transaction(id, sabotaged(outcome, transaction)))
    }
  }

  private func sabotaged(_ outcome: Event.TransactionOutcome, _ transaction: ClusterTransaction) -> Event.TransactionOutcome {
    let sabotage = world.settings.sabotage
    switch outcome {
    case .unknown where sabotage.contains(.silenceIsConsent):
      let isRenewal = transaction.writes.count == 1 && transaction.conditions.count == 1
      return isRenewal ? .verdict(.committed(world.store.model.revision)) : outcome
    case .verdict(.refused(let revision, _)) where sabotage.contains(.refusalIgnored):
      let isClaim = transaction.writes.contains { if case .claim = $0.key { true } else { false } }
      return isClaim ? .verdict(.committed(revision)) : outcome
    default: return outcome
    }
  }

  func deafenWatch(for duration: Duration) { watcher?.deafen(for: duration) }

  /// The way from the store is open again.
  func caughtUp(_ revision: Revision) { watcher?.news(revision) }
}
