import Glibc
import SystemPackage

/// Listens on a loopback address and takes no connection: its queue is full, and nobody empties it.
final class FullListener: Sendable {
  let port: Int
  private let sockets: [FileDescriptor]

  init() throws {
    let listener = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in(), size = socklen_t(MemoryLayout<sockaddr_in>.size)
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    try Self.withPointer(to: &address) { try Self.check(bind(listener, $0, size)) }
    try Self.check(listen(listener, 0))
    try withUnsafeMutablePointer(to: &address) {
      try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { try Self.check(getsockname(listener, $0, &size)) }
    }
    port = Int(UInt16(bigEndian: address.sin_port))
    var sockets = [FileDescriptor(rawValue: listener)]
    for _ in 0..<8 {
      let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
      sockets.append(FileDescriptor(rawValue: socket))
      Self.withPointer(to: &address) { _ = connect(socket, $0, size) }
    }
    self.sockets = sockets
  }

  deinit { for socket in sockets { try? socket.close() } }

  private static func check(_ result: Int32) throws { if result < 0 { throw Errno(rawValue: errno) } }

  private static func withPointer<Result>(
    to address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>) throws -> Result
  ) rethrows -> Result {
    try withUnsafePointer(to: &address) {
      try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0) }
    }
  }
}
