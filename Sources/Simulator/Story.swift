/// Who did what when.
public final class Story {
  /// One line of it.
  public struct Line: Hashable, Sendable {
    public var at: Moment
    /// A node, `world`, or `operator`.
    public var who: String
    public var what: String

    public init(at: Moment, who: String, what: String) {
      self.at = at
      self.who = who
      self.what = what
    }
  }

  /// Lines are kept; otherwise nobody listens, and nothing is put into words.
  let isKept: Bool
  public private(set) var lines: [Line] = []

  init(isKept: Bool) { self.isKept = isKept }

  func tell(_ at: Moment, _ who: String, _ what: String) {
    lines.append(Line(at: at, who: who, what: Self.withShortNames(what)))
  }

  /// Incarnations end in 32 random digits; six tell them apart.
  static func withShortNames(_ text: String) -> String {
    guard text.utf8.count > 32 else { return text }
    var result = "", digits = ""
    func flush() { result += digits.count == 32 ? "\(digits.prefix(6))…" : digits }
    for character in text {
      if character.isASCII, character.isHexDigit {
        digits.append(character)
      } else {
        flush()
        digits = ""
        result.append(character)
      }
    }
    flush()
    return result
  }
}

extension Story.Line: CustomStringConvertible {
  public var description: String { text(since: .zero) }

  /// The line with its time counted from `beginning`.
  public func text(since beginning: Moment) -> String {
    let time = "\(Moment(nanoseconds: (at - beginning).nanoseconds))"
    let column = String(repeating: " ", count: max(0, 12 - time.count)) + time
    return "\(column)  \(who)\(String(repeating: " ", count: max(0, 8 - who.count)))  \(what)"
  }
}

/// A running hash (FNV-1a over 64-bit words) of everything that happened.
struct Trace {
  private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  mutating func mix(_ value: Int64) { hash = (hash ^ UInt64(bitPattern: value)) &* 0x100_0000_01b3 }

  static func hash(of text: String) -> UInt64 {
    var trace = Trace()
    for byte in text.utf8 { trace.mix(Int64(byte)) }
    return trace.hash
  }
}
