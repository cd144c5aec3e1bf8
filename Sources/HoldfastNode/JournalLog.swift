import Glibc
import HoldfastModel
import Logging

/// Log lines as journald reads them from a service's standard error: a priority in angle brackets, the text, then key=value.
///
/// The journal adds time, host and unit. On a terminal the priority is left out.
package struct JournalLog: LogHandler {
  package var logLevel: Logger.Level = .info
  package var metadata: Logger.Metadata = [:]
  private let label: String
  private static let isTerminal = isatty(STDERR_FILENO) == 1

  package init(label: String) {
    self.label = label
  }

  package subscript(metadataKey key: String) -> Logger.MetadataValue? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let merged = metadata.merging(event.metadata ?? [:]) { _, new in new }
    let fields = merged.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }.joined()
    let text = "\(event.message)".split(separator: "\n", omittingEmptySubsequences: false).joined(separator: " ")
    let prefix = Self.isTerminal ? "" : "<\(Self.priority(event.level))>"
    // One write for one line, so that lines of several threads do not mix. A line that cannot be written is lost: there is nobody to tell.
    let line = Array("\(prefix)\(InWords.visible(text + fields))\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
  }

  private static func quoted(_ value: String) -> String {
    value.contains(where: { $0 == " " || $0 == "\"" || $0 == "\n" })
      ? "\"\(value.split(separator: "\n").joined(separator: " ").split(separator: "\"").joined(separator: "'"))\"" : value
  }

  /// The numbers of syslog(3).
  private static func priority(_ level: Logger.Level) -> Int {
    switch level {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
  }
}
