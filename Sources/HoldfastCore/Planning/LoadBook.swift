/// How evenly loaded the nodes are, and what moves would make of it.
struct LoadBook {
  /// What a node's load is.
  private enum Kind {
    /// The fullest of its resources, as a share.
    case fullest
    /// Each of its resources, as a share.
    case each
    /// Its number of workloads.
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
    values = (0..<tables.nodes.count).map { value($0, run, plus: nil, 0) }
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

  /// A node's load, with what a search is for or without it.
  ///
  /// - Parameter sign: 1 or -1.
  private func value(_ node: Int, _ run: PlanRun, plus search: Search?, _ sign: Int64) -> [Double] {
    if case .count = kind {
      return [Double(run.board.residents[node].count + Int(sign) * (search?.members.count ?? 0))]
    }
    let width = run.tables.resourceCount
    let shares = columns.map { column -> Double in
      let index = node * width + column, capacity = run.tables.nodes.capacity[index]
      let used = run.board.used[index] + sign * (search?.demand[column] ?? 0)
      return capacity > 0 ? Double(used) / Double(capacity) : 0
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

  /// What the nodes that workloads leave and go to would be loaded then. They are not on the board.
  func after(_ search: Search, from source: Int, to target: Int, _ run: PlanRun) -> (source: [Double], target: [Double]) {
    (value(source, run, plus: nil, 0), value(target, run, plus: search, 1))
  }

  /// The spread with two nodes loaded otherwise.
  func spread(_ source: Int, _ atSource: [Double], _ target: Int, _ atTarget: [Double]) -> Double {
    var sums = sums, squares = squares
    func change(_ node: Int, _ new: [Double]) {
      guard isMeasured[node] else { return }
      for (column, value) in new.enumerated() {
        let old = values[node][column]
        sums[column] += value - old
        squares[column] += value * value - old * old
      }
    }
    change(source, atSource)
    change(target, atTarget)
    return Self.deviation(sums, squares, count)
  }

  /// The least by which a node must be fuller than the one that takes something from it will be: two workloads that change places
  /// help nobody.
  var leastDifference: Double { if case .count = kind { 1 } else { 0.05 } }

  /// Takes over what the board says now about two nodes.
  mutating func update(_ nodes: [Int], _ run: PlanRun) {
    for node in nodes { values[node] = value(node, run, plus: nil, 0) }
    // Anew, so that errors of many small steps do not add up.
    add()
  }
}
