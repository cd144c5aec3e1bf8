/// Makes the less important give way where the policies let the more important push.
extension PlanRun {
  mutating func displace() {
    let pushing = pending.filter {
      wanted[$0] && tables.profiles[Int(tables.profileOf[$0])].settings.displace == .lowerPriority
    }
    for workload in pushing where wanted[workload] {
      search.prepare(workload, board, tables)
      guard let (node, victims) = cheapestVictims(for: workload) else { continue }
      for victim in victims {
        board.take(victim, tables)
        displacedBy[victim] = workload
        wanted[victim] = true
        pinned[victim] = false
        records[victim] = nil
      }
      search.prepare(workload, board, tables)
      let names = victims.sorted().map { "\(wording.name($0)) (priority \(tables.priority[$0]))" }.joined(separator: ", ")
      settle((node, search.score(node, board, tables)), because: "in place of \(names)")
      pending = (pending.filter { wanted[$0] } + victims).sorted(by: tables.goesFirst)
      placePending()
    }
  }

  /// The node where the least important have to go, the fewest of them, and the smallest.
  private func cheapestVictims(for workload: Int) -> (node: Int, victims: [Int])? {
    var best: (node: Int, victims: [Int], price: Price)?
    for node in 0..<tables.nodes.count {
      guard case .shortage? = search.refusal(node, board, tables), let victims = victims(for: workload, on: node) else {
        continue
      }
      let price = Price(
        priority: victims.map { tables.priority[$0] }.max() ?? .min, count: victims.count,
        memory: victims.reduce(0) { $0 + tables.demand[$1 * tables.resourceCount] })
      if best.map({ price < $0.price }) ?? true { best = (node, victims, price) }
    }
    return best.map { ($0.node, $0.victims) }
  }

  private struct Price: Comparable {
    var priority: Int
    var count: Int
    var memory: Int64

    static func < (a: Price, b: Price) -> Bool { (a.priority, a.count, a.memory) < (b.priority, b.count, b.memory) }
  }

  /// Workloads of lower priority without which it fits; nil when it does not fit even so.
  private func victims(for workload: Int, on node: Int) -> [Int]? {
    let columns = tables.resourceCount
    var missing = (0..<columns).map { column in
      search.demand[column] == 0
        ? 0 : search.demand[column] + board.used[node * columns + column] - tables.nodes.capacity[node * columns + column]
    }
    func isShort() -> Bool { missing.contains { $0 > 0 } }
    var victims: [Int] = []
    let candidates = board.residents[node].map(Int.init).filter {
      tables.priority[$0] < tables.priority[workload] && !fixed[$0]
    }
    for victim in candidates.sorted(by: { tables.goesFirst($1, $0) }) where isShort() {
      victims.append(victim)
      for column in 0..<columns { missing[column] -= tables.demand[victim * columns + column] }
    }
    if isShort() { return nil }
    // The later ones may make the earlier ones needless; the more important are spared first.
    for victim in victims.reversed() {
      let isNeeded = (0..<columns).contains { missing[$0] + tables.demand[victim * columns + $0] > 0 }
      if isNeeded { continue }
      victims.removeAll { $0 == victim }
      for column in 0..<columns { missing[column] += tables.demand[victim * columns + column] }
    }
    return victims
  }
}
