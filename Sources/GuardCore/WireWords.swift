import HoldfastTime

/// Why a text is not a message.
public enum WireError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Not UTF-8, empty, or longer than `guardDatagramLimit`.
  case notText
  /// The first word names no message.
  case unknownMessage(String)
  /// The message's words are not what it needs.
  case malformed(message: String, reason: String)

  public var description: String {
    switch self {
    case .notText: "not a message: empty, too long or not text. One datagram carries one message, such as \"status\""
    case .unknownMessage(let word): "no such message: \"\(word)\". Controller and guard must be of one version"
    case .malformed(let message, let reason): "\(message): \(reason)"
    }
  }
}

/// The largest message, bytes. Several thousand workload names fit in one state.
public let guardDatagramLimit = 131_072

/// The words of one message: its name, one plain value, and `key=value` fields; all of them escaped ASCII without blanks.
///
/// A list's members are joined by commas, so a comma inside a member is escaped.
struct WireWords {
  let message: String
  private var plain: String?
  private var fields: [String: String] = [:]

  init(_ text: String) throws(WireError) {
    guard !text.isEmpty, text.utf8.count <= guardDatagramLimit else { throw .notText }
    var words = text.split(separator: " ", omittingEmptySubsequences: false).makeIterator()
    message = String(words.next() ?? "")
    while let word = words.next() {
      guard !word.isEmpty else { throw .malformed(message: Self.shown(message), reason: "an empty word") }
      if let sign = word.utf8.firstIndex(of: UInt8(ascii: "=")) {
        let key = String(word[..<sign])
        guard fields.updateValue(String(word[word.utf8.index(after: sign)...]), forKey: key) == nil else {
          throw malformed("\"\(Self.shown(key))\" is given twice")
        }
      } else {
        guard plain == nil else { throw malformed("\"\(Self.shown(String(word)))\" is one word too many") }
        plain = String(word)
      }
    }
  }

  func malformed(_ reason: String) -> WireError { .malformed(message: Self.shown(message), reason: reason) }

  /// A foreign text cut to what fits a log line.
  static func shown(_ text: String) -> String { WireText.line(String(text.prefix(40))) }

  mutating func takePlain() throws(WireError) -> String {
    guard let raw = plain else { throw malformed("its value is missing") }
    plain = nil
    return try decoded(raw)
  }

  mutating func take(_ key: String) throws(WireError) -> String {
    guard let value = try takeIfPresent(key) else { throw malformed("\(key)= is missing") }
    return value
  }

  mutating func takeIfPresent(_ key: String) throws(WireError) -> String? {
    guard let raw = fields.removeValue(forKey: key) else { return nil }
    return try decoded(raw)
  }

  /// A list; a missing field is an empty list, an empty member an error.
  mutating func takeList(_ key: String) throws(WireError) -> [String] {
    guard let raw = fields.removeValue(forKey: key) else { return [] }
    var members: [String] = []
    for part in raw.split(separator: ",", omittingEmptySubsequences: false) {
      let member = try decoded(String(part))
      guard !member.isEmpty else { throw malformed("\(key)= has an empty member") }
      members.append(member)
    }
    return members
  }

  mutating func takeFlag(_ key: String) throws(WireError) -> Bool {
    switch try take(key) {
    case "yes": return true
    case "no": return false
    case let other: throw malformed("\(key)=\(Self.shown(other)) is neither yes nor no")
    }
  }

  /// Whatever was not taken is a mistake: an unknown word may have been meant to matter.
  func end() throws(WireError) {
    if let plain { throw malformed("\"\(Self.shown(plain))\" is one word too many") }
    if let key = fields.keys.min() { throw malformed("\"\(Self.shown(key))\" is not a field of it") }
  }

  func instant(_ text: String) throws(WireError) -> BootInstant {
    BootInstant(nanoseconds: try number(text))
  }

  /// Decimal digits only, as this side writes them: no sign, no blank.
  func number(_ text: String) throws(WireError) -> Int64 {
    guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let value = Int64(text)
    else { throw malformed("\"\(Self.shown(text))\" is not a number") }
    return value
  }

  private func decoded(_ text: String) throws(WireError) -> String {
    guard let value = WireText.unescaped(text) else { throw malformed("\"\(Self.shown(text))\" is badly escaped") }
    return value
  }
}

/// Percent-escaping: what is not a plain ASCII letter, digit or one of `-_./:@+~` becomes `%` and two hexadecimal digits.
enum WireText {
  static func escaped(_ text: String) -> String {
    var out = ""
    for byte in text.utf8 {
      if isPlain(byte) { out.unicodeScalars.append(Unicode.Scalar(byte)) } else { out += percent(byte) }
    }
    return out
  }

  static func unescaped(_ text: String) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8.makeIterator()
    while let byte = rest.next() {
      if byte == UInt8(ascii: "%") {
        guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
        bytes.append(high << 4 | low)
      } else {
        guard isPlain(byte) else { return nil }
        bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }

  static func list(_ members: [String]) -> String { members.map(escaped).joined(separator: ",") }

  /// Text for people that goes with every state: cut to what a sentence needs.
  static func brief(_ text: String) -> String { line(String(text.prefix(300))) }

  /// Free text for people, kept readable: only what would break the line is replaced.
  static func line(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      if scalar.value < 0x20 || scalar.value == 0x7f { out += "?" } else { out.unicodeScalars.append(scalar) }
    }
    return out
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "@"),
      UInt8(ascii: "+"), UInt8(ascii: "~"):
      true
    default: false
    }
  }

  private static func percent(_ byte: UInt8) -> String {
    let digits = Array("0123456789ABCDEF")
    return "%" + String(digits[Int(byte >> 4)]) + String(digits[Int(byte & 15)])
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
