import Foundation
import Glibc

/// Standard output and standard error.
enum Output {
  static func line(_ text: String = "") { write(text + "\n", to: STDOUT_FILENO) }

  /// A text that has its own ends of lines, and one at its end.
  static func text(_ text: String) { write(text.hasSuffix("\n") ? text : text + "\n", to: STDOUT_FILENO) }

  static func complain(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  /// Replaces the terminal's present line on standard error.
  static func progress(_ text: String) { write("\r\u{1B}[K\(text)", to: STDERR_FILENO) }

  /// Replaces the last `count` lines on standard error.
  static func redraw(over count: Int, with lines: [String]) {
    let back = count > 0 ? "\u{1B}[\(count)A" : ""
    write("\(back)\r\u{1B}[J" + lines.map { "\($0)\n" }.joined(), to: STDERR_FILENO)
  }

  /// A value of the API as it is, its fields in one order.
  static func json(_ value: some Encodable, compact: Bool = false) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting =
      compact ? [.sortedKeys, .withoutEscapingSlashes] : [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    line(String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  /// Unbuffered; a reader that has gone (`| head`) ends the program quietly, as it ends any other filter.
  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 {
        if errno == EINTR { continue }
        if errno == EAGAIN {
          var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          poll(&ready, 1, -1)
          continue
        }
        Glibc._exit(errno == EPIPE ? ExitStatus.done.rawValue : ExitStatus.failed.rawValue)
      }
      bytes = bytes.dropFirst(written)
    }
  }
}
