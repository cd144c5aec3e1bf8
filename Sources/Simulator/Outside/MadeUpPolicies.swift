import GuardCore
import HoldfastModel
import HoldfastPlanning

/// Policies for a storm: a few rules of every kind that moves, keeps or forbids something.
enum MadeUpPolicies {
  /// The first set is in force from the start; operators change between them.
  static func sets(for cluster: ClusterSetup, _ dice: Dice) -> [PolicySet] {
    (0..<dice.number(2...3)).map { _ in set(for: cluster, dice) }
  }

  private static func set(for cluster: ClusterSetup, _ dice: Dice) -> PolicySet {
    var policies = PolicySet()
    policies.cluster.spread = dice.chance(0.5) ? nil : dice.pick(Spread.allCases)
    for number in 0..<dice.number(0...4) {
      var rule = WorkloadPolicy(name: "rule \(number + 1)", selection: some(cluster.workloads.map(\.name.text), dice))
      fill(&rule, nodes: cluster.nodes.map(\.name.text), dice)
      policies.workloads.append(rule)
    }
    return policies
  }

  private static func fill(_ rule: inout WorkloadPolicy, nodes: [String], _ dice: Dice) {
    switch dice.number(0...10) {
    case 0: rule.neverOn = some(nodes, dice)
    case 1: rule.onlyOn = some(nodes, dice)
    case 2: rule.keepApart = [KeepApart(atMost: dice.number(1...2), ifPossible: dice.chance(0.5))]
    case 3: rule.keepTogether = [KeepTogether(ifPossible: dice.chance(0.5))]
    case 4:
      rule.prefer = .inOrder([some(nodes, dice)])
      rule.failback = Failback(.automatic, after: Double(dice.number(0...20)))
    case 5:
      rule.priority = dice.number(1...3)
      rule.displace = .lowerPriority
    case 6: rule.failover = Failover(wait: Double(dice.number(1...15)))
    case 7: rule.failover = Failover(restarts: dice.number(1...3))
    case 8: rule.isolation = dice.chance(0.5) ? .freeze : .stop
    case 9: rule.exclusive = false
    default: rule.makeRoom = true
    }
  }

  /// One to three of the names.
  private static func some(_ names: [String], _ dice: Dice) -> Selection {
    let chosen = (0..<dice.number(1...3)).compactMap { _ in dice.pick(names) }
    return Selection(anyOf: Set(chosen).sorted().map { Selection([[.init(.name(.exactly($0)))]]) })
  }
}
