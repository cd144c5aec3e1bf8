import NIOCore
import NIOPosix

/// Names and the addresses that they lead to.
enum Names {
  /// An address that was written as one; nil: it is a name.
  static func literal(_ host: String, port: Int) -> SocketAddress? { try? SocketAddress(ipAddress: host, port: port) }

  /// The first address of a name. A resolver may hang: not on the loop, whose other probes would wait for it.
  static func address(of name: String, port: Int, on loop: any EventLoop) -> EventLoopFuture<SocketAddress> {
    NIOThreadPool.singleton.runIfActive(eventLoop: loop) { try SocketAddress.makeAddressResolvingHost(name, port: port) }
  }
}
