/// The settings of all workloads that the same rules match, looked up once.
struct Profile {
  enum FilterKind {
    case onlyOn, neverOn, onlyInOrder
    /// The node takes other workloads only.
    case dedicated
  }
  struct Filter {
    var kind: FilterKind
    /// The nodes that it lets pass.
    var passing: NodeSets.ID
    /// Of the workloads' rules; of the nodes' for `dedicated`.
    var rule: Int32
  }
  private enum Choice {
    case none
    case inOrder([NodeSets.ID])
    case weighted([(nodes: NodeSets.ID, points: Int)], most: Int)
  }

  private(set) var settings = WorkloadSettings()
  /// By number, ascending.
  let rules: [Int32]
  private(set) var filters: [Filter] = []
  /// Nodes that all filters let pass.
  private(set) var passing: NodeSets.ID
  private(set) var avoided: [(nodes: NodeSets.ID, rule: Int32)] = []
  private var order: [NodeSets.ID] = []
  private var choice = Choice.none
  /// The rule that says which node is liked best.
  private(set) var choosing: Int32?
  let spread: Spread

  /// - Parameters:
  ///   - rules: the workloads' rules that match.
  ///   - admitted: the nodes' rules whose `only-for` names these workloads.
  init(rules: [Int32], admitted: [Int32], policies: PolicySet, nodes: inout NodeTable) {
    self.rules = rules
    passing = nodes.sets.everything()
    for number in rules {
      let rule = policies.workloads[Int(number)]
      settings.apply(rule)
      if let selection = rule.onlyOn {
        filters.append(.init(kind: .onlyOn, passing: nodes.sets.id(of: selection), rule: number))
      }
      if let selection = rule.neverOn {
        let others = nodes.sets.subtraction(nodes.sets.everything(), nodes.sets.id(of: selection))
        filters.append(.init(kind: .neverOn, passing: others, rule: number))
      }
      if !rule.onlyInOrder.isEmpty {
        let listed = nodes.sets.id(of: Selection(anyOf: rule.onlyInOrder))
        filters.append(.init(kind: .onlyInOrder, passing: listed, rule: number))
        order = rule.onlyInOrder.map { nodes.sets.id(of: $0) }
        choosing = number
      }
      if let selection = rule.avoid { avoided.append((nodes.sets.id(of: selection), number)) }
      if let preference = rule.prefer {
        choosing = number
        switch preference {
        case .inOrder(let steps): choice = .inOrder(steps.map { nodes.sets.id(of: $0) })
        case .weighted(let weights):
          let points = weights.map { (nodes: nodes.sets.id(of: $0.nodes), points: $0.points.clamped(to: Preference.points)) }
          choice = .weighted(points, most: points.reduce(0) { $0 + max(0, $1.points) })
        }
      }
    }
    for dedicated in nodes.dedicated where !admitted.contains(dedicated.rule) {
      let others = nodes.sets.subtraction(nodes.sets.everything(), dedicated.nodes)
      filters.append(.init(kind: .dedicated, passing: others, rule: dedicated.rule))
    }
    for filter in filters { passing = nodes.sets.intersection(passing, filter.passing) }
    spread = settings.spread ?? policies.cluster.spread ?? .leastLoaded
    isIndifferent = !isChoosy && avoided.isEmpty
  }

  /// How far down a node is on the list of what is liked; 0 is best.
  func rank(_ node: Int, _ sets: NodeSets) -> Int {
    let step = order.isEmpty ? 0 : Self.step(node, order, sets)
    switch choice {
    case .none: return step << 24
    case .inOrder(let steps): return step << 24 + Self.step(node, steps, sets)
    case .weighted(let weights, let most):
      return step << 24 + most - weights.reduce(0) { $0 + (sets.contains($1.nodes, node) ? $1.points : 0) }
    }
  }

  /// A list names the node: then it may be taken even if it is a spare one.
  func names(_ node: Int, _ sets: NodeSets) -> Bool {
    if !order.isEmpty, Self.step(node, order, sets) < order.count { return true }
    switch choice {
    case .none: return false
    case .inOrder(let steps): return Self.step(node, steps, sets) < steps.count
    case .weighted(let weights, _): return weights.contains { $0.points > 0 && sets.contains($0.nodes, node) }
    }
  }

  /// By how much a rank must be better before the workload moves by itself.
  var leastGain: Int {
    if case .weighted = choice { return settings.stickiness + 1 }
    return 1
  }

  /// Some nodes suit better than others.
  var isChoosy: Bool {
    if case .none = choice { return !order.isEmpty }
    return true
  }
  private(set) var isIndifferent = true

  private static func step(_ node: Int, _ steps: [NodeSets.ID], _ sets: NodeSets) -> Int {
    steps.firstIndex { sets.contains($0, node) } ?? steps.count
  }
}

extension Int {
  fileprivate func clamped(to range: ClosedRange<Int>) -> Int { Swift.min(Swift.max(self, range.lowerBound), range.upperBound) }
}
