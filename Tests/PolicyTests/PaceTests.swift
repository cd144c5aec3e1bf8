import HoldfastModel
import HoldfastPlanning
import HoldfastPolicies
import Testing

/// The pace of what moves by itself.
@Suite struct `What moves by itself` {
  /// What makes it move.
  enum Cause: CaseIterable { case rules, failback }

  private static let pace = """
    cluster: {moves: {at-once: 3, per-node: 2}}
    workloads:
      - {name: copies apart, for: app=*, keep-apart: {over: node, same: app}}
    """
  private static let rules = pace + "\n  - {name: off the old nodes, for: all, never-on: class=old}"

  /// Two old nodes with six workloads each, among them the copies of two applications; and two new nodes. Those that go home are on the
  /// new nodes, and the maintenances of the old ones are over.
  private func cluster(_ pace: PlanningSnapshot.Pace?, _ cause: Cause = .rules) -> PlanningSnapshot {
    let nodes = ["n1", "n2", "n3", "n4"].map { name in
      var node = PlanningSnapshot.Node(
        name: NodeName(name), capacity: Resources(memory: 8192, cpus: 64), labels: name < "n3" ? ["class": "old"] : [:],
        connections: ["lxc:///system"])
      if cause == .failback, name < "n3" { node.maintenance = .init(failback: .byPolicy, atOnce: 4) }
      return node
    }
    let apps = ["a1", "a2", "b1", "b2"], others = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"]
    let workloads = (apps + others).map { name in
      let isApp = apps.contains(name), isFirst = ["a1", "b1", "c1", "c2", "c3", "c4"].contains(name)
      let old: NodeName = isFirst ? "n1" : "n2", new: NodeName = isFirst ? "n3" : "n4", node = cause == .rules ? old : new
      return PlanningSnapshot.Workload(
        name: WorkloadName(name), connection: "lxc:///system", demand: Resources(memory: 256, cpus: 0.5),
        labels: isApp ? ["app": String(name.prefix(1))] : [:], priority: isApp ? 10 : 0,
        placed: PlacementRecord(node: node, reason: "before", home: cause == .rules ? nil : old), running: node,
        isOnItsWay: false)
    }
    return PlanningSnapshot(nodes: nodes, workloads: workloads, pace: pace)
  }

  private func planner(_ cause: Cause = .rules) throws -> PolicyPlanner {
    try planner(cause == .rules ? Self.rules : Self.pace)
  }
  private func planner(_ text: String) throws -> PolicyPlanner {
    PolicyPlanner(try PolicyFile.parse(text: text, file: "p.yaml").policies)
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

  @Test(arguments: Cause.allCases)
  func `goes a few at a time, the least important first, and never two copies together`(cause: Cause) throws {
    let planner = try planner(cause)
    var snapshot = cluster(.kept, cause), order: [WorkloadName] = []
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

  @Test(arguments: Cause.allCases) func `is shown as a whole where nobody asks for the pace`(cause: Cause) throws {
    let outcome = try planner(cause).outcome(cluster(nil, cause))
    let goals: [NodeName?] = cause == .rules ? ["n3", "n4"] : ["n1", "n2"]
    #expect(outcome.placements.values.allSatisfy { goals.contains($0.node) } && outcome.waiting.isEmpty)
  }

  @Test(arguments: Cause.allCases)
  func `is nothing while moves are off, and what is down is placed all the same`(cause: Cause) throws {
    var snapshot = cluster(.off, cause)
    snapshot.workloads[11].placed = nil
    snapshot.workloads[11].running = nil
    let outcome = try planner(cause).outcome(snapshot)
    #expect(outcome.waiting.count == 11 && outcome.waiting.allSatisfy { $0.why == .off } && outcome.lookAgainAfter == nil)
    #expect(outcome.waiting.allSatisfy { $0.brokenRule == (cause == .rules ? "off the old nodes" : nil) })
    let node = outcome.placements["c8"]?.node
    #expect(node != nil && (cause == .failback || node == "n3" || node == "n4"))
  }

  @Test(arguments: [
    (WaitingMove.Why.off, "moves are off"), (.atOnce(3), "it waits: 3 moves at a time"),
    (.copy("w2"), "it waits for w2, a copy of the same application, which is on its way"),
    (.place, "it waits: its place on the other node is not free yet")
  ])
  func `says of what it leaves against a rule why it stays`(why: WaitingMove.Why, words: String) {
    let move = WaitingMove("w1", from: "n1", to: "n2", why: why, brokenRule: "rack a")
    #expect(move.breach == "stays on n1 for now, though 'rack a' does not allow it: \(words)")
    #expect(WaitingMove("w1", from: "n1", to: "n2", why: why).breach == nil)
  }

  @Test(arguments: [PlanningSnapshot.Pace.off, .kept])
  func `is explained where it is, with the rule that it breaks and what it waits for`(pace: PlanningSnapshot.Pace) throws {
    let planner = try planner(), snapshot = cluster(pace)
    let move = try #require(planner.outcome(snapshot).waiting.first)
    let explanation = try #require(planner.explain(move.workload, in: snapshot))
    #expect(explanation.node == move.from && explanation.brokenRule == "off the old nodes")
    #expect(explanation.waiting?.to == move.to && explanation.waiting?.why == "\(move.why)")
    #expect(explanation.others[move.to] == nil)
    if pace == .off { #expect(explanation.waiting?.why == "waits: moves are off") }
    // In the end it is there.
    let last = try #require(planner.explain(move.workload, in: cluster(nil)))
    #expect((last.node == "n3" || last.node == "n4") && last.brokenRule == nil && last.waiting == nil)
  }

  @Test func `is explained without a rule when it waits to go home`() throws {
    let explanation = try #require(planner(.failback).explain("c1", in: cluster(.off, .failback)))
    #expect(explanation.node == "n3" && explanation.brokenRule == nil && explanation.waiting?.to == "n1")
  }

  @Test func `is a move of its own, so that it counts when it fails`() throws {
    for cause in Cause.allCases {
      let outcome = try planner(cause).outcome(cluster(nil, cause))
      #expect(outcome.placements.values.allSatisfy { $0.reason.isOwnMove }, "\(cause)")
    }
  }

  @Test func `goes home at once if it runs nowhere`() throws {
    var snapshot = cluster(.off, .failback)
    (snapshot.workloads[4].running, snapshot.workloads[4].isOnItsWay) = (nil, true)
    let outcome = try planner(.failback).outcome(snapshot)
    #expect(outcome.placements["c1"]?.node == "n1" && outcome.placements["c1"]?.home == nil && outcome.waiting.count == 11)
  }

  @Test func `comes home no faster than the drain's --parallel`() throws {
    var snapshot = cluster(.kept, .failback)
    for index in 0...1 { snapshot.nodes[index].maintenance?.atOnce = 1 }
    let outcome = try planner(.failback).outcome(snapshot)
    #expect(Set(begin(outcome, in: &snapshot)).count == 2)
    #expect(outcome.waiting.contains { $0.why == .perNode(1, "n1") || $0.why == .perNode(1, "n2") })
  }

  @Test func `is told to stay away though others still wait`() throws {
    var snapshot = cluster(.kept, .failback)
    // Room for all but the last by name of the least important.
    snapshot.nodes[0].capacity.memory = 5 * 256
    let outcome = try planner(.failback).outcome(snapshot)
    #expect(outcome.warnings.map(\.workload) == ["c4"] && outcome.placements["c4"]?.home == nil)
    #expect(outcome.placements["c4"]?.node == "n3" && !outcome.waiting.contains { $0.workload == "c4" })
    #expect(outcome.waiting.count == 8)
  }

  @Test func `lets the more important go first when the other waits for its place`() throws {
    // a2 goes home to n1, where its copy a1 is, which goes home to n2.
    var snapshot = cluster(.kept, .failback)
    snapshot.workloads = [snapshot.workloads[0], snapshot.workloads[1]]
    (snapshot.workloads[0].placed, snapshot.workloads[0].running) = (.init(node: "n1", reason: "before", home: "n2"), "n1")
    snapshot.workloads[1].placed?.home = "n1"
    let planner = try planner(.failback), first = planner.outcome(snapshot)
    #expect(begin(first, in: &snapshot) == ["a1"] && first.waiting.map(\.workload) == ["a2"])
    arrive(["a1"], in: &snapshot)
    let second = planner.outcome(snapshot)
    #expect(begin(second, in: &snapshot) == ["a2"] && second.waiting.isEmpty && second.warnings.isEmpty)
  }

  @Test func `goes nowhere if its rules would bring it back at once, and is not waited for`() throws {
    let text = Self.pace + "\n  - {name: likes n3, for: [c1], prefer: [n3], failback: {when: automatic, after: 20s}}"
    var snapshot = cluster(.kept, .failback)
    let planner = try planner(text)
    for _ in 0..<20 { arrive(begin(planner.outcome(snapshot), in: &snapshot), in: &snapshot) }
    let outcome = planner.outcome(snapshot)
    #expect(outcome.waiting.isEmpty && outcome.placements.values.allSatisfy { $0.home == nil })
    #expect(outcome.placements["c1"]?.node == "n3" && outcome.placements["c2"]?.node == "n1")
  }

  /// It may run there: its node is starting it, or has taken it over again as it ran.
  @Test func `waits for its turn also where its own node has only just claimed it`() throws {
    let planner = try planner()
    for count in [1, 6] {
      var snapshot = cluster(.off)
      for index in 4..<(4 + count) { snapshot.workloads[index].isOnItsWay = true }
      let off = planner.outcome(snapshot)
      #expect(off.waiting.count == 12 && off.waiting.allSatisfy { $0.why == .off }, "\(off.waiting)")
      snapshot.pace = .kept
      let claimed = Set(snapshot.workloads[4..<(4 + count)].map(\.name))
      let begun = begin(planner.outcome(snapshot), in: &snapshot)
      #expect(claimed.union(begun).count == max(3, count), "those that start, and as many more as there are turns: \(begun)")
      for node: NodeName in ["n1", "n2", "n3", "n4"] {
        let here = snapshot.workloads.filter { begun.contains($0.name) && ($0.running == node || $0.placed?.node == node) }
        #expect(here.count <= 2, "\(node): \(here.map(\.name))")
      }
    }
  }

  @Test func `goes elsewhere instead while it is leaving, also while moves are off`() throws {
    var snapshot = cluster(.off)
    snapshot.workloads[4].placed?.node = "n2"
    snapshot.workloads[4].isOnItsWay = true
    let outcome = try planner().outcome(snapshot), node = outcome.placements["c1"]?.node
    #expect((node == "n3" || node == "n4") && outcome.waiting.count == 11)
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
