import HoldfastTime
import Lab
import Testing

private func ns(_ value: Int64) -> BootInstant { BootInstant(nanoseconds: value) }

@Suite struct AddressTraceTests {
  private static let (mac1, mac2) = ("52:54:00:00:00:01", "52:54:00:00:00:02")

  private static func frames(_ frames: (at: Int64, host: Int, address: String)...) -> String {
    "capture of 10.77.4.1 10.77.4.2\n"
      + frames.map { "\($0.at) p\($0.host) 52:54:00:00:00:0\($0.host) \($0.address) arp\n" }.joined()
  }

  @Test func `an address that moves has one holder after the other, whatever others do meanwhile`() {
    let trace = AddressTrace(
      Self.frames((10, 1, "10.77.4.1"), (15, 2, "10.77.4.2"), (20, 1, "10.77.4.1"), (50, 2, "10.77.4.1"), (60, 2, "10.77.4.1")))
    #expect(
      trace.holders["10.77.4.1"] == [
        .init(host: LabHost(1), mac: Self.mac1, from: ns(10), to: ns(20), frames: 2),
        .init(host: LabHost(2), mac: Self.mac2, from: ns(50), to: ns(60), frames: 2)
      ])
    #expect(trace.holders["10.77.4.2"]?.map(\.host) == [LabHost(2)])
    #expect(trace.lost == 0 && trace.garbage.isEmpty)
  }

  @Test func `two hosts that both have an address are there in turn`() {
    let trace = AddressTrace(
      Self.frames((10, 1, "10.77.4.1"), (20, 2, "10.77.4.1"), (30, 1, "10.77.4.1"), (40, 2, "10.77.4.1")))
    #expect(trace.holders["10.77.4.1"]?.map(\.host) == [1, 2, 1, 2].map(LabHost.init))
  }

  @Test func `another network card of the same host is another holder`() {
    let trace = AddressTrace("10 p1 52:54:00:00:00:01 10.77.4.1 arp\n20 p1 52:54:00:00:00:99 10.77.4.1 ip\n")
    #expect(trace.holders["10.77.4.1"]?.map(\.host) == [LabHost(1), LabHost(1)])
  }

  @Test func `what was not seen, and what cannot be, is told`() {
    let strange = ["10 client 52:54:00:00:00:01 10.77.4.1 arp", "10 ? 52:54:00:00:00:01 10.77.4.1 arp", "p1", ""]
    let trace = AddressTrace(
      "capture of 10.77.4.1\nlost 3\n" + strange.map { $0 + "\n" }.joined() + "lost 4\n20 p1 52:54:00:00:00:01 10.77.4")
    #expect(trace.lost == 7)
    #expect(trace.garbage == strange)
    #expect(trace.holders.isEmpty, "a line that is being written is not read")
  }
}

@Suite struct PingTraceTests {
  @Test func `a gap is what lies between two answers`() throws {
    let trace = PingTrace(
      """
      PING 10.77.4.1 (10.77.4.1) 56(84) bytes of data.
      [1796075842.100000] 64 bytes from 10.77.4.1: icmp_seq=1 ttl=64 time=0.098 ms
      [1796075842.120000] 64 bytes from 10.77.4.1: icmp_seq=2 ttl=64 time=0.065 ms
      [1796075842.900000] From 10.77.0.253 icmp_seq=3 Destination Host Unreachable
      [1796075843.620000] 64 bytes from 10.77.4.1: icmp_seq=4 ttl=64 time=0.080 ms
      [1796075843.640000] 64 bytes fr
      """)
    let first = try #require(trace.answers.first), last = try #require(trace.answers.last)
    #expect(trace.answers.count == 3)
    // The clocks are read for each line.
    let slack = Duration.milliseconds(5)
    let longest = try #require(trace.longestGap(since: first)), expected = Duration.milliseconds(1500)
    #expect(longest > expected - slack && longest < expected + slack)
    #expect(trace.longestGap(since: last) == nil)
  }
}
