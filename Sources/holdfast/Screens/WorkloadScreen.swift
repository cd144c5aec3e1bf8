import HoldfastModel
import HoldfastOperator

/// One workload: what it is, where it is and why, why not elsewhere, what happened to it.
struct WorkloadScreen {
  let detail: WorkloadDetail
  let terminal: Terminal

  private static let labelWidth = 12

  func lines() -> [String] {
    let workload = detail.workload
    let width = terminal.isTerminal ? min(terminal.columns, 140) : nil
    var lines = ["\(terminal.styled(workload.name, .bold))  \(terminal.styled(state, WorkloadTable.style(workload)))"]
    // Why nobody takes it is what follows, node by node.
    let isToldBelow = workload.state == .pending && workload.reason != nil
    if let why = workload.why, !isToldBelow { lines += paragraph("why", why) }
    if workload.isOutdated == true {
      lines += paragraph("outdated", "it runs an older definition than the store has now, which holds from its next start")
    }
    if let reason = workload.reason {
      lines += paragraph("placed", workload.wantedNode.map { "\($0): \(reason)" } ?? "nowhere: \(reason)")
    }
    for (index, other) in others.enumerated() {
      lines += paragraph(index == 0 ? "not" : "", "\(InWords.list(other.nodes, most: 3)): \(other.why)")
    }
    for (node, failure) in workload.failures.sorted(by: { $0.key < $1.key }) {
      lines += paragraph("failed", "\(node), \(Words.count(failure.count, "start")): \(failure.reason)")
    }
    if let move = workload.move, !move.isServed {
      lines += paragraph("asked", "to move to \(move.to); the planner has not decided yet")
    }
    lines += paragraph(
      "needs",
      "\(Words.memory(workload.demand.memory)), \(Words.cpus(workload.demand.cpus)) \(workload.demand.cpus == 1 ? "cpu" : "cpus"); priority \(workload.priority)"
    )
    lines += paragraph(
      "domain", "\(workload.connection)/\(workload.name), UUID \(workload.uuid), epoch \(workload.epoch)")
    lines += paragraph(
      "at deadline",
      "\(workload.isolation == "stop" ? "killed" : "frozen"); \(InWords.number(workload.stopTimeout)) s to shut down")
    if !workload.labels.isEmpty {
      lines += paragraph(
        "labels", workload.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", "))
    }
    lines += ["", terminal.styled("History", .bold)]
    lines +=
      detail.history.isEmpty
      ? [terminal.styled("no events", .dim)]
      : HistoryLines(terminal: terminal, width: width, most: 4).lines(HistoryGroups.consecutive(detail.history))
    return lines
  }

  /// Why not on the other nodes: those of which the same is true together, and without what the failed starts tell.
  private var others: [(nodes: [String], why: String)] {
    var nodes: [String: [String]] = [:]
    for (node, why) in detail.workload.others {
      let isToldBelow = detail.workload.failures[node].map { why.hasPrefix("failed to start") && why.hasSuffix($0.reason) }
      if isToldBelow != true { nodes[why, default: []].append(node) }
    }
    return nodes.map { (nodes: $0.value.sorted(), why: $0.key) }.sorted { $0.nodes[0] < $1.nodes[0] }
  }

  private var state: String {
    let workload = detail.workload
    let place = workload.node.map { " on \($0)" } ?? ""
    return "\(workload.state.rawValue)\(place)\(workload.desired == "running" ? "" : ", to be \(workload.desired)")"
  }

  private func paragraph(_ label: String, _ text: String) -> [String] {
    let room = max(30, min(terminal.columns, 140) - Self.labelWidth - 2)
    return terminal.wrapped(text, to: room).enumerated().map { index, line in
      let name = index == 0 ? label : ""
      return "  \(terminal.styled(name, .dim))\(String(repeating: " ", count: Self.labelWidth - name.count))\(line)"
    }
  }

}
