import HoldfastModel

/// Makes the less important give way where the policies let the more important push.
extension PlanRun {
  /// Until nobody pushes any more: what one pushed away may have been in another's way. It ends, as each place goes to a more important one.
  mutating func displace() {
    var rounds = 0
    while displaceOnce(), rounds < tables.workloads.count { rounds += 1 }
  }

  /// - Returns: false when nobody had to give way.
  private mutating func displaceOnce() -> Bool {
    let pushing = pending.filter {
      wanted[$0] && !isEvacuated($0) && tables.profiles[Int(tables.profileOf[$0])].settings.displace == .lowerPriority
    }
    var hasPushed = false
    for workload in pushing where wanted[workload] {
      search.prepare(workload, board, tables)
      guard let (node, victims) = cheapestVictims(for: workload) else { continue }
      hasPushed = true
      for victim in victims {
        board.take(victim, tables)
        displacedBy[victim] = workload
        wanted[victim] = true
        pinned[victim] = false
        records[victim] = nil
      }
      search.prepare(workload, board, tables)
      let displaced = victims.sorted().map { PlacementReason.Displaced(wording.name($0), priority: tables.priority[$0]) }
      accept((node, search.score(node, board, tables)), because: .inPlaceOf(displaced))
      pending = (pending.filter { wanted[$0] } + victims).sorted(by: tables.goesFirst)
      placePending()
    }
    return hasPushed
  }

  /// The node where the least important have to go, the fewest of them, and the smallest. They are in the way by what they need, or
  /// because a rule keeps the workload apart from them.
  private func cheapestVictims(for workload: Int) -> (node: Int, victims: [Int])? {
    var best: (node: Int, victims: [Int], price: Price)?
    let holders = holders(for: workload)
    for node in 0..<tables.nodes.count where !tables.nodes.isSilent[node] && !tables.nodes.ailments.isAiling[node] {
      switch search.refusal(node, board, tables) {
      case .shortage?, .pool?: break
      case .apart? where !search.isTied(elsewhereThan: node, board, tables): break
      default: continue
      }
      guard let victims = victims(for: workload, on: node, elsewhere: holders) else { continue }
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

  /// The lack of each resource: on a node, and of what the nodes share.
  private struct Missing {
    var onNode: [Int64]
    var ofPool: [Int64]

    var isClosed: Bool { onNode.allSatisfy { $0 <= 0 } && ofPool.allSatisfy { $0 <= 0 } }

    mutating func shrink(by demand: ArraySlice<Int64>, isOnNode: Bool, times sign: Int64 = 1) {
      for (column, amount) in demand.enumerated() {
        if isOnNode { onNode[column] -= sign * amount }
        ofPool[column] -= sign * amount
      }
    }
  }

  private func demand(_ workload: Int) -> ArraySlice<Int64> {
    tables.demand[workload * tables.resourceCount..<(workload + 1) * tables.resourceCount]
  }

  /// Not those that it is tied to: where they are is where it has to go.
  private func mayPush(_ victim: Int, _ workload: Int) -> Bool {
    let affinityGroup = tables.neighbours.affinityGroup[workload]
    return tables.priority[victim] < tables.priority[workload] && !fixed[victim]
      && (affinityGroup < 0 || tables.neighbours.affinityGroup[victim] != affinityGroup)
  }

  /// Workloads of lower priority, the least important first, that hold some of what the nodes share and is used up.
  private func holders(for workload: Int) -> [Int] {
    let columns = (0..<tables.resourceCount).filter {
      board.poolLimit[$0] >= 0 && search.demand[$0] > 0
        && board.poolUsed[$0] + search.demand[$0] > board.poolLimit[$0]
    }
    if columns.isEmpty { return [] }
    return tables.workloads.indices.filter { other in
      board.isPlaced(other) && mayPush(other, workload)
        && columns.contains { tables.demand[other * tables.resourceCount + $0] > 0 }
    }.sorted { tables.goesFirst($1, $0) }
  }

  /// Workloads of lower priority that a rule keeps it apart from and that have to leave the node's place; nil when others are there too.
  private func neighboursToPush(for workload: Int, on node: Int) -> [Int]? {
    var pushed: Set<Int> = []
    for index in tables.neighbours.checks(workload) {
      let check = tables.neighbours.checks[index], topology = tables.neighbours.tallyTopology[Int(check.tally)]
      guard check.kind == .apart || check.kind == .clearOf else { continue }
      let domain = board.domain(topology, node, tables)
      let most = Int(check.limit) - 1
      if board.tallies[Int(check.tally)].count(domain) <= most { continue }
      let counted = (0..<tables.nodes.count).filter { board.domain(topology, $0, tables) == domain }
        .flatMap { board.residents[$0] }.map(Int.init)
        .filter { tables.neighbours.counted[tables.neighbours.counted($0)].contains(check.tally) && !pushed.contains($0) }
      let excess = counted.count - most
      if excess <= 0 { continue }
      let victims = counted.filter { mayPush($0, workload) }.sorted { tables.goesFirst($1, $0) }.prefix(excess)
      if victims.count < excess { return nil }
      pushed.formUnion(victims)
    }
    return pushed.sorted()
  }

  /// Workloads of lower priority without which it may go there and fits; nil when it does not fit even so.
  private func victims(for workload: Int, on node: Int, elsewhere: [Int]) -> [Int]? {
    let columns = tables.resourceCount
    var gap = Missing(
      onNode: (0..<columns).map { column in
        let index = node * columns + column
        return search.demand[column] == 0 ? 0 : search.demand[column] + board.used[index] - tables.nodes.capacity[index]
      },
      ofPool: (0..<columns).map { column in
        let isShared = search.demand[column] > 0 && board.poolLimit[column] >= 0
        return isShared ? search.demand[column] + board.poolUsed[column] - board.poolLimit[column] : 0
      })
    guard let neighbours = neighboursToPush(for: workload, on: node) else { return nil }
    for neighbour in neighbours { gap.shrink(by: demand(neighbour), isOnNode: board.at[neighbour] == Int32(node)) }
    var victims = neighbours
    let residents = board.residents[node].map(Int.init).filter { mayPush($0, workload) && !neighbours.contains($0) }
    for victim in residents.sorted(by: { tables.goesFirst($1, $0) }) where gap.onNode.contains(where: { $0 > 0 }) {
      victims.append(victim)
      gap.shrink(by: demand(victim), isOnNode: true)
    }
    for victim in elsewhere where gap.ofPool.contains(where: { $0 > 0 }) && !victims.contains(victim) {
      victims.append(victim)
      gap.shrink(by: demand(victim), isOnNode: board.at[victim] == Int32(node))
    }
    if !gap.isClosed { return nil }
    // The later ones may make the earlier ones needless; the more important are spared first.
    for victim in victims.sorted(by: tables.goesFirst) where !neighbours.contains(victim) {
      var without = gap
      without.shrink(by: demand(victim), isOnNode: board.at[victim] == Int32(node), times: -1)
      guard without.isClosed else { continue }
      gap = without
      victims.removeAll { $0 == victim }
    }
    return victims
  }
}
