import CgroupIsolation
import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import LinuxBasics
import Logging

/// The controller's shell: feeds the core with what its ports say, and carries out what it asks for. Decides nothing.
package actor ControllerLoop {
  /// The ports of one node.
  package struct Ports: Sendable {
    package var store: any LeaseStore
    package var hypervisor: any Hypervisor
    package var guardDoor: any GuardConnection
    /// Freezes without the guard and removes the addresses, and tells whether everything was seen frozen and they are gone.
    package var isolateDirectly: @Sendable ([GuardedWorkload], _ ended: @escaping @Sendable (Bool) -> Void) -> Void
    /// The neighbours, who are asked and told about workloads' addresses.
    package var addresses: any Addresses
    package var checks: any WorkloadChecks
    package var nodeChecks: any NodeChecks
    package var state: StateFile

    package init(
      store: any LeaseStore, hypervisor: any Hypervisor, guardDoor: any GuardConnection, addresses: any Addresses,
      checks: any WorkloadChecks, nodeChecks: any NodeChecks,
      isolateDirectly: @escaping @Sendable ([GuardedWorkload], _ ended: @escaping @Sendable (Bool) -> Void) -> Void,
      state: StateFile
    ) {
      self.store = store
      self.hypervisor = hypervisor
      self.guardDoor = guardDoor
      self.addresses = addresses
      self.checks = checks
      self.nodeChecks = nodeChecks
      self.isolateDirectly = isolateDirectly
      self.state = state
    }
  }

  private var controller: Controller
  private let ports: Ports
  private let codec: RecordCodec
  private let history: HistoryBook
  private let logger: Logger
  private let errands: AddressErrands
  /// How long the reading of all records may take.
  private let listTimeout: Duration
  private let events: AsyncStream<Event>
  private let inbox: AsyncStream<Event>.Continuation
  private var contact = StoreContact()
  private var alarm: Task<Void, Never>?
  /// The reading of the store, from a listing on.
  private var reading: Task<Void, Never>?
  /// When the core last took an event: what the watchdog looks at.
  package private(set) var lastTurn: BootInstant = BootClock.now

  package init(_ configuration: ControllerConfiguration, ports: Ports, history: HistoryBook, logger: Logger) {
    controller = Controller(configuration, saved: ports.state.load())
    self.ports = ports
    self.history = history
    self.logger = logger
    codec = RecordCodec(cluster: configuration.cluster)
    listTimeout = max(.seconds(2), configuration.timing.ttl)
    (events, inbox) = AsyncStream.makeStream(of: Event.self)
    errands = AddressErrands(ports.addresses, logger: logger) { [inbox] in inbox.yield(.addressOwners($0, [$1: $2])) }
  }

  /// Hands an event to the core. Never waits.
  package nonisolated func send(_ event: Event) { inbox.yield(event) }

  /// Runs until the core has finished a clean departure, or the task is cancelled (which leaves everything as it is).
  package func run() async {
    await withTaskExecutorPreference(ports.store.executor) { await self.observe() }
    alarm?.cancel()
  }

  private func observe() async {
    await withTaskGroup { group in
      group.addTask { await self.followHypervisor() }
      group.addTask { await self.followGuard() }
      group.addTask { await self.followStore() }
      group.addTask { await self.followChecks() }
      group.addTask { await self.followNodeChecks() }
      group.addTask { await self.followCalendar() }
      group.addTask { await self.askStore() }
      await turn()
      group.cancelAll()
    }
  }

  private func turn() async { for await event in events { take(event) } }

  /// Hands an event to the core at once, before those that wait: who asks for the view next finds it there.
  package func take(_ event: Event) {
    lastTurn = BootClock.now
    contact.take(event, at: lastTurn)
    for action in controller.receive(event, now: lastTurn) {
      if action == .finished { return inbox.finish() }
      perform(action)
    }
  }

  // MARK: observing

  private nonisolated func followHypervisor() async {
    for await event in ports.hypervisor.events() { send(.hypervisor(event)) }
  }

  private nonisolated func followGuard() async {
    for await event in ports.guardDoor.events() { send(.fromGuard(event)) }
  }

  private nonisolated func followChecks() async {
    for await change in ports.checks.changes() { send(.health(change.workload, run: change.run, change.health)) }
  }

  private nonisolated func followNodeChecks() async {
    for await states in ports.nodeChecks.changes() { send(.nodeHealth(states)) }
  }

  private nonisolated func followCalendar() async {
    await inRounds(every: .seconds(60)) { send(.wallTime(localWeekTime(), wallTime())) }
  }

  /// A node that renews no session asks nothing else of the store, and would not know whether it answers.
  private nonisolated func askStore() async {
    await inRounds(every: StoreContact.interval) {
      guard await !controller.session.isStanding else { return }
      guard (try? await ports.store.list(prefix: codec.key(.format), timeout: listTimeout)) != nil else { return }
      await heardFromStore()
    }
  }

  private func heardFromStore() { contact.answered(at: BootClock.now) }

  private func followStore() async {
    while !Task.isCancelled {
      let reading = Task(executorPreference: ports.store.executor) { await self.readStore() }
      self.reading = reading
      await withTaskCancellationHandler {
        await reading.value
      } onCancel: {
        reading.cancel()
      }
    }
  }

  /// Lists everything, then watches, until it is to begin anew.
  private nonisolated func readStore() async {
    var complained = false
    while !Task.isCancelled {
      do {
        let listing = codec.decode(try await ports.store.list(prefix: codec.prefix, timeout: listTimeout))
        complained = false
        await history.load(listing)
        send(.store(.listed(listing)))
        for try await batch in ports.store.watch(prefix: codec.prefix, after: listing.revision) {
          let changes = batch.compactMap(codec.decode)
          await history.take(changes)
          send(.store(.changed(changes)))
        }
      } catch {
        if !complained, !Task.isCancelled {
          logger.warning("the store cannot be watched, trying again", metadata: ["reason": "\(error)"])
        }
        complained = true
        try? await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  // MARK: acting

  private func perform(_ action: Action) {
    switch action {
    case .transact(let id, let transaction, let until): transact(id, transaction, until: until)
    case .start(let workload, let request):
      operate(workload, .start) { await $0.start(request) }
    case .stop(let workload, let domain, let uuid, let grace):
      operate(workload, .stop) { await $0.stop(domain, uuid: uuid, grace: grace) }
    case .mark(let workload, let domain, let uuid, let mark):
      operate(workload, .mark) { await $0.mark(domain, uuid: uuid, mark: mark) }
    case .unmark(let workload, let domain, let uuid):
      operate(workload, .unmark) { await $0.unmark(domain, uuid: uuid) }
    case .bar(let workload, let domain, let uuid, let mark):
      operate(workload, .bar) { await $0.bar(domain, uuid: uuid, mark: mark) }
    case .unbar(let workload, let domain, let uuid, let mark, let overBar):
      operate(workload, .unbar) { await $0.unbar(domain, uuid: uuid, mark: mark, overBar: overBar) }
    case .migrate(let workload, let request):
      operate(workload, .migrate) { await $0.migrate(request) }
    case .cancelMigration(let domain, let uuid):
      Task { [ports] in await ports.hypervisor.cancelMigration(domain, uuid: uuid) }
    case .suspend(let workload, let domain, let uuid):
      operate(workload, .suspend) { await $0.suspend(domain, uuid: uuid) }
    case .resume(let workload, let domain, let uuid, let notAfter):
      operate(workload, .resume) { await $0.resume(domain, uuid: uuid, notAfter: notAfter) }
    case .refresh: Task { [ports] in await ports.hypervisor.refresh() }
    case .tellGuard(let command): ports.guardDoor.send(command)
    case .isolateDirectly(let workloads):
      ports.isolateDirectly(workloads) { [weak self] in self?.send(.frozenDirectly(confirmed: $0)) }
    case .check(let subject): ports.checks.check(subject)
    case .endChecks(let workload): ports.checks.end(workload)
    case .checkNode(let checks): ports.nodeChecks.check(checks)
    case .askForOwner(let workload, let addresses): errands.ask(workload, addresses)
    case .announce(let workload, let addresses): errands.announce(workload, addresses)
    case .endAddresses(let workload, let addresses): errands.end(workload, addresses)
    case .save(let session): save(session)
    case .restartWatch: ports.store.restartWatches()
    case .listAnew: reading?.cancel()
    case .note(let note): tell(note)
    case .wake(let instant): wake(at: instant)
    case .finished: break
    }
  }

  private nonisolated func transact(_ id: TransactionID, _ transaction: ClusterTransaction, until: BootInstant) {
    Task(executorPreference: ports.store.executor) { [ports, codec] in
      do {
        let encoded = try codec.encode(transaction)
        let timeout = until - BootClock.now
        guard timeout > .zero else {
          return self.send(.transaction(id, .notApplied(reason: "this process was stopped until it was too late to ask")))
        }
        self.send(.transaction(id, .verdict(codec.decode(try await ports.store.transact(encoded, timeout: timeout)))))
      } catch let error as StoreError {
        self.send(.transaction(id, Self.outcome(of: error)))
      } catch {
        self.send(.transaction(id, .notApplied(reason: "the record cannot be encoded: \(error)")))
      }
    }
  }

  private static func outcome(of error: StoreError) -> Event.TransactionOutcome {
    switch error {
    case .notApplied(let reason), .rejected(let reason, _): .notApplied(reason: reason)
    case .unknownOutcome(let reason): .unknown(reason: reason)
    case .compacted: .unknown(reason: error.description)
    }
  }

  private nonisolated func operate(
    _ workload: WorkloadName, _ kind: DomainOperation, _ call: @escaping @Sendable (any Hypervisor) async -> OperationOutcome
  ) {
    Task { [ports] in send(.operation(workload, kind, await call(ports.hypervisor))) }
  }

  private func save(_ session: OwnSession.Saved?) {
    do { try ports.state.save(session) } catch {
      logger.error("cannot keep the session's state: a restart would begin a new session", metadata: ["reason": "\(error)"])
    }
  }

  private func tell(_ note: Note) {
    let level: Logger.Level =
      switch note.severity {
      case .info: .notice
      case .warning: .warning
      case .error: .error
      }
    logger.log(level: level, "\(note.text)", metadata: ["kind": "\(note.kind.rawValue)"])
    Task { [history] in await history.write(note) }
  }

  private func wake(at instant: BootInstant) {
    alarm?.cancel()
    alarm = Task(executorPreference: ports.store.executor) { [weak self] in
      guard (try? await BootClock.sleep(until: instant)) != nil else { return }
      self?.send(.tick)
    }
  }

  // MARK: what others may ask

  package var view: ClusterView { controller.view }
  package var guardSummary: GuardPhase { controller.guardStatus.summary }

  /// What the hooks of this node are told, and how long they may take.
  package func hookSight() -> HookSight {
    HookSight(view: controller.view, deadline: controller.session.acting == nil ? nil : controller.session.deadline)
  }

  /// Everything that one answer is made from. Copies a few references; what is worked out from it, whoever asks works out elsewhere.
  package func picture() -> ClusterPicture {
    let now = BootClock.now, standing = controller.session.standing
    let basis = controller.planningBasis(now: now), own = controller.ownBasis(now: now)
    return ClusterPicture(
      version: controller.view.version, instant: now, time: wallTime(), view: controller.view,
      observations: controller.local.domains,
      session: controller.session.isValid(at: now)
        ? standing.map { OwnSession.Saved(incarnation: $0.incarnation, created: $0.created) } : nil,
      storeSilence: contact.silence(renewed: standing?.confirmedSent, at: now)?.inSeconds, planner: controller.planner,
      policyFlaw: controller.policyFlaw, fault: controller.breach, quarantines: basis.quarantines,
      own: { own.sight() }, planning: { basis.snapshot() })
  }
}
