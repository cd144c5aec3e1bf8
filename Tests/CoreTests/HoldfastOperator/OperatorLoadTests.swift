import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import Testing

@Suite struct `Load and the loss of a node` {
  @Test func `a workload that moves counts on both nodes, a stopped one on none`() {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.run("web2", on: "a")
    fixture.put(.placement("web1"), .placement(PlacementRecord(node: "b", reason: "moved")))
    fixture.put(.intent("web2"), .intent(IntentRecord(desired: .stopped)))
    fixture.put(.claim("web2"), .claim(ClaimRecord(epoch: Epoch(1), holder: nil)))
    fixture.put(
      .report("b"),
      .report(
        ReportRecord(
          unmanaged: Resources(memory: 100, cpus: 0), unmanagedDomains: 1, unreachable: [:], guardPhase: .armed, strays: [])))
    let load = ClusterLoad(fixture.view)
    #expect(load.nodes["a"]?.workloads == ["web1"])
    #expect(load.nodes["b"]?.workloads == ["web1"])
    #expect(load.nodes["b"]?.headroom == Resources(memory: 8192 - 1024 - 100, cpus: 3))
    #expect(load.nodes["c"]?.used == Resources.none)
  }

  @Test func `a loss that the others absorb is no risk, one that they cannot is`() {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a", memory: 4096)
    fixture.run("web2", on: "b", memory: 4096)
    #expect(LossRehearsal(fixture.view, load: ClusterLoad(fixture.view), planner: PolicyPlanner()).losses.isEmpty)

    fixture.run("web3", on: "a", memory: 3000)
    // a takes web2 no more, b takes one of a's.
    let losses = LossRehearsal(fixture.view, load: ClusterLoad(fixture.view), planner: PolicyPlanner()).losses
    #expect(losses.map(\.node) == ["a", "b"])
    #expect(losses.first?.unplaceable == ["web3"] && losses.first?.demand.memory == 3000)
    #expect(losses.last?.unplaceable == ["web2"])
  }

  @Test func `what runs counts as room that is used, also where domains outside protection do not`() {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a", memory: 6000)
    fixture.run("web2", on: "b", memory: 6000)
    var policies = PolicySet()
    policies.cluster.countUnprotected = false
    let planner = PolicyPlanner(policies)
    #expect(ClusterOutlook(fixture.view, planner: planner).losses.map(\.node) == ["a", "b"])
    policies.workloads = [WorkloadPolicy(name: "small", selection: .all)]
    policies.workloads[0].demand = ["memory": 100]
    #expect(ClusterLoad(fixture.view, planner: PolicyPlanner(policies)).nodes["a"]?.used.memory == 100)
    #expect(ClusterOutlook(fixture.view, planner: PolicyPlanner(policies)).losses.isEmpty)
  }

  @Test func `a node that is being drained absorbs nothing, and what it still has is at risk`() {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.run("web2", on: "b")
    let nodes = ["a", "b", "c"].map {
      PlanningSnapshot.Node(
        name: NodeName($0), capacity: Resources(memory: 8192, cpus: 4), connections: [],
        unavailable: $0 == "a" ? nil : "is in maintenance", isDraining: $0 != "a")
    }
    let losses = LossRehearsal(
      fixture.view, load: ClusterLoad(fixture.view), planner: PolicyPlanner(),
      planning: PlanningSnapshot(nodes: nodes, workloads: [])
    ).losses
    #expect(losses.map(\.node) == ["a"])
  }

  @Test func `a node that is leaving absorbs nothing`() {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.open("b", .leaving)
    #expect(LossRehearsal(fixture.view, load: ClusterLoad(fixture.view), planner: PolicyPlanner()).losses.map(\.node) == ["a"])
  }
}
