import GuardCore
import LinuxBasics

/// A question or an answer about who has an address of IPv6 (RFC 4861, RFC 4862), in its packet.
package struct NeighbourMessage: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case solicitation
    /// - Parameters:
    ///   - isRouter: its sender forwards packets.
    ///   - isAsked: it answers a question.
    ///   - overrides: it replaces what was known.
    case advertisement(isRouter: Bool, isAsked: Bool, overrides: Bool)
  }

  package var kind: Kind
  /// Sixteen bytes; zeros from who has no address yet.
  package var source: [UInt8]
  /// Sixteen bytes; mostly a group's.
  package var destination: [UInt8]
  package var target: IPAddress
  /// The hardware address that it names.
  package var mac: MACAddress?

  private static let nobody = [UInt8](repeating: 0, count: 16)
  /// `ff02::1`: all on the link.
  private static let everybody: [UInt8] = [0xFF, 0x02] + [UInt8](repeating: 0, count: 13) + [1]
  /// What none that came over a router can have.
  private static let hopLimit: UInt8 = 255
  private static let nextHeader: UInt8 = 58
  private static let ipHeader = 40
  private static let shortest = 24

  /// The group that whoever has the address listens to.
  private static func solicitedNode(of address: IPAddress) -> [UInt8] {
    [0xFF, 0x02] + [UInt8](repeating: 0, count: 9) + [1, 0xFF] + address.bytes.suffix(3)
  }

  package init(_ kind: Kind, from source: [UInt8], to destination: [UInt8], target: IPAddress, mac: MACAddress?) {
    self.kind = kind
    self.source = source
    self.destination = destination
    self.target = target
    self.mac = mac
  }

  /// Who has the address? From nobody, as who looks for duplicates asks.
  package static func probe(for address: IPAddress) -> NeighbourMessage {
    NeighbourMessage(.solicitation, from: nobody, to: solicitedNode(of: address), target: address, mac: nil)
  }

  /// I have the address: to all on the link, unasked.
  package static func announcement(of address: IPAddress, from mac: MACAddress, isRouter: Bool) -> NeighbourMessage {
    NeighbourMessage(
      .advertisement(isRouter: isRouter, isAsked: false, overrides: true), from: address.bytes, to: everybody, target: address,
      mac: mac)
  }

  package func frame(from mac: MACAddress) -> EthernetFrame {
    EthernetFrame(to: MACAddress(group: destination), from: mac, type: EthernetFrame.six, bytes)
  }

  /// Who has the address by this message, or is about to take it; nil: nobody.
  ///
  /// - Parameter sender: of its frame. Most who advertise name their hardware address in the message too.
  package func claimant(of address: IPAddress, sender: MACAddress) -> MACAddress? {
    guard target == address else { return nil }
    switch kind {
    case .advertisement: return mac ?? sender
    // Somebody else's probe; who has an address only asks for the way.
    case .solicitation: return source == Self.nobody ? sender : nil
    }
  }

  // MARK: the wire

  package var bytes: [UInt8] {
    var message: [UInt8]
    switch kind {
    case .solicitation: message = [135, 0, 0, 0, 0, 0, 0, 0]
    case .advertisement(let isRouter, let isAsked, let overrides):
      message = [136, 0, 0, 0, (isRouter ? 0x80 : 0) | (isAsked ? 0x40 : 0) | (overrides ? 0x20 : 0), 0, 0, 0]
    }
    message += target.bytes
    if let mac { message += [macOption, 1] + mac.bytes }
    let sum = internetChecksum(Self.pseudoHeader(source, destination, count: message.count) + message)
    message.replaceSubrange(2..<4, with: sum.wire)
    let header = [0x60, 0, 0, 0] + UInt16(message.count).wire + [Self.nextHeader, Self.hopLimit]
    return header + source + destination + message
  }

  private var macOption: UInt8 { kind == .solicitation ? 1 : 2 }

  private static func pseudoHeader(_ source: [UInt8], _ destination: [UInt8], count: Int) -> [UInt8] {
    source + destination + [0, 0] + UInt16(count).wire + [0, 0, 0, nextHeader]
  }

  /// nil: it is cut off, is none of these messages, or breaks one of the rules by which RFC 4861 (7.1) has it dropped.
  package init?(bytes: [UInt8]) {
    guard bytes.count >= Self.ipHeader, bytes[0] >> 4 == 6, bytes[6] == Self.nextHeader, bytes[7] == Self.hopLimit else {
      return nil
    }
    // What fills a short frame up is no part of it.
    let count = Int(UInt16(wire: bytes[4...]))
    let message = Array(bytes.dropFirst(Self.ipHeader).prefix(count))
    let source = Array(bytes[8..<24]), destination = Array(bytes[24..<40])
    guard message.count == count, count >= Self.shortest, message[1] == 0, source[0] != 0xFF,
      internetChecksum(Self.pseudoHeader(source, destination, count: count) + message) == 0,
      let target = IPAddress(bytes: message[8..<24]), target.unfitness == nil, let options = Self.options(message[24...])
    else { return nil }
    let kind: Kind
    switch message[0] {
    case 135:
      kind = .solicitation
      let isProbe = source == Self.nobody
      guard !isProbe || destination == Self.solicitedNode(of: target) && options[1] == nil else { return nil }
    case 136:
      let flags = message[4]
      kind = .advertisement(isRouter: flags & 0x80 != 0, isAsked: flags & 0x40 != 0, overrides: flags & 0x20 != 0)
      // Who asks a group is told so.
      guard destination[0] != 0xFF || flags & 0x40 == 0 else { return nil }
    default: return nil
    }
    self.init(kind, from: source, to: destination, target: target, mac: nil)
    guard let named = options[macOption] else { return }
    guard let mac = MACAddress(bytes: named), mac.isSomebodys else { return nil }
    self.mac = mac
  }

  /// Options by kind, the last of each, without their heads; nil: one of them has no length, or is cut off.
  private static func options(_ bytes: ArraySlice<UInt8>) -> [UInt8: ArraySlice<UInt8>]? {
    var rest = bytes, options: [UInt8: ArraySlice<UInt8>] = [:]
    while let kind = rest.first {
      guard let eights = rest.dropFirst().first, eights > 0, rest.count >= Int(eights) * 8 else { return nil }
      options[kind] = rest.prefix(Int(eights) * 8).dropFirst(2)
      rest = rest.dropFirst(Int(eights) * 8)
    }
    return options
  }
}
