import CgroupIsolation
import Glibc
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import HostParts
import LinuxBasics
import Logging

/// One run of a workload of the host itself: its sequence decides, its hands act, its record outlives this process.
actor HostRun {
  /// What is to be told of it. Of two the one with the higher number is the newer.
  struct News: Sendable {
    var number: Int
    var observation: DomainObservation
    /// It is over, and nothing of it is left.
    var end: PartsEnd?
  }

  private struct Waiter {
    var isStart: Bool
    var finish: Finish<OperationOutcome>
  }

  nonisolated let id: DomainID
  nonisolated let uuid: String
  private var record: RunRecord
  private var sequence: PartSequence
  private let hands: PartHands
  private let records: RunRecords
  private let logger: Logger
  private let tell: @Sendable (News) async -> Void
  private var tasks: [PartCommand: Task<Void, Never>] = [:]
  private var alarm: Task<Void, Never>?
  private var waiters: [Waiter] = []
  private var told: DomainObservation?
  private var states: [PartState]
  private var number = 0
  private var isOver = false
  /// The daemon ends: nothing is done any more, and what runs runs on.
  private var isResting = false

  /// After its time, a stop that is not over is told as failed; it goes on all the same.
  private static let patience: Duration = .seconds(15)

  init(
    _ id: DomainID, _ record: RunRecord, _ sequence: PartSequence, _ hands: PartHands, _ records: RunRecords, _ logger: Logger,
    tell: @escaping @Sendable (News) async -> Void
  ) {
    self.id = id
    uuid = record.uuid
    self.record = record
    self.sequence = sequence
    states = sequence.states
    self.hands = hands
    self.records = records
    self.logger = logger
    self.tell = tell
  }

  // MARK: operations

  func start() async -> OperationOutcome {
    let finish = Finish<OperationOutcome>()
    waiters.append(Waiter(isStart: true, finish: finish))
    take(.start)
    return await finish.value() ?? .unknown(reason: "\(id.name) is starting still")
  }

  func stop(grace: Duration) async -> OperationOutcome {
    guard !isOver else { return .done }
    let finish = Finish<OperationOutcome>()
    waiters.append(Waiter(isStart: false, finish: finish))
    take(.stop(until: BootClock.now + grace))
    return await finish.value() ?? .unknown(reason: "\(id.name) is stopping still")
  }

  func mark(_ mark: ClaimMark) -> OperationOutcome {
    guard !isOver else { return .failed(reason: "\(id.name) was not marked: it has ended") }
    var marked = record
    marked.mark = ClaimMark(
      cluster: mark.cluster, workload: mark.workload, epoch: mark.epoch, definition: mark.definition ?? record.mark.definition)
    do { try records.save(marked, of: id.name) } catch { return .failed(reason: "\(id.name) was not marked: \(error)") }
    record = marked
    report()
    return .done
  }

  /// A start that is under way begins no further part, and what it began is taken down.
  func startNoFurther() {
    switch sequence.standing {
    case .idle, .starting: take(.stop(until: BootClock.now))
    case .up, .stopping, .over: break
    }
  }

  /// Takes up what an earlier life of the controller left.
  func takeUp() async {
    for (index, part) in sequence.parts.enumerated() where index < record.begun {
      guard let reason = await hands.takeUp(part, index, changed: { [weak self] in await self?.take(.changed(part: index)) })
      else { continue }
      logger.error("\(id.name): \(part.words) is not watched", metadata: ["reason": "\(reason)"])
    }
    take(.tick)
  }

  func rest() {
    isResting = true
    alarm?.cancel()
    alarm = nil
    for waiter in waiters { waiter.finish.settle(nil) }
    waiters = []
  }

  var observation: DomainObservation {
    var seen = DomainObservation(
      id: id, uuid: uuid, state: .running, mark: record.mark, memory: 0, vcpus: 0, persistent: false, pid: nil,
      cgroup: record.cgroup, links: [])
    switch sequence.standing {
    case .up: break
    case .idle, .starting: (seen.state, seen.reason) = (.unclear, .startingUp)
    case .stopping(.asked), .over: (seen.state, seen.reason) = (.stopping, .shuttingDown)
    case .stopping(.failed), .stopping(.startFailed), .stopping(.cutShort):
      (seen.state, seen.reason) = (.stopping, .processEnded)
    }
    let troubles = zip(sequence.parts, sequence.states).compactMap { $1.trouble(of: $0.name) }
    seen.partTroubles = troubles.isEmpty ? nil : troubles
    return seen
  }

  // MARK: the sequence

  private func take(_ event: PartSequence.Event) {
    guard !isOver, !isResting else { return }
    let actions = sequence.take(event, now: BootClock.now)
    keepPhase()
    for action in actions { perform(action) }
    logStates()
    if let breach = sequence.breach {
      logger.critical("the parts' sequence is wrong", metadata: ["workload": "\(id.name)", "found": "\(breach)"])
    }
    settle()
    report()
    setAlarm()
  }

  private func setAlarm() {
    alarm?.cancel()
    guard !isOver, let instant = sequence.alarm else { return }
    alarm = Task { [weak self] in
      guard (try? await Task.sleep(for: max(Duration.zero, instant - BootClock.now), clock: .continuous)) != nil else { return }
      await self?.take(.tick)
    }
  }

  private func perform(_ action: PartSequence.Action) {
    let hands = hands
    switch action {
    case .start(let command, let until):
      let part = sequence.parts[command.part]
      begin(command) { run in
        let end = await hands.start(part, command.part, until: until) {
          await run.begins(command.part)
        } changed: { [weak run] in
          await run?.take(.changed(part: command.part))
        }
        return .ended(command, end)
      }
    case .stop(let command, let until):
      let part = sequence.parts[command.part], isBegun = command.part < record.begun
      // What was never begun is not this workload's, whatever is there.
      begin(command) { _ in .ended(command, isBegun ? await hands.stop(part, command.part, until: until) : .done) }
    case .ask(let command, let until):
      let part = sequence.parts[command.part], isBegun = command.part < record.begun
      begin(command) { _ in
        guard isBegun else { return .answered(command, .down, processes: 0) }
        let (answer, processes) = await hands.ask(part, command.part, until: until)
        return .answered(command, answer, processes: processes)
      }
    case .look(let command):
      let mounts = sequence.parts.prefix(record.begun).compactMap { part in
        if case .mount(let mount) = part.kind { mount } else { nil }
      }
      begin(command) { _ in .looked(command, await hands.remains(mounts: mounts)) }
    case .cut(let command): tasks[command]?.cancel()
    case .terminate(let index): signal(SIGTERM, index)
    case .kill(let index): signal(SIGKILL, index)
    case .killAll: Task { await hands.killAll() }
    case .over(let end): isOver = true; finish(end)
    }
  }

  private func begin(_ command: PartCommand, _ body: @escaping @Sendable (HostRun) async -> PartSequence.Event) {
    tasks[command] = Task {
      let event = await body(self)
      self.ended(command, event)
    }
  }

  private func ended(_ command: PartCommand, _ event: PartSequence.Event) {
    tasks[command] = nil
    take(event)
  }

  private func signal(_ signal: Int32, _ index: Int) {
    guard index < record.begun else { return }
    let part = sequence.parts[index], hands = hands
    Task { await hands.signal(signal, part, index) }
  }

  /// From now on something of this part may be there.
  private func begins(_ index: Int) -> Bool {
    var begun = record
    begun.begun = max(begun.begun, index + 1)
    do { try records.save(begun, of: id.name) } catch {
      logger.error("a part is not started", metadata: ["workload": "\(id.name)", "reason": "\(error)"])
      return false
    }
    record = begun
    return true
  }

  private func keepPhase() {
    let phase: RunRecord.Phase =
      switch sequence.standing {
      case .idle, .starting: .starting
      case .up: .up
      case .stopping, .over: .stopping
      }
    guard phase != record.phase else { return }
    record.phase = phase
    do { try records.save(record, of: id.name) } catch {
      // The next life takes down what it finds in an earlier phase: that is safe.
      logger.error("how far a workload is cannot be written down", metadata: ["workload": "\(id.name)", "reason": "\(error)"])
    }
  }

  // MARK: what is told

  private func settle() {
    let now = BootClock.now, name = id.name
    func settle(_ isStart: Bool, _ outcome: OperationOutcome) {
      for waiter in waiters where waiter.isStart == isStart { waiter.finish.settle(outcome) }
      waiters.removeAll { $0.isStart == isStart }
    }
    let hangs = sequence.stopsUntil.map { now >= $0 + Self.patience } ?? false
    switch sequence.standing {
    case .up: settle(true, .done)
    case .stopping(let cause) where hangs:
      let what = sequence.hindrance ?? "it is not down"
      if case .startFailed(let reason) = cause {
        settle(true, .failed(reason: "\(name) was not started: \(reason). What was begun is being taken back still: \(what)"))
      }
      settle(false, .failed(reason: "\(name) is not stopped yet: \(what)"))
    // Told when its record is removed.
    case .idle, .starting, .stopping, .over: break
    }
  }

  private func finish(_ end: PartsEnd) {
    alarm?.cancel()
    let waiting = waiters, name = id.name, cgroup = hands.cgroup, hands = hands
    waiters = []
    number += 1
    let news = News(number: number, observation: observation, end: end)
    Task { [records, tell] in
      await hands.leave()
      await hands.blocking { cgroup.remove() }
      records.remove(name)
      await tell(news)
      for waiter in waiting { waiter.finish.settle(waiter.isStart ? Self.outcome(ofStart: name, end) : .done) }
    }
  }

  private static func outcome(ofStart name: String, _ end: PartsEnd) -> OperationOutcome {
    switch end {
    case .startFailed(let reason), .failed(let reason): .failed(reason: "\(name) was not started: \(reason)")
    case .asked: .failed(reason: "\(name) was not started: it was stopped meanwhile")
    case .cutShort: .failed(reason: "\(name) was not started: the controller ended meanwhile")
    }
  }

  private func report() {
    let seen = observation
    guard !isOver, seen != told || seen.mark?.epoch != told?.mark?.epoch else { return }
    told = seen
    number += 1
    let news = News(number: number, observation: seen, end: nil)
    Task { [tell] in await tell(news) }
  }

  private func logStates() {
    let now = sequence.states
    for (index, state) in now.enumerated() where state != states[index] {
      let level: Logger.Level =
        switch state {
        case .failed, .unknown: .warning
        case .down, .starting, .up, .stopping: .info
        }
      logger.log(level: level, "\(id.name): \(sequence.parts[index].words) is \(state.words)")
    }
    states = now
  }
}
