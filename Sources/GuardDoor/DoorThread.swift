import CLinux
import Glibc
import GuardCore
import HoldfastPorts
import HoldfastTime
import LinuxBasics
import Logging

/// What runs on the door's thread.
final class DoorThread: Sendable {
  /// One connection's life, on the thread's stack.
  private struct Session: ~Copyable {
    let socket: Descriptor
    /// Our hello was sent, in this version.
    var greeted = false
    var version = guardProtocolVersion
    /// The guard answered it with its state.
    var known = false
    /// When the oldest command was sent since the guard last said anything; nil: nothing is unanswered.
    var unansweredSince: BootInstant?
    /// A command found no room in the socket.
    var isFull = false
    var buffer = [UInt8](repeating: 0, count: guardDatagramLimit)
  }
  /// Why a connection ended.
  private struct Ended: Error {
    var reason: String
  }

  let outbox: Outbox
  private let path: String
  private let settings: GuardDoor.Settings
  private let events: AsyncStream<GuardEvent>.Continuation
  private let logger: Logger

  init(
    outbox: Outbox, path: String, settings: GuardDoor.Settings, events: AsyncStream<GuardEvent>.Continuation, logger: Logger
  ) {
    self.outbox = outbox
    self.path = path
    self.settings = settings
    self.events = events
    self.logger = logger
  }

  func start() throws(GuardDoorError) {
    var thread = pthread_t()
    let me = Unmanaged.passRetained(self)
    let code = pthread_create(
      &thread, nil,
      { raw in
        if let raw { Unmanaged<DoorThread>.fromOpaque(raw).takeRetainedValue().run() }
        return nil
      }, me.toOpaque())
    guard code == 0 else {
      me.release()
      throw GuardDoorError(reason: "no thread: \(String(cString: strerror(code)))")
    }
    pthread_detach(thread)
  }

  private static var lastError: String { String(cString: strerror(errno)) }

  private func run() {
    var said = ""
    while !outbox.look().stopping {
      let failure = attempt()
      // Every 50 ms the same line would bury the others.
      if let failure, failure != said { logger.warning("no guard at \(path): \(failure); trying on") }
      said = failure ?? ""
      _ = wait(for: nil, atMost: settings.reconnect)
    }
    events.finish()
    outbox.stopped()
  }

  /// Connects and serves the connection until it ends.
  /// - Returns: why there was none; nil when there was.
  private func attempt() -> String? {
    let number = holdfast_connect(path)
    guard number >= 0 else { return Self.lastError }
    var session = Session(socket: Descriptor(owning: number))
    defer { outbox.setOpen(false) }
    do throws(Ended) {
      while try serve(&session) {}
      return nil
    } catch {
      // Only a guard that was there can be lost.
      guard session.known else { return error.reason }
      outbox.setOpen(false)
      events.yield(.lost(reason: error.reason))
      logger.error("the guard is lost: \(error.reason)")
      return nil
    }
  }

  /// - Returns: false when the door is to close.
  private func serve(_ session: inout Session) throws(Ended) -> Bool {
    let standing = outbox.look()
    if standing.stopping { return false }
    if let count = standing.tooMany { throw Ended(reason: "it is too far behind: \(count) commands waited for it") }
    try sendWaiting(&session)
    var patience: Duration?
    if let since = session.unansweredSince {
      let left = since + settings.silence - BootClock.now
      if left <= .zero { throw Ended(reason: "it has not answered for \(settings.silence.inSeconds) s") }
      patience = left
    }
    if wait(for: session.socket.number, sending: session.isFull, atMost: patience) { try receiveAll(&session) }
    return true
  }

  /// Waits until there is work, or something to do on `socket`; true for the latter.
  private func wait(for socket: Int32?, sending: Bool = false, atMost: Duration?) -> Bool {
    var descriptors = [pollfd(fd: outbox.wake.number, events: Int16(POLLIN), revents: 0)]
    if let socket { descriptors.append(pollfd(fd: socket, events: Int16(sending ? POLLIN | POLLOUT : POLLIN), revents: 0)) }
    // Rounded up: waking a little late is better than spinning.
    let milliseconds = atMost.map { Int32(clamping: ($0.wholeNanoseconds + 999_999) / 1_000_000) } ?? -1
    guard poll(&descriptors, nfds_t(descriptors.count), milliseconds) > 0 else { return false }
    return descriptors.count > 1 && descriptors[1].revents != 0
  }

  private func sendWaiting(_ session: inout Session) throws(Ended) {
    let socket = session.socket.number
    let version = session.version
    var sent = 0, isFull = false
    func send(_ command: GuardCommand) throws(Ended) -> Bool {
      let bytes = Array(command.inVersion(version).wireText.utf8)
      if holdfast_send(socket, bytes, bytes.count) == bytes.count {
        sent += 1
        return true
      }
      guard errno == EAGAIN || errno == EINTR else { throw Ended(reason: "cannot send to it: \(Self.lastError)") }
      isFull = true
      return false
    }
    if !session.greeted { session.greeted = try send(.hello(version: session.version)) }
    // Nothing else waits before the guard has said its state.
    if session.known { try outbox.handOn(send) }
    session.isFull = isFull
    if sent > 0, session.unansweredSince == nil { session.unansweredSince = BootClock.now }
  }

  private func receiveAll(_ session: inout Session) throws(Ended) {
    while true {
      let count = holdfast_receive(session.socket.number, &session.buffer, session.buffer.count)
      if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
      guard count > 0 else {
        throw Ended(reason: count == 0 ? "its process has ended or closed the door" : Self.lastError)
      }
      guard count <= session.buffer.count, let text = String(validating: session.buffer[..<count], as: UTF8.self) else {
        throw Ended(reason: "it sent what is not a message")
      }
      session.unansweredSince = nil
      let report: GuardReport
      do { report = try GuardReport(wireText: text).told(inVersion: session.version) } catch {
        throw Ended(reason: "it sent \(error)")
      }
      try handOn(report, &session)
    }
  }

  /// The answer to our hello makes the connection; everything after it is a report.
  private func handOn(_ report: GuardReport, _ session: inout Session) throws(Ended) {
    if session.known {
      events.yield(.report(report))
      return
    }
    switch report {
    case .state(let state):
      session.known = true
      logger.notice("connected to the guard at \(path)")
      outbox.setOpen(true)
      events.yield(.connected(state))
    case .refused(let reason):
      // A guard of an earlier release, whose successor is yet to come.
      guard session.version > oldestGuardProtocolVersion else { throw Ended(reason: reason) }
      session.version -= 1
      session.greeted = false
    case .killed, .addresses: throw Ended(reason: "it did not answer our hello")
    }
  }
}

extension GuardReport {
  fileprivate func told(inVersion version: Int) -> GuardReport {
    guard case .state(var state) = self else { return self }
    state.version = version
    return .state(state)
  }
}
