import HoldfastModel

extension WorkloadPolicy {
  /// What it says about nodes: the keys in the language of the files, and which nodes each is about.
  var nodeSelections: [(key: String, nodes: Selection)] {
    var used: [(key: String, nodes: Selection)] = onlyInOrder.map { ("only-in-order", $0) }
    used += [("only-on", onlyOn), ("never-on", neverOn), ("avoid", avoid)].compactMap { key, selection in
      selection.map { (key, $0) }
    }
    switch prefer {
    case .inOrder(let steps)?: used += steps.map { ("prefer", $0) }
    case .weighted(let weights)?: used += weights.map { ("prefer", $0.nodes) }
    case nil: break
    }
    return used
  }
}

extension PolicySet {
  /// The rules that would say something else of a node if it had another name: `'databases'`, or `survive` of the cluster. In their order, each once.
  ///
  /// - Parameter labels: the node's.
  public func rules(telling name: NodeName, from other: NodeName, labels: [String: String]) -> [String] {
    func differs(_ selection: Selection) -> Bool { selection.tells(name.text, from: other.text, labels: labels) }
    var found: [String] = []
    let isLossNamed = cluster.survive?.losses.contains {
      if case .nodes(let selection) = $0 { differs(selection) } else { false }
    }
    if isLossNamed == true { found.append("survive") }
    found += nodes.filter { differs($0.selection) }.map { "'\($0.name)'" }
    found += workloads.filter { $0.nodeSelections.contains { differs($0.nodes) } }.map { "'\($0.name)'" }
    return found
  }
}

extension Selection {
  /// It selects something with these labels under one of the names alone; or asks for the first by its name and never for the other: with other
  /// labels it would.
  fileprivate func tells(_ name: String, from other: String, labels: [String: String]) -> Bool {
    let exact = exactNames
    return matches(name: name, labels: labels) != matches(name: other, labels: labels)
      || exact.contains(name) && !exact.contains(other)
  }
}
