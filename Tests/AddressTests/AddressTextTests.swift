import AddressPresence
import Testing

@Suite struct `An address` {
  @Test(arguments: [
    ("10.0.0.5", "10.0.0.5"), ("223.255.255.255", "223.255.255.255"), ("fd00::5", "fd00::5"),
    ("FD00:0:0:0::0005", "fd00::5"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("fe80::1", "fe80::1")
  ])
  func `is written in one form`(text: String, form: String) throws {
    let address = try #require(IPAddress(text))
    #expect("\(address)" == form)
    #expect(IPAddress(form) == address)
    #expect(IPAddress(bytes: address.bytes) == address)
  }

  @Test(arguments: [
    "", "10.0.0", "10.0.0.5.6", "10.0.0.256", "10.0.0.05", "010.0.0.5", "10.0.0.5/24", " 10.0.0.5", "10.0.0.5 ",
    "0x0a.0.0.5", "167772165", "fd00::5/64", "fe80::1%eth0", "fd00:::5", "fd00::5::6", "host", ":",
    // Nobody's, one's own, a group's, everybody's.
    "0.0.0.0", "0.0.0.1", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "::ffff:10.0.0.5", "ff02::1"
  ])
  func `that one host cannot have is none`(text: String) { #expect(IPAddress(text) == nil) }

  @Test func `ends where its text does`() { #expect(IPAddress("10.0.0.5\0x") == nil) }

  @Test func `of a network card has two digits for each byte`() throws {
    let mac = try #require(MACAddress(bytes: [0x52, 0x54, 0, 1, 0xAB, 0x0F]))
    #expect("\(mac)" == "52:54:00:01:ab:0f")
    #expect(MACAddress(bytes: [1, 2, 3, 4, 5]) == nil && MACAddress(bytes: [1, 2, 3, 4, 5, 6, 7]) == nil)
  }
}
