import HoldfastModel

/// The nodes of a plan as rows of numbers, in the order of their names.
struct NodeTable {
  let nodes: [PlanningSnapshot.Node]
  let resources: ResourceTable
  var sets: NodeSets
  private let index: [NodeName: Int]

  /// Row by row: what may be given away, after reserves and over-commitment.
  private(set) var capacity: [Int64]
  /// By resource: the mean of what the nodes have.
  private(set) var meanCapacity: [Double] = []
  /// Row by row: what domains outside protection use.
  private(set) var unmanaged: [Int64]
  private(set) var isAvailable: [Bool]
  private(set) var isSpare: [Bool]
  /// Of each node whether it may be about to be lost.
  let isSilent: [Bool]
  /// What node checks make of them.
  let ailments: NodeAilments
  private(set) var hasSpares = false
  /// The nodes that are available.
  private(set) var available: NodeSets.ID
  /// Nodes that take only what a rule names, and that rule.
  private(set) var dedicated: [(rule: Int32, nodes: NodeSets.ID)] = []
  private(set) var connections: [String: NodeSets.ID] = [:]
  /// `node`, and the labels over which rules spread.
  private(set) var topologies: [Topology] = []
  private var topologyIndex: [String: Int32] = [:]

  struct Topology {
    var label: String
    /// Of each node.
    var domains: [Int32]
    /// Their values; for a node without the label its own name.
    var names: [String]
    /// The nodes of each of them.
    var members: [NodeSets.ID] = []
  }

  var count: Int { nodes.count }

  init(_ snapshot: PlanningSnapshot, policies: PolicySet) {
    nodes = Self.sorted(snapshot.nodes)
    resources = ResourceTable(policies)
    sets = NodeSets(nodes)
    index = Dictionary(uniqueKeysWithValues: nodes.enumerated().map { ($1.name, $0) })
    capacity = []
    unmanaged = []
    isAvailable = nodes.map { $0.unavailable == nil }
    isSpare = [Bool](repeating: false, count: nodes.count)
    isSilent = nodes.map { $0.isSilent ?? false }
    ailments = NodeAilments(nodes, policies)
    let rows = nodes
    available = sets.insert { rows[$0].unavailable == nil }
    readCapacity(policies)
    meanCapacity = (0..<resources.count).map { [capacity, resources] column in
      let total = stride(from: column, to: capacity.count, by: resources.count).reduce(0.0) { $0 + Double(capacity[$1]) }
      return total / Double(max(1, rows.count))
    }
    readRules(policies)
    for connection in Set(nodes.flatMap(\.connections)) {
      connections[connection] = sets.insert { nodes[$0].connections.contains(connection) }
    }
    _ = topology(nodeTopology)
  }

  private static func sorted(_ nodes: [PlanningSnapshot.Node]) -> [PlanningSnapshot.Node] {
    var names: Set<NodeName> = []
    let distinct = nodes.filter { names.insert($0.name).inserted }
    return distinct.sorted { $0.name < $1.name }
  }

  func row(_ name: NodeName) -> Int? { index[name] }

  func nodes(in topology: Int32, _ domain: Int32) -> NodeSets.ID { topologies[Int(topology)].members[Int(domain)] }

  /// A topology's number.
  mutating func topology(_ label: String) -> Int32 {
    if let known = topologyIndex[label] { return known }
    var values: [String: Int32] = [:]
    var topology = Topology(label: label, domains: [], names: [])
    for node in nodes {
      // A node of which nobody knows the rack is a rack of its own.
      let value = label == nodeTopology ? nil : node.labels[label]
      if let value, let domain = values[value] {
        topology.domains.append(domain)
      } else {
        let domain = Int32(topology.names.count)
        if let value { values[value] = domain }
        topology.names.append(value ?? node.name.text)
        topology.domains.append(domain)
      }
    }
    for domain in topology.names.indices {
      topology.members.append(sets.insert { topology.domains[$0] == Int32(domain) })
    }
    let number = Int32(topologies.count)
    topologies.append(topology)
    topologyIndex[label] = number
    return number
  }

  private mutating func readCapacity(_ policies: PolicySet) {
    let countsUnmanaged = policies.cluster.countUnprotected ?? true
    // What only the pool limits may be all on one node.
    let given = Set(policies.nodes.flatMap(\.capacity.keys))
    let isOnlyPooled = resources.names.map { policies.cluster.pool[$0] != nil && !given.contains($0) }
    for node in nodes {
      let rules = policies.nodes.filter { $0.selection.matches(name: node.name.text, labels: node.labels) }
      for (column, name) in resources.names.enumerated() {
        var total =
          switch column {
          case ResourceTable.memory: Double(node.capacity.memory)
          case ResourceTable.cpus: node.capacity.cpus
          default: isOnlyPooled[column] ? .infinity : 0.0
          }
        var factor = 1.0
        var reserve = Amount.units(0)
        for rule in rules {
          if let value = rule.capacity[name] { total = value }
          if let value = rule.overcommit[name] { factor = value }
          if let value = rule.reserve[name] { reserve = value }
        }
        // The reserve is taken off what there is: the rest may be given away several times.
        let left = total.isFinite ? (total - reserve.of(total)) * factor : total
        capacity.append(resources.capacity(left, column))
      }
      // Whatever policies say of what is not under protection: this is.
      let unplanned = (countsUnmanaged ? node.unmanaged : .none) + (node.leftAlone ?? .none)
      unmanaged += resources.amounts(unplanned)
    }
  }

  private mutating func readRules(_ policies: PolicySet) {
    for (number, rule) in policies.nodes.enumerated() where rule.spare != nil || rule.onlyFor != nil {
      let members = sets.id(of: rule.selection)
      if let spare = rule.spare {
        for row in nodes.indices where sets.contains(members, row) { isSpare[row] = spare }
      }
      if rule.onlyFor != nil { dedicated.append((Int32(number), members)) }
    }
    // What fails again and again is the last choice, whatever rules say.
    for row in nodes.indices where nodes[row].quarantine != nil { isSpare[row] = true }
    hasSpares = isSpare.contains(true)
  }
}
