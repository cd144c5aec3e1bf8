import Glibc
import NIOCore
import NIOHTTP2

/// What each TCP connection gets besides what the gRPC transport does for it.
enum ConnectionHandlers {
  /// Installs the handlers and socket options; call it in the channel's initializer.
  ///
  /// - Parameter onClosed: called on the event loop when a connection that had been of use ends.
  static func install(
    on channel: any Channel, connectTimeout: Duration, handshake: HandshakePatience, onClosed: @escaping @Sendable () -> Void
  ) -> EventLoopFuture<Void> {
    channel.eventLoop.makeCompletedFuture {
      let pipeline = channel.pipeline.syncOperations
      let http2 = try pipeline.context(handlerType: NIOHTTP2Handler.self).handler
      let life = ConnectionLife(connectTimeout: connectTimeout, handshake: handshake, onClosed: onClosed)
      try pipeline.addHandler(life, position: .before(http2))
      try pipeline.addHandler(PingAnswerer(), position: .before(http2))
    }.flatMap { notice(deadPeersOn: channel) }
  }

  /// A peer that vanished without a word is noticed by the kernel within two to three seconds, at no cost to this process.
  ///
  /// Not HTTP/2 keepalive: etcd drops clients that PING oftener than every 5 s (`--grpc-keepalive-min-time`).
  private static func notice(deadPeersOn channel: any Channel) -> EventLoopFuture<Void> {
    let tcp: [(Int32, ChannelOptions.Types.SocketOption.Value)] = [
      (TCP_KEEPIDLE, 1), (TCP_KEEPINTVL, 1), (TCP_KEEPCNT, 2), (TCP_USER_TIMEOUT, 2000)
    ]
    let options = tcp.map { name, value in
      channel.setOption(ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: name)), value: value)
    }
    let on = channel.setOption(ChannelOptions.Types.SocketOption(level: .socket, name: .so_keepalive), value: 1)
    return EventLoopFuture.andAllSucceed(options + [on], on: channel.eventLoop)
  }
}

/// Answers the server's PINGs below the HTTP/2 handler.
///
/// etcd's gRPC server sends one PING per request (it estimates bandwidth). swift-nio-http2 takes 200 control frames in 30 s
/// for an attack and drops the connection, with no setting for it in the transport.
private final class PingAnswerer: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var sieve = PingSieve()

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let yield = sieve.sift(unwrapInboundIn(data))
    if let answers = yield.answers { context.writeAndFlush(wrapOutboundOut(answers), promise: nil) }
    if yield.passed.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(yield.passed)) }
  }
}

/// Bounds the time from the first packet to the server's first HTTP/2 frame, which the transport waits for without limit,
/// and says when an established connection ends.
private final class ConnectionLife: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let connectTimeout: TimeAmount
  private let handshake: HandshakePatience
  private let onClosed: @Sendable () -> Void
  private var deadline: Scheduled<Void>?
  private var isEstablished = false
  private var connected: NIODeadline?

  init(connectTimeout: Duration, handshake: HandshakePatience, onClosed: @escaping @Sendable () -> Void) {
    self.connectTimeout = TimeAmount(connectTimeout)
    self.handshake = handshake
    self.onClosed = onClosed
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: connectTimeout) { channel.close(promise: nil) }
    if channel.isActive { begin(channel, on: context.eventLoop) }
  }

  func channelActive(context: ChannelHandlerContext) {
    begin(context.channel, on: context.eventLoop)
    context.fireChannelActive()
  }

  /// A packet that was lost on the way is sent again by a new attempt sooner than by the kernel, so connecting has its own limit. From here on a new
  /// attempt would only do the same work again.
  private func begin(_ channel: any Channel, on loop: any EventLoop) {
    guard connected == nil, !isEstablished else { return }
    connected = .now()
    deadline?.cancel()
    deadline = loop.scheduleTask(in: TimeAmount(handshake.present)) { [handshake] in
      handshake.ranOut()
      channel.close(promise: nil)
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if !isEstablished {
      isEstablished = true
      deadline?.cancel()
      if let connected { handshake.wasEnough(.nanoseconds((NIODeadline.now() - connected).nanoseconds)) }
    }
    context.fireChannelRead(data)
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    if isEstablished { onClosed() }
    context.fireChannelInactive()
  }
}
