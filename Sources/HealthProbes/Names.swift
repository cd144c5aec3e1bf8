import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// Names and the addresses that they lead to. A resolver may hang: whoever asks for a name that is being looked up waits with those who did before,
/// so that no more wait for a thread than there are names.
package final class Names: Sendable {
  private let loop: any EventLoop
  private let look: @Sendable (String) throws -> [SocketAddress]
  /// By name: what was asked, and not answered yet.
  private let asked = Mutex<[String: EventLoopFuture<[SocketAddress]>]>([:])

  /// - Parameter look: finds the addresses of a name, on a thread that may wait; none is an error.
  package init(
    on loop: any EventLoop, look: @escaping @Sendable (String) throws -> [SocketAddress] = { try Names.look(up: $0) }
  ) {
    self.loop = loop
    self.look = look
  }

  /// An address that was written as one; nil: it is a name.
  static func literal(_ host: String, port: Int) -> SocketAddress? { try? SocketAddress(ipAddress: host, port: port) }

  /// All addresses of a name; one at least.
  package func addresses(of name: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
    let found = asked.withLock { asked in
      if let known = asked[name] { return known }
      // Not on the loop, whose other probes would wait for it.
      let found = NIOThreadPool.singleton.runIfActive(eventLoop: loop) { [self] in
        defer { self.asked.withLock { $0[name] = nil } }
        return try look(name)
      }
      asked[name] = found
      return found
    }
    return found.map { addresses in
      addresses.map { address in
        var address = address
        address.port = port
        return address
      }
    }
  }

  private struct NoAddress: Error {}

  package static func look(up name: String) throws -> [SocketAddress] {
    var hints = addrinfo(), first: UnsafeMutablePointer<addrinfo>?
    // One of each address, not one for each kind of socket.
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    guard getaddrinfo(name, nil, &hints, &first) == 0 else { throw NoAddress() }
    defer { freeaddrinfo(first) }
    let found = sequence(first: first, next: { $0?.pointee.ai_next }).compactMap { $0.flatMap { address($0.pointee) } }
    guard !found.isEmpty else { throw NoAddress() }
    return found
  }

  private static func address(_ entry: addrinfo) -> SocketAddress? {
    guard let raw = UnsafeRawPointer(entry.ai_addr) else { return nil }
    return switch entry.ai_family {
    case AF_INET: SocketAddress(raw.loadUnaligned(as: sockaddr_in.self))
    case AF_INET6: SocketAddress(raw.loadUnaligned(as: sockaddr_in6.self))
    default: nil
    }
  }
}

/// Has a connection tried at the addresses that were found, and asks no resolver a second time: that one would be taken for a silent service.
struct FoundAddresses: Resolver, Sendable {
  let loop: any EventLoop
  let addresses: [SocketAddress]

  func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { all(.inet) }
  func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { all(.inet6) }
  func cancelQueries() {}

  private func all(_ family: NIOBSDSocket.ProtocolFamily) -> EventLoopFuture<[SocketAddress]> {
    loop.makeSucceededFuture(addresses.filter { $0.protocol == family })
  }
}
