/// A search in depth for places for a workload and for those that give way to it.
struct Repair {
  /// A move of one who gave way, and from where.
  struct Move {
    var workload: Int
    var from: Int
  }
  private let tables: PlanTables
  /// The workloads that may give way.
  private let movable: [Bool]
  /// How many looks at nodes are left: an over-full cluster must not take for ever.
  var looks = 0
  private(set) var moved: [Move] = []
  private var searches: [Search] = []

  init(_ tables: PlanTables, movable: [Bool]) {
    self.tables = tables
    self.movable = movable
  }

  /// Seats a workload with at most so many others moved; few moves are tried first. Without success the board is as before.
  mutating func place(_ workload: Int, moves: Int, _ board: inout Board) -> Bool {
    moved = []
    for limit in 0...max(0, moves) where seat([workload], depth: 0, moves: limit, &board) { return true }
    return false
  }

  /// Seats the last of the unseated, then the others.
  private mutating func seat(_ unseated: [Int], depth: Int, moves: Int, _ board: inout Board) -> Bool {
    guard let workload = unseated.last else { return true }
    if depth == searches.count { searches.append(Search(tables)) }
    searches[depth].prepare(workload, board, tables)
    guard spend(tables.nodes.count) else { return false }
    var open: [(score: Score, node: Int)] = []
    searches[depth].scan(board, tables) { node, score in open.append((score, node)) }
    let isOpen = Set(open.map(\.node))
    let closed =
      moves == 0
      ? []
      : (0..<tables.nodes.count).filter {
        !isOpen.contains($0) && !tables.nodes.ailments.isAiling[$0] && isTaken($0, depth, board)
      }
    open.removeAll { $0.score.waits || $0.score.isAiling }
    open.sort { ($0.score, $0.node) < ($1.score, $1.node) }
    for (_, node) in open where take(node, by: unseated, depth: depth, moves: moves, &board) { return true }
    guard moves > 0 else { return false }
    for node in closed where clear(node, for: unseated, depth: depth, moves: moves, &board) { return true }
    return false
  }

  /// Others are what keeps the node from taking it.
  private func isTaken(_ node: Int, _ depth: Int, _ board: Board) -> Bool {
    switch searches[depth].refusal(node, board, tables) {
    case .shortage, .apart: true
    default: false
    }
  }

  /// Seats the last of the unseated on a node that can take it, and then the others.
  private mutating func take(_ node: Int, by unseated: [Int], depth: Int, moves: Int, _ board: inout Board) -> Bool {
    guard let workload = unseated.last else { return true }
    board.put(workload, on: node, tables)
    if seat(Array(unseated.dropLast()), depth: depth + 1, moves: moves, &board) { return true }
    board.take(workload, tables)
    return false
  }

  /// Lets one or more of those that are in the way, on a node or in its place, go elsewhere.
  private mutating func clear(_ node: Int, for unseated: [Int], depth: Int, moves: Int, _ board: inout Board) -> Bool {
    guard let workload = unseated.last, moves > 0 else { return false }
    searches[depth].prepare(workload, board, tables)
    let refusal = searches[depth].refusal(node, board, tables)
    for victim in inTheWay(of: workload, on: node, refusal, isLast: moves == 1, board) {
      guard spend(1) else { return false }
      let from = Int(board.at[victim])
      board.take(victim, tables)
      moved.append(Move(workload: victim, from: from))
      searches[depth].prepare(workload, board, tables)
      let rest = [victim] + unseated
      if searches[depth].refusal(node, board, tables) != nil {
        if clear(node, for: rest, depth: depth, moves: moves - 1, &board) { return true }
      } else if mayWait(workload) || searches[depth].lingering(node, board, tables) == nil {
        if take(node, by: rest, depth: depth, moves: moves - 1, &board) { return true }
      }
      moved.removeLast()
      board.put(victim, on: from, tables)
    }
    return false
  }

  private func inTheWay(of workload: Int, on node: Int, _ refusal: Refusal?, isLast: Bool, _ board: Board) -> [Int] {
    let columns = tables.resourceCount
    switch refusal {
    case .shortage(let column, let needs, let free)?:
      let least = isLast ? needs - free : 1
      return board.residents[node].map(Int.init).filter {
        isMovable($0) && tables.demand[$0 * columns + column] >= least
      }.sorted()
    case .apart(let rule, let topology, let domain)?:
      let checks = tables.neighbours.checks[tables.neighbours.checks(workload)]
      let tallies = checks.filter { $0.rule == rule }.map(\.tally)
      let there = (0..<tables.nodes.count).filter { board.domain(topology, $0, tables) == domain }
      return there.flatMap { board.residents[$0] }.map(Int.init).filter { other in
        isMovable(other) && tables.neighbours.counted[tables.neighbours.counted(other)].contains(where: tallies.contains)
      }.sorted()
    default: return []
    }
  }

  /// The workload runs nowhere: it can wait until what gives way has left. What runs is not stopped for that.
  private func mayWait(_ workload: Int) -> Bool { tables.running[workload] < 0 }

  private func isMovable(_ workload: Int) -> Bool {
    movable[workload] && !moved.contains { $0.workload == workload }
  }

  private mutating func spend(_ count: Int) -> Bool {
    looks = max(0, looks - count)
    return looks > 0
  }
}
