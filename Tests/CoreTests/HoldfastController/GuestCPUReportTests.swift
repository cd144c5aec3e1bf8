import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// CPUs of virtual machines that run: reported, and nothing is decided by them.
@Suite struct `CPUs of guests` {
  private static let known = GuestCPUs(
    running: [RunningCPU(GuestCPU(connection: Rig.connection, type: "kvm", architecture: nil, xml: "<cpu/>"), ["w1"])],
    lacking: [IncompatibleWorkloads(Incompatibility(.cpu, "no avx512f"), ["w2"])])

  @Test func `go into the report, once`() {
    var rig = Rig.running()
    rig.apply("w1")
    rig.pass(.seconds(2))
    rig.actions = []
    rig.send(.guestCPUs(GuestCPUs()))
    #expect(rig.transactions().isEmpty, "there is nothing to tell")
    rig.send(.guestCPUs(Self.known))
    rig.pass(.seconds(2))
    #expect(rig.report()?.runningCPUs == Self.known.running && rig.report()?.lackingCPUs == Self.known.lacking)
    rig.actions = []
    rig.send(.guestCPUs(Self.known))
    #expect(rig.transactions().isEmpty, "it is no news")
    rig.send(.guestCPUs(GuestCPUs()))
    rig.pass(.seconds(2))
    #expect(rig.report()?.runningCPUs == nil && rig.report()?.lackingCPUs == nil)
  }

  @Test func `do not keep a live move from being tried`() throws {
    var rig = Rig.follower()
    var node = Rig.node
    node.migration = [Rig.connection: "qemu+tls://n2/system"]
    var report = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
    report.lackingCPUs = [IncompatibleWorkloads(Incompatibility(.cpu, "no avx512f"), ["w1"])]
    rig.domainsObey = true
    rig.write([.put(.node("n2"), .node(node)), .put(.report("n2"), .report(report))])
    rig.apply("w1")
    rig.place("w1", on: "n1")
    rig.send(.guestCPUs(Self.known))
    rig.actions = []
    rig.place("w1", on: "n2")
    #expect(rig.claim("w1")?.migration?.step == .offered)
    #expect(rig.stops().isEmpty)
  }
}
