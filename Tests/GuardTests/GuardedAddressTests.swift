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
    #expect(try GuardedAddress(address.address, prefixLength: address.prefixLength, on: address.link) == address)
  }

  @Test func `its parts are told apart`() throws {
    let one = address("10.1.2.3/8@a@b")
    #expect(try one.address == IPAddress("10.1.2.3") && one.prefixLength == 8 && one.link == "a@b")
    #expect(one.ipWithPrefix == "10.1.2.3/8")
  }

  @Test(arguments: [
    "", "@", "/@", "10.0.0.5", "10.0.0.5/24", "10.0.0.5@br0", "10.0.0.5/@br0", "10.0.0.5/24/8@br0", "10.0.0.5/+4@br0",
    "10.0.0.5/024@br0", "10.0.0.5/-1@br0", "10.0.0.5/1000@br0", "10.0.0.5/24@", "10.0.0.5/24@a b", "10.0.0.5/24@a:1",
    "10.0.0.5/24@..", "10.0.0.5/24@sixteenletters16"
  ]) func `what is not whole is refused`(_ text: String) {
    let mistake = #expect(throws: AddressMistake.self) { try GuardedAddress(text) }
    #expect(mistake?.description.isEmpty == false)
  }

  @Test(arguments: ["10", "10.0.0.05", "fe80::1%br0", "::10.0.0.5", "[::5]"]) func `what is no address is refused`(_ ip: String)
  {
    #expect(throws: AddressMistake.notAnAddress(ip)) { try GuardedAddress("\(ip)/24@br0") }
  }

  @Test(arguments: [("2001:DB8::5", "2001:db8::5"), ("1:0:0:2:3::4", "1::2:3:0:0:4")])
  func `another form is refused with the canonical one`(_ ip: String, _ canonical: String) {
    #expect(throws: AddressMistake.notCanonical(ip, canonical: canonical)) { try GuardedAddress("\(ip)/24@br0") }
    #expect(throws: Never.self) { try GuardedAddress("\(canonical)/24@br0") }
  }

  @Test(arguments: [
    ("0.0.0.0", "unspecified"), ("127.0.0.1", "loopback"), ("224.0.0.1", "multicast"), ("255.255.255.255", "broadcast"),
    ("::", "unspecified"), ("::1", "loopback"), ("ff02::1", "multicast"), ("::ffff:a00:5", "IPv4")
  ]) func `what no workload can have is refused`(_ ip: String, _ kind: String) {
    let mistake = #expect(throws: AddressMistake.self) { try GuardedAddress("\(ip)/24@br0") }
    #expect(mistake?.description.contains(kind) == true)
  }

  @Test(arguments: [("10.0.0.5", 0), ("10.0.0.5", 33), ("10.0.0.5", -1), ("2001:db8::5", 0), ("2001:db8::5", 129)])
  func `a prefix length has its range`(_ ip: String, _ length: Int) throws {
    let known = try IPAddress(ip)
    let mistake = #expect(throws: AddressMistake.self) { try GuardedAddress(known, prefixLength: length, on: "br0") }
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
