import Hummingbird
import NIOCore
import Synchronization

/// What belongs to one request.
struct APIContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel
  /// Set by `PeerMiddleware`; nil when the kernel did not tell.
  var peer: Peer?
  var role: Peer.Role = .viewer
  /// Who asks; set by `PeerMiddleware`.
  var requester: Requester?
  let audit = AuditTrail()

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }
}

/// What a command was about, told by whoever carries it out, written into the log when it is over.
final class AuditTrail: Sendable {
  private let facts = Mutex<[String: String]>([:])

  /// So many names are written out; of the rest, how many they are.
  private static let mostNames = 20

  var entries: [String: String] { facts.withLock { $0 } }

  /// - Parameter value: nil: there is nothing to say.
  func note(_ key: String, _ value: String?) {
    if let value { facts.withLock { $0[key] = value } }
  }

  func note(_ key: String, names: [String]) {
    let shown = names.prefix(Self.mostNames).joined(separator: ",")
    note(key, names.count > Self.mostNames ? "\(shown),… (\(names.count) in all)" : shown)
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
    context.requester = Requester(context.peer, request)
    return try await next(request, context)
  }
}
