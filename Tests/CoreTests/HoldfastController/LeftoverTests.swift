import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// What libvirt on a node keeps defined beside the protected domains: it is reported, and the planner leaves the node out.
@Suite struct `Leftover definitions` {
  private static func report(_ leftovers: [LeftoverDefinition]? = nil) -> Record { Rig.report(leftovers: leftovers) }

  @Test func `of workloads that there are go into the report, once`() {
    var rig = Rig.running()
    rig.apply("w1")
    rig.pass(.seconds(2))
    #expect(rig.report()?.leftovers == nil)
    let left = LeftoverDefinition(of: "w1", autostart: true)
    rig.send(.leftovers([left, LeftoverDefinition(of: "w9")]))
    rig.pass(.seconds(2))
    #expect(rig.report()?.leftovers == [left])
    rig.actions = []
    rig.send(.leftovers([left, LeftoverDefinition(of: "w9")]))
    #expect(rig.transactions().isEmpty, "it is no news")
    rig.send(.leftovers([]))
    rig.pass(.seconds(2))
    #expect(rig.report()?.leftovers == nil)
  }

  @Test func `of a workload that is new are reported as soon as it is known`() {
    var rig = Rig.running()
    let left = LeftoverDefinition(of: "w1", otherUUID: "u7")
    rig.send(.leftovers([left]))
    rig.pass(.seconds(2))
    #expect(rig.report()?.leftovers == nil)
    rig.apply("w1")
    rig.pass(.seconds(2))
    #expect(rig.report()?.leftovers == [left])
    // What leaves protection may be defined as its owner likes.
    rig.want("w1", .unprotected)
    rig.pass(.seconds(2))
    #expect(rig.report()?.leftovers == nil)
  }

  @Test func `that run count where they were seen to run, and not while the domain is adopted there`() {
    var rig = Rig.running()
    let copy = LeftoverDefinition(of: "w1", isRunning: true)
    rig.send(.leftovers([copy]))
    rig.runsOnOther("w1")
    rig.pass(.seconds(2))
    #expect(rig.report()?.leftovers == nil, "nothing of it runs here any more")
    rig.sees(Rig.domain("w1", epoch: nil, persistent: true))
    rig.pass(.seconds(2))
    #expect(rig.report()?.leftovers == [copy])

    var adopting = Rig.running()
    adopting.sees(Rig.domain("w1", epoch: nil, persistent: true))
    adopting.send(.leftovers([copy]))
    adopting.write([
      .put(.spec("w1"), .spec(Rig.spec())), .put(.intent("w1"), .intent(IntentRecord(desired: .adopting, adopter: "n1")))
    ])
    adopting.pass(.seconds(2))
    #expect(adopting.report()?.leftovers == nil)
  }

  static let leftovers = [
    LeftoverDefinition(of: "w1"), LeftoverDefinition(of: "w1", otherUUID: "u7", autostart: true),
    LeftoverDefinition(of: "w1", otherName: "old"), LeftoverDefinition(of: "w1", otherUUID: "u7", isRunning: true)
  ]

  @Test(arguments: leftovers) func `keep the planner from choosing their node`(_ leftover: LeftoverDefinition) throws {
    let rig = Rig.choosing(despite: Self.report([leftover]))
    #expect(rig.placement("w2")?.node == "n2")
    let placement = try #require(rig.placement("w1"))
    #expect(placement.node == "n1")
    let why = try #require(placement.others["n2"])
    #expect(why.code == "leftover" && why.description.hasPrefix(leftover.clause), "\(why)")
  }

  @Test func `leave it pending where they are everywhere, until one is gone`() {
    var rig = Rig.crowded(Self.report([LeftoverDefinition(of: "w1")]))
    #expect(rig.placement("w1")?.node == nil)
    #expect(rig.placement("w1")?.others["n3"]?.code == "leftover")
    rig.write([.put(.report("n3"), Self.report())])
    rig.pass(.seconds(1))
    #expect(rig.placement("w1")?.node == "n3")
  }

  @Test func `that come while it runs there move nothing`() {
    var rig = Rig.running()
    rig.runsOnOther("w1")
    rig.pass(.milliseconds(200))
    rig.write([.put(.report("n2"), Self.report([LeftoverDefinition(of: "w1", otherName: "old")]))])
    rig.pass(.seconds(1))
    #expect(rig.placement("w1")?.node == "n2")
  }

  @Test func `are still to be removed when an adoption is over`() {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.sees(Rig.domain("w1", epoch: nil, persistent: true))
    rig.write([
      .put(.spec("w1"), .spec(Rig.spec())),
      .put(.intent("w1"), .intent(IntentRecord(desired: .adopting, adopter: "n1", removesLeftovers: true)))
    ])
    rig.send(rig.armed(["w1"]))
    rig.pass(.milliseconds(100))
    #expect(rig.claim("w1")?.holder?.node == "n1")
    #expect(
      rig.store.entries[.intent("w1")]?.value == .intent(IntentRecord(desired: .running, removesLeftovers: true)))
  }
}
