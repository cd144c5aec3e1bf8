import GuardCore

/// A question or an answer about who has an address of IPv4 (RFC 826).
package struct ARPPacket: Hashable, Sendable {
  package enum Operation: UInt16, Sendable {
    case request = 1
    case reply
  }

  package var operation: Operation
  package var senderMAC: MACAddress
  /// Four bytes, and zeros from who has no address yet; so of the target.
  package var senderIP: [UInt8]
  package var targetMAC: MACAddress
  package var targetIP: [UInt8]

  private static let length = 28
  private static let nobody: [UInt8] = [0, 0, 0, 0]
  /// Ethernet, IPv4, and how long their addresses are.
  private static let kind: [UInt8] = [0, 1, 8, 0, 6, 4]

  private init(
    _ operation: Operation, from senderMAC: MACAddress, _ senderIP: [UInt8], to targetMAC: MACAddress, _ targetIP: [UInt8]
  ) {
    self.operation = operation
    self.senderMAC = senderMAC
    self.senderIP = senderIP
    self.targetMAC = targetMAC
    self.targetIP = targetIP
  }

  /// Who has the address? The sender names no address of its own, so that nobody takes it for the owner (RFC 5227).
  package static func probe(for address: IPAddress, from mac: MACAddress) -> ARPPacket {
    ARPPacket(.request, from: mac, nobody, to: .none, address.bytes)
  }

  /// I have the address: as a question, which RFC 5227 prefers, and as an answer, for those who learn from answers alone.
  package static func announcements(of address: IPAddress, from mac: MACAddress) -> [ARPPacket] {
    [
      ARPPacket(.request, from: mac, address.bytes, to: .none, address.bytes),
      ARPPacket(.reply, from: mac, address.bytes, to: mac, address.bytes)
    ]
  }

  /// nil: it is cut off, or not about addresses of IPv4 on Ethernet, or from nobody.
  package init?(bytes: [UInt8]) {
    guard bytes.count >= Self.length, bytes.starts(with: Self.kind),
      let operation = Operation(rawValue: UInt16(wire: bytes[6...])), let sender = MACAddress(bytes: bytes[8..<14]),
      sender.isSomebodys, let target = MACAddress(bytes: bytes[18..<24])
    else { return nil }
    self.init(operation, from: sender, Array(bytes[14..<18]), to: target, Array(bytes[24..<28]))
  }

  package var bytes: [UInt8] {
    Self.kind + operation.rawValue.wire + senderMAC.bytes + senderIP + targetMAC.bytes + targetIP
  }

  /// To everybody on the link.
  package var frame: EthernetFrame { EthernetFrame(to: .everybody, from: senderMAC, type: EthernetFrame.arp, bytes) }

  /// Who has the address by this packet, or is about to take it; nil: nobody.
  package func claimant(of address: IPAddress) -> MACAddress? {
    if senderIP == address.bytes { return senderMAC }
    // Somebody else's probe.
    return operation == .request && senderIP == Self.nobody && targetIP == address.bytes ? senderMAC : nil
  }
}
