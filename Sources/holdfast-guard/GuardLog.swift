import Glibc
import GuardCore

/// One line per event on stderr, with the prefix that tells journald its importance.
///
/// It never waits: a journal that does not read must not make the guard late. Lines that find no room are counted.
final class GuardLog {
  private var dropped = 0
  private let isTerminal = isatty(STDERR_FILENO) == 1

  func line(_ severity: GuardMachine.Severity, _ text: String) {
    if dropped > 0, write("<4>\(dropped) lines of this log found no room\n") { dropped = 0 }
    let safe = text.split(separator: "\n").joined(separator: " ").prefix(2000)
    if !write(isTerminal ? "holdfast-guard: \(safe)\n" : "<\(severity.rawValue)>\(safe)\n") { dropped += 1 }
  }

  private func write(_ line: String) -> Bool {
    var descriptor = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
    // A pipe that polls writable takes a whole line of up to PIPE_BUF bytes.
    guard poll(&descriptor, 1, 0) == 1, descriptor.revents & Int16(POLLOUT) != 0 else { return false }
    let bytes = Array(line.utf8)
    return Glibc.write(STDERR_FILENO, bytes, bytes.count) == bytes.count
  }
}
