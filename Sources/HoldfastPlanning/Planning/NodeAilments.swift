import HoldfastModel

/// What node checks make of the nodes: which are the last choice, which are left by what runs there, and which checks fail for a cause that the
/// nodes share, so that nothing is moved for it.
struct NodeAilments {
  /// A check that fails on so many nodes that its cause is none of theirs.
  struct CommonCause: Hashable {
    var check: CheckName
    var failing: Int
    /// Nodes of which nobody knows.
    var unknown: Int
    /// Nodes that could take workloads.
    var nodes: Int
  }
  /// Row by row: a check fails there, common cause or not, or what runs there was to leave and nobody knows that it is well again. It is the last
  /// choice, and nothing goes there by itself.
  private(set) var isAiling: [Bool]
  /// Row by row: what runs there leaves.
  private(set) var isLeft: [Bool]
  /// By row of an ailing node: why.
  private(set) var reasons: [Int: String] = [:]
  /// By row: why what runs there is to leave as soon as that stands in the store.
  private(set) var due: [Int: NodeFinding] = [:]
  private(set) var common: [CommonCause] = []
  /// Seconds until a node's time to settle is over.
  private(set) var lookAgainAfter: Double?

  init(_ nodes: [PlanningSnapshot.Node], _ policies: PolicySet) {
    isAiling = [Bool](repeating: false, count: nodes.count)
    isLeft = isAiling
    for row in nodes.indices where nodes[row].isLeft == true { isAiling[row] = true }
    guard !policies.nodeChecks.isEmpty, nodes.contains(where: { $0.findings != nil }) else { return }
    let available = nodes.indices.filter { nodes[$0].unavailable == nil }
    var causes: [(row: Int, check: NodeCheck, finding: PlanningSnapshot.Finding)] = []
    for policy in policies.nodeChecks where policy.check.then != .tell {
      var failing: [(row: Int, finding: PlanningSnapshot.Finding)] = [], unknown = 0
      for row in available where policy.selection.matches(name: nodes[row].name.text, labels: nodes[row].labels) {
        let finding = nodes[row].findings?.first { $0.check == policy.check.name }
        if let finding, !finding.isUnknown {
          failing.append((row, finding))
        } else if finding != nil || nodes[row].isSilent == true {
          // Of a node that is not heard of, what it said before says nothing about now.
          unknown += 1
        }
      }
      for (row, finding) in failing {
        isAiling[row] = true
        reasons[row] = reasons[row] ?? finding.clause
      }
      if Self.isCommon(failing: failing.count, unknown: unknown, of: available.count) {
        common.append(
          CommonCause(check: policy.check.name, failing: failing.count, unknown: unknown, nodes: available.count))
      } else if policy.check.then == .evacuate {
        causes += failing.map { ($0.row, policy.check, $0.finding) }
      }
    }
    // Where nobody is left who is well, nothing is gained.
    guard available.contains(where: { !isAiling[$0] }) else { return }
    for (row, check, finding) in causes {
      if nodes[row].isLeft == true {
        isLeft[row] = true
      } else if let seconds = finding.seconds, seconds < check.settling {
        let left = check.settling - seconds
        lookAgainAfter = min(lookAgainAfter ?? left, left)
      } else if due[row] == nil {
        due[row] = NodeFinding(finding.check, finding.reason, isUnknown: false)
      }
    }
  }

  /// It fails on at least half of the nodes, and not on one alone; or nobody is left on whom it is known not to fail.
  private static func isCommon(failing: Int, unknown: Int, of nodes: Int) -> Bool {
    guard failing > 0 else { return false }
    return failing > 1 && failing * 2 >= nodes || nodes > 1 && failing + unknown >= nodes
  }
}
