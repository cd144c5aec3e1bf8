/// The address of a network card.
public struct MACAddress: Hashable, Sendable, CustomStringConvertible {
  package let bytes: [UInt8]

  package static let length = 6
  package static let everybody = MACAddress(unchecked: [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
  /// What stands where none is known.
  package static let none = MACAddress(unchecked: [0, 0, 0, 0, 0, 0])

  private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

  /// nil: these are not six.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count == Self.length else { return nil }
    self.bytes = Array(bytes)
  }

  /// Of the Ethernet group in which those are who listen to a group of IPv6 (RFC 2464).
  package init(group: [UInt8]) { bytes = [0x33, 0x33] + group.suffix(4) }

  /// Somebody can have it.
  package var isSomebodys: Bool { self != .none && self != .everybody }

  /// As `52:54:00:12:34:56`.
  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}

/// What is sent on a link: from whom, to whom, of what kind.
package struct EthernetFrame: Hashable, Sendable {
  package static let arp: UInt16 = 0x0806
  package static let six: UInt16 = 0x86DD

  package var destination: MACAddress
  package var source: MACAddress
  package var type: UInt16
  /// What came may be followed by what fills a short frame up.
  package var payload: [UInt8]

  private static let header = 14

  package init(to destination: MACAddress, from source: MACAddress, type: UInt16, _ payload: [UInt8]) {
    self.destination = destination
    self.source = source
    self.type = type
    self.payload = payload
  }

  /// nil: it is cut off.
  package init?(bytes: some RandomAccessCollection<UInt8>) {
    guard bytes.count >= Self.header, let destination = MACAddress(bytes: bytes.prefix(6)),
      let source = MACAddress(bytes: bytes.dropFirst(6).prefix(6))
    else { return nil }
    self.init(to: destination, from: source, type: UInt16(wire: bytes.dropFirst(12)), Array(bytes.dropFirst(Self.header)))
  }

  package var bytes: [UInt8] { destination.bytes + source.bytes + type.wire + payload }
}

extension UInt16 {
  /// The first two bytes, as the network orders them.
  init(wire bytes: some Collection<UInt8>) { self = bytes.prefix(2).reduce(0) { $0 << 8 | UInt16($1) } }

  var wire: [UInt8] { [UInt8(self >> 8), UInt8(truncatingIfNeeded: self)] }
}
