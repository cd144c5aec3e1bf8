import HoldfastModel

/// Says what the numbers of a plan mean: why a node, and why not the others.
struct Wording {
  /// Nodes that a placement record gives reasons for: records must stay small in a cluster of a thousand nodes. `explain` knows all.
  static let nodesInRecord = 32

  let tables: PlanTables

  func rule(_ number: Int32) -> String { tables.policies.workloads[Int(number)].name }

  func place(_ topology: Int32, _ domain: Int32) -> String {
    let topology = tables.nodes.topologies[Int(topology)]
    let name = topology.names[Int(domain)]
    return topology.label == nodeTopology ? name : "\(topology.label) \(name)"
  }

  func name(_ workload: Int) -> WorkloadName { tables.workloads[workload].name }
  func node(_ row: Int) -> NodeName { tables.nodes.nodes[row].name }

  // MARK: why not

  func exclusion(_ refusal: Refusal, of search: Search, by node: Int, _ board: Board) -> Exclusion {
    let row = tables.nodes.nodes[node]
    switch refusal {
    case .unavailable: return row.unavailable ?? .unavailable
    case .excluded:
      return search.members.lazy.compactMap { tables.workloads[$0].excluded[row.name] }.first ?? .outOfTheQuestion
    case .connection:
      let missing = search.members.first { !row.connections.contains(tables.workloads[$0].connection) } ?? search.members[0]
      return .connectionMissing(tables.workloads[missing].connection)
    case .filter(.onlyOn, let number): return .onlyOn(rule: rule(number))
    case .filter(.neverOn, let number): return .neverOn(rule: rule(number))
    case .filter(.onlyInOrder, let number): return .notInOrder(rule: rule(number))
    case .filter(.dedicated, let number): return .dedicated(rule: tables.policies.nodes[Int(number)].name)
    case .shortage(let column, let needs, let free):
      return .shortage(tables.nodes.resources.shortage(column, needs: needs, free: free))
    case .pool(let column, let needs, let free):
      return .poolShortage(tables.nodes.resources.shortage(column, needs: needs, free: free))
    case .apart(let number, let topology, let domain):
      if tables.nodes.topologies[Int(topology)].label == nodeTopology {
        let there = board.residents[node].map(Int.init).filter { isCounted($0, apartFrom: search, rule: number) }.min()
        return .apart(rule: rule(number), from: there.map(name))
      }
      return .apartInPlace(rule: rule(number), place: place(topology, domain))
    case .together(let number, let topology, let domain):
      let place = place(topology, domain)
      return topology == 0
        ? .together(rule: rule(number), on: NodeName(place)) : .togetherInPlace(rule: rule(number), place: place)
    case .contradiction(let number): return .contradiction(rule: rule(number))
    case .ailing: return ailing(node)
    case .lingering(let column): return .lingering(resource: tables.nodes.resources.names[column])
    }
  }

  private func ailing(_ node: Int) -> Exclusion {
    .ailing(reason: tables.nodes.ailments.reasons[node] ?? "nobody has found it well since")
  }

  private func isCounted(_ workload: Int, apartFrom search: Search, rule number: Int32) -> Bool {
    let counted = tables.neighbours.counted[tables.neighbours.counted(workload)]
    return search.members.contains { member in
      tables.neighbours.checks[tables.neighbours.checks(member)].contains { $0.rule == number && counted.contains($0.tally) }
    }
  }

  /// Why a node lost that could have taken it.
  func exclusion(_ lost: Score, on node: Int, against won: Score, of search: Search, _ board: Board) -> Exclusion {
    if lost.isSilent != won.isSilent { return .silent }
    if lost.isAiling != won.isAiling { return ailing(node) }
    if lost.waits != won.waits { return .roomLater }
    if lost.spare != won.spare { return tables.nodes.nodes[node].quarantine == nil ? .spare : .lostLately }
    if lost.broken != won.broken { return .breaksRule(brokenRule(on: node, of: search, board)) }
    if lost.rank != won.rank { return .lessPreferred(rule: choosing(search.members)) }
    let isTied = lost.load == won.load
    let share = percent(search.share(node, board, tables))
    if isTied, lost.rest != won.rest { return .moreLoadedOtherwise(percent: share) }
    let comparison: Exclusion.Comparison =
      switch spread(search.members) {
      case .leastLoaded: .load(percent: share)
      case .balanced: .balance
      case .packed: .fullness(percent: share)
      case .roundRobin: .workloads(Int(lost.load))
      }
    return .suitsLess(comparison, isTied: isTied)
  }

  private func brokenRule(on node: Int, of search: Search, _ board: Board) -> String? {
    for member in search.members {
      for avoided in tables.profile(member).avoided where tables.nodes.sets.contains(avoided.nodes, node) {
        return rule(avoided.rule)
      }
      for check in tables.neighbours.checks[tables.neighbours.checks(member)] {
        let tally = board.tallies[Int(check.tally)]
        let count = tally.count(board.domain(tables.neighbours.tallyTopology[Int(check.tally)], node, tables))
        switch check.kind {
        case .ratherApart where count >= check.limit, .ratherClearOf where count > 0, .ratherTogether where count < tally.total:
          return rule(check.rule)
        default: continue
        }
      }
    }
    return nil
  }

  // MARK: why

  /// Why this node, of those that could take it.
  ///
  /// Other nodes that could take it.
  private struct Rivals {
    var count = 0
    /// As good before the load is looked at.
    var equals = 0
    /// One of them is preferred by name, and suits less for another reason.
    var arePreferred = false
  }

  private func why(_ score: Score, on node: Int, of search: Search, _ rivals: Rivals, _ board: Board) -> [PlacementReason
    .Clause]
  {
    var clauses: [PlacementReason.Clause] = []
    if score.isSilent { clauses.append(.silentUsed) }
    if score.isAiling { clauses.append(.ailingUsed) }
    if score.spare > 0 { clauses.append(tables.nodes.nodes[node].quarantine == nil ? .spareUsed : .lostLatelyUsed) }
    let profile = tables.profile(search.members[0])
    if profile.isChoosy {
      let rule = choosing(search.members), isNamed = profile.names(node, tables.nodes.sets)
      clauses.append(
        isNamed
          ? .preferred(rule: rule) : rivals.arePreferred ? .preferredSuitLess(rule: rule) : .preferredCannot(rule: rule))
    }
    let share = percent(search.share(node, board, tables))
    if rivals.count == 0, clauses.isEmpty {
      clauses.append(.onlyNode(percent: share))
    } else if rivals.equals == 0 {
      clauses.append(.loaded(percent: share))
    } else {
      switch profile.spread {
      case .leastLoaded: clauses.append(.leastLoaded(percent: share))
      case .balanced: clauses.append(.bestBalanced(percent: share))
      case .packed: clauses.append(.fullest(percent: share))
      case .roundRobin: clauses.append(.fewestWorkloads(Int(score.load)))
      }
    }
    if score.broken > 0, let rule = brokenRule(on: node, of: search, board) { clauses.append(.ruleBroken(rule)) }
    return clauses
  }

  private func choosing(_ members: [Int]) -> String? {
    members.lazy.compactMap { tables.profile($0).choosing }.first.map(rule)
  }

  private func spread(_ members: [Int]) -> Spread { tables.profile(members[0]).spread }

  private func percent(_ share: Double) -> Int { Int((min(max(share, 0), 1e6) * 100).rounded()) }

  // MARK: all nodes

  /// The verdict of a search on every node: why the chosen one, and why not the others.
  ///
  /// - Parameters:
  ///   - limit: other nodes that are told; the nearest losers first, then those that cannot take it.
  ///   - better: what is said of a node that would have been better, and was not chosen for another reason.
  func verdict(
    of search: Search, chosen: (node: Int, score: Score)?, _ board: Board, limit: Int = Wording.nodesInRecord, better: Exclusion
  ) -> (why: [PlacementReason.Clause], others: [NodeName: Exclusion]) {
    var losers: [(score: Score, node: Int)] = [], fits = Set<Int>(), rivals = Rivals()
    let profile = tables.profile(search.members[0])
    let asksForPreferred = profile.isChoosy && chosen.map { !profile.names($0.node, tables.nodes.sets) } ?? false
    search.scan(board, tables) { row, score in
      if row == chosen?.node { return }
      rivals.count += 1
      if asksForPreferred, profile.names(row, tables.nodes.sets) { rivals.arePreferred = true }
      if let chosen, score.isEqualBeforeLoad(to: chosen.score) { rivals.equals += 1 }
      // The nearest losers; those by name of equal ones.
      if losers.count < limit || losers.last.map({ score < $0.score }) ?? false {
        let place = limit == .max ? losers.count : losers.firstIndex { score < $0.score } ?? losers.count
        losers.insert((score, row), at: place)
        if losers.count > limit { losers.removeLast() }
      }
    }
    var others: [NodeName: Exclusion] = [:]
    for (score, row) in losers {
      fits.insert(row)
      let won = chosen?.score ?? score
      others[node(row)] = score < won ? better : exclusion(score, on: row, against: won, of: search, board)
    }
    var row = 0
    while losers.count == rivals.count, others.count < limit, row < tables.nodes.count {
      if row != chosen?.node, !fits.contains(row), let refusal = search.refusal(row, board, tables) {
        others[node(row)] = exclusion(refusal, of: search, by: row, board)
      }
      row += 1
    }
    let why = chosen.map { self.why($0.score, on: $0.node, of: search, rivals, board) } ?? []
    return (why, others)
  }
}
