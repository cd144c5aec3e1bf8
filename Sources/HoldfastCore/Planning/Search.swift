/// Why a node cannot take a workload.
enum Refusal {
  case unavailable
  case excluded
  case connection
  case filter(Profile.FilterKind, rule: Int32)
  case shortage(column: Int, needs: Int64, free: Int64)
  /// What the nodes share is used up.
  case pool(column: Int, needs: Int64, free: Int64)
  /// Too many of those that a rule keeps apart are there.
  case apart(rule: Int32, topology: Int32, domain: Int32)
  /// Those that it must be with are elsewhere.
  case together(rule: Int32, topology: Int32, domain: Int32)
  /// The rules keep workloads apart that other rules keep together.
  case contradiction(rule: Int32)
  /// Workloads that are to leave have not left yet.
  case lingering(column: Int)
}

/// How well a node suits, the smaller the better; what stands first decides.
struct Score: Comparable {
  /// It would have to wait until others have left.
  var waits = false
  /// A spare node.
  var spare = 0
  /// Rules that hold if possible, and would not.
  var broken = 0
  /// How far down the list of what is liked.
  var rank = 0
  /// What the spreading rule makes of it.
  var load = 0.0
  /// The same of the other resources, which decides between nodes that are loaded alike.
  var rest = 0.0

  func isEqualBeforeLoad(to other: Score) -> Bool {
    (waits, spare, broken, rank) == (other.waits, other.spare, other.broken, other.rank)
  }

  static func < (a: Score, b: Score) -> Bool {
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
  private(set) var demand: [Int64] = []
  private var poolShortage: Refusal?
  private var contradiction: Refusal?
  /// Places where those that it must be with are.
  private var required: [(topology: Int32, domain: Int32, rule: Int32)] = []
  /// For each topology, what is out of the question there, and what is only disliked.
  private var blocked: [Marks]
  private var disliked: [Marks]
  private var blockedTopologies: [Int32] = []
  private var dislikedTopologies: [Int32] = []
  private var alwaysBroken = 0
  private let loadColumns: [Int]

  /// Numbers for places that are all forgotten at once.
  private struct Marks {
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
    let columns = tables.policies.cluster.load.compactMap { tables.nodes.resources.column($0) }
    loadColumns = columns.isEmpty ? [ResourceTable.memory, ResourceTable.cpus] : columns
    demand = [Int64](repeating: 0, count: tables.resourceCount)
  }

  // MARK: preparing

  mutating func prepare(_ workload: Int, _ board: Board, _ tables: PlanTables) { prepare([workload], board, tables) }

  /// Looks at the neighbours once, so that each node costs little.
  mutating func prepare(_ workloads: [Int], _ board: Board, _ tables: PlanTables) {
    members = workloads
    (contradiction, poolShortage, alwaysBroken) = (nil, nil, 0)
    for topology in blockedTopologies { blocked[Int(topology)].forget() }
    for topology in dislikedTopologies { disliked[Int(topology)].forget() }
    blockedTopologies.removeAll(keepingCapacity: true)
    dislikedTopologies.removeAll(keepingCapacity: true)
    required.removeAll(keepingCapacity: true)
    let columns = tables.resourceCount
    for column in 0..<columns {
      demand[column] = members.reduce(0) { $0 + tables.demand[$1 * columns + column] }
      let pool = tables.pool[column]
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

  /// The resource for which they would have to wait there until others have left.
  func lingering(_ node: Int, _ board: Board, _ tables: PlanTables) -> Int? {
    let columns = demand.count
    return (0..<columns).first { column in
      let index = node * columns + column
      return demand[column] > 0 && board.lingering[index] > 0
        && board.used[index] + board.lingering[index] + demand[column] > tables.nodes.capacity[index]
    }
  }

  /// How well a node suits that can take them.
  func score(_ node: Int, _ board: Board, _ tables: PlanTables) -> Score {
    var score = Score(waits: lingering(node, board, tables) != nil, broken: alwaysBroken)
    for member in members {
      let profile = Int(tables.profileOf[member])
      let isNamed = tables.nodes.isSpare[node] && tables.profiles[profile].names(node, tables.nodes.sets)
      if tables.nodes.isSpare[node], !isNamed { score.spare += 1 }
      score.rank += tables.profiles[profile].rank(node, tables.nodes.sets)
      for avoided in tables.profiles[profile].avoided where tables.nodes.sets.contains(avoided.nodes, node) {
        score.broken += 1
      }
    }
    for topology in dislikedTopologies {
      score.broken += Int(disliked[Int(topology)][board.domain(topology, node, tables)] ?? 0)
    }
    (score.load, score.rest) = load(node, board, tables)
    return score
  }

  /// What the spreading rule of the first of them makes of the node.
  private func load(_ node: Int, _ board: Board, _ tables: PlanTables) -> (load: Double, rest: Double) {
    switch tables.profiles[Int(tables.profileOf[members[0]])].spread {
    case .leastLoaded:
      let shares = shares(node, board, tables)
      return (shares.fullest, shares.rest)
    case .packed:
      let shares = shares(node, board, tables)
      return (-shares.fullest, -shares.rest)
    case .roundRobin: return (Double(board.residents[node].count + members.count), 0)
    case .balanced:
      let growth = loadColumns.reduce(0) { sum, column in
        let before = share(node, column, with: 0, board, tables)
        let after = share(node, column, with: demand[column], board, tables)
        return sum + after * after - before * before
      }
      return (growth, 0)
    }
  }

  /// The fullest of the node's resources with them, as a share of its capacity.
  func share(_ node: Int, _ board: Board, _ tables: PlanTables) -> Double { shares(node, board, tables).fullest }

  /// That, and the shares of the others together.
  private func shares(_ node: Int, _ board: Board, _ tables: PlanTables) -> (fullest: Double, rest: Double) {
    var fullest = share(node, loadColumns[0], with: demand[loadColumns[0]], board, tables), rest = 0.0
    for column in loadColumns.dropFirst() {
      let share = share(node, column, with: demand[column], board, tables)
      rest += min(share, fullest)
      fullest = max(share, fullest)
    }
    return (fullest, rest)
  }

  private func share(_ node: Int, _ column: Int, with more: Int64, _ board: Board, _ tables: PlanTables) -> Double {
    let index = node * demand.count + column
    let capacity = tables.nodes.capacity[index]
    return capacity > 0 ? Double(board.used[index] + more) / Double(capacity) : 1
  }

  /// The node that suits best, of those that can take them; of equal ones the first by name.
  func best(_ board: Board, _ tables: PlanTables, among isAllowed: (Int) -> Bool = { _ in true }) -> (node: Int, score: Score)?
  {
    var best: (node: Int, score: Score)?
    for node in 0..<tables.nodes.count where isAllowed(node) {
      if refusal(node, board, tables) != nil { continue }
      let score = score(node, board, tables)
      if best.map({ score < $0.score }) ?? true { best = (node, score) }
    }
    return best
  }
}
