/// How evenly loaded the nodes are, and what moves would make of it.
struct LoadBook {
  /// The measure of a node's load.
  private enum Kind {
    /// The fullest of its resources, as a share.
    case fullest
    /// Each of its resources, as a share.
    case each
    /// The number of workloads.
    case count
  }
  private let kind: Kind
  private let columns: [Int]
  /// Of each node whether it counts.
  private(set) var isMeasured: [Bool]
  /// Node by node.
  private var values: [[Double]]
  private var count = 0
  private var sums: [Double] = []
  private var squares: [Double] = []

  init(_ run: PlanRun) {
    let tables = run.tables, spread = tables.policies.cluster.spread ?? .leastLoaded
    columns = run.search.loadColumns
    kind =
      switch spread {
      case .leastLoaded, .packed: .fullest
      case .balanced: .each
      case .roundRobin: .count
      }
    isMeasured = (0..<tables.nodes.count).map { tables.nodes.isAvailable[$0] && !tables.nodes.isSpare[$0] }
    values = []
    values = (0..<tables.nodes.count).map { value($0, run) }
    add()
  }

  private mutating func add() {
    let width = values.first?.count ?? 0
    (count, sums, squares) = (0, Array(repeating: 0, count: width), Array(repeating: 0, count: width))
    for node in values.indices where isMeasured[node] {
      count += 1
      for (column, value) in values[node].enumerated() {
        sums[column] += value
        squares[column] += value * value
      }
    }
  }

  /// A node's load as the board has it.
  private func value(_ node: Int, _ run: PlanRun) -> [Double] {
    if case .count = kind { return [Double(run.board.residents[node].count)] }
    let width = run.tables.resourceCount
    let shares = columns.map { column -> Double in
      let index = node * width + column, capacity = run.tables.nodes.capacity[index]
      return capacity > 0 ? Double(run.board.used[index]) / Double(capacity) : 0
    }
    if case .each = kind { return shares }
    return [shares.max() ?? 0]
  }

  /// The standard deviation of the nodes' loads; of several resources their quadratic mean.
  var spread: Double { Self.deviation(sums, squares, count) }

  private static func deviation(_ sums: [Double], _ squares: [Double], _ count: Int) -> Double {
    guard count > 0, !sums.isEmpty else { return 0 }
    let number = Double(count)
    let variances = sums.indices.map { column in
      let mean = sums[column] / number
      return max(0, squares[column] / number - mean * mean)
    }
    return (variances.reduce(0, +) / Double(variances.count)).squareRoot()
  }

  /// The load of a node in one number: the fullest of its resources, or its number of workloads.
  func height(_ node: Int) -> Double { values[node].max() ?? 0 }

  /// The cluster as it would be if those that a search is for went from one node to another. They are not on the board.
  struct Outlook {
    /// The load of the node that they go to, in one number.
    var height: Double
    var spread: Double
  }

  /// Costs no memory: it is asked for every workload and every node.
  func outlook(_ search: Search, from source: Int, to target: Int, _ run: PlanRun) -> Outlook {
    let width = run.tables.resourceCount
    if case .count = kind {
      let atSource = Double(run.board.residents[source].count)
      let atTarget = Double(run.board.residents[target].count + search.members.count)
      return Outlook(height: atTarget, spread: one(source, atSource, target, atTarget))
    }
    func share(_ node: Int, _ column: Int, plus demand: Int64) -> Double {
      let index = node * width + column, capacity = run.tables.nodes.capacity[index]
      return capacity > 0 ? Double(run.board.used[index] + demand) / Double(capacity) : 0
    }
    var height = -Double.infinity, atSource = -Double.infinity, variances = 0.0
    for (place, column) in columns.enumerated() {
      let before = share(source, column, plus: 0), after = share(target, column, plus: search.demand[column])
      (atSource, height) = (max(atSource, before), max(height, after))
      if case .each = kind { variances += variance(place, source, before, target, after) }
    }
    if case .each = kind { return Outlook(height: height, spread: (variances / Double(columns.count)).squareRoot()) }
    return Outlook(height: height, spread: one(source, atSource, target, height))
  }

  /// The spread of one number for each node, with two nodes loaded otherwise.
  private func one(_ source: Int, _ atSource: Double, _ target: Int, _ atTarget: Double) -> Double {
    variance(0, source, atSource, target, atTarget).squareRoot()
  }

  private func variance(_ place: Int, _ source: Int, _ atSource: Double, _ target: Int, _ atTarget: Double) -> Double {
    var sum = sums[place], square = squares[place]
    if isMeasured[source] {
      let old = values[source][place]
      (sum, square) = (sum + atSource - old, square + atSource * atSource - old * old)
    }
    if isMeasured[target] {
      let old = values[target][place]
      (sum, square) = (sum + atTarget - old, square + atTarget * atTarget - old * old)
    }
    let mean = sum / Double(count)
    return max(0, square / Double(count) - mean * mean)
  }

  /// The least by which a node must be fuller than the one that takes something from it will be: two workloads that change places
  /// help nobody.
  var leastDifference: Double { if case .count = kind { 1 } else { 0.05 } }

  /// Takes over what the board says now about two nodes.
  mutating func update(_ nodes: [Int], _ run: PlanRun) {
    for node in nodes { values[node] = value(node, run) }
    // Anew, so that errors of many small steps do not add up.
    add()
  }
}
