import HoldfastModel
import HoldfastOperator
import Testing

/// What is said of a workload when no node takes any, and some would but for their maintenance.
@Suite struct `Where only nodes in maintenance are left` {
  /// c ran web1 and is down; a and b are up.
  private let fixture: OperatorFixture = {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "c")
    return fixture
  }()

  private var why: String? { WorkloadInfo("web1", in: fixture.view).why }

  private func empty(_ nodes: NodeName...) {
    for node in nodes { fixture.put(.maintenance(node), .maintenance(MaintenanceRecord(since: 1))) }
  }

  @Test func `what still has its place on a node that is down is told so`() {
    #expect(why == "c is down, and the planner has not chosen another node yet")
    empty("a")
    #expect(why == "c is down, and the planner has not chosen another node yet")
    empty("b")
    let told = "only nodes in maintenance are left (a and b): `holdfast maintenance exit a` puts a back into use"
    #expect(why == "c is down, and \(told)")
    fixture.put(.maintenance("a"), .maintenance(MaintenanceRecord(phase: .over, since: 1)))
    #expect(why == "c is down, and the planner has not chosen another node yet")
  }

  @Test func `a node that leaves is none of them`() {
    empty("a", "b")
    fixture.open("a", .leaving)
    #expect(fixture.view.onlyInMaintenance == ["b"])
    fixture.open("b", .leaving)
    #expect(fixture.view.onlyInMaintenance.isEmpty)
  }

  @Test func `a node was lost when that is recorded after its last session`() {
    #expect(!fixture.view.wasLost("c"), "nobody knows")
    fixture.put(.losses("c"), .losses(LossesRecord(count: 1, last: 1)))
    #expect(fixture.view.wasLost("c"))
    fixture.put(.losses("a"), .losses(LossesRecord(count: 1, last: 1)))
    #expect(!fixture.view.wasLost("a"), "it is up")
  }
}
