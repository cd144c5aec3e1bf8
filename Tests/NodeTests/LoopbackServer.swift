import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server on loopback that keeps what it is asked, and answers as it was told to.
final class LoopbackServer: Sendable {
  struct Request: Sendable {
    var head: HTTPRequestHead
    var body: [UInt8] = []
  }

  /// What it was asked, and what it answers.
  private final class Book: Sendable {
    private let pages: Mutex<(requests: [Request], answers: [HTTPResponseStatus?])>

    init(_ answers: [HTTPResponseStatus?]) { pages = Mutex(([], answers)) }

    var requests: [Request] { pages.withLock { $0.requests } }

    func take(_ request: Request) -> HTTPResponseStatus? {
      pages.withLock { pages in
        pages.requests.append(request)
        return pages.answers.count > 1 ? pages.answers.removeFirst() : pages.answers.first ?? nil
      }
    }
  }

  private let book: Book
  private let channel: any Channel

  /// - Parameter answers: the statuses in their order, and then of all others the last; nil: no answer comes.
  init(_ answers: [HTTPResponseStatus?]) async throws {
    let book = Book(answers)
    self.book = book
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Handler(book))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  var requests: [Request] { book.requests }
  var url: String { "http://127.0.0.1:\(channel.localAddress?.port ?? 0)/hook" }

  func close() async { try? await channel.close() }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let book: Book
    private var request: Request?

    init(_ book: Book) { self.book = book }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head): request = Request(head: head)
      case .body(let part): request?.body += part.readableBytesView
      case .end:
        guard let request, let status = book.take(request) else { return }
        // Where it leads is asked by nobody.
        let headers: HTTPHeaders = ["Location": "/elsewhere", "Content-Length": "5"]
        context.write(
          wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "well\n")))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      }
    }
  }
}
