/// The text of a file that a person wrote, with its lines as libyaml counts them.
public struct SourceText: Sendable {
  /// The file's path, as the person gave it.
  public let file: String
  public let text: String
  /// Without their line breaks.
  let lines: [String]

  /// Files are read whole; what people write by hand is far smaller.
  public static let limit = 4 * 1024 * 1024

  /// - Throws: a mistake when the file cannot be read, is not UTF-8, or has control characters in it.
  public static func read(_ path: String) throws(FileErrors) -> SourceText {
    let content: RegularFile
    do {
      content = try RegularFile.read(path, limit: limit)
    } catch {
      throw FileErrors(
        file: path, position: nil, expected: "a file that can be read", found: error.found,
        remedy: "Check the path and the permissions.")
    }
    return try SourceText(file: path, bytes: content.bytes)
  }

  /// - Throws: a mistake when the bytes are not UTF-8 or hold control characters.
  public init(file: String, bytes: [UInt8]) throws(FileErrors) {
    if let text = String(validating: bytes, as: UTF8.self) {
      try self.init(file: file, text: text)
      return
    }
    let valid = Self.validPrefix(of: bytes)
    let before = Self.split(String(decoding: bytes[..<valid], as: UTF8.self))
    throw FileErrors(
      file: file, position: FilePosition(line: before.count, column: (before.last ?? "").unicodeScalars.count + 1),
      expected: "text in UTF-8", found: "the byte 0x\(Self.hexadecimal(UInt32(bytes[valid]), digits: 2))",
      remedy: "Save the file as UTF-8.")
  }

  /// - Throws: a mistake when the text has control characters in it.
  public init(file: String, text: String) throws(FileErrors) {
    self.file = file
    // A byte order mark says nothing in UTF-8, takes no column in an editor, and libyaml would make it part of the first key.
    self.text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    lines = Self.split(self.text)
    for (number, line) in lines.enumerated() {
      for (offset, scalar) in line.unicodeScalars.enumerated() where !Self.isPrintable(scalar) {
        throw FileErrors(
          file: file, position: FilePosition(line: number + 1, column: offset + 1), expected: "printable text",
          found: "the control character U+\(Self.hexadecimal(scalar.value, digits: 4))", remedy: "Remove the character.")
      }
    }
  }

  /// Behind the last character.
  var end: FilePosition { FilePosition(line: lines.count, column: (lines.last ?? "").unicodeScalars.count + 1) }

  /// The position itself, or the end of the text for one that lies behind it.
  func clamp(_ position: FilePosition) -> FilePosition {
    position.line <= lines.count
      ? position : end
  }

  /// The line of a position, with tabs as single spaces so that a caret below it is in its place; nil for lines that are
  /// empty or too long to be shown.
  public func excerpt(of position: FilePosition) -> String? {
    guard lines.indices.contains(position.line - 1) else { return nil }
    let line = lines[position.line - 1]
    guard line.unicodeScalars.count <= 120, line.contains(where: { !$0.isWhitespace }) else { return nil }
    return String(line.map { $0 == "\t" ? " " : $0 })
  }

  // What libyaml accepts (YAML 1.1, section 5.1), so that it never has to refuse a character without saying where.
  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x20...0x7E, 0x85, 0xA0...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...0x10FFFF: true
    default: false
    }
  }

  private static func split(_ text: String) -> [String] {
    var lines: [String] = []
    var current = String.UnicodeScalarView()
    var previous: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n" where previous == "\r": break
      case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}":
        lines.append(String(current))
        current = String.UnicodeScalarView()
      default: current.append(scalar)
      }
      previous = scalar
    }
    return lines + [String(current)]
  }

  private static func validPrefix(of bytes: [UInt8]) -> Int {
    var decoder = UTF8(), iterator = bytes.makeIterator(), valid = 0
    while case .scalarValue(let scalar) = decoder.decode(&iterator) { valid += UTF8.width(scalar) }
    return min(valid, bytes.count - 1)
  }

  private static func hexadecimal(_ value: UInt32, digits: Int) -> String {
    let text = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}
