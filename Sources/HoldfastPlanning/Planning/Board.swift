/// The seats of a plan that is being made: who is where, and what that uses.
struct Board {
  /// How many of a group are in each place that has any.
  struct Tally {
    struct Place {
      var domain: Int32
      var count: Int32
    }
    /// By domain, ascending.
    private(set) var places: [Place] = []
    private(set) var total: Int32 = 0

    private func index(_ domain: Int32) -> Int {
      var low = 0, high = places.count
      while low < high {
        let middle = (low + high) / 2
        if places[middle].domain < domain { low = middle + 1 } else { high = middle }
      }
      return low
    }

    func count(_ domain: Int32) -> Int32 {
      let at = index(domain)
      return at < places.count && places[at].domain == domain ? places[at].count : 0
    }

    /// Where most of them are; of several such places the first.
    var main: Int32? { places.max { ($0.count, $1.domain) < ($1.count, $0.domain) }?.domain }

    mutating func add(_ domain: Int32) {
      let at = index(domain)
      total += 1
      if at < places.count, places[at].domain == domain {
        places[at].count += 1
      } else {
        places.insert(.init(domain: domain, count: 1), at: at)
      }
    }

    mutating func remove(_ domain: Int32) {
      let at = index(domain)
      total -= 1
      places[at].count -= 1
      if places[at].count == 0 { places.remove(at: at) }
    }
  }

  private let columns: Int
  /// By node and resource: what is used, by placed workloads and those outside protection.
  private(set) var used: [Int64]
  /// By node and resource: what is used besides by workloads that are to be elsewhere and have not left yet.
  private(set) var lingering: [Int64]
  /// How many workloads are still to leave a node.
  private var leaving = 0
  var isLingering: Bool { leaving > 0 }
  /// Of each workload its node's row, or -1.
  private(set) var at: [Int32]
  private(set) var residents: [[Int32]]
  private(set) var tallies: [Tally]
  /// By resource: what is used of the pool.
  private(set) var poolUsed: [Int64]
  /// By resource: what may be used of the pool, -1: anything. Where more is used than there is, it may stay so: who only moves needs no more.
  private(set) var poolLimit: [Int64]

  init(_ tables: PlanTables) {
    columns = tables.resourceCount
    used = tables.nodes.unmanaged
    lingering = [Int64](repeating: 0, count: used.count)
    at = [Int32](repeating: -1, count: tables.workloads.count)
    residents = [[Int32]](repeating: [], count: tables.nodes.count)
    tallies = [Tally](repeating: Tally(), count: tables.neighbours.tallyTopology.count)
    poolUsed = [Int64](repeating: 0, count: columns)
    poolLimit = tables.pool
    for workload in tables.workloads.indices where tables.running[workload] >= 0 {
      linger(workload, on: Int(tables.running[workload]), tables, 1)
    }
  }

  func isPlaced(_ workload: Int) -> Bool { at[workload] >= 0 }

  mutating func put(_ workload: Int, on node: Int, _ tables: PlanTables) {
    at[workload] = Int32(node)
    residents[node].append(Int32(workload))
    account(workload, node, tables, 1)
    for index in tables.neighbours.counted(workload) {
      let tally = Int(tables.neighbours.counted[index])
      tallies[tally].add(domain(tables.neighbours.tallyTopology[tally], node, tables))
    }
    for cohort in tables.neighbours.cohorts where cohort.tallies[workload] >= 0 {
      tallies[Int(cohort.tallies[workload])].add(domain(cohort.topology, node, tables))
    }
  }

  mutating func take(_ workload: Int, _ tables: PlanTables) {
    let node = Int(at[workload])
    at[workload] = -1
    if let index = residents[node].firstIndex(of: Int32(workload)) { residents[node].remove(at: index) }
    account(workload, node, tables, -1)
    for index in tables.neighbours.counted(workload) {
      let tally = Int(tables.neighbours.counted[index])
      tallies[tally].remove(domain(tables.neighbours.tallyTopology[tally], node, tables))
    }
    for cohort in tables.neighbours.cohorts where cohort.tallies[workload] >= 0 {
      tallies[Int(cohort.tallies[workload])].remove(domain(cohort.topology, node, tables))
    }
  }

  /// What is used of the pool now is theirs, and so is what those use that are about to leave their node.
  mutating func grantPool(with leaving: [Int], _ tables: PlanTables) {
    for column in 0..<columns where poolLimit[column] >= 0 {
      let used = leaving.reduce(poolUsed[column]) { $0 + tables.demand[$1 * columns + column] }
      poolLimit[column] = max(poolLimit[column], used)
    }
  }

  func domain(_ topology: Int32, _ node: Int, _ tables: PlanTables) -> Int32 {
    tables.nodes.topologies[Int(topology)].domains[node]
  }

  private mutating func account(_ workload: Int, _ node: Int, _ tables: PlanTables, _ sign: Int64) {
    for column in 0..<columns {
      let demand = sign * tables.demand[workload * columns + column]
      used[node * columns + column] += demand
      poolUsed[column] += demand
    }
    if tables.running[workload] == Int32(node) { linger(workload, on: node, tables, -sign) }
  }

  private mutating func linger(_ workload: Int, on node: Int, _ tables: PlanTables, _ sign: Int64) {
    leaving += Int(sign)
    for column in 0..<columns { lingering[node * columns + column] += sign * tables.demand[workload * columns + column] }
  }
}
