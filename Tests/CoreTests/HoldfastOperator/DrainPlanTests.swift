import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import Testing

/// The plan of a drain begins with where workloads run.
@Suite struct `The plan of a drain` {
  private let fixture: OperatorFixture = {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    return fixture
  }()

  private func planning(placed: NodeName) -> PlanningSnapshot {
    PlanningSnapshot(
      nodes: ["a", "b"].map {
        .init(name: $0, capacity: Resources(memory: 8192, cpus: 4), connections: [OperatorFixture.connection])
      },
      workloads: [
        .init(
          name: "web1", connection: OperatorFixture.connection, demand: Resources(memory: 1024, cpus: 1),
          placed: PlacementRecord(node: placed, reason: PlacementReason(.operatorAsked)), running: "a")
      ])
  }

  private func plan(of node: NodeName, placed: NodeName, _ policies: PolicySet = .none) -> EvacuationPlan {
    EvacuationPlan(
      of: node, MaintenanceRecord(since: 1), in: fixture.view, planning: planning(placed: placed), policies: policies)
  }

  @Test func `moves what waits for its turn to move anyway`() {
    var policies = PolicySet.none
    let a = Selection([[.init(.name(.exactly("a")))]])
    policies.workloads = [WorkloadPolicy(name: "not there", selection: .all, neverOn: a)]
    let plan = plan(of: "a", placed: "a", policies)
    #expect(plan.moves.map(\.workload) == ["web1"] && plan.moves.map(\.to) == ["b"])
    #expect(plan.unplaceable.isEmpty && plan.stays.isEmpty && plan.makeRoom.isEmpty)
  }

  @Test func `has what is leaving the node among its moves, and of the node that it goes to it has nothing`() {
    let source = plan(of: "a", placed: "b")
    #expect(source.moves.map(\.workload) == ["web1"] && source.unplaceable.isEmpty)
    let target = plan(of: "b", placed: "b")
    #expect(target.moves.isEmpty && target.makeRoom.isEmpty && target.unplaceable.isEmpty && target.stays.isEmpty)
  }

  @Test func `what never came to the node is no move of its maintenance`() {
    fixture.put(.maintenance("b"), .maintenance(MaintenanceRecord(since: 1)))
    fixture.put(
      .placement("web1"),
      .placement(PlacementRecord(node: "a", reason: PlacementReason(.staysAsTargetFails("b", .inMaintenance)), home: "b")))
    let none = EvacuationMove.all(in: fixture.view, planning: { nil }, policies: .none)
    #expect(none["b"]?.isEmpty == true)
    fixture.put(
      .placement("web1"), .placement(PlacementRecord(node: "a", reason: PlacementReason(.onlyNode(percent: 10)), home: "b")))
    let moves = EvacuationMove.all(in: fixture.view, planning: { nil }, policies: .none)
    #expect(moves["b"]?.map(\.state) == [.arrived])
  }

  @Test(arguments: [
    (MoveMethod(.stay, .immovable(.directory("/srv"))), true), (MoveMethod(.stay, .snapshots(1)), true),
    (MoveMethod(.stay, .container), false), (MoveMethod(.live), false)
  ])
  func `what libvirt alone knows for certain is tried`(method: MoveMethod, isTried: Bool) {
    #expect(method.isTriedAllTheSame == isTried)
  }
}
