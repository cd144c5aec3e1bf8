import HoldfastController
import HoldfastModel
import Testing

/// The record of what is wanted of a workload is gone: what people wanted to run is not lost with it, and what they stopped is not started by it.
@Suite struct `A workload without its intent` {
  private func desired(_ workload: WorkloadName, _ rig: Rig) -> IntentRecord.Desired? {
    if case .intent(let intent)? = rig.store.entries[.intent(workload)]?.value { intent.desired } else { nil }
  }

  private static func claim(_ activity: ClaimRecord.Activity, by node: NodeName? = "n1") -> ClaimRecord {
    ClaimRecord(
      epoch: Epoch(1), holder: node.map { .init(node: $0, incarnation: Incarnation("i-\($0)")) }, activity: activity)
  }

  private static func placed(_ node: NodeName?, _ reason: PlacementReason = "test") -> PlacementRecord {
    PlacementRecord(node: node, reason: reason)
  }

  private static let stopped = PlacementRecord(node: nil, reason: PlacementReason(.stopped))

  /// What is known of it, and whether that proves that it is to run.
  static let proofs: [(what: String, claim: ClaimRecord?, placement: PlacementRecord?, proves: Bool)] = [
    ("it runs where it belongs", claim(.running), placed("n1"), true), ("it is starting", claim(.starting), placed("n1"), true),
    ("its node cannot tell", claim(.unclear), placed("n1"), true), ("it moves", claim(.stopping), placed("n2"), true),
    ("it has no room any more", claim(.running), placed(nil, "full"), true),
    ("its placement is gone as well", claim(.running), nil, true), ("an operator stopped it", claim(.running), stopped, false),
    ("it is being stopped", claim(.stopping), stopped, false),
    ("it is being stopped, for whatever reason", claim(.stopping), placed("n1"), false),
    ("nobody has it", claim(.running, by: nil), placed("n1"), false), ("it never ran", nil, placed("n1"), false)
  ]

  @Test(arguments: proofs.indices) func `is wanted where the records prove it`(_ index: Int) {
    let (what, claim, placement, proves) = Self.proofs[index]
    var view = ClusterView()
    var entries: [RecordKey: Record] = [.spec("w1"): .spec(Rig.spec())]
    if let claim { entries[.claim("w1")] = .claim(claim) }
    if let placement { entries[.placement("w1")] = .placement(placement) }
    let stored = entries.mapValues { Stored(value: $0, created: Revision(1), modified: Revision(1)) }
    view.load(ClusterListing(revision: Revision(1), entries: stored))
    #expect(view.withoutIntent == ["w1"] && view.isProvenWanted("w1") == proves, "\(what)")
  }

  private func running() -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.place("w1", on: "n1")
    rig.apply("w1")
    rig.pass(.milliseconds(500))
    rig.actions = []
    return rig
  }

  @Test func `gets it back from the planner while it runs on`() {
    var rig = running()
    rig.write([.delete(.intent("w1"))])
    rig.pass(.seconds(3))
    #expect(desired("w1", rig) == .running)
    #expect(rig.stops().isEmpty && rig.starts().isEmpty && rig.claim("w1")?.holder?.node == "n1")
    #expect(rig.notes().contains(.unreadable))
  }

  @Test func `gets it back when its node was lost at the same moment, and is started elsewhere`() {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.join("n2", incarnation: "i2")
    rig.place("w1", on: "n2")
    rig.hold("w1", by: "n2", "i2")
    rig.apply("w1")
    rig.pass(.seconds(5))
    rig.renewed = [:]
    rig.write([.delete(.session("i2")), .delete(.intent("w1"))])
    rig.pass(.seconds(2))
    #expect(desired("w1", rig) == .running)
    #expect(rig.claim("w1")?.holder?.node == "n1" && rig.starts().count == 1)
  }

  @Test func `stays down where an operator had stopped it, also when its node is lost`() {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.join("n2", incarnation: "i2")
    rig.hold("w1", by: "n2", "i2")
    rig.write([
      .put(.placement("w1"), .placement(Self.stopped)), .put(.spec("w1"), .spec(Rig.spec())),
      .put(.intent("w1"), .intent(IntentRecord(desired: .stopped)))
    ])
    rig.pass(.seconds(5))
    rig.renewed = [:]
    rig.write([.delete(.session("i2")), .delete(.intent("w1"))])
    rig.pass(.seconds(5))
    #expect(desired("w1", rig) == nil && rig.starts().isEmpty && rig.placement("w1")?.node == nil)
  }

  @Test func `runs on in a disarmed cluster, which restores nothing`() {
    var rig = running()
    rig.write([.put(.disarm, .disarm(DisarmRecord(since: 0)))])
    rig.write([.delete(.intent("w1"))])
    rig.pass(.seconds(3))
    #expect(desired("w1", rig) == nil && rig.stops().isEmpty && rig.claim("w1")?.holder?.node == "n1")
    rig.write([.delete(.disarm)])
    rig.pass(.seconds(1))
    #expect(desired("w1", rig) == .running && rig.stops().isEmpty)
  }

  /// n2 plans, and has not seen that the record is gone.
  @Test func `gets it back from the node that lets go of it`() {
    var rig = Rig.follower()
    rig.domainsObey = true
    rig.place("w1", on: "n1")
    rig.apply("w1")
    rig.pass(.milliseconds(500))
    #expect(rig.claim("w1")?.holder?.node == "n1")
    rig.write([.delete(.intent("w1"))])
    rig.place("w1", on: "n2")
    rig.pass(.seconds(5))
    #expect(rig.claim("w1") != nil && rig.claim("w1")?.holder == nil)
    #expect(desired("w1", rig) == .running)
  }

  @Test func `is not started again when it was being stopped, and nothing is written for it`() {
    var rig = Rig.follower()
    rig.place("w1", on: "n1")
    rig.apply("w1")
    rig.send(.operation("w1", .start, .done))
    rig.sees(Rig.domain("w1"))
    rig.want("w1", .stopped)
    #expect(rig.claim("w1")?.activity == .stopping)
    rig.actions = []
    rig.write([.delete(.intent("w1"))])
    rig.send(.operation("w1", .stop, .done))
    rig.gone("w1")
    rig.pass(.seconds(3))
    #expect(rig.claim("w1")?.holder == nil && rig.starts().isEmpty && desired("w1", rig) == nil)
  }
}
