import AddressPresence
import Testing

@Suite struct `An address` {
  @Test func `of a network card has two digits for each byte`() throws {
    let mac = try #require(MACAddress(bytes: [0x52, 0x54, 0, 1, 0xAB, 0x0F]))
    #expect("\(mac)" == "52:54:00:01:ab:0f")
    #expect(MACAddress(bytes: [1, 2, 3, 4, 5]) == nil && MACAddress(bytes: [1, 2, 3, 4, 5, 6, 7]) == nil)
  }
}
