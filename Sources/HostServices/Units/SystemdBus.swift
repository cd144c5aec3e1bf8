import CLinux
import CSystemd
import Glibc
import HoldfastPorts
import HoldfastTime
import LinuxBasics
import Synchronization

/// The connection to this host's systemd, on its private socket as systemctl uses it: it needs no message bus, and every signal is sent to it unasked.
///
/// The library's bus is one thread's: all of it is on a thread of its own, which connects anew for as long as it takes.
final class SystemdBus: Sendable {
  struct Call: Sendable {
    var path = "/org/freedesktop/systemd1"
    var interface = "org.freedesktop.systemd1.Manager"
    var member: String
    var texts: [String] = []
  }

  struct Signal: Sendable {
    var path: String
    var member: String
    var body: [BusValue]
  }

  enum News: Sendable {
    case connected
    /// Nothing is known any more, and why.
    case lost(String)
    case signal(Signal)
  }

  private struct Order {
    var call: Call
    var until: BootInstant
    var finish: Finish<Result<[BusValue], BusFailure>>
  }

  private struct Desk {
    var orders: [Order] = []
    var isClosed = false
  }

  private let desk = Mutex(Desk())
  private let wake: WakeUp
  private let socket: String
  private let tell: @Sendable (News) -> Void
  /// Between two attempts to connect.
  private static let pause: Duration = .seconds(1)
  private static let stack = 512 << 10

  /// - Parameter tell: called on its thread, and must not wait.
  init(socket: String, tell: @escaping @Sendable (News) -> Void) throws(KernelFileError) {
    self.socket = socket
    self.tell = tell
    wake = try WakeUp()
    let me = Unmanaged.passRetained(self)
    let failed = holdfast_thread(
      Self.stack,
      { raw in
        if let raw { Unmanaged<SystemdBus>.fromOpaque(raw).takeRetainedValue().run() }
        return nil
      }, me.toOpaque())
    guard failed == 0 else {
      me.release()
      throw KernelFileError(operation: "begin a thread for", path: socket, code: errno)
    }
  }

  /// Its thread ends soon; what was asked for has failed.
  func close() {
    desk.withLock { $0.isClosed = true }
    wake.set()
  }

  /// What the call returns.
  ///
  /// - Throws: systemd's error, or that it did not answer in time.
  func call(_ call: Call, within limit: Duration) async throws(BusFailure) -> [BusValue] {
    let finish = Finish<Result<[BusValue], BusFailure>>()
    let order = Order(call: call, until: BootClock.now + limit, finish: finish)
    let isTaken = desk.withLock { desk in
      if !desk.isClosed { desk.orders.append(order) }
      return !desk.isClosed
    }
    guard isTaken else { throw BusFailure("the connection to systemd was closed") }
    wake.set()
    guard let result = await finish.value() else { throw BusFailure("it was given up") }
    return try result.get()
  }

  // MARK: its thread

  private func run() {
    while true {
      let reason = attempt()
      let (orders, isClosed) = desk.withLock { desk in
        defer { desk.orders = [] }
        return (desk.orders, desk.isClosed)
      }
      for order in orders { order.finish.settle(.failure(BusFailure(reason))) }
      if isClosed { return }
      tell(.lost(reason))
      wait(nil, atMost: Self.pause)
    }
  }

  /// Connects, and serves the connection until it ends.
  ///
  /// - Returns: why there is none any more.
  private func attempt() -> String {
    do throws(BusFailure) {
      var session = try Session(socket)
      defer { session.fail("the connection to systemd was lost") }
      while true {
        let (orders, isClosed) = desk.withLock { desk in
          defer { desk.orders = [] }
          return (desk.orders, desk.isClosed)
        }
        for order in orders { session.send(order) }
        if isClosed { throw BusFailure("the connection to systemd was closed") }
        while try session.step(tell) {}
        session.expire()
        let (poll, patience) = session.waiting
        wait(poll, atMost: patience)
      }
    } catch { return error.reason }
  }

  private func wait(_ bus: pollfd?, atMost limit: Duration?) {
    var descriptors = [pollfd(fd: wake.number, events: Int16(POLLIN), revents: 0)]
    if let bus { descriptors.append(bus) }
    // Rounded up: waking a little late is better than spinning.
    let milliseconds = limit.map { Int32(clamping: (max($0, .zero).wholeNanoseconds + 999_999) / 1_000_000) } ?? -1
    _ = poll(&descriptors, nfds_t(descriptors.count), milliseconds)
    wake.drain()
  }

  /// One connection, and what it was asked.
  private struct Session: ~Copyable {
    private let bus: OpaquePointer
    private var asked: [UInt64: Order] = [:]
    private var isReady = false

    init(_ socket: String) throws(BusFailure) { bus = try Self.begun(socket) }

    /// A bus of the library's that is being opened; whoever gets it closes it.
    private static func begun(_ socket: String) throws(BusFailure) -> OpaquePointer {
      var made: OpaquePointer?
      try BusFailure.check(sd_bus_new(&made))
      guard let made else { throw BusFailure("systemd cannot be asked: there is no memory") }
      do throws(BusFailure) {
        try BusFailure.check(sd_bus_set_address(made, "unix:path=\(escaped(socket))"))
        try BusFailure.check(sd_bus_start(made))
      } catch {
        sd_bus_unref(made)
        throw BusFailure("\(error.reason) (\(socket))")
      }
      return made
    }

    deinit { sd_bus_close_unref(bus) }

    /// As a D-Bus address has it.
    private static func escaped(_ path: String) -> String {
      path.utf8.map { byte in
        let character = Character(Unicode.Scalar(byte))
        let isPlain = byte < 0x80 && (character.isLetter || character.isNumber || "-_/.".contains(character))
        return isPlain ? String(character) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }.joined()
    }

    mutating func send(_ order: Order) {
      do throws(BusFailure) {
        var message: OpaquePointer?
        let call = order.call
        try BusFailure.check(
          sd_bus_message_new_method_call(bus, &message, "org.freedesktop.systemd1", call.path, call.interface, call.member))
        defer { sd_bus_message_unref(message) }
        for text in call.texts { try BusFailure.check(sd_bus_message_append_basic(message, CChar(UInt8(ascii: "s")), text)) }
        var cookie: UInt64 = 0
        try BusFailure.check(sd_bus_send(bus, message, &cookie))
        asked[cookie] = order
      } catch { order.finish.settle(.failure(error)) }
    }

    /// - Returns: whether there may be more to do at once.
    mutating func step(_ tell: (News) -> Void) throws(BusFailure) -> Bool {
      var message: OpaquePointer?
      let result = sd_bus_process(bus, &message)
      guard result >= 0, sd_bus_is_open(bus) > 0 else {
        if message != nil { sd_bus_message_unref(message) }
        throw BusFailure("systemd is not reached: \(String(cString: strerror(result < 0 ? -result : ECONNRESET)))")
      }
      if !isReady, sd_bus_is_ready(bus) > 0 {
        isReady = true
        tell(.connected)
      }
      if let message {
        defer { sd_bus_message_unref(message) }
        take(message, tell)
      }
      return result > 0
    }

    private mutating func take(_ message: OpaquePointer, _ tell: (News) -> Void) {
      var type: UInt8 = 0, cookie: UInt64 = 0
      guard sd_bus_message_get_type(message, &type) >= 0 else { return }
      switch Int(type) {
      case Int(SD_BUS_MESSAGE_METHOD_RETURN), Int(SD_BUS_MESSAGE_METHOD_ERROR):
        guard sd_bus_message_get_reply_cookie(message, &cookie) >= 0, let order = asked.removeValue(forKey: cookie) else {
          return
        }
        if Int(type) == Int(SD_BUS_MESSAGE_METHOD_ERROR) { return order.finish.settle(.failure(BusFailure(of: message))) }
        do throws(BusFailure) { order.finish.settle(.success(try BusValue.all(in: message))) } catch {
          order.finish.settle(.failure(error))
        }
      case Int(SD_BUS_MESSAGE_SIGNAL):
        guard let path = sd_bus_message_get_path(message), let member = sd_bus_message_get_member(message) else { return }
        // One that cannot be read still tells that something changed.
        let body = (try? BusValue.all(in: message)) ?? []
        tell(.signal(Signal(path: String(cString: path), member: String(cString: member), body: body)))
      default: break
      }
    }

    mutating func expire() {
      let now = BootClock.now
      for (cookie, order) in asked where now >= order.until {
        asked[cookie] = nil
        order.finish.settle(.failure(BusFailure("systemd did not answer in time (\(order.call.member))")))
      }
    }

    mutating func fail(_ reason: String) {
      for order in asked.values { order.finish.settle(.failure(BusFailure(reason))) }
      asked = [:]
    }

    /// What to wait for, and for how long; nil: for as long as it takes.
    var waiting: (pollfd, Duration?) {
      let events = sd_bus_get_events(bus)
      let poll = pollfd(fd: sd_bus_get_fd(bus), events: Int16(truncatingIfNeeded: max(events, 0)), revents: 0)
      var patience = asked.values.map(\.until).min().map { $0 - BootClock.now }
      var microseconds: UInt64 = 0
      // While it is being opened the library has a time limit of its own, by a clock that begins with the host as well.
      if sd_bus_get_timeout(bus, &microseconds) > 0, microseconds != .max {
        patience = min(patience ?? .seconds(1), .seconds(1))
      }
      return (poll, patience)
    }
  }
}
