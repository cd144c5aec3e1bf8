import HoldfastModel
import HoldfastPlanning
import HoldfastPolicies
import Testing

/// What ends again and again where it runs is a failure of that node like a start that fails.
@Suite struct `A loop of crashes` {
  private static let loop = PlanningSnapshot(
    nodes: ["n1", "n2"].map {
      .init(name: $0, capacity: .init(memory: 1000, cpus: 4), connections: ["lxc:///system"])
    },
    workloads: [
      .init(
        name: "w1", connection: "lxc:///system", demand: .init(memory: 100, cpus: 1),
        placed: PlacementRecord(node: "n1", reason: "before"), excluded: ["n1": .endsAgain(times: 3)], running: "n1",
        failures: ["n1": 3], ends: 3)
    ])

  @Test(
    arguments: [
      ("{restarts: 2}", "n2", "moved, as it ended 3 times in a row on n1"),
      ("{restarts: 2, nodes: 2, then: give-up}", "n2", "moved, as it ended 3 times in a row on n1"),
      ("{restarts: 2, nodes: 1, then: give-up}", nil, "given up after its failures on n1: ")
    ] as [(String, NodeName?, String)])
  func `leaves its node, or is given up, as its policy says`(_ failover: String, _ node: NodeName?, _ words: String) throws {
    let text = "workloads:\n  - {name: loops, for: all, failover: \(failover)}\n"
    let policies = try PolicyFile.parse(text: text, file: "loop.yaml").policies
    let placement = try #require(PolicyPlanner(policies).plan(Self.loop)["w1"])
    #expect(placement.node == node && "\(placement.reason)".hasPrefix(words), "\(placement)")
  }
}
