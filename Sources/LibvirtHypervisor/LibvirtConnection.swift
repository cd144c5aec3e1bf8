import HoldfastCore
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
    /// A call that had timed out has returned.
    case lateReturn(name: String?, opening: Int)
  }

  enum Phase {
    case down
    case up(Lookout)
    case closed
  }

  nonisolated let uri: String
  nonisolated let driver: Driver
  let cluster: String
  let node: String
  let limits: LibvirtLimits
  let logger: Logger
  let calls: CallThreads
  let hints: AsyncStream<Hint>.Continuation

  var phase = Phase.down
  var ledger = Ledger()
  /// False from the loss of the connection until everything was told anew: single domains are not told then.
  var inventoryTold = false
  /// Why the last STOPPED event came, by name.
  var stopReasons: [String: String] = [:]
  var lookWanted: Set<String> = []
  var looking: Set<String> = []
  var startsInFlight: Set<String> = []
  var stops: [String: StopInProgress] = [:]
  var clearing: Set<String> = []
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
  private var hangingCalls = 0
  private var unreachableTold = false
  private var tasks: [Task<Void, Never>] = []

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
    calls = CallThreads(name: "virt-calls", atOnce: limits.concurrentCalls, hangingAtMost: limits.hangingCalls)
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
          await self?.takeInventory(telling: .news)
        }
      })
    connect()
  }

  func close() {
    phase = .closed
    hints.finish()
    for task in tasks { task.cancel() }
    tasks = []
    calls.close()
    opener.close()
    wakeAll()
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
    hangingCalls = 0
    ledger.forgetExpectations()
    logger.warning("libvirt is unreachable", metadata: ["reason": "\(reason)"])
    tellUnreachable(reason)
    wakeAll()
    connect()
  }

  private func tellUnreachable(_ reason: String) {
    guard !unreachableTold else { return }
    unreachableTold = true
    send(.unreachable(connection: uri, reason: reason))
  }

  private func connect() {
    let task = Task { [weak self, pause = limits.reconnect] in
      while await self?.connectOnce() == false { try? await Task.sleep(for: pause, clock: .continuous) }
    }
    tasks = tasks.prefix(2) + [task]
  }

  /// True when there is nothing left to do.
  private func connectOnce() async -> Bool {
    guard case .down = phase else { return true }
    openings += 1
    let opening = openings
    // An attempt that hangs is waited for: libvirtd is stopped or busy, and another attempt would hang beside it.
    let impatience = Task { [limits] in
      try? await Task.sleep(for: limits.call, clock: .continuous)
      if !Task.isCancelled { tellUnreachable("libvirtd takes the connection and does not answer") }
    }
    defer { impatience.cancel() }
    do {
      let lookout = try await opener.run(limit: nil) { [uri, driver, watch, hints] () throws(LibvirtError) in
        let connection = try ConnectionHandle(uri: uri, silence: 3) { hints.yield(.notice($0, opening: opening)) }
        return Lookout(
          uri: uri, connection: connection, driver: driver, sharesProcesses: driver.sharesProcesses(),
          cgroups: Cgroups.ofThisHost(), watch: watch, ended: { hints.yield(.processEnded(name: $0)) })
      }
      return await take(lookout)
    } catch {
      tellUnreachable(Words.of(error))
      return false
    }
  }

  private func take(_ lookout: Lookout) async -> Bool {
    guard case .down = phase else { return true }
    phase = .up(lookout)
    if driver.kind != .other, !lookout.sharesProcesses {
      logger.warning(
        "libvirtd lives in another PID namespace: its domains' processes cannot be watched, and a stop is believed when libvirt says so"
      )
    }
    await takeInventory(telling: .always)
    return true
  }

  /// Everything was told: the connection is known again.
  func nowKnown(_ domains: [DomainObservation]) {
    inventoryTold = true
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
    case .lateReturn(let name, let opening):
      if opening == openings { hangingCalls -= 1 }
      guard let name else { return }
      startsInFlight.remove(name)
      look(at: name)
    }
  }

  private func take(_ notice: ConnectionNotice) {
    switch notice {
    case .closed(let reason): lose(reason)
    case .altered(let name):
      ledger.forget(name)
      look(at: name)
    case .lifecycle(let name, let event, let detail):
      if Words.isStart(event) { ledger.expect(name) }
      if let reason = Words.ofStop(event, detail) { stopReasons[name] = reason }
      look(at: name)
    }
  }

  /// A call has passed its limit. A few, and the connection is opened anew: libvirtd takes five at once, and no more.
  func countHanging() {
    hangingCalls += 1
    if hangingCalls >= limits.hangingCallsPerConnection { lose("\(hangingCalls) calls to libvirtd do not return") }
  }
}
