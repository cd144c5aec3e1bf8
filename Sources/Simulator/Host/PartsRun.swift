import HoldfastModel
import HoldfastTime
import HostParts

/// One run of a workload made of parts, in one controller's life: the real sequence decides, over simulated hands.
final class PartsRun {
  let domain: SimulatedDomain
  private let parts: SimulatedParts
  private var sequence: PartSequence
  private unowned let door: PartsDoor
  private unowned let process: ControllerProcess
  private let host: SimulatedHost
  private var commands: [PartCommand: SimulatedParts.Process] = [:]
  /// Orders that were not answered.
  private var open: Set<PartCommand> = []
  private var alarm = 0
  private var told: DomainObservation?
  private var isOver = false
  private var waiters: [(isStart: Bool, ended: (OperationOutcome) -> Void)] = []

  /// After its time, a stop that is not over is told as failed; it goes on all the same.
  private static let patience: Duration = .seconds(15)

  init(
    _ domain: SimulatedDomain, _ parts: SimulatedParts, _ sequence: PartSequence, _ door: PartsDoor,
    _ process: ControllerProcess, on host: SimulatedHost
  ) {
    self.domain = domain
    self.parts = parts
    self.sequence = sequence
    self.door = door
    self.process = process
    self.host = host
  }

  private var workload: WorkloadName { parts.workload }
  private var scene: PartScene { PartScene(node: host.name, workload: workload, sequence: sequence) }
  /// All of it is up, as far as is known.
  var isUp: Bool { sequence.standing == .up }

  // MARK: operations

  func start(_ ended: @escaping (OperationOutcome) -> Void) {
    waiters.append((true, ended))
    take(.start)
  }

  func stop(grace: Duration, _ ended: @escaping (OperationOutcome) -> Void) {
    waiters.append((false, ended))
    take(.stop(until: host.now + grace))
  }

  func startNoFurther() {
    switch sequence.standing {
    case .idle, .starting: take(.stop(until: host.now))
    case .up, .stopping, .over: break
    }
  }

  func mark(_ mark: ClaimMark) {
    domain.mark = mark
    report()
  }

  /// What an earlier life left.
  func takeUp() { take(.tick) }

  var observation: DomainObservation {
    var seen = DomainObservation(
      id: domain.id, uuid: domain.uuid, state: .running, mark: domain.mark, memory: 0, vcpus: 0, persistent: false, pid: nil,
      cgroup: domain.cgroup, links: [])
    switch sequence.standing {
    case .up: break
    case .idle, .starting: (seen.state, seen.reason) = (.unclear, .startingUp)
    case .stopping(.asked), .over: (seen.state, seen.reason) = (.stopping, .shuttingDown)
    case .stopping(.failed), .stopping(.startFailed), .stopping(.cutShort):
      (seen.state, seen.reason) = (.stopping, .processEnded)
    }
    return seen
  }

  // MARK: the sequence

  private func take(_ event: PartSequence.Event) {
    process.whenRunning { [self] in
      guard let tampering = door.tampering else { return receive(event) }
      for event in tampering.partEvents(for: event, scene) { receive(event) }
    }
  }

  private func receive(_ event: PartSequence.Event) {
    guard process.isAlive, !isOver, !domain.isGone else { return }
    let actions = sequence.take(event, now: host.now)
    parts.wasUp = sequence.standing == .up
    if let breach = sequence.breach { host.world.violated(.coreIsSound, "the parts of \(workload) on \(host.name): \(breach)") }
    for action in actions {
      for action in door.tampering?.partActions(for: action, scene) ?? [action] { perform(action) }
    }
    settle()
    report()
    setAlarm()
  }

  private func setAlarm() {
    alarm += 1
    guard !isOver, let instant = sequence.alarm else { return }
    let number = alarm
    host.at(instant, late: host.partsDice.milliseconds(0.05...2)) { [self] in if number == alarm { take(.tick) } }
  }

  private func perform(_ action: PartSequence.Action) {
    switch action {
    case .start(let command, let until): start(command, until)
    case .stop(let command, let until): stop(command, until)
    case .ask(let command, let until): ask(command, until)
    case .look(let command):
      open.insert(command)
      host.after(host.partsDice.milliseconds(0.2...5)) { [self] in answer(command, .looked(command, parts.remains())) }
    case .cut(let command):
      if let running = commands.removeValue(forKey: command) { parts.giveUp(running) }
      soon(command, .ended(command, .timedOut))
    case .terminate(let index): if index < parts.begun { parts.terminate(index) }
    case .kill(let index): if index < parts.begun { parts.kill(index) }
    case .killAll: parts.killAll()
    case .over(let end): finish(end)
    }
  }

  private func start(_ command: PartCommand, _ until: BootInstant) {
    open.insert(command)
    if let obstacle = parts.obstacle(to: command.part) { return soon(command, .ended(command, .refused(obstacle))) }
    parts.begins(command.part)
    host.tell("starts \(parts.parts[command.part].words) of \(workload)")
    commands[command] = parts.start(command.part) { [self] in answer(command, .ended(command, $0)) }
    limit(command, until) { .ended(command, .timedOut) }
  }

  private func stop(_ command: PartCommand, _ until: BootInstant) {
    open.insert(command)
    // What was never begun is not this workload's; and what is not mounted needs no unmounting.
    guard command.part < parts.begun, !isUnmounted(command.part) else { return soon(command, .ended(command, .done)) }
    host.tell("stops \(parts.parts[command.part].words) of \(workload)")
    commands[command] = parts.stop(command.part) { [self] in answer(command, .ended(command, $0)) }
    limit(command, until) { .ended(command, .timedOut) }
  }

  private func isUnmounted(_ index: Int) -> Bool {
    if case .mount = parts.parts[index].kind { !parts.mounted.contains(index) } else { false }
  }

  private func ask(_ command: PartCommand, _ until: BootInstant) {
    open.insert(command)
    let index = command.part
    guard index < parts.begun else { return soon(command, .answered(command, .down, processes: 0)) }
    commands[command] = parts.ask(index) { [self] in
      answer(command, .answered(command, $0, processes: parts.count(index)))
    }
    limit(command, until) { [parts] in
      .answered(command, .unknown("its status did not answer in time"), processes: parts.count(index))
    }
  }

  /// Nothing is run for it.
  private func soon(_ command: PartCommand, _ event: PartSequence.Event) {
    host.after(host.partsDice.milliseconds(0.1...2)) { [self] in answer(command, event) }
  }

  /// When its time is over, what runs is killed, and that is its end.
  private func limit(_ command: PartCommand, _ until: BootInstant, _ event: @escaping () -> PartSequence.Event) {
    host.at(until) { [self] in
      process.whenRunning { [self] in
        guard open.contains(command) else { return }
        if let running = commands.removeValue(forKey: command) { parts.giveUp(running) }
        answer(command, event())
      }
    }
  }

  /// Of two ends of one order the first counts.
  private func answer(_ command: PartCommand, _ event: PartSequence.Event) {
    process.whenRunning { [self] in
      guard open.remove(command) != nil else { return }
      commands[command] = nil
      take(event)
    }
  }

  // MARK: what is told

  private func settle() {
    func settle(_ isStart: Bool, _ outcome: OperationOutcome) {
      let waiting = waiters.filter { $0.isStart == isStart }
      waiters.removeAll { $0.isStart == isStart }
      for waiter in waiting { waiter.ended(outcome) }
    }
    let hangs = sequence.stopsUntil.map { host.now >= $0 + Self.patience } ?? false
    switch sequence.standing {
    case .up: settle(true, .done)
    case .stopping(let cause) where hangs:
      let what = sequence.hindrance ?? "it is not down"
      if case .startFailed(let reason) = cause {
        settle(true, .failed(reason: "\(reason). What was begun is being taken back still: \(what)"))
      }
      settle(false, .failed(reason: "it is not stopped yet: \(what)"))
    case .idle, .starting, .stopping, .over: break
    }
  }

  private func finish(_ end: PartsEnd) {
    isOver = true
    host.world.invariants.parts.isOver(parts, on: host)
    let (reason, how) = Self.words(end)
    host.removeParts(domain, why: reason)
    door.isOver(self, reason: reason, end: how)
    let waiting = waiters
    waiters = []
    for waiter in waiting { waiter.ended(waiter.isStart ? .failed(reason: reason) : .done) }
  }

  private static func words(_ end: PartsEnd) -> (String, DomainEnd) {
    switch end {
    case .asked: ("it was stopped", .poweredOff)
    case .startFailed(let reason): ("its start failed: \(reason)", .failed)
    case .failed(let reason): (reason, .crashed)
    case .cutShort: ("its start was cut short", .failed)
    }
  }

  private func report() {
    let seen = observation
    guard !isOver, seen != told || seen.mark?.epoch != told?.mark?.epoch else { return }
    told = seen
    door.say(.changed(seen))
  }
}
