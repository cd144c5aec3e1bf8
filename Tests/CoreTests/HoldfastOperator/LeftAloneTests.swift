import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import Testing

@Suite struct `A workload that nobody moves` {
  private let record = MaintenanceRecord(since: 1)
  private let policies = PolicyPlanner().policies
  private let planning = PlanningSnapshot(
    nodes: ["a", "b"].map {
      .init(name: $0, capacity: Resources(memory: 8192, cpus: 4), connections: [OperatorFixture.connection])
    }, workloads: [])

  private func stuck(_ fixture: OperatorFixture) -> [String] {
    let plan = EvacuationPlan(of: "a", record, in: fixture.view, planning: planning, policies: policies)
    #expect((plan.refusal(of: "a", record) == nil) == plan.unplaceable.isEmpty)
    let draining = fixture.copy()
    draining.put(.maintenance("a"), .maintenance(record))
    let moves = EvacuationMove.all(in: draining.view, planning: { planning }, policies: policies)["a"] ?? []
    #expect(moves.filter { $0.state == .stuck }.map(\.workload) == plan.unplaceable.map(\.workload))
    return plan.unplaceable.map { "\($0.workload): \($0.reason)" }
  }

  @Test func `keeps its node from being emptied, and that is said`() {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.run("web2", on: "b")
    #expect(stuck(fixture).isEmpty)
    for key in [RecordKey.intent("web1"), .placement("web1"), .intent("web2")] {
      let damaged = fixture.copy()
      damaged.put(key, .unreadable(reason: "?"))
      let expected = key == .intent("web2") ? [] : ["web1: a record of it cannot be read: `holdfast store check`"]
      #expect(stuck(damaged) == expected, "\(key)")
    }
    // The planner writes it anew, and moves it.
    fixture.delete(.intent("web1"))
    #expect(stuck(fixture).isEmpty)
    fixture.put(.placement("web1"), .placement(PlacementRecord(node: nil, reason: PlacementReason(.stopped))))
    #expect(stuck(fixture) == ["web1: the record of what is wanted of it is missing: `holdfast store check`"])
  }

  private func define(_ fixture: OperatorFixture, memory: Int) throws -> PreparedCommand.Effect {
    var spec = OperatorFixture.spec("web1", memory: memory)
    spec.xml = "<domain type='lxc'><name>any</name><memory>\(memory)</memory></domain>"
    let prepared = try OperatorCommand.define("web1", spec).prepare(in: fixture.view)
    fixture.commit(prepared.transaction)
    return prepared.effect
  }

  private func tell(_ outdated: [WorkloadName]?, _ fixture: OperatorFixture) {
    fixture.put(
      .report("a"),
      .report(
        ReportRecord(
          unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [], outdated: outdated)))
  }

  @Test func `runs with what it had until its next start, whatever is defined meanwhile`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a", memory: 4096)
    tell(nil, fixture)
    func reckoned() -> Int? { fixture.view.demand(of: "web1")?.memory }
    #expect(try define(fixture, memory: 1024) == .changed(["xml", "demand.memory"]))
    #expect(fixture.view.specs["web1"]?.value.demand.memory == 1024 && reckoned() == 4096)
    #expect(ClusterLoad(fixture.view).nodes["a"]?.used.memory == 4096)
    #expect(try define(fixture, memory: 1024) == .unchanged)
    tell(["web1"], fixture)
    _ = try define(fixture, memory: 512)
    #expect(reckoned() == 4096)
    _ = try define(fixture, memory: 6000)
    #expect(reckoned() == 6000 && fixture.view.specs["web1"]?.value.runsWith == nil)
    // Nobody has told what it runs with: at most that.
    _ = try define(fixture, memory: 512)
    #expect(reckoned() == 6000)
    tell(nil, fixture)
    #expect(reckoned() == 512)
    fixture.put(.claim("web1"), .claim(ClaimRecord(epoch: Epoch(3), holder: nil)))
    _ = try define(fixture, memory: 256)
    #expect(reckoned() == 256 && fixture.view.specs["web1"]?.value.runsWith == nil)
  }
}
