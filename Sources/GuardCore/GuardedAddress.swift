/// An address that the guard puts on a link of the host and takes away again, as text `10.0.0.5/24@br0`.
public struct GuardedAddress: Sendable, CustomStringConvertible {
  public let address: IPAddress
  /// Bits of the address that name its network: 1 to 32 for IPv4, 1 to 128 for IPv6.
  public let prefixLength: Int
  /// The host's link that has it, by name.
  public let link: String
  /// `IP/PREFIX@LINK`; it tells one from another.
  public let description: String

  /// - Throws: `AddressMistake` where it is no address that a host may have on a link.
  public init(_ address: IPAddress, prefixLength: Int, on link: String) throws(AddressMistake) {
    if let unfitness = address.unfitness { throw .unfit(address, unfitness) }
    guard (1...address.width).contains(prefixLength) else {
      throw .prefixLength("\(address)/\(prefixLength)", most: address.width)
    }
    guard Self.canBeLink(link) else { throw .link(link) }
    self.address = address
    self.prefixLength = prefixLength
    self.link = link
    description = "\(address)/\(prefixLength)@\(link)"
  }

  /// - Parameter text: `IP/PREFIX@LINK`, with the address in its one form.
  public init(_ text: String) throws(AddressMistake) {
    // A link's name may have an "@" of its own; neither an address nor a number has one.
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw .notWhole(text) }
    let words = parts[0].split(separator: "/", omittingEmptySubsequences: false)
    guard words.count == 2, let length = try? IPAddress.decimal(words[1], upTo: 999) else { throw .notWhole(text) }
    let ip = String(words[0])
    guard let address = try? IPAddress(ip) else { throw .notAnAddress(ip) }
    guard "\(address)" == ip else { throw .notCanonical(ip, canonical: "\(address)") }
    try self.init(address, prefixLength: length, on: String(parts[1]))
  }

  /// The address and its prefix length, without the link.
  public var ipWithPrefix: String { "\(address)/\(prefixLength)" }
  /// Of IPv6, and on each link an address of its own.
  package var isLinkLocal: Bool { if case .six(let number) = address { number >> 118 == 0xFE80 >> 6 } else { false } }

  /// Both are one address of the host, whatever their prefix lengths and, unless each link has its own, their links.
  public func isSame(as other: GuardedAddress) -> Bool {
    address == other.address && (!isLinkLocal || link == other.link)
  }

  /// Both are addresses of one network of IPv4 on one link: the kernel keeps such ones in an order, and may drop the others with the first.
  func sharesNetwork(with other: GuardedAddress) -> Bool {
    guard case .four(let one) = address, case .four(let two) = other.address, link == other.link,
      prefixLength == other.prefixLength
    else { return false }
    return (one ^ two) >> UInt32(32 - prefixLength) == 0
  }

  /// The kernel's rule (`dev_valid_name`), and no control characters: 1 to 15 bytes, no slash, colon or blank, neither `.` nor `..`. To the kernel the byte A0
  /// is a blank, also within a character.
  public static func canBeLink(_ name: String) -> Bool {
    (1...15).contains(name.utf8.count) && name != "." && name != ".."
      && name.utf8.allSatisfy { $0 > 0x20 && ![0x7f, 0xA0, UInt8(ascii: "/"), UInt8(ascii: ":")].contains($0) }
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
  case unfit(IPAddress, IPAddress.Unfitness)
  case prefixLength(String, most: Int)
  case link(String)

  public var description: String {
    switch self {
    case .notWhole(let text):
      "\"\(WireWords.shown(text))\" is not an address with its prefix length and its link. Write it as 10.0.0.5/24@br0"
    case .notAnAddress(let text):
      "\"\(WireWords.shown(text))\" is no address of IPv4 or IPv6. Write it as 10.0.0.5 or 2001:db8::5"
    case .notCanonical(let text, let canonical): "\"\(WireWords.shown(text))\" has another form. Write it as \(canonical)"
    case .unfit(let address, let unfitness):
      "\(address) is \(unfitness.words), which no workload can have. Give an address of one host"
    case .prefixLength(let text, let most): "\(text): the prefix length is out of range. Give 1 to \(most)"
    case .link(let name):
      "\"\(WireWords.shown(name))\" cannot be a link's name. Give 1 to 15 bytes without blanks, slashes and colons"
    }
  }
}

extension IPAddress.Unfitness {
  fileprivate var words: String {
    switch self {
    case .unspecified: "an unspecified address"
    case .loopback: "a loopback address"
    case .multicast: "a multicast address"
    case .broadcast: "the broadcast address"
    case .mapped: "an IPv4 address in the form of IPv6"
    }
  }
}
