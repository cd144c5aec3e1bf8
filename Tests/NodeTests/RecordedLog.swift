import Logging
import Synchronization

/// A log that keeps its lines: each its metadata, and the text under `message`.
final class RecordedLog: Sendable {
  private let kept = Mutex<[[String: String]]>([])

  var lines: [[String: String]] { kept.withLock { $0 } }

  var logger: Logger { Logger(label: "api-test") { _ in Handler(log: self) } }

  private struct Handler: LogHandler {
    let log: RecordedLog
    var logLevel: Logger.Level = .notice
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      var line = (event.metadata ?? [:]).mapValues { "\($0)" }
      line["message"] = "\(event.message)"
      log.kept.withLock { $0.append(line) }
    }
  }
}
