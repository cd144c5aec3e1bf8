import HoldfastController
import HoldfastModel
import HoldfastPlanning
import HoldfastTime
import Testing

/// What libvirt on a node cannot run as it is defined: it is reported, and the planner leaves the node out for it.
@Suite struct `Workloads that a node cannot run` {
  private static let why = Incompatibility(.machine, "pc-q35-9.2")
  private static let group = IncompatibleWorkloads(why, ["w1"])

  private static func report(_ groups: [IncompatibleWorkloads]? = nil) -> Record { Rig.report(incompatible: groups) }

  @Test func `go into the report, once`() {
    var rig = Rig.running()
    rig.apply("w1")
    rig.pass(.seconds(2))
    #expect(rig.report()?.incompatible == nil)
    rig.actions = []
    rig.send(.incompatible([]))
    #expect(rig.transactions().isEmpty, "there is nothing to tell")
    rig.send(.incompatible([Self.group]))
    rig.pass(.seconds(2))
    #expect(rig.report()?.incompatible == [Self.group])
    rig.actions = []
    rig.send(.incompatible([Self.group]))
    #expect(rig.transactions().isEmpty, "it is no news")
    rig.send(.incompatible([]))
    rig.pass(.seconds(2))
    #expect(rig.report()?.incompatible == nil)
  }

  @Test func `stay in it over a restart, until libvirt was asked again`() {
    var rig = Rig()
    rig.write([.put(.report("n1"), Self.report([Self.group]))])
    rig.begin()
    rig.pass(.seconds(3))
    #expect(rig.report()?.incompatible == [Self.group])
    rig.send(.incompatible([]))
    rig.pass(.seconds(2))
    #expect(rig.report()?.incompatible == nil)
  }

  static let reasons = Incompatibility.Kind.allCases.map { Incompatibility($0, "x") }

  @Test(arguments: reasons) func `keep the planner from choosing it`(_ why: Incompatibility) throws {
    let rig = Rig.choosing(despite: Self.report([IncompatibleWorkloads(why, ["w1"])]))
    #expect(rig.placement("w2")?.node == "n2")
    let placement = try #require(rig.placement("w1"))
    #expect(placement.node == "n1")
    #expect(placement.others["n2"] == .incompatible(why) && placement.others["n2"]?.code == "incompatible")
  }

  @Test func `wait where no other node is left, until one can`() {
    var rig = Rig.crowded(Self.report([Self.group]))
    #expect(rig.placement("w1")?.node == nil)
    #expect(rig.placement("w1")?.others["n3"]?.code == "incompatible")
    rig.write([.put(.report("n3"), Self.report())])
    rig.pass(.seconds(1))
    #expect(rig.placement("w1")?.node == "n3")
  }

  @Test func `stay where they run, which is proof that they can`() {
    var rig = Rig.running()
    rig.runsOnOther("w1")
    rig.pass(.milliseconds(200))
    rig.write([.put(.report("n2"), Self.report([Self.group]))])
    rig.pass(.seconds(1))
    #expect(rig.placement("w1")?.node == "n2")
  }

  @Test func `are not brought there by an operator, who is told why`() throws {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.join("n2", incarnation: "i2", memory: 1024)
    rig.apply("w1")
    rig.pass(.seconds(1))
    #expect(rig.placement("w1")?.node == "n1")
    rig.write([.put(.report("n2"), Self.report([Self.group]))])
    rig.want("w1", .running, move: .init(to: "n2", serial: 1))
    rig.pass(.seconds(1))
    let placement = try #require(rig.placement("w1"))
    #expect(placement.node == "n1" && placement.servedMove == 1)
    #expect("\(placement.reason)".contains(Self.why.clause), "\(placement.reason)")
  }

  @Test func `are neither moved there while they run, nor stopped for it`() {
    var rig = Rig.follower()
    var node = Rig.node
    node.migration = [Rig.connection: "qemu+tls://n2/system"]
    rig.domainsObey = true
    rig.write([.put(.node("n2"), .node(node)), .put(.report("n2"), Self.report([Self.group]))])
    rig.apply("w1")
    rig.place("w1", on: "n1")
    rig.actions = []
    rig.place("w1", on: "n2")
    rig.pass(.seconds(3))
    #expect(rig.claim("w1")?.holder?.node == "n1" && rig.claim("w1")?.migration == nil)
    #expect(rig.stops().isEmpty)
    #expect(rig.report()?.kept?["w1"] == "n2 cannot run it: \(Self.why.clause)")
    // It was upgraded.
    rig.write([.put(.report("n2"), Self.report())])
    #expect(rig.claim("w1")?.migration?.step == .offered)
  }
}
