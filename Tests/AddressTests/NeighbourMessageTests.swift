import AddressPresence
import GuardCore
import LinuxBasics
import Testing

@Suite struct `A message of neighbour discovery` {
  private static let us: [UInt8] = [0x52, 0x54, 0, 0, 0, 1], them: [UInt8] = [0x52, 0x54, 0, 0, 0, 2]
  private static let wanted: [UInt8] = [0xFD, 0] + [UInt8](repeating: 0, count: 11) + [0x12, 0x34, 0x56]
  private static let other: [UInt8] = [0xFD, 0] + [UInt8](repeating: 0, count: 13) + [6]
  private static let nobody = [UInt8](repeating: 0, count: 16)
  private static let everybody: [UInt8] = [0xFF, 2] + [UInt8](repeating: 0, count: 13) + [1]
  private static let group: [UInt8] = [0xFF, 2] + [UInt8](repeating: 0, count: 9) + [1, 0xFF, 0x12, 0x34, 0x56]

  private let address = try? IPAddress("fd00::12:3456"), mac = MACAddress(bytes: us), sender = MACAddress(bytes: them)

  /// With its checksum, whatever else is wrong with it.
  private static func packet(
    _ source: [UInt8], _ destination: [UInt8], _ message: [UInt8], hopLimit: UInt8 = 255, next: UInt8 = 58, count: Int? = nil
  ) -> [UInt8] {
    let count = UInt8(count ?? message.count)
    var message = message
    let sum = internetChecksum(source + destination + [0, 0, 0, count, 0, 0, 0, 58] + message)
    message.replaceSubrange(2..<4, with: [UInt8(sum >> 8), UInt8(sum & 0xFF)])
    return [0x60, 0, 0, 0, 0, count, next, hopLimit] + source + destination + message
  }

  private static func advertisement(_ target: [UInt8] = wanted, flags: UInt8 = 0x20, options: [UInt8] = [2, 1] + them)
    -> [UInt8]
  {
    [136, 0, 0, 0, flags, 0, 0, 0] + target + options
  }

  private static func solicitation(_ target: [UInt8] = wanted, options: [UInt8] = []) -> [UInt8] {
    [135, 0, 0, 0, 0, 0, 0, 0] + target + options
  }

  // MARK: what is sent

  @Test func `asks for an address and names none of its own`() throws {
    let frame = NeighbourMessage.probe(for: try #require(address)).frame(from: try #require(mac))
    #expect(
      frame.bytes == [0x33, 0x33, 0xFF, 0x12, 0x34, 0x56] + Self.us + [0x86, 0xDD]
        + Self.packet(Self.nobody, Self.group, Self.solicitation()))
  }

  @Test(arguments: [(false, 0x20), (true, 0xA0)] as [(Bool, UInt8)])
  func `announces an address to all, and whether its sender is a router`(isRouter: Bool, flags: UInt8) throws {
    let mac = try #require(mac)
    let frame = NeighbourMessage.announcement(of: try #require(address), from: mac, isRouter: isRouter).frame(from: mac)
    #expect(
      frame.bytes == [0x33, 0x33, 0, 0, 0, 1] + Self.us + [0x86, 0xDD]
        + Self.packet(Self.wanted, Self.everybody, Self.advertisement(flags: flags, options: [2, 1] + Self.us)))
  }

  // MARK: what comes

  struct Row: Sendable, CustomTestStringConvertible {
    var name: String
    var bytes: [UInt8]
    /// Of who claims the address by it; nil: nobody does.
    var claimant: [UInt8]?
    var testDescription: String { name }

    init(_ name: String, _ bytes: [UInt8], claimant: [UInt8]? = nil) {
      self.name = name
      self.bytes = bytes
      self.claimant = claimant
    }
  }

  static let understood = [
    Row("an advertisement", packet(wanted, everybody, advertisement()), claimant: them),
    Row("one to who asked", packet(wanted, other, advertisement(flags: 0x60)), claimant: them),
    Row(
      "one without a hardware address: its frame has one", packet(wanted, everybody, advertisement(options: [])), claimant: them
    ),
    Row("one of another's hardware address", packet(other, everybody, advertisement(options: [2, 1] + us)), claimant: us),
    Row(
      "one with an option that is not known", packet(wanted, everybody, advertisement(options: [14, 1] + us + [2, 1] + them)),
      claimant: them),
    Row("one of a proxy, which does not override", packet(other, everybody, advertisement(flags: 0)), claimant: them),
    Row("another's probe", packet(nobody, group, solicitation()), claimant: them),
    Row("another's probe with a nonce", packet(nobody, group, solicitation(options: [14, 1] + us)), claimant: them),
    Row("one in a frame that was filled up", packet(nobody, group, solicitation()) + [0, 0, 0], claimant: them),
    Row("a question on the way to the address", packet(other, group, solicitation(options: [1, 1] + them))),
    Row("an advertisement of another address", packet(other, everybody, advertisement(other)))
  ]

  @Test(arguments: understood) func `tells who claims an address`(row: Row) throws {
    let message = try #require(NeighbourMessage(bytes: row.bytes)), sender = try #require(sender)
    #expect(message.claimant(of: try #require(address), sender: sender)?.bytes == row.claimant)
  }

  /// As Linux sent it in its own search for duplicates, with a nonce.
  @Test func `is read as the kernel writes it`() throws {
    let text =
      "3333ff00000502a05e768dcc86dd6000000000203aff00000000000000000000000000000000ff0200000000000000000001ff000005"
      + "8700d38800000000fd0000000000000000000000000000050e01678cbf9c74e2"
    let digits = Array(text)
    let frame = EthernetFrame(
      bytes: stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...($0 + 1)]), radix: 16) })
    let sent = try #require(frame), message = try #require(NeighbourMessage(bytes: sent.payload))
    let claimant = message.claimant(of: try IPAddress("fd00::5"), sender: sent.source)
    #expect(claimant.map { "\($0)" } == "02:a0:5e:76:8d:cc")
  }

  @Test func `is read as it is written`() throws {
    for bytes in [
      Self.packet(Self.nobody, Self.group, Self.solicitation()), Self.packet(Self.wanted, Self.everybody, Self.advertisement())
    ] {
      #expect(try #require(NeighbourMessage(bytes: bytes)).bytes == bytes)
    }
  }

  private static let good = packet(wanted, everybody, advertisement())

  private static func changed(_ index: Int, _ byte: UInt8) -> [UInt8] {
    var bytes = good
    bytes[index] = byte
    return bytes
  }

  static let malformed = [
    Row("one of another version", changed(0, 0x40)), Row("one with a wrong checksum", changed(42, 0)),
    Row("one whose address was changed on the way", changed(63, 0x57)),
    Row("one that came over a router", packet(wanted, everybody, advertisement(), hopLimit: 254)),
    Row("one of another protocol", packet(wanted, everybody, advertisement(), next: 17)),
    Row("one of another type", packet(wanted, everybody, [134] + advertisement().dropFirst())),
    Row("one of another code", packet(wanted, everybody, [136, 1] + advertisement().dropFirst(2))),
    Row("one that is longer than its frame", packet(wanted, everybody, advertisement(), count: 40)),
    Row("one without a target", packet(wanted, everybody, Array(advertisement(options: []).dropLast()))),
    Row("one about a group", packet(wanted, everybody, advertisement(group))),
    Row("one about nobody", packet(wanted, everybody, advertisement(nobody))),
    Row("one from a group", packet(everybody, everybody, advertisement())),
    Row("an answer to a question, to all", packet(wanted, everybody, advertisement(flags: 0x60))),
    Row("an option without a length", packet(wanted, everybody, advertisement(options: [2, 0] + them))),
    Row("an option that is cut off", packet(wanted, everybody, advertisement(options: [2, 2] + them))),
    Row("half an option", packet(wanted, everybody, advertisement(options: [2]))),
    Row(
      "a hardware address that is too long", packet(wanted, everybody, advertisement(options: [2, 2] + them + them + [0, 0]))),
    Row("a hardware address of nobody", packet(wanted, everybody, advertisement(options: [2, 1, 0, 0, 0, 0, 0, 0]))),
    Row("a probe to all", packet(nobody, everybody, solicitation())),
    Row("a probe that names a hardware address", packet(nobody, group, solicitation(options: [1, 1] + them)))
  ]

  @Test(arguments: malformed) func `that is malformed is none`(row: Row) { #expect(NeighbourMessage(bytes: row.bytes) == nil) }

  @Test func `that is cut off anywhere is none`() {
    for count in Self.good.indices { #expect(NeighbourMessage(bytes: Array(Self.good.prefix(count))) == nil, "\(count)") }
  }
}
