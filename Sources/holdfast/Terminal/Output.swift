import Foundation
import Glibc
import HoldfastAPI
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

  /// A value that is a JSON object, as it is and with the API's version, its fields in one order.
  static func json(_ value: some Encodable) throws { line(try text(Versioned(value), [.prettyPrinted])) }

  /// Each with the API's version.
  static func json(_ values: [some Encodable]) throws { line(try text(values.map { Versioned($0) }, [.prettyPrinted])) }

  /// One of many values, in one line.
  static func jsonLine(_ value: some Encodable) throws { line(try text(value)) }

  /// An error where JSON was asked for: on standard error, as the API has it, in one line.
  static func complain(json error: some Encodable) {
    // What cannot be encoded is no error of ours: these are texts and numbers.
    if let text = try? text(Versioned(error)) { complain(text) }
  }

  private static func text(_ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting = []) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// Unbuffered; a reader that has gone (`| head`) ends the program quietly, as it ends any other filter. Output that is incomplete for any other
  /// reason, such as a full disk, ends it with an error.
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
        let code = errno
        if code == EPIPE { Glibc._exit(ExitStatus.done.rawValue) }
        if descriptor == STDOUT_FILENO {
          complain(
            "holdfast: standard output: \(String(cString: strerror(code))), so what was printed is incomplete. Make room there, then repeat."
          )
        }
        Glibc._exit(ExitStatus.failed.rawValue)
      }
      bytes = bytes.dropFirst(written)
    }
  }
}
