import HoldfastModel
import HoldfastPlanning
import HoldfastPolicies
import Testing

/// The pace of what the policies move by themselves.
@Suite struct `What the policies move` {
  private static let rules = """
    cluster: {moves: {at-once: 3, per-node: 2}}
    workloads:
      - {name: copies apart, for: app=*, keep-apart: {over: node, same: app}}
      - {name: off the old nodes, for: all, never-on: class=old}
    """

  /// Two old nodes with six workloads each, among them the copies of two applications; and two new nodes.
  private func cluster(_ pace: PlanningSnapshot.Pace?) -> PlanningSnapshot {
    let nodes = ["n1", "n2", "n3", "n4"].map { name in
      PlanningSnapshot.Node(
        name: NodeName(name), capacity: Resources(memory: 8192, cpus: 64), labels: name < "n3" ? ["class": "old"] : [:],
        connections: ["lxc:///system"])
    }
    let apps = ["a1", "a2", "b1", "b2"], others = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"]
    let workloads = (apps + others).map { name in
      let isApp = apps.contains(name), node: NodeName = ["a1", "b1", "c1", "c2", "c3", "c4"].contains(name) ? "n1" : "n2"
      return PlanningSnapshot.Workload(
        name: WorkloadName(name), connection: "lxc:///system", demand: Resources(memory: 256, cpus: 0.5),
        labels: isApp ? ["app": String(name.prefix(1))] : [:], priority: isApp ? 10 : 0,
        placed: PlacementRecord(node: node, reason: "before"), running: node, isOnItsWay: false)
    }
    return PlanningSnapshot(nodes: nodes, workloads: workloads, pace: pace)
  }

  private func planner() throws -> PolicyPlanner {
    PolicyPlanner(try PolicyFile.parse(text: Self.rules, file: "p.yaml").policies)
  }

  /// Takes the plan over: what is to go elsewhere is on its way.
  ///
  /// - Returns: who set out.
  private func begin(_ outcome: PlanOutcome, in snapshot: inout PlanningSnapshot) -> [WorkloadName] {
    var begun: [WorkloadName] = []
    for index in snapshot.workloads.indices {
      let name = snapshot.workloads[index].name, placed = outcome.placements[name]
      if placed?.node != snapshot.workloads[index].placed?.node {
        begun.append(name)
        snapshot.workloads[index].isOnItsWay = true
      }
      snapshot.workloads[index].placed = placed
    }
    return begun
  }

  private func arrive(_ names: [WorkloadName], in snapshot: inout PlanningSnapshot) {
    for index in snapshot.workloads.indices where names.contains(snapshot.workloads[index].name) {
      snapshot.workloads[index].running = snapshot.workloads[index].placed?.node
      snapshot.workloads[index].isOnItsWay = false
    }
  }

  @Test func `goes a few at a time, the least important first, and never two copies together`() throws {
    let planner = try planner()
    var snapshot = cluster(.kept), order: [WorkloadName] = []
    for round in 0..<12 {
      let outcome = planner.outcome(snapshot), before = snapshot
      let begun = begin(outcome, in: &snapshot)
      if begun.isEmpty { break }
      order += begun
      #expect(begun.count <= 3, "round \(round)")
      for node in snapshot.nodes.map(\.name) {
        let here = before.workloads.filter {
          begun.contains($0.name) && ($0.running == node || outcome.placements[$0.name]?.node == node)
        }
        #expect(here.count <= 2, "round \(round), \(node): \(here.map(\.name))")
      }
      for app in ["a", "b"] { #expect(begun.count { $0.text.hasPrefix(app) } <= 1, "round \(round): \(begun)") }
      #expect(outcome.waiting.count == 12 - order.count && (outcome.waiting.isEmpty || outcome.lookAgainAfter == 1))
      #expect(outcome.warnings.isEmpty)
      // As long as they are on their way, nobody else sets out beyond the pace.
      let again = planner.outcome(snapshot)
      #expect(again.placements.mapValues(\.node) == outcome.placements.mapValues(\.node), "round \(round)")
      arrive(begun, in: &snapshot)
    }
    #expect(Set(order).count == 12 && order.prefix(6).allSatisfy { $0.text.hasPrefix("c") })
    #expect(planner.outcome(snapshot).waiting.isEmpty)
  }

  @Test func `is shown as a whole where nobody asks for the pace`() throws {
    let outcome = try planner().outcome(cluster(nil))
    #expect(outcome.placements.values.allSatisfy { ["n3", "n4"].contains($0.node) } && outcome.waiting.isEmpty)
  }

  @Test func `is nothing while moves are off, and what is down is placed all the same`() throws {
    var snapshot = cluster(.off)
    snapshot.workloads[11].placed = nil
    snapshot.workloads[11].running = nil
    let outcome = try planner().outcome(snapshot)
    #expect(outcome.waiting.count == 11 && outcome.waiting.allSatisfy { $0.why == .off } && outcome.lookAgainAfter == nil)
    #expect(outcome.placements["c8"]?.node.map { ["n3", "n4"].contains($0) } == true)
  }

  @Test func `waits for those that start, and not for one that fails again and again`() throws {
    let planner = try planner()
    for (failures, moves) in [([:], 0), (["n3": 3] as [NodeName: Int], 3)] {
      var snapshot = cluster(.kept)
      for index in 9...11 {
        snapshot.workloads[index].placed = PlacementRecord(node: index == 9 ? "n3" : "n4", reason: "before")
        (snapshot.workloads[index].running, snapshot.workloads[index].isOnItsWay) = (nil, true)
        snapshot.workloads[index].failures = failures
      }
      let outcome = planner.outcome(snapshot)
      #expect(begin(outcome, in: &snapshot).count == moves)
    }
  }

  @Test(arguments: [
    ("cluster: {moves: {at-once: 0}}", "at-once"), ("cluster: {moves: 3}", "moves"), ("cluster: {moves: {pace: 3}}", "pace")
  ])
  func `has a pace that can be written only so`(text: String, said: String) throws {
    #expect {
      try PolicyFile.parse(text: text, file: "p.yaml")
    } throws: {
      "\($0)".contains(said)
    }
  }
}
