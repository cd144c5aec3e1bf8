import CLinux
import Glibc
import GuardCore
import LinuxBasics

/// The socket on which a controller speaks to the guard. One controller at a time; a new one replaces the old.
final class ControllerDoor {
  enum Received {
    case command(GuardCommand)
    case unacceptable(reason: String)
    /// Nothing more for now.
    case nothing
    case closed
  }

  private let path: String
  private let log: GuardLog
  private var listening: Connection?
  private var connection: Connection?
  /// Reports that found no room yet. While there are any no command is taken, so a controller that writes and does not
  /// read waits for itself.
  private var outgoing: [[UInt8]] = []
  private var buffer = [UInt8](repeating: 0, count: guardDatagramLimit)

  /// Reports that nobody asked for can pile up at a controller that is stopped; beyond this it is given up.
  private static let mostOutgoing = 256

  /// A class, because an optional of a noncopyable type in a class is awkward to take apart.
  private final class Connection {
    let socket: Descriptor
    init(_ socket: consuming Descriptor) { self.socket = socket }
  }

  init(path: String, log: GuardLog) {
    self.path = path
    self.log = log
  }

  /// Begins to listen. The caller holds the run directory's lock: a socket that is there belongs to a guard that is not.
  func open() throws(KernelFileError) {
    unlink(path)
    listening = Connection(try Descriptor.owned(holdfast_listen(path), "listen on", path))
  }

  func remove() { unlink(path) }

  /// -1, which poll leaves out, before it is open.
  var listeningNumber: Int32 { listening?.socket.number ?? -1 }
  /// nil: no controller is connected.
  var connectionNumber: Int32? { connection?.socket.number }

  /// Takes a waiting connection if it is root's.
  func accept() -> Bool {
    let number = holdfast_accept(listeningNumber)
    guard number >= 0 else { return false }
    let socket = Descriptor(owning: number)
    var user = uid_t()
    var process = pid_t()
    guard holdfast_peer(number, &user, &process) == 0, user == 0 else {
      log.line(.warning, "turned away process \(process) of user \(user): only root may command the guard")
      return false
    }
    hangUp()
    connection = Connection(socket)
    return true
  }

  /// One datagram.
  func receive() -> Received {
    guard let connection else { return .nothing }
    let count = holdfast_receive(connection.socket.number, &buffer, buffer.count)
    if count < 0 && (errno == EAGAIN || errno == EINTR) { return .nothing }
    guard count > 0 else { return .closed }
    guard count <= buffer.count else { return .unacceptable(reason: "a message of \(count) bytes is too long") }
    guard let text = String(validating: buffer[..<count], as: UTF8.self) else {
      return .unacceptable(reason: "\(WireError.notText)")
    }
    do { return .command(try GuardCommand(wireText: text)) } catch { return .unacceptable(reason: "\(error)") }
  }

  var isWaitingToSend: Bool { !outgoing.isEmpty }

  /// - Returns: false when the connection is of no more use.
  func send(_ report: GuardReport) -> Bool {
    guard connection != nil else { return true }
    outgoing.append(Array(report.wireText.utf8))
    return flush() && outgoing.count <= Self.mostOutgoing
  }

  /// Sends what there is room for; the same result as `send`.
  func flush() -> Bool {
    guard let connection else { return true }
    var sent = 0
    defer { outgoing.removeFirst(sent) }
    for bytes in outgoing {
      if holdfast_send(connection.socket.number, bytes, bytes.count) != bytes.count { return errno == EAGAIN || errno == EINTR }
      sent += 1
    }
    return true
  }

  func hangUp() {
    connection = nil
    outgoing.removeAll()
  }
}
