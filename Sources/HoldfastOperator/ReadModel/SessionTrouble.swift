import HoldfastModel

/// What is wrong with the session of the node that tells it, in a status.
///
/// As long as that node does not hear the store, or has not read it, that is the matter, and told as such.
struct SessionTrouble: Finding {
  private(set) var reasons: [String] = []
  /// Without a node: to be typed anywhere.
  private(set) var steps: [ClusterStatus.Step] = []

  init(_ status: ClusterStatus, _ view: ClusterView) {
    let node = status.node
    guard status.store.isAnswering, view.isLoaded else { return }
    if let flaw = status.formatFlaw {
      if status.noSession == nil { reasons.append("\(node) begins nothing, and what runs there runs on: \(flaw)") }
      steps.append(
        view.unreadable[.format] == nil
          ? .init(command: "holdfast nodes", purpose: "which build each node runs; upgrade holdfastd on \(node)")
          : .init(command: "holdfast store check", purpose: "what the record says, and the way out"))
    }
    // A node that is down by plan is no trouble.
    guard let absence = status.noSession, !status.nodes.contains(where: { $0.name == node && $0.isDownByPlan }) else { return }
    reasons.append("\(node) has no session because \(absence.reason)")
    steps += absence.steps.map { ClusterStatus.Step(command: $0.command, purpose: $0.purpose, on: node) }
  }
}
