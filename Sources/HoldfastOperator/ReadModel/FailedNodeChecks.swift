import HoldfastModel

/// What a node's own checks say against it, for the status.
struct FailedNodeChecks {
  private(set) var reasons: [String] = []

  /// - Parameter most: names in a sentence.
  init(of node: NodeInfo, most: Int) {
    let checks = node.checks ?? []
    for check in checks where check.state == .failing {
      let text = "\(check.reason) (check '\(check.name)')"
      reasons.append(
        node.ailment == nil
          ? "Node \(node.name) fails a check: \(text)"
          : "Node \(node.name) is ailing: \(text): what runs there goes to nodes that can take it")
    }
    // What has only just begun is no trouble.
    let unknown = checks.filter { $0.state == .unknown && $0.reason != NodeFinding.notAnswered }
    if let first = unknown.first {
      let names = InWords.list(unknown.map { "'\($0.name)'" }, most: most)
      reasons.append("Nobody knows what \(names) would find on node \(node.name): \(first.reason)")
    }
    if let ailment = node.ailment, !checks.contains(where: { $0.state == .failing }) {
      reasons.append("Node \(node.name) was ailing (\(ailment.reason)), and nobody has found it well since")
    }
  }
}
