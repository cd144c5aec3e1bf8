import GuardCore
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
    lines += ends
    if workload.isOutdated == true {
      lines += paragraph("outdated", "it runs an older definition than the store has now, which holds from its next start")
    }
    lines += disks
    lines += differences
    if let reason = workload.reason {
      lines += paragraph("placed", workload.wantedNode.map { "\($0): \(reason)" } ?? "nowhere: \(reason)")
    }
    for (index, other) in others.enumerated() {
      lines += paragraph(
        index == 0 ? "not" : "", "\(InWords.list(other.nodes, most: 3)): \(InWords.clause(other.why, of: other.nodes.count))")
    }
    for (node, failure) in workload.failures.sorted(by: { $0.key < $1.key }) {
      // What ended again and again did start, and its reason tells how often.
      let isOfStarts = failure.check == nil && !failure.reason.hasPrefix(ClaimRecord.Failure.endsLead)
      let starts = isOfStarts ? ", \(Words.count(failure.count, "start"))" : ""
      lines += paragraph("failed", "\(node)\(starts): \(failure.reason)")
    }
    for (index, leftover) in (workload.leftovers ?? []).enumerated() {
      lines += paragraph(index == 0 ? "left" : "", Self.text(leftover, isRemoved: workload.removesLeftovers == true))
    }
    lines += incompatible + notLive
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
    for (index, part) in (detail.parts ?? []).enumerated() { lines += paragraph(index == 0 ? "parts" : "", part) }
    lines += addresses
    for (index, text) in CheckLines(workload).texts.enumerated() { lines += paragraph(index == 0 ? "checks" : "", text) }
    if let shared = workload.shared { lines += paragraph("shares", shared.joined(separator: ", ")) }
    lines += ["", terminal.styled("History", .bold)]
    lines +=
      detail.history.isEmpty
      ? [terminal.styled("no events", .dim)]
      : HistoryLines(terminal: terminal, width: width, most: 4).lines(HistoryGroups.consecutive(detail.history))
    return lines
  }

  /// Each with where it is up, or why it is not.
  private var addresses: [String] {
    let workload = detail.workload, runs = [.running, .paused].contains(workload.state)
    return (workload.addresses ?? []).enumerated().flatMap { index, address in
      var text = address.description
      if let trouble = workload.missingAddresses?.first(where: { $0.address == address.address }) {
        text += trouble.takenBy.map { ": waiting, taken by \($0)" } ?? ": not up, \(InWords.oneLine(trouble.reason))"
      } else if runs, let node = workload.node {
        text += ": up on \(node)"
      } else if workload.state == .starting, let node = workload.node {
        text += ": being raised on \(node)"
      }
      return paragraph(index == 0 ? "addresses" : "", text)
    }
  }

  /// That it ended without being told to, and how often in a row.
  private var ends: [String] {
    guard let ends = Words.ends(of: detail.workload) else { return [] }
    let row = detail.workload.endsInARow ?? 0
    return paragraph("ended", row > 1 ? "\(ends); \(row) times in a row, without running well for a minute in between" : ends)
  }

  private static func text(_ leftover: LeftoverInfo, isRemoved: Bool) -> String {
    let place = leftover.isNodeUp ? leftover.node : "\(leftover.node), when it was last up"
    let boot = leftover.autostart ? "; libvirt starts it when \(leftover.node) boots" : ""
    let end = isRemoved && leftover.isRemovable ? "it is being removed" : leftover.remedy
    return "\(place): \(leftover.text)\(boot). Next: \(end)"
  }

  /// What keeps it from being started again, and what to do about that.
  private var disks: [String] {
    guard let newer = detail.workload.newerDisks else { return [] }
    var lines = newer.sorted { $0.key < $1.key }.enumerated().flatMap { index, disk in
      paragraph(
        index == 0 ? "older disk" : "",
        "\(disk.key): it last ran on \(disk.value.running), and its definition names \(disk.value.stored)")
    }
    let name = detail.workload.name
    let remedy =
      detail.workload.node.map { "On \($0), `holdfast accept \(name) --running` takes what runs as its definition" }
      ?? "Name the newer disk in its definition (`holdfast workload \(name) --xml`, `holdfast apply`), or start it from the older one: `holdfast accept \(name) --stored`"
    lines += paragraph("", "It is not started from its definition. \(remedy).")
    return lines
  }

  /// What else runs otherwise than it is defined.
  private var differences: [String] {
    guard let all = detail.workload.differences else { return [] }
    let told = detail.workload.newerDisks ?? [:]
    let rest = all.filter { difference in !told.keys.contains { difference.what == "disk \($0)" } }
    if all.isEmpty {
      return paragraph("differs", "it runs otherwise than it is defined; too many workloads do for all to be listed")
    }
    return rest.enumerated().flatMap { paragraph($0.offset == 0 ? "differs" : "", $0.element.text) }
  }

  /// Why not on the other nodes: those of which the same is true together, and without what the failed starts tell.
  private var others: [(nodes: [String], why: String)] {
    var nodes: [String: [String]] = [:]
    for (node, why) in detail.workload.others {
      let isToldBelow = detail.workload.failures[node].map { failure in
        why.hasPrefix(failure.check == nil ? "failed to start" : "did not run well") && why.hasSuffix(failure.reason)
          || why == "\(Exclusion.endsAgain(times: failure.count))"
      }
      if isToldBelow != true { nodes[why, default: []].append(node) }
    }
    return nodes.map { (nodes: $0.value.sorted(), why: $0.key) }.sorted { $0.nodes[0] < $1.nodes[0] }
  }

  /// Nodes whose libvirt cannot run it as it is defined, as far as the placement has not told that already.
  private var incompatible: [String] {
    var nodes: [String: [String]] = [:]
    for (node, why) in detail.workload.incompatibleNodes ?? [:] where detail.workload.others[node] != why {
      nodes[why, default: []].append(node)
    }
    return nodes.sorted { ($0.value.min() ?? "") < ($1.value.min() ?? "") }.enumerated().flatMap { index, entry in
      paragraph(index == 0 ? "cannot run" : "", "on \(InWords.list(entry.value.sorted(), most: 3)): \(entry.key)")
    }
  }

  /// How a move of it would probably go, where that is not as its policy has it.
  private var notLive: [String] {
    detail.notLive.map { paragraph("a move", "would probably not be live: \($0)") } ?? []
  }

  private var state: String {
    let workload = detail.workload
    let place = workload.node.map { " on \($0)" } ?? ""
    // That it is as it should be goes without saying.
    let wish =
      switch workload.desired {
      case "running", "unknown", workload.state.rawValue: ""
      case "adopting": ", being adopted"
      case "unprotected": ", leaving protection"
      default: ", to be \(workload.desired)"
      }
    return "\(WorkloadTable.word(workload))\(place)\(wish)"
  }

  private func paragraph(_ label: String, _ text: String) -> [String] {
    let room = max(30, min(terminal.columns, 140) - Self.labelWidth - 2)
    return terminal.wrapped(text, to: room).enumerated().map { index, line in
      let name = index == 0 ? label : ""
      return "  \(terminal.styled(name, .dim))\(String(repeating: " ", count: Self.labelWidth - name.count))\(line)"
    }
  }

}
