import HoldfastModel
import HoldfastPlanning
import HoldfastPolicies
import Testing

@Suite struct `A rebalance` {
  private static let seeds = 0..<10

  /// Clusters in which the last plan has been carried out.
  private func each(
    _ block: Int, kinds: MadeUpCluster.Kinds = .all, _ body: (PlanningSnapshot, PolicySet, Int) throws -> Void
  ) rethrows {
    for seed in block * 200..<(block + 1) * 200 {
      let cluster = MadeUpCluster(seed: UInt64(seed), kinds: kinds, nodes: 2...6, workloads: 4...20, standsWell: true)
      var snapshot = Self.carriedOut(cluster.snapshot, cluster.policies)
      // What waits for others to leave comes later.
      for _ in 0..<3 { snapshot = Self.carriedOut(snapshot, cluster.policies) }
      try body(snapshot, cluster.policies, seed)
    }
  }

  private static func carriedOut(_ snapshot: PlanningSnapshot, _ policies: PolicySet) -> PlanningSnapshot {
    let plan = PolicyPlanner(policies).plan(snapshot)
    var next = snapshot
    for index in next.workloads.indices {
      next.workloads[index].placed = plan[next.workloads[index].name]
      next.workloads[index].move = nil
      if next.workloads[index].running != nil { next.workloads[index].running = next.workloads[index].placed?.node }
    }
    return next
  }

  /// Where everything is when what is under way has arrived.
  private func seats(_ snapshot: PlanningSnapshot, _ policies: PolicySet) -> Law.Seats {
    PolicyPlanner(policies).plan(snapshot).compactMapValues(\.node)
  }

  private func seats(_ snapshot: PlanningSnapshot, _ policies: PolicySet, after rebalance: Rebalance) -> Law.Seats {
    rebalance.moves.reduce(into: seats(snapshot, policies)) { seats, move in
      for name in [move.workload] + move.with { seats[name] = move.to }
    }
  }

  private func moved(_ rebalance: Rebalance) -> [WorkloadName] { rebalance.moves.flatMap { [$0.workload] + $0.with } }

  @Test(arguments: seeds) func `breaks no hard rule`(block: Int) {
    each(block) { snapshot, policies, seed in
      let law = Law(policies, snapshot)
      let rebalance = Rebalance(of: snapshot, policies: policies, moves: 5)
      let after = seats(snapshot, policies, after: rebalance)
      let split = law.separated(seats(snapshot, policies))
      let wrong = law.wrong(Set(moved(rebalance)), in: after).subtracting(split)
      #expect(wrong.isEmpty, "seed \(seed): \(wrong.sorted())")
      // Nobody else is pushed over the edge either.
      #expect(law.squeezed(after).isSubset(of: law.squeezed(seats(snapshot, policies))), "seed \(seed)")
      #expect(law.tooClose(after).isSubset(of: law.tooClose(seats(snapshot, policies))), "seed \(seed)")
    }
  }

  @Test(arguments: seeds) func `keeps its bound, and moves nobody twice`(block: Int) {
    each(block) { snapshot, policies, seed in
      let all = Rebalance(of: snapshot, policies: policies, moves: 1000)
      #expect(!all.isCut)
      for limit in 0...4 {
        let some = Rebalance(of: snapshot, policies: policies, moves: limit)
        let names = moved(some)
        #expect(names.count <= limit && Set(names).count == names.count, "seed \(seed)")
        #expect(some.isCut == (moved(all).count > names.count), "seed \(seed), \(limit) moves")
      }
    }
  }

  /// The standard deviation of loads, as plainly as can be.
  private func spread(_ snapshot: PlanningSnapshot, _ policies: PolicySet, _ seats: Law.Seats) -> Double {
    let law = Law(policies, snapshot), kind = policies.cluster.spread ?? .leastLoaded
    let spares = policies.nodes.filter { $0.spare != nil }
    let nodes = snapshot.nodes.filter { node in
      node.unavailable == nil
        && spares.last { $0.selection.matches(name: node.name.text, labels: node.labels) }?.spare != true
    }
    if nodes.isEmpty { return 0 }
    let loads = nodes.map { node -> [Double] in
      let here = snapshot.workloads.filter { seats[$0.name] == node.name }
      if kind == .roundRobin { return [Double(here.count)] }
      let shares = ["memory", "cpus"].map { resource -> Double in
        let own = resource == "memory" ? Double(node.unmanaged.memory) : node.unmanaged.cpus
        let capacity = law.capacity(node, resource)
        return capacity > 0 ? here.reduce(own) { $0 + (law.demand($1)[resource] ?? 0) } / capacity : 0
      }
      return kind == .balanced ? shares : [shares.max() ?? 0]
    }
    let variances = loads[0].indices.map { column -> Double in
      let values = loads.map { $0[column] }, mean = values.reduce(0, +) / Double(values.count)
      return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    }
    return (variances.reduce(0, +) / Double(variances.count)).squareRoot()
  }

  @Test(arguments: seeds) func `makes the spread better by what it tells, and never worse`(block: Int) {
    each(block) { snapshot, policies, seed in
      let rebalance = Rebalance(of: snapshot, policies: policies, moves: 5)
      #expect(abs(rebalance.before - spread(snapshot, policies, seats(snapshot, policies))) < 1e-6, "seed \(seed)")
      let after = spread(snapshot, policies, seats(snapshot, policies, after: rebalance))
      #expect(abs(rebalance.after - after) < 1e-6 && rebalance.after <= rebalance.before, "seed \(seed)")
      #expect(rebalance.moves.allSatisfy { $0.gain > 0 }, "seed \(seed)")
      #expect(abs(rebalance.moves.reduce(0) { $0 + $1.gain } - (rebalance.before - rebalance.after)) < 1e-9)
    }
  }

  @Test(arguments: seeds) func `is the same in whatever order its parts come`(block: Int) {
    each(block) { snapshot, policies, seed in
      var random = SeededGenerator(seed: UInt64(seed)), shuffled = snapshot
      shuffled.nodes.shuffle(using: &random)
      shuffled.workloads.shuffle(using: &random)
      #expect(
        Rebalance(of: shuffled, policies: policies, moves: 5) == Rebalance(of: snapshot, policies: policies, moves: 5),
        "seed \(seed)")
    }
  }

  /// The planner carries out each move, moves nobody else for it, and nothing is left to be done.
  @Test(arguments: seeds) func `is carried out as it is told, and is its own`(block: Int) {
    each(block, kinds: [.nodes, .apart, .together, .amounts, .priority]) { snapshot, policies, seed in
      let planner = PolicyPlanner(policies)
      // Who waits for room takes what a move frees.
      let plan = planner.plan(snapshot)
      var now = snapshot
      now.workloads.removeAll { plan[$0.name]?.node == nil }
      now = Self.carriedOut(now, policies)
      let rebalance = Rebalance(of: now, policies: policies, moves: 1000)
      for move in rebalance.moves {
        guard let index = now.workloads.firstIndex(where: { $0.name == move.workload }) else { continue }
        now.workloads[index].move = .init(to: move.to, serial: 99)
        let plan = planner.plan(now)
        #expect(plan[move.workload]?.cause == .operatorsMove, "seed \(seed): \(plan[move.workload]?.reason ?? "")")
        for workload in now.workloads where workload.placed?.node != nil {
          let expected = ([move.workload] + move.with).contains(workload.name) ? move.to : workload.placed?.node
          #expect(plan[workload.name]?.node == expected, "seed \(seed), \(move.workload): \(workload.name)")
        }
        now = Self.carriedOut(now, policies)
      }
      #expect(Rebalance(of: now, policies: policies, moves: 1000).moves.isEmpty, "seed \(seed)")
    }
  }

  // MARK: who stays

  private static func cluster(_ change: (inout PlanningSnapshot) -> Void = { _ in }) -> PlanningSnapshot {
    var snapshot = PlanningSnapshot(
      nodes: ["n1", "n2", "n3"].map {
        .init(
          name: $0, capacity: .init(memory: 1000, cpus: 100), labels: ["rack": $0 == "n3" ? "b" : "a"], connections: ["lxc"])
      },
      workloads: (1...4).map { number in
        .init(
          name: WorkloadName("w\(number)"), connection: "lxc", demand: .init(memory: 200, cpus: 1),
          placed: PlacementRecord(node: "n1", reason: "before"), running: "n1")
      })
    change(&snapshot)
    return snapshot
  }

  struct Row: Sendable, CustomTestStringConvertible {
    var title: String
    var policies = ""
    var moves: [String]
    var change: @Sendable (inout PlanningSnapshot) -> Void = { _ in }
    var testDescription: String { title }
  }

  static let rows: [Row] = [
    Row(title: "without rules", moves: ["w1 n2", "w2 n3"]),
    Row(title: "a packed cluster", policies: "cluster: {spread: packed}", moves: []),
    Row(title: "packed workloads", policies: "workloads: [{name: p, for: w1, spread: packed}]", moves: ["w2 n2", "w3 n3"]),
    Row(
      title: "what is to stay", policies: "workloads: [{name: p, for: w1 or w2, evacuation: stay}]", moves: ["w3 n2", "w4 n3"]),
    Row(title: "one at once", policies: "workloads: [{name: p, for: all, evacuation: {at-once: 1}}]", moves: ["w1 n2"]),
    Row(title: "a preferred node", policies: "workloads: [{name: p, for: w1 or w2 or w3, prefer: n1}]", moves: ["w4 n2"]),
    Row(
      title: "not away from home", policies: "workloads: [{name: p, for: all, prefer: {n1: 5}, stickiness: 3}]", moves: []),
    Row(
      title: "to where it is liked more",
      policies:
        "workloads: [{name: p, for: w1, prefer: {n3: 5}, stickiness: 3, failback: by-hand}, {name: q, for: not w1, only-on: n1}]",
      moves: ["w1 n3"]),
    Row(
      title: "liked more, but by less than the stickiness",
      policies:
        "workloads: [{name: p, for: w1, prefer: {n3: 5}, stickiness: 5, failback: by-hand}, {name: q, for: not w1, only-on: n1}]",
      moves: ["w1 n2"]),
    Row(
      title: "its home is down: an operator's move would hold it elsewhere",
      policies: "workloads: [{name: p, for: all, prefer: n9, failback: automatic}]", moves: []
    ) {
      $0.nodes.append(.init(name: "n9", capacity: .init(memory: 1000, cpus: 10), connections: ["lxc"], unavailable: "is down"))
    },
    Row(title: "a spare node", policies: "nodes: [{name: s, for: n2, spare: yes}]", moves: ["w1 n3", "w2 n3"]),
    Row(
      title: "kept apart", policies: "workloads: [{name: a, for: not x, keep-apart: {from: x}}]", moves: ["w1 n3", "w2 n3"]
    ) {
      $0.workloads.append(
        .init(
          name: "x", connection: "lxc", demand: .init(memory: 10, cpus: 0),
          placed: PlacementRecord(node: "n2", reason: "before")))
    },
    Row(
      title: "kept together goes together", policies: "workloads: [{name: t, for: w1 or w2, keep-together: node}]",
      moves: ["w1+w2 n2", "w3 n3"]),
    Row(
      title: "kept together in a rack", policies: "workloads: [{name: t, for: all, keep-together: rack}]",
      moves: ["w1 n2", "w2 n2"]),
    Row(title: "what an operator moved here", moves: ["w3 n2", "w4 n3"]) {
      for index in 0...1 { $0.workloads[index].placed?.cause = .operatorsMove }
    },
    Row(title: "what is on its way here", moves: ["w2 n2", "w3 n3"]) { $0.workloads[0].running = "n2" },
    Row(title: "what does not start well", moves: ["w2 n2", "w3 n3"]) { $0.workloads[0].failures = ["n1": 1] },
    Row(title: "where it failed to start", moves: ["w1 n3", "w2 n2"]) { $0.workloads[0].excluded = ["n2": "failed there"] },
    Row(title: "a gain that is too small", moves: []) { snapshot in
      for (index, node) in ["n1", "n2", "n3"].enumerated() {
        snapshot.workloads[index].placed?.node = NodeName(node)
        snapshot.workloads[index].running = NodeName(node)
      }
      snapshot.workloads[3].demand.memory = 40
    },
    Row(title: "by number", policies: "cluster: {spread: round-robin}", moves: ["w1 n2", "w2 n3"]),
    Row(title: "a full cluster has no room", moves: []) {
      for index in 1...2 { $0.nodes[index].unmanaged.memory = 900 }
    }
  ]

  @Test(arguments: rows) func `moves who may go, and where to`(row: Row) throws {
    let policies = row.policies.isEmpty ? .none : try PolicyFile.parse(text: row.policies, file: "p.yaml").policies
    let rebalance = Rebalance(of: Self.cluster(row.change), policies: policies, moves: 10)
    let told = rebalance.moves.map { "\(([$0.workload] + $0.with).map(\.text).joined(separator: "+")) \($0.to)" }
    #expect(told == row.moves)
    #expect(rebalance.isPacked == row.policies.contains("cluster: {spread: packed}"))
  }
}
