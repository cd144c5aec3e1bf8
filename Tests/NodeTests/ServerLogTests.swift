import HoldfastNode
import Logging
import Synchronization
import Testing

/// What the HTTP server says of itself.
@Suite struct `The server's log` {
  private final class Book: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
  }

  private struct Handler: LogHandler {
    let book: Book
    var logLevel = Logger.Level.warning
    var metadata: Logger.Metadata = [:]
    subscript(metadataKey key: String) -> Logger.MetadataValue? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) { book.add("\(event.message)") }
  }

  @Test func `does not take its own clean end for an error`() {
    let book = Book()
    let logger = Logger(label: "test") { _ in ServerLog(handler: Handler(book: book)) }
    logger.error("Waiting on child channel: \(CancellationError())")
    logger.error("Server shutdown error: broken")
    logger.info("below its level")
    #expect(book.all == ["Server shutdown error: broken"])
  }
}
