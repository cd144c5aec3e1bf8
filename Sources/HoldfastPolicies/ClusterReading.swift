import HoldfastModel
import HoldfastPlanning
import HoldfastYAML

extension PolicyFile {
  static let clusterNames = ["spread", "load", "count-unprotected", "survive", "pool", "moves-to-make-room", "moves"]
  static let nodeNames = ["name", "for", "spare", "only-for", "capacity", "overcommit", "reserve"]
}

/// Reads what holds for the whole cluster.
struct ClusterReading {
  let section: YAMLSection

  func read(into policy: inout ClusterPolicy) {
    if let spread = section["spread"]?.choice(Spread.self) { policy.spread = spread }
    if let value = section["load"] { policy.load = resources(value) }
    if let counts = section["count-unprotected"]?.yesOrNo() { policy.countUnprotected = counts }
    if let value = section["survive"] { policy.survive = survival(value) }
    if let value = section["pool"] {
      policy.pool = value.resources(expected: "countable things such as {licences: 4}") { name, value in
        if [ResourceName.memory, ResourceName.cpus].contains(name) {
          value.wrong(
            expected: "something that nodes can share", found: "'\(name)'",
            remedy: "Remove it: every node has \(name) of its own.")
          return nil
        }
        return value.integer(in: 0...1_000_000)
      }
    }
    if let moves = section["moves-to-make-room"]?.integer(in: 0...4) { policy.movesToMakeRoom = moves }
    if let moves = section["moves"]?.section(of: PolicyFile.keys, at: "cluster.moves") {
      policy.moves = MovePace(
        atOnce: moves["at-once"]?.integer(in: 1...1000), perNode: moves["per-node"]?.integer(in: 1...1000),
        haltAfter: moves["halt-after"]?.integer(in: 1...1000))
    }
  }

  private func resources(_ value: YAMLValue) -> [String] {
    let expected = "a list of resources such as [memory, cpus]"
    guard let items = value.items(expected: expected, remedy: "Write a list, even of one.") else { return [] }
    if items.isEmpty { value.wrong(expected: expected, found: "an empty list", remedy: "Write some, or remove 'load'.") }
    return YAMLValue.distinct(items) { $0.name() }
  }

  /// `{nodes: 1, rack: 1, rack=b: 1, tolerate: 10%, otherwise: refuse}`: its keys are labels too.
  private func survival(_ value: YAMLValue) -> Survival? {
    let expected = "what is to be survived, such as {nodes: 1}"
    guard let entries = value.entries(expected: expected, remedy: "Write {nodes: 1}, or {rack: 1} for a label.") else {
      return nil
    }
    var survival = Survival(losses: [])
    for (key, name, value) in entries {
      switch name {
      case "otherwise":
        if let otherwise = value.choice(Survival.Otherwise.self) { survival.otherwise = otherwise }
      case "tolerate":
        if let share = value.percentage(to: 900_000) { survival.tolerate = Double(share) / 1_000_000 }
      default:
        if let loss = loss(name, key, value) { survival.losses.append(loss) }
      }
    }
    if survival.losses.isEmpty, entries.allSatisfy({ ["otherwise", "tolerate"].contains($0.name) }) {
      value.wrong(expected: expected, found: "none", remedy: "Write {nodes: 1}, or {rack: 1} for a label.")
    }
    return survival.losses.isEmpty ? nil : survival
  }

  private func loss(_ name: String, _ key: YAMLValue, _ value: YAMLValue) -> Survival.Loss? {
    guard name.contains("=") else {
      guard let label = key.topology(), let count = value.integer(in: 1...100) else { return nil }
      return .any(count: count, of: label)
    }
    guard let selection = key.selection(of: "nodes") else { return nil }
    let isOne = value.value(
      expected: "1, as these nodes are lost together", remedy: { _ in "Write 1, or {rack: 2} for any two racks." },
      { $0 == "1" ? true : nil })
    return isOne == nil ? nil : .nodes(selection)
  }
}

/// Reads one rule for nodes.
struct NodeRuleReading {
  let section: YAMLSection

  /// - Parameter fallback: its name, when it has none.
  func rule(fallback: String) -> NodePolicy {
    let name = section.required("name", expected: "the rule's name", remedy: "Add 'name: NAME': explanations quote it.")?
      .ruleName()
    let selection = section.required("for", expected: "which nodes it is for", remedy: "Add 'for: all', or names and labels.")?
      .selection(of: "nodes")
    var rule = NodePolicy(name: name ?? fallback, selection: selection ?? .all)
    rule.spare = section["spare"]?.yesOrNo()
    rule.onlyFor = section["only-for"]?.selection(of: "workloads")
    if let value = section["capacity"] {
      rule.capacity = value.resources(expected: "resources such as {gpus: 2}") { $1.amount(of: $0) }
    }
    if let value = section["overcommit"] {
      rule.overcommit = value.resources(expected: "resources with factors such as {cpus: 4}") { $1.factor() }
    }
    if let value = section["reserve"] {
      rule.reserve = value.resources(expected: "resources such as {memory: 4GiB, cpus: 10%}") { $1.amountOrShare(of: $0) }
    }
    return rule
  }
}
