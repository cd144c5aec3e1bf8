import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// The controller's program around the real core: feeds it events, carries out its actions.
final class ControllerProcess {
  static let cluster = "sim"
  static let partition = "/holdfast"
  /// libvirt's own.
  private static let commonPartition = "/machine"

  let host: SimulatedHost
  let world: World
  @exclusivity(unchecked) private(set) var core: Controller
  private(set) var isAlive = true
  /// Stopped by SIGSTOP.
  private(set) var isHalted = false
  private var held: [() -> Void] = []
  /// It is stopped when it has done so many more steps.
  struct Trap {
    var steps: Int
    var span: Span
  }
  var trap: Trap?
  private var alarm = 0
  private var turns = 0
  private var unanswered: [TransactionID: ClusterTransaction] = [:]
  private(set) lazy var guardLine = GuardLine(self, on: host)
  private(set) lazy var hypervisor = HypervisorDoor(self, on: host)
  /// nil: its node runs no workloads made of parts.
  private(set) var parts: PartsDoor?
  private lazy var checks = CheckProcess(self, on: host)
  private lazy var nodeChecks = NodeCheckProcess(self, on: host)
  private lazy var neighbours = NeighbourProcess(self, on: host)
  private var watcher: Watcher?
  private let tampering: (any Tampering)?

  init(_ host: SimulatedHost) {
    self.host = host
    world = host.world
    tampering = world.settings.tampering?()
    let timing = world.settings.timing
    core = Controller(
      .init(
        cluster: Self.cluster, node: host.name, record: host.record, timing: tampering?.timing(timing) ?? timing,
        partition: Self.partition, commonPartition: Self.commonPartition, seed: host.dice.bits(),
        policyReader: NumberedPolicies(sets: world.settings.cluster.policies), hardwareReader: SimulatedDisks()),
      saved: tampering.map { $0.saved(host.savedSession) } ?? host.savedSession)
    watcher = Watcher(host) { [unowned self] event in deliver(event) }
    guardLine.connect()
    _ = hypervisor
    if host.setup.runsParts { parts = PartsDoor(self, on: host, tampering: tampering) }
    tellTime()
    if !host.leftovers.isEmpty { host.after(SimulatedLibvirt.lookTime) { [self] in tellLeftovers() } }
    if host.asksWhatCanRun { host.after(SimulatedLibvirt.lookTime) { [self] in tellIncompatible() } }
  }

  /// What is defined here beside the protected domains, as the node's look found it.
  func tellLeftovers() { deliver(.leftovers(host.leftovers.values.sorted(by: LeftoverDefinition.isBefore))) }

  /// What libvirt here cannot run, as it said when the node asked it.
  func tellIncompatible() { deliver(.incompatible(IncompatibleWorkloads.grouped(host.incompatible))) }

  /// The time of day, as the world's wall clock has it.
  func tellTime() {
    let milliseconds = world.wallTime
    deliver(.wallTime(WeekTime(minute: Int(milliseconds / 60_000)), milliseconds))
  }

  func die() {
    isAlive = false
    held = []
    watcher?.close()
    watcher = nil
    guardLine.close()
    parts?.close()
  }

  // MARK: SIGSTOP

  func halt(for span: Span) {
    guard isAlive, !isHalted else { return }
    isHalted = true
    host.after(span) { [self] in goOn() }
  }

  private func goOn() {
    guard isAlive else { return }
    host.tell("the controller runs again")
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

  /// Between two steps: a process may be stopped right there, if a guard is left to notice the deadline.
  func mayStepOnTheTrap() {
    guard var trap, isAlive, !isHalted, host.guardProcess != nil else { return }
    trap.steps -= 1
    self.trap = trap
    guard trap.steps < 0 else { return }
    self.trap = nil
    host.tell("the controller is stopped between two steps for \(trap.span)")
    halt(for: trap.span)
  }

  // MARK: turns

  func deliver(_ event: Event) {
    guard isAlive else { return }
    if isHalted { held.append { [self] in handle(event) } } else { handle(event) }
  }

  private func handle(_ event: Event) {
    guard isAlive else { return }
    guard let tampering else { return receive(event) }
    for event in tampering.events(for: event, scene) { receive(event) }
  }

  private func receive(_ event: Event) {
    guard isAlive else { return }
    let actions = core.receive(event, now: host.now)
    world.mix(Int64(host.index), Int64(actions.count))
    world.fingerprint?.mix(host.index, event, actions)
    judge(event)
    if actions.isEmpty { return }
    guard let tampering else { return perform(actions[...]) }
    perform(actions.flatMap { tampering.actions(for: $0, scene) }[...])
  }

  /// Looks into the core: whether its own checks hold, and now and then whether it asks for something more when it decides again with everything
  /// due.
  private func judge(_ event: Event) {
    turns += 1
    if let breach = core.breach { world.violated(.coreIsSound, "\(host.name): \(breach)") }
    // A controller that is tampered with is not told everything that it asked for.
    guard turns.isMultiple(of: world.settings.turnsBetweenLooks), tampering == nil else { return }
    let overlooked = core.overlooked().filter { if case .wake = $0 { false } else { true } }
    guard !overlooked.isEmpty else { return }
    world.violated(.nothingIsOverlooked, "\(host.name), after \(event): \(overlooked)")
  }

  private var scene: Scene {
    Scene(node: host.name, now: host.now, core: core, store: world.store.model, transactions: unanswered)
  }

  private func perform(_ actions: ArraySlice<Action>) {
    for (index, action) in zip(actions.indices, actions) {
      guard isAlive else { return }
      perform(action)
      let next = index + 1
      if next == actions.endIndex { return }
      if trap != nil { mayStepOnTheTrap() }
      if isHalted {
        held.insert({ [self, rest = actions[next...]] in perform(rest) }, at: 0)
        return
      }
    }
  }

  private func perform(_ action: Action) {
    switch action {
    case .transact(let id, let transaction, let until): transact(id, transaction, until: until)
    case .start, .stop, .mark, .unmark, .bar, .unbar, .migrate, .cancelMigration, .suspend, .resume: operate(action)
    case .refresh:
      hypervisor.takeInventory()
      parts?.takeInventory()
    case .tellGuard(let command): tellGuard(command)
    case .isolateDirectly(let workloads): isolateDirectly(workloads)
    case .save(let session): host.savedSession = session
    case .restartWatch:
      host.tell("the watch is deaf: connects it elsewhere")
      watcher?.restart()
    case .listAnew: watcher?.list()
    case .note(let note): take(note)
    case .wake(let instant): wake(at: instant)
    case .finished: finish()
    case .check(let subject): checks.follow(subject)
    case .endChecks(let workload): checks.end(workload)
    case .checkNode(let checks): nodeChecks.check(checks)
    case .askForOwner(let workload, let addresses): neighbours.ask(workload, addresses)
    case .announce(_, let addresses): for address in addresses { host.tell("announces \(address.address)") }
    case .endAddresses(let workload, let addresses): neighbours.end(workload, addresses)
    }
  }

  /// Asks the hypervisor that the domain is of.
  private func operate(_ action: Action) {
    switch action {
    case .start(let workload, let request):
      host.tell("starts \(workload) at epoch \(request.mark.epoch.value)")
      if let parts = parts(of: request.id) { parts.start(workload, request) } else { hypervisor.start(workload, request) }
    case .stop(let workload, let domain, let uuid, let grace):
      host.tell("stops \(workload), within \(Span(grace))")
      judgeStop(of: workload)
      if let parts = parts(of: domain) { return parts.stop(workload, domain, uuid: uuid, grace: grace) }
      hypervisor.stop(workload, domain, uuid: uuid, grace: Span(grace))
    case .mark(let workload, let domain, let uuid, let mark):
      host.tell("marks \(workload) with epoch \(mark.epoch.value)")
      if let parts = parts(of: domain) { return parts.mark(workload, domain, uuid: uuid, mark) }
      hypervisor.mark(workload, domain, uuid: uuid, mark)
    case .unmark(let workload, let domain, let uuid):
      host.tell("takes its mark off \(workload)")
      if let parts = parts(of: domain) { return parts.refuse(workload, .unmark) }
      hypervisor.mark(workload, domain, uuid: uuid, nil)
    case .bar(let workload, let domain, _, _):
      host.tell("makes certain that no earlier start of \(workload) succeeds")
      if let parts = parts(of: domain) { parts.bar(workload, domain) } else { hypervisor.bar(workload, domain) }
    case .unbar(let workload, let domain, _, _, let overBar):
      host.tell("makes room for \(workload), which is to arrive")
      if let parts = parts(of: domain) { return parts.refuse(workload, .unbar) }
      hypervisor.unbar(workload, domain, overBar: overBar)
    case .migrate(let workload, let request):
      host.tell("migrates \(workload) to \(request.destination)")
      if let parts = parts(of: request.id) { parts.refuse(workload, .migrate) } else { hypervisor.migrate(workload, request) }
    case .cancelMigration(let domain, _):
      host.tell("gives the migration of \(domain.name) up")
      if parts(of: domain) == nil { hypervisor.cancelMigration(domain) }
    case .suspend(let workload, let domain, let uuid):
      host.tell("pauses \(workload)")
      if let parts = parts(of: domain) { return parts.refuse(workload, .suspend) }
      hypervisor.suspend(workload, domain, uuid: uuid)
    case .resume(let workload, let domain, let uuid, let notAfter):
      host.tell("resumes \(workload)")
      if let parts = parts(of: domain) { return parts.refuse(workload, .resume) }
      hypervisor.resume(workload, domain, uuid: uuid, notAfter: notAfter)
    default: break
    }
  }

  /// nil: it is libvirt's.
  private func parts(of domain: DomainID) -> PartsDoor? { SpecRecord.isOfHost(domain.connection) ? parts : nil }

  /// What always answered is not ended by its checks.
  private func judgeStop(of workload: WorkloadName) {
    guard core.endsUnwell(workload), let domain = host.domains[workload.text], domain.pause != .crashed else { return }
    world.tally.count(.endedUnwell)
    if domain.hasFailed { return }
    world.violated(.wellIsLeftAlone, "\(workload) is ended on \(host.name) for its checks, and it answered all the time")
  }

  private func take(_ note: Note) {
    host.tell("\(note.kind.rawValue): \(note.text)")
    world.noted(note, by: host.name)
  }

  private func finish() {
    host.hasLeft = true
    host.after(.zero) { [self] in
      if host.controller === self { host.killController() }
      // Asked to leave in the storm, gone when it is over: somebody brings it back.
      if world.faults.isOver { host.after(.seconds(1)) { [self] in host.comeBack() } }
    }
  }

  private func wake(at instant: BootInstant) {
    alarm += 1
    world.at(host.moment(of: instant) + host.dice.milliseconds(0.05...1), on: host, .wakes(self, alarm))
  }

  func wakes(_ number: Int) { if number == alarm { deliver(.tick) } }

  private func tellGuard(_ command: GuardCommand) {
    switch command {
    case .extend: break
    default: host.tell("tells the guard: \(command.words)")
    }
    guardLine.send(command)
  }

  private func isolateDirectly(_ workloads: [GuardedWorkload]) {
    let addresses = workloads.flatMap(\.addresses)
    host.tell("freezes everything without the guard")
    host.at(host.freeze(SimulatedDomain.outside(workloads.compactMap(\.cgroup)))) { [self] in
      guard !addresses.isEmpty else { return deliver(.frozenDirectly(confirmed: host.confirmsFreezes)) }
      host.addresses.change(remove: addresses, add: [], while: { [self] in isAlive }) { [self] _ in
        deliver(.frozenDirectly(confirmed: host.confirmsFreezes))
      }
    }
  }

  // MARK: the store

  private func transact(_ id: TransactionID, _ transaction: ClusterTransaction, until: BootInstant) {
    unanswered[id] = transaction
    guard until > host.now else {
      return host.after(.zero) { [self] in conclude(id, .notApplied(reason: "too late to ask")) }
    }
    Request(from: self, id, transaction).go()
    world.at(host.moment(of: until), on: host, .timesOut(self, id))
  }

  func timedOut(_ id: TransactionID) {
    if unanswered[id] != nil { conclude(id, .unknown(reason: "no answer in time")) }
  }

  func answered(_ id: TransactionID, _ answer: SimulatedStore.Answer) {
    switch answer {
    case .verdict(let verdict): conclude(id, .verdict(verdict))
    case .refused: conclude(id, .notApplied(reason: "the store refuses requests"))
    case .full: conclude(id, .unknown(reason: "the store is full"))
    }
  }

  /// The first of reply and time-out that the process sees counts.
  private func conclude(_ id: TransactionID, _ outcome: Event.TransactionOutcome) {
    guard isAlive else { return }
    if isHalted { return held.append { [self] in conclude(id, outcome) } }
    guard unanswered[id] != nil else { return }
    handle(.transaction(id, outcome))
    unanswered[id] = nil
  }

  func deafenWatch(for span: Span) { watcher?.deafen(for: span) }

  /// The way from the store is open again.
  func caughtUp(_ revision: Revision) { watcher?.news(revision) }
}

extension GuardCommand {
  /// Short, for a story.
  fileprivate var words: String {
    switch self {
    case .hello: "hello"
    case .status: "status"
    case .acknowledge(let number): "acknowledge \(number)"
    case .extend: "extend"
    case .shorten: "shorten"
    case .protect(let workload):
      "protect \(workload.name)\(workload.cgroup == nil ? ", which is about to start" : "")"
        + (workload.addresses.isEmpty ? "" : " with \(workload.addresses.map(\.description).joined(separator: ", "))")
    case .forget(let workload): "forget \(workload)"
    case .release(let workload, _): "release \(workload)"
    case .kill(let workload): "kill \(workload)"
    case .isolate: "isolate"
    case .resume: "resume"
    case .disarm: "disarm"
    }
  }
}
