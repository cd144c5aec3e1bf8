import Hummingbird
import NIOCore

/// Enters a connection in the ledger when it begins, and strikes it out when it ends. One that is not served has a moment to ask and to be told why.
final class ConnectionHandler: ChannelInboundHandler, RemovableChannelHandler {
  /// What comes is passed on as it is.
  typealias InboundIn = Never

  private let ledger: ConnectionLedger
  private var isEntered = false

  /// For a client to send its request and read the answer.
  private static let moment: TimeAmount = .seconds(2)

  init(_ ledger: ConnectionLedger) { self.ledger = ledger }

  func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { enter(context.channel) } }

  func channelActive(context: ChannelHandlerContext) {
    enter(context.channel)
    context.fireChannelActive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { ledger.closed(ObjectIdentifier(context.channel)) }

  private func enter(_ channel: any Channel) {
    guard !isEntered else { return }
    isEntered = true
    let client = Peer.now(of: channel)?.client
    guard !ledger.opened(ObjectIdentifier(channel), by: client) else { return }
    channel.eventLoop.scheduleTask(in: Self.moment) { channel.close(promise: nil) }
  }
}

/// Tells a connection for which there is no place so.
struct ConnectionMiddleware: RouterMiddleware {
  let ledger: ConnectionLedger

  func handle(
    _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
  ) async throws -> Response {
    try ledger.check(ObjectIdentifier(context.channel))
    return try await next(request, context)
  }
}
