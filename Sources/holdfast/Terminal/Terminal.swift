import Glibc

/// What the output can show.
struct Terminal: Sendable {
  /// Characters in a line, lines on the screen. 100 and 30 where there is no terminal.
  var columns: Int
  var rows: Int
  var isTerminal: Bool
  var hasColour: Bool
  /// Otherwise bars and dots are drawn in ASCII.
  var isUnicode: Bool

  static func current() -> Terminal {
    let isTerminal = isatty(STDOUT_FILENO) == 1
    var size = winsize()
    let known = isTerminal && ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 && size.ws_row > 0
    return Terminal(
      columns: known ? max(60, Int(size.ws_col)) : 100, rows: known ? max(15, Int(size.ws_row)) : 30, isTerminal: isTerminal,
      hasColour: isTerminal && variable("NO_COLOR").isEmpty && variable("TERM") != "dumb",
      isUnicode: isUnicode(locale: ["LC_ALL", "LC_CTYPE", "LANG"].map(variable).first { !$0.isEmpty } ?? ""))
  }

  private static func isUnicode(locale: String) -> Bool {
    let name = locale.uppercased()
    return name.contains("UTF-8") || name.contains("UTF8")
  }

  private static func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }

  func styled(_ text: String, _ style: Style) -> String {
    guard hasColour, let code = style.code, !text.isEmpty else { return text }
    return "\u{1B}[\(code)m\(text)\u{1B}\(Style.end)"
  }

  /// The text cut to a width, with a sign that it was cut.
  func fitted(_ text: String, to width: Int) -> String {
    guard text.count > width else { return text }
    let mark = isUnicode ? "…" : "..."
    return String(text.prefix(max(0, width - mark.count))) + mark
  }

  /// Lines of at most `width`, broken at spaces where there are any.
  func wrapped(_ text: String, to width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      if !line.isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = String(word)
      } else {
        line += line.isEmpty ? String(word) : " \(word)"
      }
    }
    return lines + [line]
  }

  /// The same in at most `most` lines: what is too much is cut.
  func wrapped(_ text: String, to width: Int, most: Int) -> [String] {
    let lines = wrapped(text, to: width)
    guard lines.count > most else { return lines.map { fitted($0, to: width) } }
    let last = lines.dropFirst(most - 1).joined(separator: " ")
    return (lines.prefix(most - 1) + [last]).map { fitted($0, to: width) }
  }

  /// Both ends of a question can be seen by a person.
  static var canAsk: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 }

  /// A person watches standard error.
  static var showsProgress: Bool { isatty(STDERR_FILENO) == 1 }

  /// True when the answer was yes.
  static func ask(_ question: String) -> Bool {
    Output.question("\(question) [y/N] ")
    let answer = readLine()?.lowercased() ?? ""
    return answer == "y" || answer == "yes"
  }
}

enum Style: Sendable, CaseIterable {
  case plain, bold, dim, good, doubtful, bad

  fileprivate static let end = "[0m"

  /// What begins or ends a style, each behind an escape character. Nothing else in an output may have one.
  static let sequences = allCases.compactMap { $0.code.map { "[\($0)m" } } + [end]

  fileprivate var code: String? {
    switch self {
    case .plain: nil
    case .bold: "1"
    case .dim: "2"
    case .good: "32"
    case .doubtful: "33"
    case .bad: "1;31"
    }
  }
}
