/// An IP address as a number: two that are equal are one address, however they were written. The only one of its kind: the model's, the guard's, and that of
/// those who ask for it on a link.
public enum IPAddress: Hashable, Sendable {
  case four(UInt32)
  case six(UInt128)

  /// Why a text is no address, or none with the length of its network's prefix.
  public enum Misspelling: Error, Hashable {
    /// Nothing that looks like one: a name, another number of parts, a part out of range.
    case other
    /// `10.0.0.010`: to some programs that is octal.
    case leadingZero
    /// `fe80::1%eth0`.
    case zone
    /// `10.0.0.80`, where `10.0.0.80/24` is needed.
    case noPrefixLength

    /// What to write instead.
    public var remedy: String {
      switch self {
      case .other: "Write an IPv4 or IPv6 address, '/' and the length of its network's prefix."
      case .leadingZero: "Write its numbers without zeros in front: to some programs they are octal."
      case .zone: "Write it without '%' and what follows: the interface has a key of its own."
      case .noPrefixLength: "Write the length of its network's prefix after it, such as /24."
      }
    }

    fileprivate var reason: String {
      switch self {
      case .other: "it is no IP address"
      case .leadingZero: "a number in it begins with 0"
      case .zone: "it names a zone"
      case .noPrefixLength: "it has no prefix length"
      }
    }
  }

  /// Bits, which the longest prefix has.
  public var width: Int {
    switch self {
    case .four: UInt32.bitWidth
    case .six: UInt128.bitWidth
    }
  }

  /// In the network's order.
  public var bytes: [UInt8] {
    switch self {
    case .four(let number): Self.bytes(of: number)
    case .six(let number): Self.bytes(of: number)
    }
  }

  private static func bytes<Number: FixedWidthInteger>(of number: Number) -> [UInt8] {
    stride(from: Number.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> Number($0)) }
  }

  /// - Parameter bytes: in the network's order. nil: they are neither four nor sixteen.
  public init?(bytes: some Collection<UInt8>) {
    switch bytes.count {
    case 4: self = .four(bytes.reduce(0) { $0 << 8 | UInt32($1) })
    case 16: self = .six(bytes.reduce(0) { $0 << 8 | UInt128($1) })
    default: return nil
    }
  }

  public var isSix: Bool { if case .six = self { true } else { false } }
}

// MARK: what no host has for itself

extension IPAddress {
  /// What an address stands for that is none of one host's own on a network.
  public enum Unfitness: Hashable, Sendable {
    case unspecified, loopback, multicast
    /// All bits of IPv4 are 1.
    case broadcast
    /// IPv4, written as IPv6.
    case mapped
  }

  /// nil: a host can have it, as far as can be told without its network's prefix.
  public var unfitness: Unfitness? {
    switch self {
    case .four(let number):
      switch number >> 24 {
      case 0: .unspecified
      case 127: .loopback
      case 224...239: .multicast
      default: number == .max ? .broadcast : nil
      }
    case .six(0): .unspecified
    case .six(1): .loopback
    case .six(let number): number >> 120 == 0xFF ? .multicast : number >> 32 == 0xFFFF ? .mapped : nil
    }
  }
}

// MARK: reading

extension IPAddress {
  /// IPv4 as four decimal numbers; IPv6 as RFC 4291 has it, in hexadecimal throughout.
  ///
  /// - Throws: why it is none.
  public init(_ text: some StringProtocol) throws(Misspelling) {
    let text = Substring(text)
    if text.utf8.contains(UInt8(ascii: "%")) { throw .zone }
    self = try text.utf8.contains(UInt8(ascii: ":")) ? .six(Self.six(text)) : .four(Self.four(text))
  }

  private static func four(_ text: Substring) throws(Misspelling) -> UInt32 {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { throw .other }
    var number: UInt32 = 0
    for part in parts { number = try number << 8 | UInt32(decimal(part, upTo: 255)) }
    return number
  }

  /// Of ASCII digits alone: what makes integers of texts takes signs too.
  package static func decimal(_ text: Substring, upTo most: Int) throws(Misspelling) -> Int {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    guard !text.isEmpty, text.utf8.allSatisfy(digits.contains) else { throw .other }
    if text.utf8.count > 1, text.utf8.first == UInt8(ascii: "0") { throw .leadingZero }
    guard let number = Int(text), number <= most else { throw .other }
    return number
  }

  private static func six(_ text: Substring) throws(Misspelling) -> UInt128 {
    var found: [UInt16]
    if let gap = text.firstRange(of: "::") {
      let head = try groups(text[..<gap.lowerBound]), tail = try groups(text[gap.upperBound...])
      // It stands for one group at least.
      guard head.count + tail.count < 8 else { throw .other }
      found = head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
    } else {
      found = try groups(text)
    }
    guard found.count == 8 else { throw .other }
    return found.reduce(0) { $0 << 16 | UInt128($1) }
  }

  private static func groups(_ text: Substring) throws(Misspelling) -> [UInt16] {
    guard !text.isEmpty else { return [] }
    var groups: [UInt16] = []
    for part in text.split(separator: ":", omittingEmptySubsequences: false) {
      guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(hexadecimal.contains), let group = UInt16(part, radix: 16)
      else { throw .other }
      groups.append(group)
    }
    return groups
  }

  private static let hexadecimal = Set("0123456789abcdefABCDEF".utf8)
}

// MARK: writing

extension IPAddress: CustomStringConvertible {
  /// The one form that programs compare: RFC 5952's for IPv6.
  public var description: String {
    switch self {
    case .four: return bytes.map { "\($0)" }.joined(separator: ".")
    case .six(let number):
      let groups = stride(from: 112, through: 0, by: -16).map { UInt16(truncatingIfNeeded: number >> UInt128($0)) }
      func text(_ groups: ArraySlice<UInt16>) -> String { groups.map { String($0, radix: 16) }.joined(separator: ":") }
      guard let gap = Self.longestGap(in: groups) else { return text(groups[...]) }
      return "\(text(groups[..<gap.lowerBound]))::\(text(groups[gap.upperBound...]))"
    }
  }

  /// Of two or more groups that are 0, the first of those that are equally long.
  private static func longestGap(in groups: [UInt16]) -> Range<Int>? {
    var longest = 0..<1, start = 0
    for index in groups.indices {
      if groups[index] != 0 { start = index + 1 }
      if index + 1 - start > longest.count { longest = start..<index + 1 }
    }
    return longest.count > 1 ? longest : nil
  }
}

extension IPAddress: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer(), text = try container.decode(String.self)
    do throws(Misspelling) {
      try self.init(text)
    } catch {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: error.reason)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
