/// A name that Holdfast uses as a key. Distinct types, so that a node cannot be passed for a workload.
public protocol Name: Hashable, Comparable, Sendable, Codable, CodingKeyRepresentable, CustomStringConvertible,
  ExpressibleByStringLiteral, HashedBeforehand
{
  var text: String { get }
  init(_ text: String)
}

/// A key that is looked up far more often than it is made.
public protocol HashedBeforehand: Hashable {
  /// Equal for equal values, and different for nearly all others.
  var code: UInt64 { get }
}

extension HashedBeforehand {
  public func hash(into hasher: inout Hasher) { hasher.combine(code) }

  /// The hash that a dictionary asks for. Without it the code would be hashed again, at many times the cost of the look-up.
  public func _rawHashValue(seed: Int) -> Int {
    let product = (code ^ UInt64(bitPattern: Int64(seed))) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: product ^ (product >> 32))
  }
}

extension String {
  /// FNV-1a of the bytes.
  fileprivate var code: UInt64 { utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 } }
}

extension Name {
  public init(stringLiteral value: String) { self.init(value) }
  public var description: String { text }
  public static func < (a: Self, b: Self) -> Bool { a.text < b.text }
  public init(from decoder: any Decoder) throws {
    self.init(try decoder.singleValueContainer().decode(String.self))
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }

  /// As the key of a dictionary it is a field of an object, so that the encoder can put the fields in order.
  public var codingKey: any CodingKey { NameKey(stringValue: text) }
  public init?(codingKey: some CodingKey) { self.init(codingKey.stringValue) }

  /// Names are used in store keys, cgroup paths, XML and command lines: letters, digits, `.`, `_` and `-`, at most 63 characters,
  /// starting with a letter or digit.
  public static func isValid(_ text: String) -> Bool {
    guard let first = text.utf8.first, text.utf8.count <= 63, isAlphanumeric(first) else { return false }
    return text.utf8.allSatisfy {
      isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
    }
  }
}

private struct NameKey: CodingKey {
  var stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

private func isAlphanumeric(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
  default: false
  }
}

/// A host running `holdfastd`, its guard and libvirt.
public struct NodeName: Name {
  public let code: UInt64
  public let text: String
  public init(_ text: String) {
    self.text = text
    code = text.code
  }
}

/// One libvirt domain under protection, with its spec.
public struct WorkloadName: Name {
  public let code: UInt64
  public let text: String
  public init(_ text: String) {
    self.text = text
    code = text.code
  }
}

/// One of a workload's checks; unique among them.
public struct CheckName: Name {
  public let code: UInt64
  public let text: String
  public init(_ text: String) {
    self.text = text
    code = text.code
  }
}

/// One life of a node's session. Never used twice.
public struct Incarnation: Name {
  public let code: UInt64
  public let text: String
  public init(_ text: String) {
    self.text = text
    code = text.code
  }
}
