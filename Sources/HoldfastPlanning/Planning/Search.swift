/// Why a node cannot take a workload.
enum Refusal {
  case unavailable
  case excluded
  case connection
  case filter(Profile.FilterKind, rule: Int32)
  case shortage(column: Int, needs: Int64, free: Int64)
  /// The pool that the nodes share is used up.
  case pool(column: Int, needs: Int64, free: Int64)
  /// Too many of those that a rule keeps apart are there.
  case apart(rule: Int32, topology: Int32, domain: Int32)
  /// The workloads that it must be with are elsewhere.
  case together(rule: Int32, topology: Int32, domain: Int32)
  /// The rules keep workloads apart that other rules keep together.
  case contradiction(rule: Int32)
  /// Workloads that are to leave have not left yet.
  case lingering(column: Int)
  /// What runs there leaves, as a node check fails.
  case ailing
}

/// How well a node suits, the smaller the better; what stands first decides.
struct Score: Comparable {
  /// The node may be about to be lost.
  var isSilent = false
  /// A node check fails there.
  var isAiling = false
  /// The workload would have to wait until others have left.
  var waits = false
  /// A spare node.
  var spare = 0
  /// Rules that hold if possible, and would not.
  var broken = 0
  /// How far down the list of what is liked.
  var rank = 0
  /// The load by the spreading rule.
  var load = 0.0
  /// The same of the other resources, which decides between nodes that are loaded alike.
  var rest = 0.0

  func isEqualBeforeLoad(to other: Score) -> Bool {
    isSilent == other.isSilent && isAiling == other.isAiling
      && (waits, spare, broken, rank) == (other.waits, other.spare, other.broken, other.rank)
  }

  /// Better by what stands before the load.
  func isLiked(more than: Score) -> Bool {
    if isSilent != than.isSilent { return than.isSilent }
    return isAiling != than.isAiling ? than.isAiling : (spare, broken, rank) < (than.spare, than.broken, than.rank)
  }

  static func < (a: Score, b: Score) -> Bool {
    if a.isSilent != b.isSilent { return b.isSilent }
    if a.isAiling != b.isAiling { return b.isAiling }
    if a.waits != b.waits { return b.waits }
    if a.spare != b.spare { return a.spare < b.spare }
    if a.broken != b.broken { return a.broken < b.broken }
    if a.rank != b.rank { return a.rank < b.rank }
    return a.load != b.load ? a.load < b.load : a.rest < b.rest
  }
}

/// Where a workload can go, or several that must be on one node, and which node suits best. They must not be on the board.
struct Search {
  private(set) var members: [Int] = []
  /// Nodes that nothing forbids but perhaps a lack of room.
  private(set) var candidates: [UInt64] = []
  private(set) var demand: [Int64] = []
  private var poolShortage: Refusal?
  private var contradiction: Refusal?
  /// Only the load tells one node from another.
  private(set) var isPlain = true
  /// Places where those that it must be with are.
  private var required: [(topology: Int32, domain: Int32, rule: Int32)] = []
  /// For each topology, what is out of the question there, and what is only disliked.
  private var blocked: [Marks]
  private var blockedPlaces: [[Int32]]
  private(set) var disliked: [Marks]
  private var blockedTopologies: [Int32] = []
  private(set) var dislikedTopologies: [Int32] = []
  private(set) var alwaysBroken = 0
  let loadColumns: [Int]
  /// The spreading rule of the first of them.
  private(set) var spread = Spread.leastLoaded

  /// Numbers for places that are all forgotten at once.
  struct Marks {
    private var epochs: [UInt32]
    private var values: [Int32]
    private var epoch: UInt32 = 1

    init(_ count: Int) {
      epochs = [UInt32](repeating: 0, count: count)
      values = [Int32](repeating: 0, count: count)
    }
    subscript(_ domain: Int32) -> Int32? { epochs[Int(domain)] == epoch ? values[Int(domain)] : nil }
    mutating func set(_ domain: Int32, _ value: Int32) {
      epochs[Int(domain)] = epoch
      values[Int(domain)] = value
    }
    mutating func forget() { epoch &+= 1 }
  }

  init(_ tables: PlanTables) {
    let marks = tables.nodes.topologies.map { Marks($0.names.count) }
    (blocked, disliked) = (marks, marks)
    blockedPlaces = marks.map { _ in [] }
    let columns = tables.policies.cluster.load.compactMap { tables.nodes.resources.column($0) }
    loadColumns = columns.isEmpty ? [ResourceTable.memory, ResourceTable.cpus] : columns
    demand = [Int64](repeating: 0, count: tables.resourceCount)
  }

  // MARK: preparing

  mutating func prepare(_ workload: Int, _ board: Board, _ tables: PlanTables) { prepare([workload], board, tables) }

  /// Looks at the neighbours once, so that each node costs little.
  mutating func prepare(_ workloads: [Int], _ board: Board, _ tables: PlanTables) {
    members = workloads
    spread = tables.profiles[Int(tables.profileOf[members[0]])].spread
    (contradiction, poolShortage, alwaysBroken) = (nil, nil, 0)
    for topology in blockedTopologies {
      blocked[Int(topology)].forget()
      blockedPlaces[Int(topology)].removeAll(keepingCapacity: true)
    }
    for topology in dislikedTopologies { disliked[Int(topology)].forget() }
    blockedTopologies.removeAll(keepingCapacity: true)
    dislikedTopologies.removeAll(keepingCapacity: true)
    required.removeAll(keepingCapacity: true)
    let columns = tables.resourceCount
    for column in 0..<columns {
      demand[column] = members.reduce(0) { $0 + tables.demand[$1 * columns + column] }
      let pool = board.poolLimit[column]
      if pool >= 0, demand[column] > 0, board.poolUsed[column] + demand[column] > pool {
        poolShortage = .pool(column: column, needs: demand[column], free: pool - board.poolUsed[column])
      }
    }
    for member in members {
      for index in tables.neighbours.checks(member) { look(tables.neighbours.checks[index], for: member, board, tables) }
    }
    for cohort in tables.neighbours.cohorts {
      for member in members where cohort.tallies[member] >= 0 {
        let tally = cohort.tallies[member]
        guard let domain = board.tallies[Int(tally)].main else { continue }
        required.append((cohort.topology, domain, tables.neighbours.cohortRule[tally] ?? 0))
      }
    }
    isPlain = !tables.nodes.hasSpares && dislikedTopologies.isEmpty && members.allSatisfy { tables.isIndifferent($0) }
    gather(board, tables)
  }

  /// The nodes that may be looked at, from sets: most rules cost nothing for each node.
  private mutating func gather(_ board: Board, _ tables: PlanTables) {
    let sets = tables.nodes.sets
    candidates.removeAll(keepingCapacity: true)
    candidates.append(contentsOf: sets.words(of: tables.nodes.available))
    if contradiction != nil || poolShortage != nil {
      for word in candidates.indices { candidates[word] = 0 }
    }
    for member in members {
      let served = tables.servedBy[member]
      if served < 0 {
        for word in candidates.indices { candidates[word] = 0 }
      } else {
        keep(sets.words(of: served))
        keep(sets.words(of: tables.profiles[Int(tables.profileOf[member])].passing))
      }
      if tables.hasExclusions[member] {
        for name in tables.workloads[member].excluded.keys {
          if let row = tables.nodes.row(name) { candidates[row >> 6] &= ~(1 << UInt64(row & 63)) }
        }
      }
    }
    for topology in blockedTopologies {
      for place in blockedPlaces[Int(topology)] { drop(sets.words(of: tables.nodes.nodes(in: topology, place))) }
    }
    for place in required { keep(sets.words(of: tables.nodes.nodes(in: place.topology, place.domain))) }
  }

  private mutating func keep(_ words: ArraySlice<UInt64>) {
    for (index, word) in words.enumerated() { candidates[index] &= word }
  }

  private mutating func drop(_ words: ArraySlice<UInt64>) {
    for (index, word) in words.enumerated() { candidates[index] &= ~word }
  }

  private mutating func look(_ check: Neighbours.Check, for member: Int, _ board: Board, _ tables: PlanTables) {
    let topology = tables.neighbours.tallyTopology[Int(check.tally)]
    // The others that come along count as if they were there.
    let beside = members.count == 1 ? 0 : membersCounted(by: check.tally, besides: member, tables)
    switch check.kind {
    case .apart, .clearOf:
      if beside >= check.limit { contradiction = .contradiction(rule: check.rule) }
      for place in board.tallies[Int(check.tally)].places where place.count + beside >= check.limit {
        if !blockedTopologies.contains(topology) { blockedTopologies.append(topology) }
        blocked[Int(topology)].set(place.domain, check.rule)
        blockedPlaces[Int(topology)].append(place.domain)
      }
    case .ratherApart:
      for place in board.tallies[Int(check.tally)].places where place.count + beside >= check.limit {
        dislike(topology, place.domain, 1)
      }
    case .ratherClearOf:
      for place in board.tallies[Int(check.tally)].places { dislike(topology, place.domain, place.count) }
    case .ratherTogether:
      alwaysBroken += Int(board.tallies[Int(check.tally)].total)
      for place in board.tallies[Int(check.tally)].places { dislike(topology, place.domain, -place.count) }
    }
  }

  private func membersCounted(by tally: Int32, besides member: Int, _ tables: PlanTables) -> Int32 {
    var count: Int32 = 0
    for other in members where other != member {
      if tables.neighbours.counted[tables.neighbours.counted(other)].contains(tally) { count += 1 }
    }
    return count
  }

  private mutating func dislike(_ topology: Int32, _ domain: Int32, _ count: Int32) {
    if !dislikedTopologies.contains(topology) { dislikedTopologies.append(topology) }
    disliked[Int(topology)].set(domain, (disliked[Int(topology)][domain] ?? 0) + count)
  }

  // MARK: asking

  /// Why the node cannot take them; nil when it can.
  func refusal(_ node: Int, _ board: Board, _ tables: PlanTables) -> Refusal? {
    if !tables.nodes.isAvailable[node] { return .unavailable }
    for member in members {
      if !tables.workloads[member].excluded.isEmpty, tables.workloads[member].excluded[tables.nodes.nodes[node].name] != nil {
        return .excluded
      }
      let served = tables.servedBy[member]
      if served < 0 || !tables.nodes.sets.contains(served, node) { return .connection }
      if let refusal = filtered(member, node, tables) { return refusal }
    }
    if let contradiction { return contradiction }
    if let refusal = crowded(node, board, tables) { return refusal }
    let columns = demand.count
    for column in 0..<columns where demand[column] > 0 {
      let free = tables.nodes.capacity[node * columns + column] - board.used[node * columns + column]
      if demand[column] > free { return .shortage(column: column, needs: demand[column], free: free) }
    }
    return poolShortage
  }

  /// Rules keep them off the node, whether or not it takes anything now.
  func isForbidden(_ node: Int, _ board: Board, _ tables: PlanTables) -> Bool {
    contradiction != nil || members.contains { filtered($0, node, tables) != nil } || crowded(node, board, tables) != nil
  }

  /// The workloads that they must be with are not in the node's place.
  func isTied(elsewhereThan node: Int, _ board: Board, _ tables: PlanTables) -> Bool {
    required.contains { board.domain($0.topology, node, tables) != $0.domain }
  }

  private func filtered(_ member: Int, _ node: Int, _ tables: PlanTables) -> Refusal? {
    let profile = Int(tables.profileOf[member])
    if tables.nodes.sets.contains(tables.profiles[profile].passing, node) { return nil }
    for filter in tables.profiles[profile].filters where !tables.nodes.sets.contains(filter.passing, node) {
      return .filter(filter.kind, rule: filter.rule)
    }
    return nil
  }

  private func crowded(_ node: Int, _ board: Board, _ tables: PlanTables) -> Refusal? {
    for topology in blockedTopologies {
      let domain = board.domain(topology, node, tables)
      if let rule = blocked[Int(topology)][domain] { return .apart(rule: rule, topology: topology, domain: domain) }
    }
    for place in required where board.domain(place.topology, node, tables) != place.domain {
      return .together(rule: place.rule, topology: place.topology, domain: place.domain)
    }
    return nil
  }
}
