import HoldfastModel
import HoldfastPlanning
import Testing

/// Where workloads go whose checks fail, and where they do not.
@Suite struct `Planning what fails its checks` {
  private static let nodes: [NodeName] = ["n1", "n2", "n3", "n4"]

  /// It runs on n1, where a check failed after each restart.
  private func workload(unwell: [NodeName], placed: NodeName? = "n1", running: NodeName? = "n1") -> PlanningSnapshot.Workload {
    PlanningSnapshot.Workload(
      name: "w1", connection: "lxc", demand: Resources(memory: 100, cpus: 1),
      placed: PlacementRecord(node: placed, reason: "before"),
      excluded: running.map { [$0: .unwell(reason: "its check 'web' failed 3 times in a row: refused")] } ?? [:],
      running: running, failures: Dictionary(uniqueKeysWithValues: unwell.map { ($0, 3) }), ends: running == nil ? nil : 3,
      unwell: unwell.isEmpty ? nil : unwell)
  }

  private func plan(_ workload: PlanningSnapshot.Workload, _ failover: Failover = Failover(), down: Set<NodeName> = [])
    -> PlacementRecord?
  {
    var policies = PolicySet()
    var rule = WorkloadPolicy(name: "rule", selection: .all)
    rule.failover = failover
    policies.workloads = [rule]
    let nodes = Self.nodes.map {
      PlanningSnapshot.Node(
        name: $0, capacity: Resources(memory: 1000, cpus: 8), connections: ["lxc"], unavailable: down.contains($0) ? .down : nil
      )
    }
    return PolicyPlanner(policies).plan(PlanningSnapshot(nodes: nodes, workloads: [workload]))["w1"]
  }

  @Test(arguments: [
    ([NodeName("n1")], Int?.none, NodeName?.some("n2")), (["n1", "n2"], nil, "n1"), (["n1", "n2"], 3, "n3"),
    (["n1"], 1, "n1"), (["n1", "n2", "n3", "n4"], 9, "n1")
  ])
  func `it goes to another node, and to no more than its policy says`(unwell: [NodeName], most: Int?, node: NodeName?) {
    var workload = workload(unwell: unwell)
    for other in unwell where other != "n1" { workload.excluded[other] = .unwell(reason: "there too") }
    #expect(plan(workload, Failover(nodes: most))?.node == node)
  }

  @Test func `the reason is that its checks failed`() {
    let placement = plan(workload(unwell: ["n1"]))
    #expect(placement?.reason.codes.first == "unwell")
    #expect(placement?.reason.description.hasPrefix("moved, as its checks failed 3 times in a row on n1") == true)
    #expect(placement?.others["n1"]?.code == "unwell")
  }

  @Test func `where none can take it, it stays`() {
    #expect(plan(workload(unwell: ["n1"]), down: ["n2", "n3", "n4"])?.node == "n1")
  }

  @Test func `what is given up says on which nodes it failed, and stays down`() {
    let failover = Failover(then: .giveUp)
    #expect(plan(workload(unwell: ["n1"]), failover)?.node == "n2", "one node is not two")
    let given = plan(workload(unwell: ["n1", "n2"]), failover)
    #expect(given?.node == nil && given?.reason.codes == ["givenUpUnwell"])
    #expect(given?.reason.description.contains("its checks failed on n1, n2 after each restart") == true)
    // It has not left its node yet, and then it has.
    #expect(plan(workload(unwell: ["n1", "n2"], placed: nil), failover)?.node == nil)
    #expect(plan(workload(unwell: ["n1", "n2"], placed: nil, running: nil), failover)?.node == nil)
  }

  @Test func `what is left running stays`() {
    #expect(plan(workload(unwell: ["n1", "n2"]), Failover(then: .leaveRunning))?.node == "n1")
  }

  @Test func `a node that is lost is left, however often its checks failed`() {
    let lost = plan(workload(unwell: ["n1", "n2"], running: nil), down: ["n1"])
    #expect(lost?.node != nil && lost?.node != "n1")
  }
}
