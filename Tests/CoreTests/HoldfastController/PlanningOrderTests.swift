import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// Who comes first when not everybody can, and which nodes come last.
@Suite struct PlanningOrderTests {
  /// So many that placements and claims take several transactions, and starts ten turns of four. The important one is the last by name.
  @Test func `the most important is placed and claimed in the first transaction, and starts first`() throws {
    var rig = Rig.running()
    let others = (1...40).map { WorkloadName("w\($0 + 100)") }, important: WorkloadName = "z"
    rig.write(
      (others + [important]).flatMap { name -> [Write<RecordKey, Record>] in
        var spec = Rig.spec(name.text)
        spec.demand = Resources(memory: 1, cpus: 0)
        spec.priority = name == important ? 9 : 0
        return [.put(.spec(name), .spec(spec)), .put(.intent(name), .intent(IntentRecord(desired: .running)))]
      })
    #expect((others + [important]).allSatisfy { rig.placement($0)?.node == "n1" })
    let writes = rig.transactions().map { $0.writes.map(\.key) }
    let placing = writes.first { keys in keys.contains { if case .placement = $0 { true } else { false } } }
    let claiming = writes.first { keys in keys.contains { if case .claim = $0 { true } else { false } } }
    let placed = try #require(placing), claimed = try #require(claiming)
    #expect(placed.contains(.placement(important)))
    #expect(claimed.contains(.claim(important)))
    let started = rig.starts().map(\.id.name)
    #expect(started.contains(important.text), "\(started)")
  }

  @Test func `a node that was not heard of for most of its TTL is the last choice, until it is heard of again`() {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.join("n2", incarnation: "i2", memory: 100_000)
    rig.pass(.seconds(2))
    let others = rig.renewed
    rig.renewed = [:]
    rig.pass(.milliseconds(800))
    #expect(rig.sessions(of: "n2") == ["i2"], "it is not lost")
    rig.apply("w1", uuid: "u1")
    #expect(rig.placement("w1")?.node == "n1")
    #expect(rig.placement("w1")?.others["n2"] == "was not heard of for most of its TTL")
    rig.renewed = others
    rig.pass(.seconds(1))
    rig.apply("w2", uuid: "u2")
    #expect(rig.placement("w2")?.node == "n2", "least loaded")
    #expect(rig.placement("w1")?.node == "n1", "nothing moves for that")
  }

  @Test func `what fits on a silent node alone goes there`() {
    var rig = Rig.running()
    rig.join("n2", incarnation: "i2", memory: 100_000)
    rig.pass(.seconds(2))
    rig.renewed = [:]
    rig.pass(.milliseconds(800))
    rig.apply("w1", memory: 5000)
    #expect(rig.placement("w1")?.node == "n2")
  }
}
