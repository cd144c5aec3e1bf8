import Dispatch
import Glibc

/// What Ctrl-C means for work that goes on in the cluster without the command.
enum Interruption {
  /// While `body` runs, an interrupted command says `text()` before it ends.
  static func telling<Value>(_ text: @escaping @Sendable () -> String, _ body: () async throws -> Value) async rethrows -> Value
  {
    let sources = [SIGINT, SIGTERM, SIGHUP].map { number in
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        Output.complain("\n\(text())")
        Glibc._exit(128 + number)
      }
      source.resume()
      return source
    }
    defer { for source in sources { source.cancel() } }
    return try await body()
  }
}
