import GuardCore
import HoldfastPorts
import LinuxBasics
import Logging
import Synchronization

/// The controller's connection to its guard, over the guard's socket.
///
/// A thread of its own does all the work: it connects, says hello, hands on reports, and notices at once when the guard's process ends. While
/// there is no guard it tries again every 50 ms, for ever.
///
/// It also gives up a guard that lives and says nothing: a stopped guard enforces no deadline.
public final class GuardDoor: GuardConnection {
  /// The door's times and bounds.
  public struct Settings: Hashable, Sendable {
    public var reconnect = Duration.milliseconds(50)
    /// A guard that has an unanswered command and says nothing for so long is lost. Longer than the guard's own limit on a kill.
    public var silence = Duration.seconds(3)
    /// Commands that may wait to be sent, besides seven for each workload that was spoken of since the connection was made: forgotten and told
    /// before an `extend`, after it and after a kill, and the kill. One more closes the connection: a command must not vanish from the
    /// middle, and a guard that is so far behind is told everything anew.
    public var queue = 1024

    public init() {}
  }

  private let thread: DoorThread
  private let stream: AsyncStream<GuardEvent>

  /// - Parameter path: the guard's socket, such as `/run/holdfast/guard.sock`. It need not be there yet.
  /// - Throws: `GuardDoorError` when the thread or its wake-up cannot be made.
  public init(path: String, settings: Settings = Settings(), logger: Logger) throws(GuardDoorError) {
    let (stream, continuation) = AsyncStream.makeStream(of: GuardEvent.self)
    self.stream = stream
    thread = DoorThread(
      outbox: try Outbox(limit: settings.queue), path: path, settings: settings, events: continuation, logger: logger)
    try thread.start()
  }

  public func events() -> AsyncStream<GuardEvent> { stream }

  public func send(_ command: GuardCommand) { thread.outbox.add(command) }

  public func close() async {
    await withCheckedContinuation { thread.outbox.stop(then: $0) }
  }

  deinit { thread.outbox.stop(then: nil) }
}

/// Why a door could not be opened at all.
public struct GuardDoorError: Error, Hashable, Sendable, CustomStringConvertible {
  public var reason: String
  public var description: String { "the guard's door: \(reason). Raise the limits on this process's files and threads" }
}

/// The commands on their way to the door's thread, and the word to stop.
final class Outbox: Sendable {
  private struct State {
    var open = false
    var queue = CommandQueue()
    /// Names of the workloads that were spoken of since it was opened.
    var names: Set<String> = []
    /// So many commands waited when it was closed for that.
    var tooMany: Int?
    var stopping = false
    var stopped = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }
  /// What the thread has to know.
  struct Standing {
    var tooMany: Int?
    var stopping: Bool
  }

  private let state = Mutex(State())
  private let limit: Int
  /// Readable when there is work.
  let wake: WakeUp

  /// Commands that may wait for each workload, besides `limit`.
  private static let forEach = 7

  init(limit: Int) throws(GuardDoorError) {
    self.limit = limit
    do { wake = try WakeUp() } catch { throw GuardDoorError(reason: "no wake-up for its thread: \(error.reason)") }
  }

  func add(_ command: GuardCommand) {
    state.withLock { state in
      guard state.open, state.tooMany == nil else { return }
      if case .protect(let workload) = command { state.names.insert(workload.name) }
      state.queue.add(command)
      let count = state.queue.count
      if count > limit + Self.forEach * state.names.count { state.tooMany = count }
    }
    wake.set()
  }

  /// What there is to know, until `wake` is readable again.
  func look() -> Standing {
    wake.drain()
    return state.withLock { Standing(tooMany: $0.tooMany, stopping: $0.stopping) }
  }

  /// Hands on one command after the other, until `send` says that there is no room. What waits behind it can still be merged.
  func handOn<Failure: Error>(_ send: (GuardCommand) throws(Failure) -> Bool) throws(Failure) {
    try state.withLock { state throws(Failure) in
      while let command = state.queue.next, try send(command) { state.queue.removeNext() }
    }
  }

  /// Commands are taken only while a guard is there that said its state.
  func setOpen(_ open: Bool) {
    state.withLock { state in
      state.open = open
      state.tooMany = nil
      state.names.removeAll()
      state.queue.removeAll()
    }
  }

  func stop(then continuation: CheckedContinuation<Void, Never>?) {
    let already = state.withLock { state in
      state.stopping = true
      if !state.stopped, let continuation { state.waiters.append(continuation) }
      return state.stopped
    }
    if already { continuation?.resume() }
    wake.set()
  }

  func stopped() {
    let waiters = state.withLock { state in
      state.stopped = true
      defer { state.waiters.removeAll() }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }
}
