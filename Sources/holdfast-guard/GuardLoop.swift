import CLinux
import CgroupIsolation
import Glibc
import GuardCore
import HoldfastTime
import LinuxBasics
import SystemPackage

/// The guard as a program: one thread that waits, asks the machine, and does what it says.
///
/// This thread must not wait for user space or for a disk, or the deadline, the watchdog and the controller wait with it. What it calls itself:
/// - the kernel's cgroup files, /proc/self/cgroup and, of what it has killed, /proc/PID/status: see `KernelFile`;
/// - the state, written to a filesystem without a disk (`start` warns of any other), and never synchronised;
/// - sockets, timers and signals that are non-blocking, and `poll`, which ends with the timer.
///
/// Everything else is an `Errand`: links and addresses (the routing lock), the watchdog's device (its driver), the log (whoever reads it).
final class GuardLoop {
  private let isolation: NodeIsolation
  private let links: LinkErrand
  private let log: GuardLog
  private let standing: HostStanding
  private let stateFile: StateFile
  private let door: ControllerDoor
  private let watchdog: Watchdog?
  private let lock: Descriptor
  private let timer: Descriptor
  private let feedTimer: Descriptor
  private let signals: Descriptor
  private var machine: GuardMachine
  /// The last problems said, so that a retry every few milliseconds does not say them again.
  private var problems: Set<String> = []
  private var stateTrouble = WriteTrouble()
  private var health = GuardHealth()

  /// Commands taken before the timer is looked at again.
  private static let commandsAtOnce = 64
  /// How long the first look at a freeze waits until every process is seen frozen: one in the kernel takes a moment. Later looks are made again anyway.
  private static let firstLook = Duration.milliseconds(3)
  private static let nextLook = Duration.milliseconds(1)

  /// Takes up what the guard before this one left, isolates at once if it must, and opens the door.
  static func start(_ options: GuardOptions, _ log: GuardLog) throws -> GuardLoop {
    let hierarchy = try CgroupHierarchy.find(options.hierarchy)
    let partition = try Partition(options.partition)
    try KernelFile.makeDirectory(options.runDirectory)
    let lock = try Descriptor.open(
      options.runDirectory + "/guard.lock", .readWrite, .create, permissions: .ownerReadWrite)
    guard holdfast_lock_file(lock.number) == 0 else {
      throw IsolationError(
        thing: options.runDirectory, reason: "another guard runs with it",
        remedy: "Stop that one: a node has one guard.")
    }
    if holdfast_is_in_memory(options.runDirectory) != 1 {
      log.line(
        .warning,
        "\(options.runDirectory) is on a disk: when that disk hangs, this guard hangs with it. Give --run-dir a directory below /run"
      )
    }
    let isolation = NodeIsolation(partition: partition, hierarchy: hierarchy)
    let record = StateFile(path: options.runDirectory + "/guard.state").read()
    let released = if case .found(let record) = record { Set(record.released.values) } else { Set<String>() }
    let occupied = isolation.census(cgroups: [], sparing: released)
    let found = GuardMachine.FoundAtStart(record: record, occupied: occupied, frozen: isolation.isFrozen())
    do { try PartitionTree(partition, in: hierarchy).create() } catch {
      // With something to guard it goes on: it can still say, and stop feeding the watchdog.
      guard occupied != false else { throw error }
      log.line(.error, "\(error)")
    }
    let loop = try GuardLoop(options, isolation, log, lock)
    loop.step(.started(found))
    // Only now: whoever finds the socket finds a guard that has done what it had to.
    try loop.door.open()
    return loop
  }

  private init(_ options: GuardOptions, _ isolation: NodeIsolation, _ log: GuardLog, _ lock: consuming Descriptor) throws {
    self.isolation = isolation
    self.log = log
    self.lock = lock
    standing = HostStanding(log: log)
    links = try LinkErrand()
    stateFile = StateFile(path: options.runDirectory + "/guard.state")
    machine = GuardMachine(boot: try KernelFile.read("/proc/sys/kernel/random/boot_id").filter { !$0.isNewline })
    watchdog = try options.watchdog.map { path throws(KernelFileError) in
      try Watchdog(path: path, timeout: options.watchdogTimeout, log: log)
    }
    timer = try Descriptor.owned(holdfast_boot_timer(), "open", "a timer")
    feedTimer = try Descriptor.owned(holdfast_boot_timer(), "open", "a timer")
    signals = try Descriptor.owned(holdfast_stop_signals(), "open", "the signals")
    door = ControllerDoor(path: options.runDirectory + "/guard.sock", log: log)
  }

  // MARK: Waiting

  /// Returns the exit code when it was told to stop and may.
  func run() -> Int32 {
    standing.secure()
    log.line(.notice, "guarding \(isolation.directory(for: .freeze)) and \(isolation.directory(for: .stop))")
    feed()
    standing.tell("READY=1")
    while true {
      wait()
      // The deadline before anything else.
      holdfast_drain(timer.number)
      step(.timer)
      takeLinks()
      feed()
      standing.tellOn()
      if holdfast_next_signal(signals.number) != 0, mayStop() { return 0 }
      while door.accept() { step(.controllerConnected) }
      listen()
    }
  }

  private func wait() {
    var waiting = [timer.number, feedTimer.number, signals.number, links.number, door.listeningNumber]
    if let connection = door.connectionNumber { waiting.append(connection) }
    var descriptors = waiting.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    // The connection's place is the last: either room for its reports, or its next command.
    if door.isWaitingToSend { descriptors[descriptors.count - 1].events = Int16(POLLOUT) }
    // Interrupted or not: everything is looked at again.
    _ = poll(&descriptors, nfds_t(descriptors.count), standing.isWaitingToTell ? 100 : -1)
  }

  private func listen() {
    guard door.flush() else { return giveUp() }
    for _ in 0..<Self.commandsAtOnce where !door.isWaitingToSend {
      switch door.receive() {
      case .nothing: return
      case .unacceptable(let reason): step(.unacceptable(reason: reason))
      case .command(let command): step(checked(command))
      case .closed:
        door.hangUp()
        return step(.controllerLost)
      }
    }
  }

  private func giveUp() {
    log.line(.warning, "the controller does not read its reports; the connection is closed")
    door.hangUp()
    step(.controllerLost)
  }

  /// A cgroup from outside is checked before the machine hears of it.
  private func checked(_ command: GuardCommand) -> GuardMachine.Event {
    let name: String, cgroup: String
    switch command {
    case .protect(let workload):
      guard let known = workload.cgroup else { return .command(command) }
      (name, cgroup) = (workload.name, known)
    case .release(let workload, let known): (name, cgroup) = (workload, known)
    default: return .command(command)
    }
    do {
      try isolation.check(cgroup)
      return .command(command)
    } catch {
      return .unacceptable(reason: "\(name): \(error)")
    }
  }

  private func feed() {
    if let watchdog {
      holdfast_drain(feedTimer.number)
      watchdog.work(BootClock.now)
      _ = holdfast_timer_set(feedTimer.number, max(1, watchdog.nextFeed.nanoseconds))
    }
    tellHealth()
  }

  private func tellHealth() {
    let now = GuardHealth(watchdog: watchdog?.standing(BootClock.now) ?? .none, recordFlaw: stateTrouble.reason)
    guard now != health else { return }
    health = now
    step(.health(now))
  }

  /// While a deadline holds it ends only when the next guard will know all of it.
  private func mayStop() -> Bool {
    if case .disarmed = machine.state.phase {
      watchdog?.disarm()
      log.line(.notice, "stopped; nothing was guarded")
    } else {
      do { try stateFile.write(machine.record) } catch {
        log.line(.error, "not stopping: \(error), and the next guard would not know what this one guards")
        return false
      }
      log.line(
        .warning,
        "stopping with a deadline in force: until a guard runs again nothing enforces it on this node. Its state is in "
          + "\(stateFile.path); nothing was thawed\(watchdog == nil ? "" : ", and the watchdog keeps ticking")")
    }
    standing.tell("STOPPING=1")
    door.remove()
    return true
  }

  // MARK: Doing

  private func step(_ event: GuardMachine.Event) {
    var events = [event][...]
    while let event = events.popFirst() {
      for action in machine.receive(event, now: BootClock.now) { events += perform(action) }
    }
  }

  /// - Returns: what came of it.
  private func perform(_ action: GuardMachine.Action) -> [GuardMachine.Event] {
    switch action {
    case .isolateNow(let round, let cgroups):
      return [told(round, isolation.isolate(cgroups: cgroups, patience: Self.firstLook))]
    case .retryIsolation(let round, let cgroups):
      return [told(round, isolation.hold(cgroups: cgroups, patience: Self.nextLook))]
    case .linksDown(let round, let names):
      links.down(round, names)
      return linksDone()
    case .setAddresses(let round, let remove, let add, let notAfter):
      // A guard after this one would know nothing of them.
      let refusal = stateTrouble.reason.map { "the state cannot be written (\($0))" }
      links.addresses(round, remove: remove, add: add, notAfter: notAfter, refusal: refusal)
      return linksDone()
    case .kill(let target): return [.killResult(target, isolation.kill(target))]
    case .takeCensus(let cgroups, let spared): return [.census(alive: isolation.census(cgroups: cgroups, sparing: spared))]
    case .thaw(let cgroups):
      problems.removeAll()
      say(isolation.thaw(cgroups: cgroups))
    case .linksUp(let names):
      links.up(names)
      return linksDone()
    case .setTimer(let instant): _ = holdfast_timer_set(timer.number, instant.map { max(1, $0.nanoseconds) } ?? 0)
    case .feedWatchdog(let feed): watchdog?.mayFeed = feed
    case .persist(let record): write(record)
    case .log(let severity, let text): log.line(severity, text)
    case .report(let report):
      if !door.send(report) {
        log.line(.warning, "the controller does not read its reports, or is gone; the connection is closed")
        door.hangUp()
        return [.controllerLost]
      }
    }
    return []
  }

  /// Links and addresses whose change took longer than the guard waited for it.
  private func takeLinks() {
    for event in linksDone() { step(event) }
  }

  private func linksDone() -> [GuardMachine.Event] {
    let done = links.take()
    for order in done { say(order.problems) }
    return done.compactMap(\.event)
  }

  private func write(_ record: GuardRecord) {
    var failure: String?
    do { try stateFile.write(record) } catch { failure = "\(error)" }
    let outcome = "a guard after this one would freeze everything at once"
    switch stateTrouble.tried(failure, at: BootClock.now) {
    case nil: break
    case .fails(let reason): log.line(.error, "\(reason); \(outcome)")
    case .failsStill(let reason, let count):
      log.line(.error, "\(reason): failed \(count) times more since this was said last; \(outcome)")
    case .isOver: log.line(.notice, "the state is written again")
    }
  }

  private func told(_ round: Int, _ outcome: NodeIsolation.Outcome) -> GuardMachine.Event {
    say(outcome.problems)
    return .freezeResult(round: round, confirmed: outcome.confirmed, foundFrozen: outcome.foundFrozen)
  }

  private func say(_ texts: [String]) {
    for text in texts where problems.insert(text).inserted { log.line(.error, text) }
    if problems.count > 1000 { problems.removeAll() }
  }
}
