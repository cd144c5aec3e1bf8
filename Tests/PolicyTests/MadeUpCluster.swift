import HoldfastModel
import HoldfastPlanning

/// Small clusters and policies of all kinds, from a seed.
struct MadeUpCluster {
  var snapshot: PlanningSnapshot
  var policies: PolicySet

  /// What the policies may have in them.
  struct Kinds: OptionSet {
    let rawValue: Int
    static let nodes = Kinds(rawValue: 1)
    static let apart = Kinds(rawValue: 2)
    static let together = Kinds(rawValue: 4)
    static let room = Kinds(rawValue: 8)
    static let priority = Kinds(rawValue: 16)
    static let amounts = Kinds(rawValue: 32)
    static let back = Kinds(rawValue: 64)
    static let soft = Kinds(rawValue: 128)
    /// Where things run is known, and what moves takes its time.
    static let flow = Kinds(rawValue: 256)
    static let all: Kinds = [.nodes, .apart, .together, .room, .priority, .amounts, .back, .soft, .flow]
  }

  /// - Parameter standsWell: what was placed before follows the policies; else every third cluster's does not.
  init(
    seed: UInt64, kinds: Kinds = .all, nodes: ClosedRange<Int> = 2...6, workloads: ClosedRange<Int> = 1...14,
    standsWell: Bool = false
  ) {
    var random = SeededGenerator(seed: seed)
    let nodeCount = Int.random(in: nodes, using: &random), count = Int.random(in: workloads, using: &random)
    snapshot = PlanningSnapshot(
      nodes: (0..<nodeCount).map { Self.node($0, &random) }, workloads: (0..<count).map { Self.workload($0, &random) },
      time: WeekTime(minute: Int.random(in: 0..<10_080, using: &random)))
    policies = PolicySet()
    policies.cluster.spread = Spread.allCases.randomElement(using: &random)
    policies.cluster.movesToMakeRoom = Int.random(in: 0...2, using: &random)
    for kind in [Kinds.nodes, .apart, .together, .room, .priority, .amounts, .back, .soft, .flow] where kinds.contains(kind) {
      for number in 0..<Int.random(in: 0...2, using: &random) { add(kind, number, &random) }
    }
    policies.workloads.shuffle(using: &random)
    // Where things stand is what the planner made of it, by these policies or before they were made.
    let isEdited = !standsWell && seed % 3 == 0
    let plan = PolicyPlanner(isEdited ? .none : policies).plan(snapshot)
    for index in snapshot.workloads.indices where Bool.random(using: &random) || index % 3 != 0 {
      let record = plan[snapshot.workloads[index].name]
      if record?.node != nil { snapshot.workloads[index].placed = record }
    }
    if kinds.contains(.flow), seed % 2 == 0 {
      for index in snapshot.workloads.indices {
        let isMoving = Int.random(in: 0..<6, using: &random) == 0
        let node = isMoving ? snapshot.nodes.randomElement(using: &random)?.name : snapshot.workloads[index].placed?.node
        snapshot.workloads[index].running = node
      }
    }
    happen(&random)
  }

  /// Something goes wrong, or somebody does something.
  private mutating func happen(_ random: inout SeededGenerator) {
    for index in snapshot.nodes.indices where Int.random(in: 0..<4, using: &random) == 0 {
      snapshot.nodes[index].unavailable = "is down"
      snapshot.nodes[index].isDraining = Bool.random(using: &random)
      snapshot.nodes[index].unavailableFor = [nil, 5, 100].randomElement(using: &random) ?? nil
    }
    for index in snapshot.nodes.indices where snapshot.nodes[index].unavailable == nil {
      snapshot.nodes[index].availableFor = [nil, 10, 1000].randomElement(using: &random) ?? nil
    }
    for index in snapshot.workloads.indices {
      let node = snapshot.nodes.randomElement(using: &random)?.name ?? "n0"
      switch Int.random(in: 0..<24, using: &random) {
      case 0: snapshot.workloads[index].move = .init(to: node, serial: 7)
      case 1: snapshot.workloads[index].excluded = [node: "failed to start there"]
      case 2: snapshot.workloads[index].desired = .stopped
      case 4: snapshot.workloads[index].failures = [node: 1]
      case 3 where snapshot.workloads[index].placed != nil: snapshot.workloads[index].desired = .unprotected
      default: break
      }
    }
  }

  private static func node(_ number: Int, _ random: inout SeededGenerator) -> PlanningSnapshot.Node {
    PlanningSnapshot.Node(
      name: NodeName("n\(number)"),
      capacity: Resources(
        memory: Int.random(in: 3...14, using: &random) * 100, cpus: Double(Int.random(in: 4...24, using: &random)) / 2),
      labels: Int.random(in: 0..<8, using: &random) == 0 ? [:] : ["rack": ["a", "b", "c"].randomElement(using: &random) ?? "a"],
      connections: Int.random(in: 0..<8, using: &random) == 0 ? ["lxc"] : ["lxc", "qemu"],
      unmanaged: Resources(memory: Int.random(in: 0...1, using: &random) * 100, cpus: 0))
  }

  private static func workload(_ number: Int, _ random: inout SeededGenerator) -> PlanningSnapshot.Workload {
    PlanningSnapshot.Workload(
      name: WorkloadName("w\(number)"), connection: Int.random(in: 0..<4, using: &random) == 0 ? "qemu" : "lxc",
      demand: Resources(
        memory: Int.random(in: 1...6, using: &random) * 100, cpus: Double(Int.random(in: 0...4, using: &random)) / 2),
      labels: [
        "app": ["x", "y", "z"].randomElement(using: &random) ?? "x",
        "tier": ["web", "db"].randomElement(using: &random) ?? "web"
      ], priority: Int.random(in: 0...2, using: &random))
  }

  // MARK: policies

  private static func someWorkloads(_ random: inout SeededGenerator) -> Selection {
    selection(
      ["all", "tier=web", "tier=db", "app=x", "app=y and tier=db", "not app=z", "w1*", "w2 or w3", "w?"].randomElement(
        using: &random))
  }

  private static func someNodes(_ random: inout SeededGenerator) -> Selection {
    selection(["n0", "n1", "n1 or n2", "rack=a", "not rack=b", "rack=a or rack=c", "n*", "n3"].randomElement(using: &random))
  }

  static func selection(_ text: String?) -> Selection { (try? Selection(parsing: text ?? "all")) ?? .all }

  private mutating func add(_ kind: Kinds, _ number: Int, _ random: inout SeededGenerator) {
    var rule = WorkloadPolicy(name: "rule \(kind.rawValue).\(number)", selection: Self.someWorkloads(&random))
    let over = ["node", "node", "rack"].randomElement(using: &random) ?? "node"
    let same = Int.random(in: 0..<3, using: &random) == 0 ? "app" : nil
    let coin = Bool.random(using: &random)
    switch kind {
    case .nodes:
      switch Int.random(in: 0..<5, using: &random) {
      case 0: rule.onlyOn = Self.someNodes(&random)
      case 1: rule.neverOn = Self.someNodes(&random)
      case 2: rule.onlyInOrder = [Self.someNodes(&random), Self.someNodes(&random)]
      case 3:
        policies.nodes.append(
          NodePolicy(name: "kept \(number)", selection: Self.someNodes(&random), onlyFor: Self.someWorkloads(&random)))
      default: rule.prefer = .inOrder([Self.someNodes(&random), Self.someNodes(&random)])
      }
    case .apart:
      let from = Int.random(in: 0..<3, using: &random) == 0 ? Self.someWorkloads(&random) : nil
      rule.keepApart = [KeepApart(over: over, same: same, from: from, atMost: coin ? 1 : 2)]
    case .together:
      rule.keepTogether = [KeepTogether(over: over, same: same ?? "app", with: coin ? Self.someWorkloads(&random) : nil)]
    case .room: rule.makeRoom = coin || number == 0
    case .priority:
      rule.priority = Int.random(in: 0...3, using: &random)
      rule.displace = coin ? .lowerPriority : nil
    case .amounts: addAmounts(&rule, coin, &random)
    case .flow:
      rule.evacuation = Evacuation(
        atOnce: coin ? 1 : 2, otherwise: coin ? .stay : nil, timeLimit: coin ? 90 : nil, bandwidth: coin ? nil : 100,
        downtime: coin ? 1500 : 20, slowsDown: coin ? nil : false, copiesStorage: coin ? true : nil)
      rule.failover = Failover(restarts: 1, nodes: 1, then: .giveUp)
      if coin { policies.cluster.survive = Survival(losses: [.any(count: 1, of: over)], otherwise: .refuse, tolerate: 0.2) }
    case .back:
      rule.failback = Failback(coin ? .automatic : .byHand, after: 60, windows: [])
      rule.prefer = coin ? .weighted([.init(Self.someNodes(&random), 10), .init(Self.someNodes(&random), -5)]) : nil
      rule.stickiness = Int.random(in: 0...8, using: &random)
      rule.failover = Failover(wait: 30)
      rule.evacuation = Evacuation(method: coin ? .stay : .live)
    default:
      rule.avoid = coin ? Self.someNodes(&random) : nil
      rule.keepApart = coin ? [KeepApart(over: over, same: same, ifPossible: true)] : []
      rule.keepTogether = coin ? [] : [KeepTogether(over: over, same: same, ifPossible: true)]
      rule.spread = Spread.allCases.randomElement(using: &random)
      policies.nodes.append(NodePolicy(name: "spare \(number)", selection: Self.someNodes(&random), spare: true))
    }
    policies.workloads.append(rule)
  }

  private mutating func addAmounts(_ rule: inout WorkloadPolicy, _ coin: Bool, _ random: inout SeededGenerator) {
    rule.demand = coin ? ["gpu": 1] : ["licence": 1, "memory": 200]
    policies.cluster.pool = ["licence": Int.random(in: 1...6, using: &random)]
    policies.nodes.append(
      NodePolicy(
        name: "amounts", selection: Self.someNodes(&random), capacity: coin ? ["gpu": 2, "licence": 3] : ["gpu": 2],
        overcommit: ["cpus": 2],
        reserve: coin ? ["memory": .share(0.1)] : ["memory": .units(100), "cpus": .units(1)]))
  }
}

extension MadeUpCluster: CustomStringConvertible {
  var description: String {
    let nodes = snapshot.nodes.map {
      "\($0.name) \($0.capacity) \($0.labels) \($0.connections.sorted()) \($0.unmanaged.memory) \($0.unavailable ?? "up") drains:\($0.isDraining)"
    }
    let workloads = snapshot.workloads.map {
      "\($0.name) \($0.connection) \($0.demand) \($0.labels) p\($0.priority) \($0.desired) on \($0.placed?.node?.text ?? "-") to \($0.move?.to.text ?? "-") ex \($0.excluded) runs \($0.running?.text ?? "-") f \($0.failures)"
    }
    return (nodes + workloads + policies.nodes.map { "\($0)" } + policies.workloads.map { "\($0)" } + ["\(policies.cluster)"])
      .joined(separator: "\n")
  }
}
