import Glibc
import GuardCore
import HoldfastTime
import LinuxBasics
import Synchronization

/// One line per event on stderr, with the prefix that tells journald its importance.
///
/// It never waits: a journal, a terminal or a disk that takes no line must not make the guard late. So the lines are written in a thread
/// of their own, and those that find no room in its queue are counted.
final class GuardLog: Sendable {
  private let errand: Errand
  private let dropped = Mutex(0)
  private let isTerminal = isatty(STDERR_FILENO) == 1

  /// Lines that wait for their thread; more are counted, and not kept.
  private static let mostWaiting = 200

  init() throws(KernelFileError) { errand = try Errand("the log") }

  func line(_ severity: GuardMachine.Severity, _ text: String) {
    let missing: Int? = dropped.withLock { dropped in
      if errand.count >= Self.mostWaiting {
        dropped += 1
        return nil
      }
      defer { dropped = 0 }
      return dropped
    }
    guard let missing else { return }
    if missing > 0 { add(.warning, "\(missing) lines of this log found no room") }
    add(severity, text)
  }

  private func add(_ severity: GuardMachine.Severity, _ text: String) {
    // What is named in it may come from a command line: it steers no terminal.
    let safe = String(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : Character($0) }.prefix(2000))
    let line = isTerminal ? "holdfast-guard: \(safe)\n" : "<\(severity.rawValue)>\(safe)\n"
    errand.add { Self.write(line) }
  }

  /// Before the program ends: gives the last lines a moment.
  func flush() { errand.wait(atMost: .seconds(1)) }

  private static func write(_ line: String) {
    let bytes = Array(line.utf8)
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(STDERR_FILENO, $0.baseAddress.map { $0 + written }, bytes.count - written)
      }
      if count < 0 && errno == EAGAIN {
        // Somebody made it non-blocking.
        var descriptor = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        _ = poll(&descriptor, 1, -1)
      } else if count <= 0 && errno != EINTR {
        return
      }
      if count > 0 { written += count }
    }
  }
}
