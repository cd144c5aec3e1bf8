import Foundation
import Glibc
import HoldfastModel

/// Standard output and standard error: the one place where texts leave the program. Names, messages and files come from elsewhere, so
/// nothing in them steers the terminal: see `harmless`.
enum Output {
  static func line(_ text: String = "") { write(harmless(text) + "\n", to: STDOUT_FILENO) }

  /// What somebody else wrote, such as a file: as it is where no terminal shows it. It has its own ends of lines, and one at its end.
  static func text(_ text: String) {
    let shown = isatty(STDOUT_FILENO) == 1 ? harmless(text) : text
    write(shown.hasSuffix("\n") ? shown : shown + "\n", to: STDOUT_FILENO)
  }

  static func complain(_ text: String) { write(harmless(text) + "\n", to: STDERR_FILENO) }

  /// Leaves the cursor behind it.
  static func question(_ text: String) { write(harmless(text), to: STDERR_FILENO) }

  /// Replaces the terminal's present line on standard error.
  static func progress(_ text: String) { write("\r\u{1B}[K\(harmless(text))", to: STDERR_FILENO) }

  /// Replaces the last `count` lines on standard error.
  static func redraw(over count: Int, with lines: [String]) {
    let back = count > 0 ? "\u{1B}[\(count)A" : ""
    write("\(back)\r\u{1B}[J" + lines.map { "\(harmless($0))\n" }.joined(), to: STDERR_FILENO)
  }

  /// What `Terminal.styled` adds; nothing where there are no colours.
  private static let sequences = Terminal.current().hasColour ? Style.sequences : []

  /// The text with its styles, and with everything else in it that could steer a terminal made visible.
  private static func harmless(_ text: String) -> String {
    let parts = text.split(separator: "\u{1B}", omittingEmptySubsequences: false)
    return parts.enumerated().map { index, part in
      if index == 0 { return InWords.visible(part) }
      if let style = sequences.first(where: part.hasPrefix) {
        return "\u{1B}\(style)\(InWords.visible(part.dropFirst(style.count)))"
      }
      return InWords.visible("\u{1B}\(part)")
    }.joined()
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
