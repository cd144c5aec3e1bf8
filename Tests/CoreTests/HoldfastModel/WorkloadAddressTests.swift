import Foundation
import GuardCore
import HoldfastModel
import Testing

@Suite struct `An IP address` {
  @Test(arguments: [
    ("10.0.0.80", "10.0.0.80"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::", "::"), ("::1", "::1"),
    ("1::", "1::"), ("FD00:0077::00A0", "fd00:77::a0"), ("fd00:77:0:0:0:0:0:80", "fd00:77::80"),
    ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
    ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("0:0:0:0:0:0:0:2", "::2"),
    ("1:0:0:0:0:0:0:0", "1::"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::ffff:a00:50", "::ffff:a00:50")
  ])
  func `is written in one form`(text: String, form: String) throws {
    let address = try IPAddress(text)
    #expect("\(address)" == form)
    #expect(try IPAddress(form) == address)
  }

  @Test(arguments: [
    "", "10.0.0", "10.0.0.80.1", "10.0.0.256", "10.0.0.-1", "10.0.0.+1", "10.0.0.", ".10.0.0", "10..0.1", "0x0a.0.0.1",
    " 10.0.0.1",
    "10.0.0.1 ", "10.0.0.1\n", "10.0.0.99999999999999999999", "10.0.0.\u{0661}", "db1", ":", ":::", "1:2", "1::2::3",
    "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "1:2:3:4:5:6:7", ":1::", "::1:", "12345::", "g::", "+1::", "\u{FF11}::",
    "::10.0.0.80",
    "[::1]"
  ])
  func `is no other text`(text: String) {
    #expect(throws: IPAddress.Misspelling.other) { try IPAddress(text) }
  }

  @Test(arguments: [
    ("010.0.0.1", IPAddress.Misspelling.leadingZero), ("10.0.0.00", .leadingZero), ("10.0.0.01", .leadingZero),
    ("fe80::1%br0", .zone),
    ("10.0.0.1%br0", .zone)
  ])
  func `is none whose meaning others may take otherwise`(text: String, flaw: IPAddress.Misspelling) {
    #expect(throws: flaw) { try IPAddress(text) }
  }

  @Test func `has its bytes in the network's order`() throws {
    #expect(try IPAddress("10.1.2.80").bytes == [10, 1, 2, 80])
    #expect(try IPAddress("fd00:77::a0b").bytes == [0xFD, 0, 0, 0x77] + Array(repeating: 0, count: 10) + [0x0A, 0x0B])
    #expect(try IPAddress("10.0.0.1").width == 32 && IPAddress("::2").width == 128)
  }
}

@Suite struct `A workload's address` {
  @Test func `is told with its prefix and interface`() throws {
    #expect(try "\(WorkloadAddress("10.0.0.80/24", on: "br0"))" == "10.0.0.80/24 on br0")
    #expect(try "\(WorkloadAddress("FD00::0080/64", on: "br0.5@x"))" == "fd00::80/64 on br0.5@x")
    #expect(try WorkloadAddress("10.0.0.80/32", on: "br0").flaw == nil)
  }

  @Test(arguments: [
    ("10.0.0.80", IPAddress.Misspelling.noPrefixLength), ("fd00::80", .noPrefixLength), ("10.0.0.80/", .other),
    ("10.0.0.80/a", .other),
    ("10.0.0.80/24/8", .other), ("10.0.0.80/+24", .other), ("10.0.0.80/024", .leadingZero), ("10.0.0.080/24", .leadingZero),
    ("fe80::80%br0/64", .zone), ("fe80::80/64%br0", .other), ("10.0.0.80/255.255.255.0", .other), ("/24", .other), ("", .other),
    ("db1", .other)
  ])
  func `is no other text`(text: String, flaw: IPAddress.Misspelling) {
    #expect(throws: flaw) { try WorkloadAddress(text, on: "br0") }
  }

  @Test(arguments: [
    ("10.0.0.80/0", WorkloadAddress.Flaw.prefixLength(most: 32)), ("10.0.0.80/33", .prefixLength(most: 32)),
    ("fd00::80/0", .prefixLength(most: 128)), ("fd00::80/129", .prefixLength(most: 128)), ("0.0.0.0/24", .unspecified),
    ("0.0.0.9/8", .unspecified), ("::/64", .unspecified), ("127.0.0.1/8", .loopback), ("127.9.9.9/32", .loopback),
    ("::1/128", .loopback),
    ("224.0.0.1/24", .multicast), ("239.1.2.3/32", .multicast), ("ff02::1/64", .multicast), ("::ffff:a00:50/120", .mapped),
    ("10.0.0.0/24", .network), ("10.0.0.128/25", .network), ("10.0.0.4/30", .network), ("128.0.0.0/1", .network),
    ("fd00:77::/64", .network), ("fd00::4/126", .network), ("10.0.0.255/24", .broadcast), ("10.0.0.7/30", .broadcast),
    ("255.255.255.255/32", .broadcast)
  ])
  func `is none that no host has for itself`(text: String, flaw: WorkloadAddress.Flaw) throws {
    let address = try WorkloadAddress(text, on: "br0")
    #expect(address.flaw == flaw)
    #expect(!flaw.reason.isEmpty && !flaw.remedy.isEmpty)
  }

  /// On a link of two hosts there is neither a network's address nor a broadcast address; and not every zero or 255 is one.
  @Test(arguments: [
    "10.0.0.0/31", "10.0.0.1/31", "10.0.0.0/32", "10.0.0.255/32", "10.0.0.255/16", "10.0.1.0/16", "10.0.0.1/1",
    "169.254.1.1/16",
    "fd00::/127", "fd00::/128", "fd00::1/127", "fd00:77::ffff:ffff:ffff:ffff/64", "fe80::80/64", "::2/64"
  ])
  func `is what a host can have`(text: String) throws { #expect(try WorkloadAddress(text, on: "br0").flaw == nil) }

  @Test(arguments: [
    ("br0", true), ("eth0.100", true), ("a", true), ("123456789012345", true), ("br-0123456789ab", true), ("...", true),
    ("br\u{e9}", true),
    ("", false), ("1234567890123456", false), (".", false), ("..", false), ("br/0", false), ("br:0", false), ("br 0", false),
    ("br0\n", false), ("br\t0", false), ("br\u{0}", false), ("br\u{1B}[1m", false), ("br\u{7F}", false), ("br\u{85}", false),
    ("br\u{e0}", false), ("br\u{a0}0", false)
  ])
  func `is on an interface that the kernel can have`(name: String, isGood: Bool) throws {
    #expect(WorkloadAddress.isInterface(name) == isGood)
    #expect(try WorkloadAddress("10.0.0.80/24", on: name).flaw == (isGood ? nil : .interface))
  }
}

/// Addresses as records have them. Who does not know them must not run the workload.
@Suite struct `A spec's addresses` {
  private static let codec = RecordCodec(cluster: "c")
  private static let head =
    #""connection":"lxc:///","demand":{"cpus":1,"memory":1},"isolation":"freeze","labels":{},"priority":0,"stopTimeout":1,"uuid":"u","#
  /// As every build has written it.
  private static let plain = #"{\#(head)"xml":"<domain/>"}"#
  private static let addressed =
    #"{"addresses":[{"address":"10.0.0.80","interface":"br0","prefixLength":24},"#
    + #"{"address":"fd00:77::80","interface":"br0","prefixLength":64}],\#(head)"xmlWithAddresses":"<domain/>"}"#

  private static func spec(_ addresses: [WorkloadAddress]) -> SpecRecord {
    SpecRecord(
      connection: "lxc:///", uuid: "u", xml: "<domain/>", demand: Resources(memory: 1, cpus: 1), labels: [:], priority: 0,
      isolation: .freeze, stopTimeout: 1, addresses: addresses)
  }

  private static func addresses() throws -> [WorkloadAddress] {
    [try WorkloadAddress("10.0.0.80/24", on: "br0"), try WorkloadAddress("fd00:77::80/64", on: "br0")]
  }

  /// What the builds before addresses made of a definition: the fields that they knew, and no others.
  private struct EarlierSpec: Hashable, Codable {
    var connection: String
    var uuid: String
    var xml: String
    var demand: Resources
    var labels: [String: String]
    var priority: Int
    var isolation: Isolation
    var stopTimeout: Double
    var takenFrom: String?
    @LaterField var runsWith: Resources?
    @LaterField var underneath: [String: [String]]?
    var shared: [String]?
    @LaterField var checks: [HealthCheck]?
  }

  private func read(_ text: String) -> Record { Self.codec.decode(Array(text.utf8), at: .spec("w")) }

  @Test func `are read as they are written`() throws {
    let record = Record.spec(Self.spec(try Self.addresses()))
    #expect(String(decoding: try Self.codec.encode(record), as: UTF8.self) == Self.addressed)
    #expect(read(Self.addressed) == record)
  }

  @Test func `are none in what earlier builds wrote, which is written as they wrote it`() throws {
    let record = Record.spec(Self.spec([]))
    #expect(read(Self.plain) == record)
    #expect(String(decoding: try Self.codec.encode(record), as: UTF8.self) == Self.plain)
    var full = Self.spec([])
    full.takenFrom = "9f0"
    full.runsWith = Resources(memory: 3000, cpus: 2)
    full.underneath = ["/vm/a.snap": ["/vm/a"]]
    full.shared = ["/srv/www"]
    full.checks = RecordCodecTests.checks
    let earlier = EarlierSpec(
      connection: full.connection, uuid: full.uuid, xml: full.xml, demand: full.demand, labels: full.labels,
      priority: full.priority, isolation: full.isolation, stopTimeout: full.stopTimeout, takenFrom: full.takenFrom,
      runsWith: full.runsWith, underneath: full.underneath, shared: full.shared, checks: full.checks)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    #expect(try Self.codec.encode(.spec(full)) == Array(try encoder.encode(earlier)))
  }

  @Test func `make the record one that earlier builds cannot read`() throws {
    let bytes = Data(try Self.codec.encode(.spec(Self.spec(try Self.addresses()))))
    let error = try #require(throws: DecodingError.self) { try JSONDecoder().decode(EarlierSpec.self, from: bytes) }
    guard case .keyNotFound(let key, _) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(key.stringValue == "xml")
    let released = Data(
      try Self.codec.encode(.released(ReleasedRecord(spec: Self.spec(try Self.addresses()), desired: .running, time: 4))))
    #expect(String(decoding: released, as: UTF8.self).contains(#""xmlWithAddresses""#))
  }

  /// A record that says both would be read by some builds with its addresses, and by others without.
  @Test(arguments: [
    (addressed.replacing("xmlWithAddresses", with: "xml"), "'xmlWithAddresses' is missing"),
    (plain.replacing("xml\"", with: "xmlWithAddresses\""), "'xml' is missing"),
    (addressed.replacing("10.0.0.80", with: "10.0.0.080"), "not a record"),
    (addressed.replacing("24", with: "240"), "prefix length"),
    (addressed.replacing("24", with: "-1"), "prefix length"), (addressed.replacing("10.0.0.80", with: "127.0.0.1"), "loopback"),
    (addressed.replacing("10.0.0.80", with: "10.0.0.255"), "broadcast"),
    (addressed.replacing("br0", with: "br/0"), "interface"),
    (addressed.replacing("fd00:77::80", with: "10.0.0.80").replacing("64", with: "16"), "10.0.0.80 is there twice")
  ])
  func `make no record beyond their bounds`(text: String, word: String) {
    guard case .unreadable(let reason) = read(text) else {
      Issue.record("read: \(text)")
      return
    }
    #expect(reason.hasPrefix("/holdfast/c/specs/w: ") && reason.contains(word), "\(reason)")
  }

  @Test func `are not too many`() throws {
    func record(_ count: Int) throws -> Record {
      let addresses = try (1...count).map { try WorkloadAddress("10.0.0.\($0)/24", on: "br0") }
      return Self.codec.decode(try Self.codec.encode(.spec(Self.spec(addresses))), at: .spec("w"))
    }
    guard case .spec = try record(WorkloadAddress.most), case .unreadable = try record(WorkloadAddress.most + 1) else {
      Issue.record("another bound")
      return
    }
  }
}
