import HoldfastModel
import HoldfastPlanning
import Testing

/// Placement without policies as a table: what there is, what is wanted, what comes out.
@Suite struct `Planning without policies` {
  typealias Node = PlanningSnapshot.Node
  typealias Workload = PlanningSnapshot.Workload

  private static func node(
    _ name: NodeName, memory: Int = 1000, cpus: Double = 10, used: Int = 0, unavailable: Exclusion? = nil,
    connections: Set<String> = ["lxc"]
  ) -> Node {
    Node(
      name: name, capacity: .init(memory: memory, cpus: cpus), connections: connections,
      unmanaged: .init(memory: used, cpus: 0),
      unavailable: unavailable)
  }

  private static func workload(
    _ name: WorkloadName, memory: Int = 100, cpus: Double = 0, priority: Int = 0, on placed: NodeName? = nil,
    desired: IntentRecord.Desired = .running, move: NodeName? = nil, excluded: [NodeName: Exclusion] = [:],
    connection: String = "lxc"
  ) -> Workload {
    Workload(
      name: name, connection: connection, demand: .init(memory: memory, cpus: cpus), priority: priority, desired: desired,
      placed: placed.map { PlacementRecord(node: $0, reason: "before", servedMove: 3) },
      move: move.map { .init(to: $0, serial: 4) }, excluded: excluded)
  }

  struct Row: Sendable, CustomTestStringConvertible {
    var title: String
    var nodes: [Node]
    var workloads: [Workload]
    /// Where each goes; nil: nowhere.
    var expected: [WorkloadName: NodeName?]
    /// Words that the reason of a workload has.
    var words: [WorkloadName: String] = [:]
    var testDescription: String { title }
  }

  static let rows: [Row] = [
    Row(
      title: "equal workloads spread over equal nodes", nodes: [node("a"), node("b")],
      workloads: [workload("w1"), workload("w2"), workload("w3"), workload("w4")],
      expected: ["w1": "a", "w2": "b", "w3": "a", "w4": "b"], words: ["w1": "least loaded: 10 %"]),
    Row(
      title: "load is a share of the capacity, and counts what is not under protection",
      nodes: [node("a", memory: 1000, used: 200), node("b", memory: 500), node("c", memory: 400)],
      workloads: [workload("w1")], expected: ["w1": "b"]),
    Row(
      title: "the fuller of memory and processors is the load", nodes: [node("a", cpus: 2), node("b", cpus: 10, used: 400)],
      workloads: [workload("w1", cpus: 1.5)], expected: ["w1": "b"]),
    Row(
      title: "what does not fit goes nowhere, and says why for each node",
      nodes: [node("a", memory: 100, used: 50), node("b", cpus: 1)], workloads: [workload("w1", memory: 80, cpus: 2)],
      expected: ["w1": nil], words: ["w1": "no node can take it"]),
    Row(
      title: "the higher priority gets the room, whatever its name or size", nodes: [node("a", memory: 300)],
      workloads: [workload("w1", memory: 300), workload("w9", memory: 200, priority: 5)], expected: ["w1": nil, "w9": "a"]),
    Row(
      title: "of equal priority the greater goes first, so that more fits",
      nodes: [node("a", memory: 300), node("b", memory: 200)],
      workloads: [workload("w1", memory: 200), workload("w2", memory: 300)], expected: ["w1": "b", "w2": "a"]),
    Row(
      title: "what has a place keeps it, however loaded it is", nodes: [node("a"), node("b")],
      workloads: [workload("w1", on: "a"), workload("w2", on: "a"), workload("w3")],
      expected: ["w1": "a", "w2": "a", "w3": "b"], words: ["w1": "before"]),
    Row(
      title: "nothing is pushed off an overcommitted node", nodes: [node("a", memory: 100), node("b")],
      workloads: [workload("w1", on: "a"), workload("w2", on: "a")], expected: ["w1": "a", "w2": "a"]),
    Row(
      title: "a node that leaves or is down is emptied", nodes: [node("a", unavailable: "is leaving"), node("b")],
      workloads: [workload("w1", on: "a"), workload("w2", on: "b")], expected: ["w1": "b", "w2": "b"]),
    Row(
      title: "a node that nobody knows keeps nothing", nodes: [node("b")], workloads: [workload("w1", on: "gone")],
      expected: ["w1": "b"]),
    Row(
      title: "one node only, and it leaves: the place is kept for its return", nodes: [node("a", unavailable: "is leaving")],
      workloads: [workload("w1", on: "a")],
      expected: ["w1": "a"]),
    Row(
      title: "one node only, and it leaves: what had no place gets none", nodes: [node("a", unavailable: "is leaving")],
      workloads: [workload("w1")],
      expected: ["w1": nil]),
    Row(title: "no node at all", nodes: [], workloads: [workload("w1")], expected: ["w1": nil], words: ["w1": "has no node"]),
    Row(
      title: "where it failed to start is out of the question, even if it was there",
      nodes: [node("a"), node("b", used: 500)], workloads: [workload("w1", on: "a", excluded: ["a": "failed to start there"])],
      expected: ["w1": "b"]),
    Row(
      title: "excluded everywhere", nodes: [node("a")],
      workloads: [workload("w1", excluded: ["a": "failed to start there: no disk"])],
      expected: ["w1": nil]),
    Row(
      title: "a connection that the node does not serve",
      nodes: [node("a"), node("b", used: 900, connections: ["lxc", "qemu"])],
      workloads: [workload("w1", connection: "qemu")], expected: ["w1": "b"]),
    Row(
      title: "stopped by the operator, it takes no room", nodes: [node("a", memory: 100)],
      workloads: [workload("w1", on: "a", desired: .stopped), workload("w2")], expected: ["w1": nil, "w2": "a"],
      words: ["w1": "stopped by the operator"]),
    Row(
      title: "a move goes where it was asked to, and its old room is free for others",
      nodes: [node("a", memory: 100), node("b", memory: 100)], workloads: [workload("w1", on: "a", move: "b"), workload("w2")],
      expected: ["w1": "b", "w2": "a"], words: ["w1": "the operator asked for it"]),
    Row(
      title: "a move to a node without room is refused with the reason", nodes: [node("a"), node("b", memory: 50)],
      workloads: [workload("w1", on: "a", move: "b")], expected: ["w1": "a"], words: ["w1": "it needs 100 MiB"]),
    Row(
      title: "a move to a node that nobody knows", nodes: [node("a")], workloads: [workload("w1", on: "a", move: "x")],
      expected: ["w1": "a"], words: ["w1": "does not know"]),
    Row(
      title: "a move to where it is", nodes: [node("a"), node("b")], workloads: [workload("w1", on: "a", move: "a")],
      expected: ["w1": "a"], words: ["w1": "already"]),
    Row(
      title: "a move of what has no place chooses its place", nodes: [node("a"), node("b", used: 800)],
      workloads: [workload("w1", move: "b")], expected: ["w1": "b"], words: ["w1": "the operator asked for it"]),
    Row(
      title: "a move of what has no place to where it cannot be takes the next best",
      nodes: [node("a"), node("b", unavailable: "is down")], workloads: [workload("w1", move: "b")], expected: ["w1": "a"]),
    Row(
      title: "two moves into room for one: the higher priority", nodes: [node("a"), node("b", memory: 150)],
      workloads: [workload("w1", on: "a", move: "b"), workload("w2", priority: 1, on: "a", move: "b")],
      expected: ["w1": "a", "w2": "b"]),
    Row(
      title: "what leaves protection is not moved, wherever it is",
      nodes: [node("a", unavailable: "is down"), node("b")],
      workloads: [workload("w1", on: "a", desired: .unprotected), workload("w2", on: "b", desired: .unprotected)],
      expected: ["w1": "a", "w2": "b"]),
    Row(
      title: "a node without capacity takes what needs nothing", nodes: [node("a", memory: 0, cpus: 0)],
      workloads: [workload("w1", memory: 0), workload("w2", memory: 1)], expected: ["w1": "a", "w2": nil])
  ]

  @Test(arguments: rows) func `the table`(row: Row) throws {
    let plan = PolicyPlanner().plan(PlanningSnapshot(nodes: row.nodes, workloads: row.workloads))
    #expect(plan.mapValues(\.node) == row.expected)
    for (name, words) in row.words {
      #expect(plan[name]?.reason.description.contains(words) == true, "\(plan[name]?.reason ?? "none")")
    }
    // Every placement that was chosen says why not each of the others; every move request was served.
    for workload in row.workloads {
      let placement = try #require(plan[workload.name])
      if let move = workload.move { #expect(placement.servedMove == move.serial) }
      if placement.node == nil, workload.desired == .running {
        #expect(Set(placement.others.keys) == Set(row.nodes.map(\.name)))
      }
    }
  }

  @Test(arguments: rows) func `the order of the parts does not matter`(row: Row) {
    let plan = PolicyPlanner().plan(PlanningSnapshot(nodes: row.nodes, workloads: row.workloads))
    var generator = SeededGenerator(seed: 7)
    for _ in 1...20 {
      let shuffled = PlanningSnapshot(
        nodes: row.nodes.shuffled(using: &generator), workloads: row.workloads.shuffled(using: &generator))
      #expect(PolicyPlanner().plan(shuffled) == plan)
    }
  }

  /// A plan that is planned again changes nothing: placements do not wander.
  @Test(arguments: rows) func `a plan is its own plan`(row: Row) {
    let plan = PolicyPlanner().plan(PlanningSnapshot(nodes: row.nodes, workloads: row.workloads))
    let again = row.workloads.map { workload in
      var next = workload
      next.placed = plan[workload.name]
      next.move = nil
      return next
    }
    let second = PolicyPlanner().plan(PlanningSnapshot(nodes: row.nodes, workloads: again))
    #expect(second.mapValues(\.node) == plan.mapValues(\.node))
    #expect(second.mapValues(\.servedMove) == plan.mapValues(\.servedMove))
  }

  @Test func `a move to where it is says nothing of other nodes that was so when it was placed`() throws {
    var workload = Self.workload("w1", on: "a", move: "a")
    workload.placed?.others = ["b": .down]
    let plan = PolicyPlanner().plan(PlanningSnapshot(nodes: [Self.node("a"), Self.node("b")], workloads: [workload]))
    #expect(try #require(plan["w1"]).others.isEmpty)
  }

  /// Fractions add up differently in different orders: a plan must not hang on that.
  @Test func `fractions of processors do not make the order matter`() {
    let nodes = (0..<4).map { Self.node(NodeName("n\($0)"), memory: 10_000, cpus: 40) }
    let workloads = (0..<120).map { index in
      Self.workload(
        WorkloadName("w\(index)"), memory: 1, cpus: Double(1 + index % 7) * 0.1,
        on: index < 80 ? NodeName("n\(index % 4)") : nil)
    }
    let plan = PolicyPlanner().plan(PlanningSnapshot(nodes: nodes, workloads: workloads))
    var generator = SeededGenerator(seed: 3)
    for _ in 1...50 {
      let shuffled = PlanningSnapshot(nodes: nodes, workloads: workloads.shuffled(using: &generator))
      #expect(PolicyPlanner().plan(shuffled) == plan)
    }
  }

  @Test func `one node lost: its workloads spread over the others, nothing else moves`() {
    let nodes = (0..<5).map { Self.node(NodeName("n\($0)"), unavailable: $0 == 0 ? "is down" : nil) }
    let workloads = (0..<20).map { Self.workload(WorkloadName("w\($0)"), on: NodeName("n\($0 % 5)")) }
    let plan = PolicyPlanner().plan(PlanningSnapshot(nodes: nodes, workloads: workloads))
    let moved = workloads.filter { plan[$0.name]?.node != $0.placed?.node }
    #expect(Set(moved.map(\.name)) == ["w0", "w5", "w10", "w15"])
    #expect(Set(moved.compactMap { plan[$0.name]?.node }) == ["n1", "n2", "n3", "n4"])
  }
}
