import NIOCore
import NIOPosix
import NIOSSL

/// A server of the test's own on a loopback address, which behaves as it is told.
final class MadeUpServer: Sendable {
  enum Behaviour: Sendable {
    /// To whatever is asked, these bytes; the connection stays.
    case answers(String)
    case answersLate(String, after: TimeAmount)
    /// These bytes, and then the end.
    case answersAndCloses(String)
    case silent
    case closes
  }

  let port: Int
  /// A connection was taken; it ends when that one does.
  let connections: AsyncStream<EventLoopFuture<Void>>
  private let channel: any Channel

  private init(_ channel: any Channel, _ connections: AsyncStream<EventLoopFuture<Void>>) {
    self.channel = channel
    self.connections = connections
    port = channel.localAddress?.port ?? 0
  }

  /// - Parameters:
  ///   - socket: bound already, perhaps elsewhere; nil: one is bound to the host's address.
  ///   - context: it speaks TLS.
  static func start(
    _ behaviour: Behaviour, host: String = "127.0.0.1", socket: CInt? = nil, context: NIOSSLContext? = nil
  ) async throws -> MadeUpServer {
    let (connections, taken) = AsyncStream.makeStream(of: EventLoopFuture<Void>.self)
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          taken.yield(channel.closeFuture)
          let pipeline = channel.pipeline.syncOperations
          if let context { try pipeline.addHandler(NIOSSLServerHandler(context: context)) }
          try pipeline.addHandler(Handler(behaviour))
        }
      }
    let channel: any Channel
    if let socket {
      channel = try await bootstrap.withBoundSocket(socket).get()
    } else {
      channel = try await bootstrap.bind(host: host, port: 0).get()
    }
    return MadeUpServer(channel, connections)
  }

  func stop() async throws { try await channel.close() }

  /// A port that nobody listens at any more.
  static func freePort() async throws -> Int {
    let server = try await start(.silent)
    try await server.stop()
    return server.port
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let behaviour: Behaviour
    private var hasAnswered = false

    init(_ behaviour: Behaviour) { self.behaviour = behaviour }

    func channelActive(context: ChannelHandlerContext) {
      if case .closes = behaviour { context.close(promise: nil) }
      context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard !hasAnswered else { return }
      hasAnswered = true
      switch behaviour {
      case .answers(let text): write(text, context)
      case .answersLate(let text, let delay):
        context.eventLoop.assumeIsolated().scheduleTask(in: delay) { if context.channel.isActive { self.write(text, context) } }
      case .answersAndCloses(let text):
        write(text, context)
        context.close(promise: nil)
      case .silent, .closes: break
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func write(_ text: String, _ context: ChannelHandlerContext) {
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }
  }
}
