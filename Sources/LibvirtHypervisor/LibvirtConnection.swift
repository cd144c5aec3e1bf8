import CgroupIsolation
import HoldfastModel
import Logging

/// One connection to libvirt for the life of the hypervisor: opened, watched, lost and opened again.
///
/// Everything that blocks is done on call threads; what it finds is told here, in order.
actor LibvirtConnection {
  /// What reaches the connection from other threads.
  enum Hint: Sendable {
    /// libvirt said something on the connection opened as number `opening`.
    case notice(ConnectionNotice, opening: Int)
    case processEnded(name: String)
    /// A start that nobody waited for any more has returned.
    case startReturned(name: String)
    /// Another call that nobody waited for any more has returned.
    case returned(Question)
  }

  enum Phase {
    case down
    case up(HostFacts)
    case closed
  }

  nonisolated let uri: String
  nonisolated let driver: Driver
  let cluster: String
  let node: String
  let limits: LibvirtLimits
  let logger: Logger
  let calls: CallThreads
  /// For looks: nothing that hangs elsewhere keeps them from being made.
  let lookThreads: CallThreads
  /// For what ends a domain at once, likewise.
  let destroyThreads: CallThreads
  /// For what asks guests to shut down.
  let shutDownThreads: CallThreads
  /// For guest agents: libvirt may wait a minute for one.
  let agentThreads: CallThreads
  /// For what is asked of guest agents while their guests run: one that hangs keeps none of the orders above waiting.
  let probeThreads: CallThreads
  /// For migrations, which take minutes: nothing else waits for them.
  let migrationThreads: CallThreads
  /// For what is asked of qemu while it migrates: it hangs when qemu is frozen, as long as that is.
  let progressThreads: CallThreads
  /// For what this libvirt could run: the first such question makes it start emulators to ask them. One at a time, and nobody waits behind it.
  let abilityThreads: CallThreads
  let connections: CallConnections
  let hints: AsyncStream<Hint>.Continuation

  var phase = Phase.down
  var ledger = Ledger()
  /// False from the loss of the connection until everything was told anew: single domains are not told then.
  var inventoryTold = false
  /// Somebody waits for an inventory whatever it says, and libvirt did not list its domains: the next one that can be taken is told.
  var inventoryOwed = false
  /// Why the last STOPPED event came, by name.
  var stopReasons: [String: StopReason] = [:]
  /// Domains that were seen gone before libvirt said why, and until when that is waited for.
  var reasonsAwaited: [String: ContinuousClock.Instant] = [:]
  /// Calls that have not passed their limit, as far as others wait for them.
  var asking: [Question: Task<Void, Never>] = [:]
  /// Calls that have passed their limit.
  var hanging: [Question: HangingCall] = [:]
  var lookWanted: Set<String> = []
  /// To be looked at again after a while.
  var lookLater: Set<String> = []
  var looking: Set<String> = []
  /// Starts that have not returned, with what is told of them when nobody knows more.
  var startsInFlight: [String: Sighting] = [:]
  var stops: [String: StopInProgress] = [:]
  /// Migrations from here whose calls have not ended, by UUID.
  var outgoingMigrations: [String: OutgoingMigration] = [:]
  var clearing: Set<String> = []
  /// Those among them that were ended with libvirt's own order, so that it calls them destroyed: they had ended before, nobody knows how.
  var clearedAway: Set<String> = []
  /// What this libvirt could run, since it was connected to.
  var abilities = AbilityBook()
  /// Whether libvirtd words its errors in English, on the connection opened as that number.
  var language: (opening: Int, isEnglish: Bool)?
  var waiters: [Int: Waiter] = [:]
  var nextWaiter = 0
  /// The looks at the whole node run one after another.
  var inventory: Task<Void, Never>?

  private let opener: CallThreads
  private let watch: ProcessWatch
  private let tell: @Sendable (HypervisorEvent) -> Void
  private let hintStream: AsyncStream<Hint>
  /// How often the connection was opened, or tried to be: what belongs to an earlier one is of no interest.
  var openings = 0
  private var events: EventConnection?
  private var lostOpening = 0
  private var unreachableTold = false
  private var tasks: [Task<Void, Never>] = []
  private var connecting: Task<Void, Never>?

  init(
    uri: String, cluster: String, node: String, limits: LibvirtLimits, logger: Logger, watch: ProcessWatch,
    tell: @escaping @Sendable (HypervisorEvent) -> Void
  ) {
    self.uri = uri
    self.cluster = cluster
    self.node = node
    self.limits = limits
    self.watch = watch
    self.tell = tell
    var logger = logger
    logger[metadataKey: "connection"] = "\(uri)"
    self.logger = logger
    driver = Driver(uri: uri)
    connections = CallConnections(uri: uri)
    func threads(_ name: String, limitsWaiting: Bool) -> CallThreads {
      CallThreads(
        name: name, atOnce: limits.concurrentCalls, hangingAtMost: limits.hangingCalls, limitsWaiting: limitsWaiting)
    }
    calls = threads("virt-calls", limitsWaiting: true)
    lookThreads = threads("virt-looks", limitsWaiting: false)
    destroyThreads = threads("virt-destroy", limitsWaiting: false)
    shutDownThreads = threads("virt-shutdown", limitsWaiting: false)
    agentThreads = CallThreads(
      name: "virt-agents", atOnce: limits.concurrentAgents, hangingAtMost: limits.concurrentAgents)
    probeThreads = CallThreads(
      name: "virt-probes", atOnce: limits.concurrentProbes, hangingAtMost: limits.concurrentProbes, limitsWaiting: false)
    migrationThreads = CallThreads(
      name: "virt-migrate", atOnce: limits.concurrentMigrations, hangingAtMost: limits.concurrentMigrations)
    progressThreads = CallThreads(
      name: "virt-progress", atOnce: 2, hangingAtMost: limits.concurrentMigrations, limitsWaiting: false)
    abilityThreads = CallThreads(name: "virt-abilities", atOnce: 1, hangingAtMost: 1)
    opener = CallThreads(name: "virt-open", atOnce: 1, hangingAtMost: 1)
    (hintStream, hints) = AsyncStream.makeStream()
  }

  /// Begins to connect. Once.
  func run() {
    let stream = hintStream
    tasks.append(
      Task { [weak self] in
        for await hint in stream { await self?.take(hint) }
      })
    tasks.append(
      Task { [weak self, interval = limits.safetyInventory] in
        while !Task.isCancelled {
          try? await Task.sleep(for: interval, clock: .continuous)
          await self?.takeInventory(notices: .news)
        }
      })
    connect()
  }

  func close() {
    phase = .closed
    hints.finish()
    for task in tasks { task.cancel() }
    connecting?.cancel()
    events = nil
    connections.renew(opening: openings + 1)
    for threads in callThreads { threads.close() }
    opener.close()
    wakeAll()
  }

  private var callThreads: [CallThreads] {
    [
      calls, lookThreads, destroyThreads, shutDownThreads, agentThreads, probeThreads, migrationThreads, progressThreads,
      abilityThreads
    ]
  }

  func send(_ event: HypervisorEvent) {
    if case .closed = phase { return }
    tell(event)
  }

  // MARK: losing and finding the connection

  /// The connection is of no use any more. Nothing is known of its domains until the next inventory.
  func lose(_ reason: String) {
    guard case .up = phase else { return }
    phase = .down
    inventoryTold = false
    events = nil
    ledger.forgetExpectations()
    tellUnreachable(reason)
    connections.renew(opening: openings + 1)
    for threads in callThreads {
      threads.abandonAll(reason: "the connection to libvirt (\(uri)) was lost: \(reason)")
    }
    wakeAll()
    connect()
  }

  func tellUnreachable(_ reason: String) {
    guard !unreachableTold else { return }
    unreachableTold = true
    logger.warning("libvirt is unreachable", metadata: ["reason": "\(reason)"])
    send(.unreachable(connection: uri, reason: reason))
  }

  private func connect() {
    guard connecting == nil else { return }
    connecting = Task { await connectUntilKnown() }
  }

  private func connectUntilKnown() async {
    while case .down = phase, !Task.isCancelled {
      await connectOnce()
      if case .down = phase { try? await Task.sleep(for: limits.reconnect, clock: .continuous) }
    }
    connecting = nil
  }

  private func connectOnce() async {
    openings += 1
    let opening = openings
    // An attempt that hangs is waited for: libvirtd is stopped or busy, and another attempt would hang beside it.
    let impatience = Task { [limits] in
      try? await Task.sleep(for: limits.call, clock: .continuous)
      if !Task.isCancelled { tellUnreachable("libvirtd takes the connection and does not answer") }
    }
    defer { impatience.cancel() }
    do {
      let (hostFacts, opened) = try await opener.run(limit: nil) {
        [uri, driver, watch, hints, limits] () throws(LibvirtError) in
        let opened = try EventConnection(uri: uri, silence: limits.silence) { hints.yield(.notice($0, opening: opening)) }
        let daemon = driver.daemon()
        let hostFacts = HostFacts(
          uri: uri, driver: driver, sharesProcesses: daemon != nil,
          cgroups: (try? CgroupHierarchy.find()).map { DomainCgroups($0) },
          cgroupRoot: daemon.flatMap { try? CgroupHierarchy.find(seenBy: "\($0)") }?.shown ?? "/", watch: watch,
          rereading: limits.rereading,
          ended: { hints.yield(.processEnded(name: $0)) })
        return (hostFacts, opened)
      }
      await take(hostFacts, opened)
    } catch {
      tellUnreachable(Words.of(error))
    }
  }

  private func take(_ hostFacts: HostFacts, _ opened: EventConnection) async {
    // It may have been lost while it was on its way here: nothing would ever be heard on it.
    guard case .down = phase, lostOpening != openings else { return }
    phase = .up(hostFacts)
    events = opened
    abilities = AbilityBook()
    connections.renew(opening: openings)
    if driver.kind != .other, !hostFacts.sharesProcesses {
      logger.warning(
        "libvirtd lives in another PID namespace: its domains' processes cannot be watched, and a stop is believed when libvirt says so"
      )
    }
    // When that fails, the connection is down again.
    await takeInventory(notices: .always)
  }

  /// Everything was told: the connection is known again.
  func nowKnown(_ domains: [DomainObservation]) {
    inventoryTold = true
    inventoryOwed = false
    unreachableTold = false
    send(.inventory(connection: uri, domains: domains))
  }

  // MARK: hints

  private func take(_ hint: Hint) {
    switch hint {
    case .notice(let notice, let opening):
      guard opening == openings else { return }
      take(notice)
    case .processEnded(let name): look(at: name)
    case .startReturned(let name):
      startsInFlight[name] = nil
      look(at: name)
    case .returned(let question): returned(question)
    }
  }

  private func take(_ notice: ConnectionNotice) {
    switch notice {
    case .closed(let reason):
      if case .down = phase { lostOpening = openings }
      lose(reason)
    case .altered(let name):
      ledger.forget(name)
      look(at: name)
    case .lifecycle(let name, let event, let detail):
      if Words.isStart(event) { ledger.expect(name) }
      if let reason = Words.ofStop(event, detail) {
        let isOurs = reason.end == .destroyed && clearedAway.contains(name)
        stopReasons[name] = isOurs ? .processEnded : reason
      }
      look(at: name)
    }
  }
}
