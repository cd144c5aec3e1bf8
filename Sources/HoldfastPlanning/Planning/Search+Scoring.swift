/// Which of the nodes suits best.
extension Search {
  /// The resource for which they would have to wait there until others have left.
  func lingering(_ node: Int, _ board: Board, _ tables: PlanTables) -> Int? {
    if !board.isLingering { return nil }
    let columns = demand.count
    return (0..<columns).first { column in
      let index = node * columns + column
      return demand[column] > 0 && board.lingering[index] > 0
        && board.used[index] + board.lingering[index] + demand[column] > tables.nodes.capacity[index]
    }
  }

  /// How well a node suits that can take them.
  func score(_ node: Int, _ board: Board, _ tables: PlanTables) -> Score {
    var score = Score(
      isSilent: tables.nodes.isSilent[node], isAiling: tables.nodes.ailments.isAiling[node],
      waits: lingering(node, board, tables) != nil, broken: alwaysBroken)
    if !isPlain { judge(node, &score, board, tables) }
    (score.load, score.rest) = board.used.withUnsafeBufferPointer { used in
      tables.nodes.capacity.withUnsafeBufferPointer { load(node, used, $0, board, tables) }
    }
    return score
  }

  private func judge(_ node: Int, _ score: inout Score, _ board: Board, _ tables: PlanTables) {
    for member in members {
      let profile = Int(tables.profileOf[member])
      if tables.nodes.isSpare[node], !tables.profiles[profile].names(node, tables.nodes.sets) { score.spare += 1 }
      score.rank += tables.profiles[profile].rank(node, tables.nodes.sets)
      for avoided in tables.profiles[profile].avoided where tables.nodes.sets.contains(avoided.nodes, node) {
        score.broken += 1
      }
    }
    for topology in dislikedTopologies {
      score.broken += Int(disliked[Int(topology)][board.domain(topology, node, tables)] ?? 0)
    }
  }

  // MARK: load

  private typealias Row = UnsafeBufferPointer<Int64>

  /// The node's load by the spreading rule of the first of them.
  private func load(_ node: Int, _ used: Row, _ capacity: Row, _ board: Board, _ tables: PlanTables) -> (
    load: Double, rest: Double
  ) {
    switch spread {
    case .leastLoaded:
      let shares = shares(node, used, capacity)
      return (shares.fullest, shares.rest)
    case .packed:
      let shares = shares(node, used, capacity)
      return (-shares.fullest, -shares.rest)
    case .roundRobin: return (Double(board.residents[node].count + members.count), 0)
    case .balanced:
      var growth = 0.0
      for column in loadColumns {
        let before = share(node, column, 0, used, capacity), after = share(node, column, demand[column], used, capacity)
        // A node that is twice as large counts twice: what evens out are shares of its capacity.
        growth += (after * after - before * before) * weight(node, column, capacity, tables)
      }
      return (growth, 0)
    }
  }

  /// A node's capacity in units of the mean.
  private func weight(_ node: Int, _ column: Int, _ capacity: Row, _ tables: PlanTables) -> Double {
    let mean = tables.nodes.meanCapacity[column]
    return mean > 0 ? Double(capacity[node * demand.count + column]) / mean : 1
  }

  /// The fullest of the node's resources with them, as a share of its capacity.
  func share(_ node: Int, _ board: Board, _ tables: PlanTables) -> Double {
    board.used.withUnsafeBufferPointer { used in
      tables.nodes.capacity.withUnsafeBufferPointer { shares(node, used, $0).fullest }
    }
  }

  /// How full the node is as it stands: the fullest of its resources.
  func standingShare(_ node: Int, _ board: Board, _ tables: PlanTables) -> Double {
    loadColumns.map { column in
      let index = node * tables.resourceCount + column
      return tables.nodes.capacity[index] > 0 ? Double(board.used[index]) / Double(tables.nodes.capacity[index]) : 0
    }.max() ?? 0
  }

  /// That, and the shares of the others together.
  private func shares(_ node: Int, _ used: Row, _ capacity: Row) -> (fullest: Double, rest: Double) {
    var fullest = -Double.infinity, rest = 0.0
    for column in loadColumns {
      let share = share(node, column, demand[column], used, capacity)
      if fullest > -Double.infinity { rest += min(share, fullest) }
      fullest = max(share, fullest)
    }
    return (fullest, rest)
  }

  private func share(_ node: Int, _ column: Int, _ more: Int64, _ used: Row, _ capacity: Row) -> Double {
    let index = node * demand.count + column
    return capacity[index] > 0 ? Double(used[index] + more) / Double(capacity[index]) : 1
  }

  // MARK: all nodes

  /// Visits the nodes that can take them, by name, with how well they suit.
  func scan(_ board: Board, _ tables: PlanTables, _ visit: (_ node: Int, _ score: Score) -> Void) {
    let columns = demand.count
    board.used.withUnsafeBufferPointer { used in
      tables.nodes.capacity.withUnsafeBufferPointer { capacity in
        demand.withUnsafeBufferPointer { demand in
          for (word, bits) in candidates.enumerated() {
            var bits = bits
            while bits != 0 {
              let node = word << 6 + bits.trailingZeroBitCount
              bits &= bits - 1
              var fits = true
              for column in 0..<columns where demand[column] > 0 {
                let index = node * columns + column
                if used[index] + demand[column] > capacity[index] { fits = false }
              }
              guard fits else { continue }
              var score = Score(
                isSilent: tables.nodes.isSilent[node], isAiling: tables.nodes.ailments.isAiling[node], broken: alwaysBroken)
              if board.isLingering { score.waits = lingering(node, board, tables) != nil }
              if !isPlain { judge(node, &score, board, tables) }
              (score.load, score.rest) = load(node, used, capacity, board, tables)
              visit(node, score)
            }
          }
        }
      }
    }
  }

  /// The node that suits best, of those that can take them; of equal ones the first by name.
  func best(_ board: Board, _ tables: PlanTables, among isAllowed: (Int) -> Bool = { _ in true }) -> (node: Int, score: Score)?
  {
    var best: (node: Int, score: Score)?
    scan(board, tables) { node, score in
      if best.map({ score < $0.score }) ?? true, isAllowed(node) { best = (node, score) }
    }
    return best
  }
}
