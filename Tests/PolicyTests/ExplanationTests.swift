import Foundation
import HoldfastModel
import HoldfastPlanning
import HoldfastPolicies
import Testing

@Suite struct `What is explained` {
  typealias Node = PlanningSnapshot.Node
  typealias Workload = PlanningSnapshot.Workload

  private static func node(_ name: NodeName, rack: String? = nil, memory: Int = 1000) -> Node {
    Node(
      name: name, capacity: .init(memory: memory, cpus: 10), labels: rack.map { ["rack": $0] } ?? [:],
      connections: ["lxc:///system"])
  }

  private static func workload(
    _ name: WorkloadName, on node: NodeName? = nil, memory: Int = 100, labels: [String: String] = [:]
  ) -> Workload {
    Workload(
      name: name, connection: "lxc:///system", demand: .init(memory: memory, cpus: 0), labels: labels,
      placed: node.map { PlacementRecord(node: $0, reason: "before") })
  }

  private func policies(_ text: String) throws -> PolicySet { try PolicyFile.parse(text: text, file: "p.yaml").policies }

  @Test func `every other node, with the rule that excludes it or what it lost by`() throws {
    let policies = try policies(
      """
      workloads:
        - {name: racks, for: all, only-on: rack=*}
        - {name: not there, for: db, never-on: n2}
      """)
    let snapshot = PlanningSnapshot(
      nodes: [Self.node("n1", rack: "a"), Self.node("n2", rack: "a"), Self.node("n3"), Self.node("n4", rack: "b", memory: 50)],
      workloads: [Self.workload("db", on: "n1"), Self.workload("web", on: "n2")])
    let explanation = try #require(PolicyPlanner(policies).explain("db", in: snapshot))
    #expect(explanation.node == "n1")
    #expect(explanation.reason == "before")
    #expect(explanation.rules == ["racks", "not there"])
    #expect(
      explanation.others == [
        "n2": "'not there' forbids it", "n3": "'racks' allows other nodes only",
        "n4": "has 50 MiB of memory free, and it needs 100 MiB"
      ])
    #expect(PolicyPlanner(policies).explain("nobody", in: snapshot) == nil)
  }

  /// What is missing where room is not: not rules, unless nothing else is in the way.
  @Test(
    arguments: [
      ([("n1", .failedToStart(reason: "no disk"))], [], "a node on which it starts"),
      ([("n1", .endsAgain(times: 3))], [], "a node on which it does not end"),
      ([("n1", .unwell(reason: "its check 'web' failed"))], [], "a node on which it runs well"),
      ([], [("n1", .inMaintenance)], "a node that is not in maintenance"), ([], [("n1", .down)], "a node that is up"),
      // n3 is forbidden, whatever else it is.
      ([], [("n1", .down), ("n3", .inMaintenance)], "a node that is up"),
      ([("n3", .failedToStart(reason: "no disk"))], [], nil),
      ([], [("n1", .lost)], nil)
    ] as [([(NodeName, Exclusion)], [(NodeName, Exclusion)], String?)])
  func `what is missing is told as it is`(
    excluded: [(NodeName, Exclusion)], unavailable: [(NodeName, Exclusion)], nodes: String?
  ) throws {
    let policies = try policies(
      """
      workloads:
        - {name: these, for: all, only-on: rack=a}
      """)
    let isForbidden = (excluded + unavailable).allSatisfy { $0.0 == "n3" }
    var snapshot = PlanningSnapshot(
      nodes: [Self.node("n1", rack: isForbidden ? "b" : "a"), Self.node("n2", rack: "b"), Self.node("n3", rack: "b")],
      workloads: [Self.workload("w")])
    for (node, why) in unavailable {
      if let row = snapshot.nodes.firstIndex(where: { $0.name == node }) { snapshot.nodes[row].unavailable = why }
    }
    snapshot.workloads[0].excluded = Dictionary(uniqueKeysWithValues: excluded)
    let shortfall = try #require(PolicyPlanner(policies).explain("w", in: snapshot)?.shortfall)
    #expect(shortfall.missing == nil && shortfall.nodes == nodes)
    // As the command line has it: read from a snapshot, where an exclusion has no more than its text.
    let read = try JSONDecoder().decode(PlanningSnapshot.self, from: try JSONEncoder().encode(snapshot))
    #expect(PolicyPlanner(policies).explain("w", in: read)?.shortfall?.nodes == nodes)
  }

  @Test func `a better node now is no reason to move`() throws {
    let snapshot = PlanningSnapshot(
      nodes: [Self.node("n1"), Self.node("n2")],
      workloads: [Self.workload("a", on: "n1"), Self.workload("b", on: "n1", memory: 500)])
    let explanation = try #require(PolicyPlanner().explain("a", in: snapshot))
    #expect(explanation.others == ["n2": "would suit it better now, but nothing moves for that"])
  }

  @Test func `all of a thousand nodes, though a record names only some`() throws {
    let nodes = (0..<1000).map { Self.node(NodeName("n\($0)"), memory: $0 == 7 ? 100 : 50) }
    let snapshot = PlanningSnapshot(nodes: nodes, workloads: [Self.workload("w")])
    let record = try #require(PolicyPlanner().plan(snapshot)["w"])
    #expect(record.node == "n7")
    #expect(record.others.count == 32)
    #expect(PolicyPlanner().explain("w", in: snapshot)?.others.count == 999)
  }

  // MARK: policies and a cluster side by side

  struct Row: Sendable, CustomTestStringConvertible {
    var title: String
    var policies: String
    var said: [String]
    var testDescription: String { title }
  }

  static let rows: [Row] = [
    Row(title: "all is well", policies: "workloads: [{name: a, for: app=x, keep-apart: rack}]", said: []),
    Row(
      title: "a name and a label that nothing has",
      policies: "workloads: [{name: a, for: ap=x or x3, only-on: [n1, rak=a]}]\nnodes: [{name: b, for: n9, spare: yes}]",
      said: [
        "node(0) for: 'n9', which it does not have (n1)", "workload(0) for: 'x3', which it does not have (x1)",
        "workload(0) for: the label 'ap', which none has (app)", "workload(0) only-on: the label 'rak', which none has (rack)"
      ]),
    Row(
      title: "a selection that selects none", policies: "workloads: [{name: a, for: app=z, priority: 1}]",
      said: ["workload(0) for: 'app=z', which selects none"]),
    Row(
      title: "nodes without the label", policies: "workloads: [{name: a, for: app=x, keep-apart: power}]",
      said: ["workload(0) keep-apart: none on n1, n2, n3: each counts as a place of its own"]),
    Row(
      title: "a reserve that leaves nothing on one node, and one that leaves nothing at all",
      policies: """
        nodes:
          - {name: a, for: all, reserve: {cpus: 64}}
          - {name: b, for: n2, reserve: {memory: 4GiB}}
          - {name: c, for: all, reserve: {cpus: 64}}
        """, said: ["node(1) reserve: no memory on n2", "node(2) reserve: no cpus on n1, n2, n3"]),
    Row(
      title: "no node left",
      policies: "workloads: [{name: a, for: app=x, only-on: rack=a}, {name: b, for: x1, never-on: n1 or n2}]",
      said: ["workload(1) : none that the rules allow for x1"]),
    Row(
      title: "too large for every node", policies: "workloads: [{name: a, for: app=x, demand: {memory: 2GiB}}]",
      said: ["workload(0) : none that could hold x1, x2, even empty"]),
    Row(
      title: "more copies than places", policies: "workloads: [{name: a, for: all, keep-apart: rack}]",
      said: ["workload(0) keep-apart: 3 workloads (x1, x2, y1) and room for 2 of them (rack)"]),
    Row(
      title: "together by a chain, and apart",
      policies: """
        workloads:
          - {name: a, for: x1, keep-together: {with: y1}}
          - {name: b, for: x2, keep-together: {with: y1}}
          - {name: c, for: app=x, keep-apart: node}
        """, said: ["workload(2) keep-apart: x1, x2, which 'a' keeps together"])
  ]

  @Test func `a rule that keeps many applications apart is told once`() throws {
    let snapshot = PlanningSnapshot(
      nodes: [Self.node("n1", rack: "a")],
      workloads: ["x", "y", "z"].flatMap { app in
        (1...2).map { Self.workload(WorkloadName("\(app)\($0)"), labels: ["app": app]) }
      })
    let findings = try policies("workloads: [{name: a, for: all, keep-apart: {same: app}}]").findings(in: snapshot).filter {
      $0.key == "keep-apart"
    }
    #expect(findings.count == 1)
    #expect(findings.first?.found.hasPrefix("2 workloads (x1, x2) and room for 1 of them") == true, "\(findings)")
    #expect(findings.first?.found.hasSuffix("; the same with 2 more of its groups") == true, "\(findings)")
  }

  @Test(arguments: rows) func `what does not fit the cluster is found before it bites`(row: Row) throws {
    let snapshot = PlanningSnapshot(
      nodes: [Self.node("n1", rack: "a"), Self.node("n2", rack: "a"), Self.node("n3", rack: "b")],
      workloads: [
        Self.workload("x1", labels: ["app": "x"]), Self.workload("x2", labels: ["app": "x"]),
        Self.workload("y1", labels: ["app": "y"])
      ])
    let said = try policies(row.policies).findings(in: snapshot).map { finding in
      "\(finding.subject) \(finding.key): \(finding.found)" + (finding.nearest.map { " (\($0))" } ?? "")
    }
    #expect(said == row.said)
  }
}
