/// An address that the guard puts on a link of the host and takes away again, as text `10.0.0.5/24@br0`.
public struct GuardedAddress: Sendable, CustomStringConvertible {
  /// The address in its canonical form: IPv4 as four numbers, IPv6 as RFC 5952 has it.
  public let ip: String
  /// Bits of the address that name its network: 1 to 32 for IPv4, 1 to 128 for IPv6.
  public let prefixLength: Int
  /// The host's link that has it, by name.
  public let link: String
  /// The address in network order: 4 bytes for IPv4, 16 for IPv6.
  public let bytes: [UInt8]
  /// `IP/PREFIX@LINK`; it tells one from another.
  public let description: String

  /// - Throws: `AddressMistake` where it is no address that a host may have on a link, or is not written in the canonical form.
  public init(ip: String, prefixLength: Int, link: String) throws(AddressMistake) {
    guard let bytes = IPText.bytes(ip) else { throw .notAnAddress(ip) }
    let canonical = IPText.canonical(bytes)
    guard ip == canonical else { throw .notCanonical(ip, canonical: canonical) }
    if let kind = IPText.unfitKind(bytes) { throw .unfit(ip, kind: kind) }
    guard (1...bytes.count * 8).contains(prefixLength) else {
      throw .prefixLength("\(ip)/\(prefixLength)", most: bytes.count * 8)
    }
    guard Self.canBeLink(link) else { throw .link(link) }
    self.ip = ip
    self.prefixLength = prefixLength
    self.link = link
    self.bytes = bytes
    description = "\(ip)/\(prefixLength)@\(link)"
  }

  /// - Parameter text: `IP/PREFIX@LINK`.
  public init(_ text: String) throws(AddressMistake) {
    // A link's name may have an "@" of its own; neither an address nor a number has one.
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw .notWhole(text) }
    let words = parts[0].split(separator: "/", omittingEmptySubsequences: false)
    guard words.count == 2, let length = Self.number(words[1]) else { throw .notWhole(text) }
    try self.init(ip: String(words[0]), prefixLength: length, link: String(parts[1]))
  }

  /// Decimal digits without a zero before them.
  private static func number(_ text: Substring) -> Int? {
    guard (1...3).contains(text.utf8.count), let value = Int(text), text == "\(value)" else { return nil }
    return value
  }

  /// The address and its prefix length, without the link.
  public var ipWithPrefix: String { "\(ip)/\(prefixLength)" }
  public var isIPv6: Bool { bytes.count == 16 }
  /// Of IPv6, and on each link an address of its own.
  var isLinkLocal: Bool { isIPv6 && bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80 }

  /// Both are one address of the host, whatever their prefix lengths and, unless each link has its own, their links.
  public func isSame(as other: GuardedAddress) -> Bool {
    bytes == other.bytes && (!isLinkLocal || link == other.link)
  }

  /// Both are addresses of one network of IPv4 on one link: the kernel keeps such ones in an order, and may drop the others with the first.
  func sharesNetwork(with other: GuardedAddress) -> Bool {
    guard !isIPv6, !other.isIPv6, link == other.link, prefixLength == other.prefixLength else { return false }
    return zip(bytes, other.bytes).enumerated().allSatisfy { index, pair in
      let bits = min(max(prefixLength - index * 8, 0), 8)
      return (pair.0 ^ pair.1) >> UInt8(8 - bits) == 0
    }
  }

  /// The kernel's rule (dev_valid_name): 1 to 15 bytes, no slash, colon or blank, neither `.` nor `..`.
  static func canBeLink(_ name: String) -> Bool {
    (1...15).contains(name.utf8.count) && name != "." && name != ".."
      && name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
  }
}

extension GuardedAddress: Hashable, Comparable {
  public static func == (a: GuardedAddress, b: GuardedAddress) -> Bool { a.description == b.description }
  public func hash(into hasher: inout Hasher) { hasher.combine(description) }
  public static func < (a: GuardedAddress, b: GuardedAddress) -> Bool { a.description < b.description }
}

/// Why a text is no address for the guard to raise.
public enum AddressMistake: Error, Hashable, Sendable, CustomStringConvertible {
  case notWhole(String)
  case notAnAddress(String)
  case notCanonical(String, canonical: String)
  /// An address, and none that a workload can have.
  case unfit(String, kind: String)
  case prefixLength(String, most: Int)
  case link(String)

  public var description: String {
    switch self {
    case .notWhole(let text):
      "\"\(WireWords.shown(text))\" is not an address with its prefix length and its link. Write it as 10.0.0.5/24@br0"
    case .notAnAddress(let text):
      "\"\(WireWords.shown(text))\" is no address of IPv4 or IPv6. Write it as 10.0.0.5 or 2001:db8::5"
    case .notCanonical(let text, let canonical): "\"\(WireWords.shown(text))\" has another form. Write it as \(canonical)"
    case .unfit(let text, let kind): "\(text) is \(kind), which no workload can have. Give an address of one host"
    case .prefixLength(let text, let most): "\(text): the prefix length is out of range. Give 1 to \(most)"
    case .link(let name):
      "\"\(WireWords.shown(name))\" cannot be a link's name. Give 1 to 15 bytes without blanks, slashes and colons"
    }
  }
}

/// Addresses as text, both ways, without the C library.
private enum IPText {
  static func bytes(_ text: String) -> [UInt8]? { text.utf8.contains(UInt8(ascii: ":")) ? ipv6(text) : ipv4(text) }

  private static func ipv4(_ text: String) -> [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    // Only as it is written canonically: to some, a zero before a number makes it octal.
    let bytes = parts.compactMap { part in UInt8(part).flatMap { part == "\($0)" ? $0 : nil } }
    return bytes.count == 4 ? bytes : nil
  }

  private static func ipv6(_ text: String) -> [UInt8]? {
    let halves = text.split(separator: "::", omittingEmptySubsequences: false).map(groups)
    let found = halves.compactMap { $0 }
    guard found.count == halves.count, let first = found.first else { return nil }
    var words = first
    switch found.count {
    case 1: guard first.count == 8 else { return nil }
    case 2:
      let left = 8 - first.count - found[1].count
      guard left > 0 else { return nil }
      words += Array(repeating: 0, count: left) + found[1]
    default: return nil
    }
    return words.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
  }

  private static func groups(_ text: Substring) -> [UInt16]? {
    guard !text.isEmpty else { return [] }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let words = parts.compactMap { part in
      (1...4).contains(part.utf8.count) && part.utf8.first != UInt8(ascii: "+") ? UInt16(part, radix: 16) : nil
    }
    return words.count == parts.count ? words : nil
  }

  static func canonical(_ bytes: [UInt8]) -> String {
    guard bytes.count == 16 else { return bytes.map { "\($0)" }.joined(separator: ".") }
    let words = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
    func text(_ words: some Sequence<UInt16>) -> String { words.map { String($0, radix: 16) }.joined(separator: ":") }
    guard let zeros = longestZeros(words) else { return text(words) }
    return text(words[..<zeros.lowerBound]) + "::" + text(words[zeros.upperBound...])
  }

  /// The first of the longest runs of two zeros or more.
  private static func longestZeros(_ words: [UInt16]) -> Range<Int>? {
    var longest: Range<Int>?
    var start = 0
    while start < words.count {
      let end = words[start...].firstIndex { $0 != 0 } ?? words.count
      if end - start >= max(2, (longest?.count ?? 0) + 1) { longest = start..<end }
      start = end + 1
    }
    return longest
  }

  /// What it is instead of one host's address; nil: it is one.
  static func unfitKind(_ bytes: [UInt8]) -> String? {
    if bytes.count == 4 {
      switch bytes[0] {
      case 0: return "an unspecified address"
      case 127: return "a loopback address"
      case 224...239: return "a multicast address"
      default: return bytes == [255, 255, 255, 255] ? "the broadcast address" : nil
      }
    }
    if bytes[0] == 0xff { return "a multicast address" }
    guard bytes[..<10].allSatisfy({ $0 == 0 }) else { return nil }
    if bytes[10] == 0xff, bytes[11] == 0xff { return "an IPv4 address in the form of IPv6" }
    switch bytes[10...] {
    case [0, 0, 0, 0, 0, 0]: return "an unspecified address"
    case [0, 0, 0, 0, 0, 1]: return "a loopback address"
    default: return nil
    }
  }
}
