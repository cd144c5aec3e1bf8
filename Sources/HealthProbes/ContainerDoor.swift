import CLinux
import Glibc
import LinuxBasics
import NIOCore
import NIOPosix

/// Why there is no connection within a container's network: the C library's error number.
enum ContainerDoorError: Error, Equatable {
  case noWayIn(Int32)
  case notConnected(Int32)
}

/// Connects within the networks of containers, each to its own loopback address. A network is a matter of each thread: one does nothing but
/// go into it, open the socket there, and come back.
final class ContainerDoor: Sendable {
  private let thread: any EventLoop
  /// Where connections are waited for, and live.
  private let loop: any EventLoop

  /// How soon one that is under way is looked at again. The kernel connects to a loopback address at once, unless who listens there has a full queue.
  private static let firstLook = TimeAmount.milliseconds(5)
  private static let longestLook = TimeAmount.milliseconds(200)

  /// - Parameter thread: nobody else's.
  init(thread: any EventLoop, loop: any EventLoop) {
    self.thread = thread
    self.loop = loop
  }

  /// A connected socket. Fails with `ContainerDoorError`.
  ///
  /// - Parameters:
  ///   - network: the path of the network namespace.
  ///   - end: it is given up then.
  func connect(in network: String, port: Int, until end: NIODeadline) -> EventLoopFuture<OpenSocket> {
    attempt(AF_INET, in: network, port: port, until: end).flatMapError { [self] error in
      guard error as? ContainerDoorError == .notConnected(ECONNREFUSED) else { return loop.makeFailedFuture(error) }
      // It may listen on IPv6 alone. Where there is none, that it refuses is all that is to be said.
      return attempt(AF_INET6, in: network, port: port, until: end).flatMapErrorThrowing { other in
        guard case .notConnected(let code)? = other as? ContainerDoorError, Self.withoutSix.contains(code) else { throw other }
        throw error
      }
    }
  }

  /// What the kernel says of the loopback address of IPv6 in a network that has none.
  private static let withoutSix: Set<Int32> = [EADDRNOTAVAIL, EAFNOSUPPORT, EPROTONOSUPPORT, ENETUNREACH, EHOSTUNREACH]

  private func attempt(_ family: Int32, in network: String, port: Int, until end: NIODeadline) -> EventLoopFuture<OpenSocket> {
    thread.submit {
      guard holdfast_enter_network(network) == 0 else { throw ContainerDoorError.noWayIn(errno) }
      // Out at once: a thread that stays keeps the container's network, and a card that was passed to it, from being given back. Should it fail,
      // nothing is wrong: the next one goes in from there.
      defer { _ = holdfast_enter_network("/proc/self/ns/net") }
      return try Self.open(family, port: port)
    }.hop(to: loop).flatMap { [self] socket in
      connected(socket, until: end, nextLook: Self.firstLook).map { socket }
    }
  }

  private static func open(_ family: Int32, port: Int) throws(ContainerDoorError) -> OpenSocket {
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let number = Glibc.socket(family, kind, 0)
    guard number >= 0 else { throw .notConnected(errno) }
    let socket = OpenSocket(Descriptor(owning: number))
    let host = family == AF_INET ? "127.0.0.1" : "::1"
    let result =
      (try? SocketAddress(ipAddress: host, port: port))?.withSockAddr { Glibc.connect(number, $0, socklen_t($1)) } ?? -1
    let code = errno
    if result == 0 || code == EINPROGRESS { return socket }
    throw .notConnected(code)
  }

  private func connected(_ socket: OpenSocket, until end: NIODeadline, nextLook: TimeAmount) -> EventLoopFuture<Void> {
    var poll = pollfd(fd: socket.number, events: Int16(POLLOUT), revents: 0), code = Int32(0),
      size = socklen_t(MemoryLayout<Int32>.size)
    let isDecided = Glibc.poll(&poll, 1, 0) == 1
    if isDecided, getsockopt(socket.number, SOL_SOCKET, SO_ERROR, &code, &size) == 0, code == 0 {
      return loop.makeSucceededVoidFuture()
    }
    if isDecided || .now() >= end {
      return loop.makeFailedFuture(ContainerDoorError.notConnected(isDecided ? code : ETIMEDOUT))
    }
    return loop.scheduleTask(in: nextLook) {}.futureResult.flatMap { [self] in
      connected(socket, until: end, nextLook: min(nextLook * 2, Self.longestLook))
    }
  }
}
