import HoldfastController
import HoldfastModel
import HoldfastPlanning
import Testing

/// What planning reckons with of workloads that are not as they are defined, or are not planned at all.
@Suite struct `The room of what runs` {
  private static let report = ReportRecord(
    unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])

  /// n2 runs w1, which has 3000 MiB.
  private func planning(_ spec: SpecRecord = Rig.spec(memory: 3000)) -> Rig {
    var rig = Rig.running()
    rig.join("n2", incarnation: "i2")
    rig.place("w1", on: "n2")
    rig.hold("w1", by: "n2", "i2")
    rig.write([
      .put(.spec("w1"), .spec(spec)), .put(.intent("w1"), .intent(IntentRecord(desired: .running))),
      .put(.report("n2"), .report(Self.report))
    ])
    return rig
  }

  private func leftAlone(_ rig: Rig) -> [NodeName: Int] {
    let nodes = rig.controller.planningBasis(now: rig.now).snapshot().nodes
    return Dictionary(uniqueKeysWithValues: nodes.compactMap { node in node.leftAlone.map { (node.name, $0.memory) } })
  }

  @Test(arguments: [RecordKey.intent("w1"), .claim("w1"), .placement("w1")])
  func `is kept where a record cannot be read`(_ key: RecordKey) {
    var rig = planning()
    #expect(leftAlone(rig).isEmpty)
    rig.write([.put(key, .unreadable(reason: "garbage"))])
    #expect(leftAlone(rig) == ["n2": 3000])
    // Nothing else gets it.
    rig.apply("w2", uuid: "u2", memory: 2000)
    #expect(rig.placement("w2")?.node == "n1")
    rig.apply("w3", uuid: "u3", memory: 2500)
    #expect(rig.placement("w3") != nil && rig.placement("w3")?.node == nil)
  }

  @Test func `is kept where nobody knows what is wanted`() {
    var rig = planning()
    rig.write([
      .put(
        .claim("w1"),
        .claim(ClaimRecord(epoch: Epoch(1), holder: .init(node: "n2", incarnation: "i2"), activity: .stopping))),
      .delete(.intent("w1"))
    ])
    #expect(leftAlone(rig) == ["n2": 3000] && rig.placement("w1")?.node == "n2")
  }

  @Test func `is that of the definition it runs, until its next start`() {
    var rig = planning()
    func reckoned() -> Int? {
      rig.controller.planningBasis(now: rig.now).snapshot().workloads.first { $0.name == "w1" }?.demand.memory
    }
    var smaller = Rig.spec(memory: 500)
    smaller.xml = "<domain memory='500'/>"
    let next = smaller.following("w1", in: rig.controller.view)
    #expect(next.runsWith?.memory == 3000)
    rig.write([.put(.spec("w1"), .spec(next))])
    #expect(reckoned() == 3000, "its node has not told yet")
    var outdated = Self.report
    outdated.outdated = ["w1"]
    rig.write([.put(.report("n2"), .report(outdated))])
    #expect(reckoned() == 3000)
    rig.apply("w2", uuid: "u2", memory: 3000)
    #expect(rig.placement("w2")?.node == "n1")
    rig.apply("w3", uuid: "u3", memory: 1500)
    #expect(rig.placement("w3") != nil && rig.placement("w3")?.node == nil)
    // It was started anew: what waited for the room gets it.
    rig.write([.put(.report("n2"), .report(Self.report))])
    #expect(reckoned() == 500)
    #expect(rig.placement("w3")?.node == "n2")
  }

  /// A definition, the next one, and what is reckoned with beside that.
  @Test(
    arguments: [
      ("a", 3000, "b", 500, 3000), ("a", 3000, "a", 500, nil), ("a", 500, "b", 3000, nil), ("a", 500, "b", 500, nil)
    ] as [(String, Int, String, Int, Int?)])
  func `is remembered by a definition that asks for less`(
    _ xml: String, _ memory: Int, _ nextXML: String, _ nextMemory: Int, _ remembered: Int?
  ) {
    var (spec, next) = (Rig.spec(memory: memory), Rig.spec(memory: nextMemory))
    (spec.xml, next.xml) = (xml, nextXML)
    let rig = planning(spec)
    #expect(next.following("w1", in: rig.controller.view).runsWith?.memory == remembered)
  }
}
