import HoldfastModel

/// Says in words what the numbers of a plan mean.
struct Wording {
  /// Nodes that a placement record gives reasons for: records must stay small in a cluster of a thousand nodes. `explain` knows all.
  static let nodesInRecord = 32

  let tables: PlanTables

  func rule(_ number: Int32) -> String { "'\(tables.policies.workloads[Int(number)].name)'" }

  func place(_ topology: Int32, _ domain: Int32) -> String {
    let topology = tables.nodes.topologies[Int(topology)]
    let name = topology.names[Int(domain)]
    return topology.label == nodeTopology ? name : "\(topology.label) \(name)"
  }

  func name(_ workload: Int) -> WorkloadName { tables.workloads[workload].name }
  func node(_ row: Int) -> NodeName { tables.nodes.nodes[row].name }

  // MARK: why not

  func text(_ refusal: Refusal, of search: Search, by node: Int, _ board: Board) -> String {
    let row = tables.nodes.nodes[node]
    switch refusal {
    case .unavailable: return row.unavailable ?? "is not available"
    case .excluded:
      return search.members.lazy.compactMap { tables.workloads[$0].excluded[row.name] }.first ?? "is out of the question"
    case .connection:
      let missing = search.members.first { !row.connections.contains(tables.workloads[$0].connection) } ?? search.members[0]
      return "does not serve \(tables.workloads[missing].connection)"
    case .filter(.onlyOn, let number): return "\(rule(number)) allows other nodes only"
    case .filter(.neverOn, let number): return "\(rule(number)) forbids it"
    case .filter(.onlyInOrder, let number): return "not on the list of \(rule(number))"
    case .filter(.dedicated, let number): return "'\(tables.policies.nodes[Int(number)].name)' keeps it for others"
    case .shortage(let column, let needs, let free): return tables.nodes.resources.shortage(column, needs: needs, free: free)
    case .pool(let column, let needs, let free):
      return tables.nodes.resources.shortage(column, needs: needs, free: free) + " in the whole cluster"
    case .apart(let number, let topology, let domain):
      if tables.nodes.topologies[Int(topology)].label == nodeTopology {
        let there = board.residents[node].map(Int.init).filter { isCounted($0, apartFrom: search, rule: number) }.min()
        return "\(rule(number)) keeps it apart from \(there.map { "\(name($0))" } ?? "what is there")"
      }
      return "\(rule(number)) keeps it apart from what is in \(place(topology, domain))"
    case .together(let number, let topology, let domain):
      return "\(rule(number)) keeps it together with what is \(topology == 0 ? "on" : "in") \(place(topology, domain))"
    case .contradiction(let number): return "\(rule(number)) keeps apart what another rule keeps together"
    case .lingering(let column):
      return "has not enough \(tables.nodes.resources.names[column]) until others have left it"
    }
  }

  private func isCounted(_ workload: Int, apartFrom search: Search, rule number: Int32) -> Bool {
    let counted = tables.neighbours.counted[tables.neighbours.counted(workload)]
    return search.members.contains { member in
      tables.neighbours.checks[tables.neighbours.checks(member)].contains { $0.rule == number && counted.contains($0.tally) }
    }
  }

  /// Why a node lost that could have taken it.
  func text(_ lost: Score, on node: Int, against won: Score, of search: Search, _ board: Board) -> String {
    if lost.waits != won.waits { return "has the room only when others have left it" }
    if lost.spare != won.spare { return tables.nodes.nodes[node].quarantine == nil ? "a spare node" : "was lost lately" }
    if lost.broken != won.broken {
      return "would break \(brokenRule(on: node, of: search, board) ?? "more rules") (if possible)"
    }
    if lost.rank != won.rank { return "less preferred by \(choosing(search.members))" }
    let isEqual = lost.load == won.load
    if isEqual, lost.rest != won.rest {
      return "as loaded, but more so by its other resources: \(percent(search.share(node, board, tables))) with it"
    }
    switch spread(search.members) {
    case .leastLoaded:
      let share = percent(search.share(node, board, tables))
      return isEqual ? "as loaded, but later by name: \(share) with it" : "more loaded: \(share) with it"
    case .balanced: return isEqual ? "as balanced, but later by name" : "less balanced with it"
    case .packed:
      let share = percent(search.share(node, board, tables))
      return isEqual ? "as full, but later by name: \(share) with it" : "less full: \(share) with it"
    case .roundRobin:
      return isEqual
        ? "as many workloads, but later by name: \(Int(lost.load)) with it" : "more workloads: \(Int(lost.load)) with it"
    }
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

  private func why(_ score: Score, on node: Int, of search: Search, _ rivals: Rivals, _ board: Board) -> String {
    var parts: [String] = []
    if score.spare > 0 {
      let flaw = tables.nodes.nodes[node].quarantine == nil ? "a spare node" : "lost lately, but used all the same"
      parts.append("\(flaw), as no other can take it")
    }
    let profile = tables.profile(search.members[0])
    if profile.isChoosy {
      let isNamed = profile.names(node, tables.nodes.sets)
      parts.append(
        isNamed
          ? "preferred by \(choosing(search.members))"
          : rivals.arePreferred
            ? "those that \(choosing(search.members)) prefers suit less"
            : "none that \(choosing(search.members)) prefers can take it")
    }
    let share = "\(percent(search.share(node, board, tables))) with it"
    if rivals.count == 0, parts.isEmpty {
      parts.append("the only node that can take it: \(share)")
    } else if rivals.equals == 0 {
      parts.append("\(percent(search.share(node, board, tables))) loaded with it")
    } else {
      switch profile.spread {
      case .leastLoaded: parts.append("least loaded: \(share)")
      case .balanced: parts.append("best balanced: \(share)")
      case .packed: parts.append("the fullest with room for it: \(share)")
      case .roundRobin: parts.append("fewest workloads: \(Int(score.load)) with it")
      }
    }
    if score.broken > 0, let rule = brokenRule(on: node, of: search, board) { parts.append("\(rule) could not hold") }
    return parts.joined(separator: "; ")
  }

  private func choosing(_ members: [Int]) -> String {
    members.lazy.compactMap { tables.profile($0).choosing }.first.map(rule) ?? "its rules"
  }

  private func spread(_ members: [Int]) -> Spread { tables.profile(members[0]).spread }

  func percent(_ share: Double) -> String { "\(Int((min(max(share, 0), 1e6) * 100).rounded())) %" }

  // MARK: all nodes

  /// What a search found out about every node: why the chosen one, and why not the others.
  ///
  /// - Parameters:
  ///   - limit: other nodes that are told; the nearest losers first, then those that cannot take it.
  ///   - better: what is said of a node that would have been better, and was not chosen for another reason.
  func verdict(
    of search: Search, chosen: (node: Int, score: Score)?, _ board: Board, limit: Int = Wording.nodesInRecord, better: String
  ) -> (why: String, others: [NodeName: String]) {
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
    var others: [NodeName: String] = [:]
    for (score, row) in losers {
      fits.insert(row)
      let won = chosen?.score ?? score
      others[node(row)] = score < won ? better : text(score, on: row, against: won, of: search, board)
    }
    var row = 0
    while losers.count == rivals.count, others.count < limit, row < tables.nodes.count {
      if row != chosen?.node, !fits.contains(row), let refusal = search.refusal(row, board, tables) {
        others[node(row)] = text(refusal, of: search, by: row, board)
      }
      row += 1
    }
    let why = chosen.map { self.why($0.score, on: $0.node, of: search, rivals, board) } ?? ""
    return (why, others)
  }
}
