import Hummingbird
import NIOCore

/// What belongs to one request.
struct APIContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel
  /// Set by `PeerMiddleware`; nil when the kernel did not tell.
  var peer: Peer?
  var role: Peer.Role = .viewer

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }
}

/// Finds out who asks.
struct PeerMiddleware: RouterMiddleware {
  /// nil: root alone.
  let operators: UInt32?

  func handle(
    _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
  ) async throws -> Response {
    var context = context
    context.peer = await Peer.connected(by: context.channel)
    context.role = context.peer?.role(operators: operators) ?? .viewer
    return try await next(request, context)
  }
}
