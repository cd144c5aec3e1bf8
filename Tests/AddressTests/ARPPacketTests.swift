import AddressPresence
import GuardCore
import Testing

@Suite struct `A packet of ARP` {
  private static let us: [UInt8] = [0x52, 0x54, 0, 0, 0, 1], them: [UInt8] = [0x52, 0x54, 0, 0, 0, 2]
  private static let wanted: [UInt8] = [10, 0, 0, 5], other: [UInt8] = [10, 0, 0, 6], nobody: [UInt8] = [0, 0, 0, 0]
  private static let zeros = [UInt8](repeating: 0, count: 6), ones = [UInt8](repeating: 0xFF, count: 6)

  private static func packet(
    _ operation: UInt8, _ sender: [UInt8], _ senderIP: [UInt8], to target: [UInt8] = zeros, _ targetIP: [UInt8]
  ) -> [UInt8] { [0, 1, 8, 0, 6, 4, 0, operation] + sender + senderIP + target + targetIP }

  private let address = try? IPAddress("10.0.0.5"), mac = MACAddress(bytes: us)

  // MARK: what is sent

  @Test func `asks for an address and names none of its own`() throws {
    let frame = ARPPacket.probe(for: try #require(address), from: try #require(mac)).frame
    #expect(frame.bytes == Self.ones + Self.us + [8, 6] + Self.packet(1, Self.us, Self.nobody, Self.wanted))
  }

  @Test func `announces an address as a question and as an answer`() throws {
    let frames = ARPPacket.announcements(of: try #require(address), from: try #require(mac)).map(\.frame.bytes)
    let head = Self.ones + Self.us + [8, 6]
    #expect(
      frames == [
        head + Self.packet(1, Self.us, Self.wanted, Self.wanted),
        head + Self.packet(2, Self.us, Self.wanted, to: Self.us, Self.wanted)
      ])
  }

  // MARK: what comes

  struct Row: Sendable, CustomTestStringConvertible {
    var name: String
    var bytes: [UInt8]
    /// Of who claims the address by it; nil: nobody does.
    var claimant: [UInt8]?
    var testDescription: String { name }

    init(_ name: String, _ bytes: [UInt8], claimant: [UInt8]?) {
      self.name = name
      self.bytes = bytes
      self.claimant = claimant
    }
  }

  static let understood = [
    Row("an answer", packet(2, them, wanted, to: us, nobody), claimant: them),
    Row("an answer to everybody", packet(2, them, wanted, to: them, wanted), claimant: them),
    Row("an announcement", packet(1, them, wanted, wanted), claimant: them),
    Row("a question by who has the address", packet(1, them, wanted, other), claimant: them),
    Row("another's probe", packet(1, them, nobody, wanted), claimant: them),
    Row("an answer in a frame that was filled up", packet(2, them, wanted, to: us, nobody) + zeros + zeros, claimant: them),
    Row("a question on the way to the address", packet(1, them, other, wanted), claimant: nil),
    Row("another's probe for another address", packet(1, them, nobody, other), claimant: nil),
    Row("an answer about another address", packet(2, them, other, to: us, wanted), claimant: nil),
    Row("an answer to a probe without an address of its own", packet(2, them, nobody, to: us, wanted), claimant: nil)
  ]

  @Test(arguments: understood) func `tells who claims an address`(row: Row) throws {
    let packet = try #require(ARPPacket(bytes: row.bytes))
    #expect(packet.claimant(of: try #require(address))?.bytes == row.claimant)
    #expect(packet.bytes == Array(row.bytes.prefix(28)))
  }

  static let answer = packet(2, them, wanted, to: us, nobody)

  private static func changed(_ index: Int, _ byte: UInt8) -> [UInt8] {
    var bytes = answer
    bytes[index] = byte
    return bytes
  }

  static let malformed = [
    Row("nothing", [], claimant: nil), Row("one that is cut off", Array(answer.dropLast()), claimant: nil),
    Row("one of another kind of hardware", changed(1, 6), claimant: nil),
    Row("one about another protocol", changed(2, 0x86), claimant: nil),
    Row("one with longer hardware addresses", changed(4, 8), claimant: nil),
    Row("one with longer addresses", changed(5, 16), claimant: nil),
    Row("one of the reverse protocol", changed(7, 3), claimant: nil), Row("no operation", changed(7, 0), claimant: nil),
    Row("an operation of two bytes", changed(6, 2), claimant: nil),
    Row("one from nobody", packet(2, zeros, wanted, to: us, nobody), claimant: nil),
    Row("one from everybody", packet(2, ones, wanted, to: us, nobody), claimant: nil)
  ]

  @Test(arguments: malformed) func `that is malformed is none`(row: Row) { #expect(ARPPacket(bytes: row.bytes) == nil) }

  @Test(arguments: 0..<28) func `that is cut off anywhere is none`(count: Int) {
    #expect(ARPPacket(bytes: Array(Self.answer.prefix(count))) == nil)
  }

  @Test func `comes in a frame that may be cut off`() throws {
    let frame = EthernetFrame(bytes: Self.ones + Self.them + [8, 6] + Self.answer)
    #expect(frame?.source.bytes == Self.them && frame?.type == EthernetFrame.arp && frame?.payload == Self.answer)
    #expect(EthernetFrame(bytes: Self.ones + Self.them + [8]) == nil)
    #expect(EthernetFrame(bytes: [UInt8]()) == nil)
  }
}
