import GuardCore
import Testing

@Suite struct `An address as text` {
  @Test(arguments: [
    "10.0.0.5/24@br0", "192.168.1.255/32@br0", "255.255.255.254/1@br0", "169.254.1.1/16@a@b", "2001:db8::5/64@br0",
    "2001:db8:0:1::/128@br0", "fe80::1/10@br0.7", "::2/1@br0", "1::/16@br0", "1:0:0:2::3/64@br0", "1::2:0:0:3/64@br0",
    "1:2:3:4:5:6:7:8/64@br0", "1:2:3:4:5:6:7:0/64@br0", "::1:0:0:5/64@br0", "64:ff9b::a00:5/96@br0"
  ]) func `comes back as it went`(_ text: String) throws {
    let address = try GuardedAddress(text)
    #expect(address.description == text)
    #expect(try GuardedAddress(ip: address.ip, prefixLength: address.prefixLength, link: address.link) == address)
  }

  @Test func `its parts are told apart`() {
    let four = address("10.1.2.3/8@a@b"), six = address("2001:db8::1:5/64@br0")
    #expect(four.ip == "10.1.2.3" && four.prefixLength == 8 && four.link == "a@b" && four.bytes == [10, 1, 2, 3])
    #expect(four.ipWithPrefix == "10.1.2.3/8" && !four.isIPv6 && six.isIPv6)
    #expect(six.bytes == [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 5])
  }

  @Test(arguments: [
    "", "@", "/@", "10.0.0.5", "10.0.0.5/24", "10.0.0.5@br0", "10.0.0.5/@br0", "10.0.0.5/24/8@br0", "10.0.0.5/+4@br0",
    "10.0.0.5/024@br0", "10.0.0.5/-1@br0", "10.0.0.5/1000@br0", "10.0.0.5/24@", "10.0.0.5/24@a b", "10.0.0.5/24@a:1",
    "10.0.0.5/24@..", "10.0.0.5/24@sixteenletters16"
  ]) func `what is not whole is refused`(_ text: String) {
    let mistake = #expect(throws: AddressMistake.self) { try GuardedAddress(text) }
    #expect(mistake?.description.isEmpty == false)
  }

  @Test(arguments: [
    "", "10", "10.0.0", "10.0.0.5.6", "10.0.0.256", "10.0.0.05", "10.0.0.+5", "10.0.0.", ".10.0.0", "10.0.0.5 ", "0x0a.0.0.5",
    "\u{665}.0.0.5", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "::12345", "::g", ":1:2",
    "1:2:", "::+1", "::-1", "fe80::1%br0", "::10.0.0.5", "[::5]"
  ]) func `what is no address is refused`(_ ip: String) {
    #expect(throws: AddressMistake.notAnAddress(ip)) { try GuardedAddress(ip: ip, prefixLength: 24, link: "br0") }
  }

  @Test(arguments: [
    ("2001:DB8::5", "2001:db8::5"), ("2001:0db8::5", "2001:db8::5"), ("2001:db8:0:0:0:0:0:5", "2001:db8::5"),
    ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4"), ("1::2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
    ("1:0:0:2:3::4", "1::2:3:0:0:4")
  ]) func `another form is refused with the canonical one`(_ ip: String, _ canonical: String) {
    #expect(throws: AddressMistake.notCanonical(ip, canonical: canonical)) {
      try GuardedAddress(ip: ip, prefixLength: 24, link: "br0")
    }
    #expect(throws: Never.self) { try GuardedAddress(ip: canonical, prefixLength: 24, link: "br0") }
  }

  @Test(arguments: [
    ("0.0.0.0", "unspecified"), ("127.0.0.1", "loopback"), ("127.9.9.9", "loopback"), ("224.0.0.1", "multicast"),
    ("239.255.255.255", "multicast"), ("255.255.255.255", "broadcast"), ("::", "unspecified"), ("::1", "loopback"),
    ("ff02::1", "multicast"), ("::ffff:a00:5", "IPv4")
  ]) func `what no workload can have is refused`(_ ip: String, _ kind: String) {
    let mistake = #expect(throws: AddressMistake.self) { try GuardedAddress(ip: ip, prefixLength: 24, link: "br0") }
    #expect(mistake?.description.contains(kind) == true)
  }

  @Test(arguments: [("10.0.0.5", 0), ("10.0.0.5", 33), ("10.0.0.5", -1), ("2001:db8::5", 0), ("2001:db8::5", 129)])
  func `a prefix length has its range`(_ ip: String, _ length: Int) {
    let mistake = #expect(throws: AddressMistake.self) { try GuardedAddress(ip: ip, prefixLength: length, link: "br0") }
    #expect(mistake == .prefixLength("\(ip)/\(length)", most: ip.contains(":") ? 128 : 32))
  }

  @Test(arguments: [
    ("10.0.0.5/24@br0", "10.0.0.5/32@br1", true), ("10.0.0.5/24@br0", "10.0.0.6/24@br0", false),
    ("fe80::1/64@br0", "fe80::1/128@br0", true), ("fe80::1/64@br0", "fe80::1/64@br1", false),
    ("2001:db8::5/64@br0", "2001:db8::5/64@br1", true)
  ]) func `one address of the host is known by its number`(_ a: String, _ b: String, _ isSame: Bool) {
    #expect(address(a).isSame(as: address(b)) == isSame)
    #expect(address(a) != address(b))
  }
}
