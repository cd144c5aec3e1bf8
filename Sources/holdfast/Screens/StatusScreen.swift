import Foundation
import HoldfastModel
import HoldfastOperator

/// The cluster on one screen. Lines that do not fit are counted, with the command that shows them.
struct StatusScreen {
  let status: ClusterStatus
  let terminal: Terminal

  private static let mostReasonLines = 3
  private static let mostRisks = 2
  private static let mostWarnings = 3
  private static let mostMaintenances = 3
  private static let mostSteps = 4
  private static let leastHistory = 4
  /// What the purposes of what to type next leave at least to nodes, workloads and history, or they are cut.
  private static let leastRoom = 16
  private static let labelWidth = 9

  /// At most one less than the terminal has, for the prompt.
  func lines() -> [String] {
    let width = min(terminal.columns, 140)
    let head = headline(width) + restrictions(width) + store(width)
    let risk = section(risks(width)) + section(warnings(width))
    let free = terminal.rows - 1 - head.count - risk.count
    let whole = section(steps(width, isWhole: true))
    let next = free - whole.count >= Self.leastRoom ? whole : section(steps(width, isWhole: false))
    var room = free - next.count
    // Nodes first, then what is misplaced, then history; the first two leave something to those that follow.
    let nodes = section(nodeLines(width, room: max(4, room / 2 - 1)))
    room -= nodes.count
    let misplaced = section(misplacedLines(width, room: max(2, room - 2 - Self.leastHistory)))
    room -= misplaced.count
    return head + nodes + misplaced + risk + section(recent(width, room: max(1, room - 1))) + next
  }

  private func section(_ lines: [String]) -> [String] { lines.isEmpty ? [] : [""] + lines }

  /// Lines with a label before the first.
  private func labelled(_ label: String, _ lines: [String]) -> [String] {
    lines.enumerated().map { index, line in
      let name = index == 0 ? label : ""
      return terminal.styled(name, .dim) + String(repeating: " ", count: Self.labelWidth - name.count) + line
    }
  }

  // MARK: sections

  private func headline(_ width: Int) -> [String] {
    let style: Style =
      switch status.health {
      case .ok: .good
      case .degraded: .doubtful
      case .critical: .bad
      }
    let word = status.health.rawValue.uppercased()
    let seen =
      "\(Words.clock(status.milliseconds, today: Words.now())) \(Words.zone(status.milliseconds)), seen by \(status.node)"
    let headline = "\(status.cluster)  \(word)  \(summary)"
    func coloured(_ line: String) -> String {
      guard let range = line.range(of: "  \(word)  ") else { return line }
      return "\(terminal.styled(status.cluster, .bold))  \(terminal.styled(word, style))  \(line[range.upperBound...])"
    }
    let room = width - seen.count - 2
    guard headline.count > room else {
      let padding = String(repeating: " ", count: room - headline.count + 2)
      return [coloured(headline) + padding + terminal.styled(seen, .dim)] + reasons(width)
    }
    // Nothing is cut off the counts.
    let lines = terminal.wrapped(headline.replacing(Self.countEnd) { "\($0.1)\u{A0}" }, to: width - 2)
      .map { $0.replacing("\u{A0}", with: " ") }
    return [coloured(lines[0])] + (lines.dropFirst() + [terminal.styled(seen, .dim)]).map { "  \($0)" } + reasons(width)
  }

  /// A number stays with what it counts.
  private static var countEnd: Regex<(Substring, Substring)> { #/([0-9]) (?=[a-z])/# }

  /// Restrictions that nobody may overlook: a disarmed cluster, and nodes in maintenance.
  private func restrictions(_ width: Int) -> [String] {
    let lines = RestrictionLines(terminal: terminal)
    let kept = status.nodes.filter { $0.maintenance != nil }
    let shown = kept.count > Self.mostMaintenances ? Array(kept.prefix(Self.mostMaintenances - 1)) : kept
    var notes = shown.compactMap { node in
      node.maintenance.map { info in
        terminal.styled(terminal.fitted("\(node.name): \(lines.text(info))", to: width - 2), lines.style(info))
      }
    }
    if kept.count > shown.count {
      notes.append(terminal.styled("and \(kept.count - shown.count) more nodes: holdfast maintenance status", .doubtful))
    }
    let ailing = status.nodes.filter { $0.ailment != nil && $0.state != .down }
    let told = ailing.count > Self.mostMaintenances ? 2 : ailing.count
    notes += ailing.prefix(told).flatMap { node in
      terminal.wrapped("\(node.name): \(lines.ailment(of: node) ?? "")", to: width - 2, most: 2)
        .map { terminal.styled($0, .bad) }
    }
    if ailing.count > told {
      notes.append(terminal.styled("and \(ailing.count - told) more nodes are ailing: holdfast nodes", .bad))
    }
    if let info = status.moves {
      let moves = MoveLines(info), count = info.done + info.underWay.count + info.waiting.count
      if let off = moves.off { notes += terminal.wrapped(off, to: width - 2).map { terminal.styled($0, .bad) } }
      if count > 0 { notes.append(terminal.styled(terminal.fitted(moves.summary, to: width - 2), .doubtful)) }
    }
    return (lines.disarmed(status.disarm, width: width - 2) + notes + incompatible(width - 2)).map { "  \($0)" }
  }

  /// What is no restriction of a node as a whole, and yet none that failover can do anything about.
  private func incompatible(_ width: Int) -> [String] {
    let nodes = status.nodes.filter { $0.incompatible != nil }
    guard let first = nodes.first, let reason = first.incompatible?.first else { return [] }
    let isOne = nodes.count == 1 && first.incompatible?.count == 1
    let text =
      isOne
      ? "\(first.name) \(reason.sentence)"
      : "\(InWords.list(nodes.map(\.name), most: Self.mostMaintenances)) cannot run some workloads as they are defined: holdfast nodes"
    return [terminal.styled(terminal.fitted(text, to: width), .doubtful)]
  }

  /// Who serves the store, and how full it is.
  private func store(_ width: Int) -> [String] {
    guard let store = status.store.health else { return [] }
    let there = store.members.count { $0.state == .up || $0.state == .leaderless }
    // It answers now: that look was taken before any member was up.
    guard there > 0 || !status.store.isAnswering else { return [] }
    let age = Double(status.milliseconds - store.seen.milliseconds) / 1000
    // A look from before the silence says what was, not what is.
    let silence = status.store.isAnswering ? nil : status.store.silence.flatMap { age >= $0 ? $0 : nil }
    let before = silence.map { "silent for \(InWords.tenths($0)) s; before that " } ?? ""
    var parts = ["Store: \(before)\(there) of \(Words.count(store.members.count, "member")) up"]
    if let leader = store.leader, store.members.count > 1 { parts.append("\(leader) leads") }
    if let size = store.size {
      parts.append(store.quota.map { "\(Words.bytes(size)) of \(Words.bytes($0))" } ?? Words.bytes(size))
    }
    parts += store.alarms.map { "alarm \($0)" }
    if age > Self.oldLook { parts.append("seen \(Words.about(age)) ago") }
    return [terminal.styled(terminal.fitted("  \(parts.joined(separator: ", "))", to: width), .dim)]
  }

  /// Seconds from which the age of what is told of the store is told too.
  private static let oldLook = 30.0

  private func reasons(_ width: Int) -> [String] {
    let separator = terminal.isUnicode ? " · " : "; "
    // That it is disarmed, or that a node is ailing, has a line of its own.
    let ailing = status.nodes.filter { $0.ailment != nil }
      .flatMap { ["Node \($0.name) is ailing: ", "Node \($0.name) was ailing ("] }
    let all = status.reasons.filter { text in
      (status.disarm == nil || !text.hasPrefix("The cluster is disarmed")) && !ailing.contains { text.hasPrefix($0) }
    }
    guard let worst = all.first else { return [] }
    func text(_ shown: [String]) -> [String] {
      let hidden = all.count - shown.count
      let more = hidden > 0 ? ["and \(Words.count(hidden, "reason")) more: holdfast status -o json"] : []
      return terminal.wrapped((shown + more).joined(separator: separator), to: width - 2).map { "  \($0)" }
    }
    for count in (1...all.count).reversed() {
      let lines = text(Array(all.prefix(count)))
      if lines.count <= Self.mostReasonLines { return lines }
    }
    // The worst is told all the same, as far as it fits.
    return Array(text([terminal.fitted(worst, to: (width - 2) * (Self.mostReasonLines - 1))]).prefix(Self.mostReasonLines))
  }

  private var summary: String {
    let counts = status.counts
    let up = status.nodes.count { $0.state == .up }
    let states = [
      (counts.pending, "pending"), (counts.down, "down"), (counts.frozen, "frozen"), (counts.paused, "paused"),
      (counts.crashed ?? 0, "crashed"),
      (counts.unhealthy ?? 0, "unhealthy"), (counts.ofUnknownHealth ?? 0, "of unknown health"),
      (counts.withoutAddress ?? 0, "without an address"), (counts.unclear, "unclear"),
      (counts.starting, "starting"), (counts.stopping, "stopping"), (counts.stopped, "stopped"),
      (counts.outdated, "outdated"), (counts.differing, "differing")
    ]
    let others = states.filter { $0.0 > 0 }.map { ", \($0.0) \($0.1)" }.joined()
    // What there is besides is not known, and so is how many.
    guard status.isUnread != true else {
      return "\(counts.running) of \(Words.count(counts.total, "workload")) known here running\(others), other nodes not known"
    }
    let workloads =
      counts.total == 0
      ? "no workloads yet" : "\(counts.running) of \(Words.count(counts.total - counts.stopped, "workload")) running\(others)"
    return "\(workloads), \(up) of \(Words.count(status.nodes.count, "node")) up"
  }

  /// Nodes with problems come first where not all fit.
  private func nodeLines(_ width: Int, room: Int) -> [String] {
    let table = NodeTable(terminal: terminal)
    guard status.nodes.count + 1 > room else { return table.lines(status.nodes, width: width) }
    func rank(_ node: NodeInfo) -> Int {
      let isSound = node.unreachable.isEmpty && node.guardPhase?.isSound ?? false
      switch node.state {
      case .down, .cutOff: return 0
      case .leaving, .unknown: return 1
      case .up: return isSound ? 2 : 1
      }
    }
    let ordered = (0...2).flatMap { wanted in status.nodes.filter { rank($0) == wanted } }
    let shown = ordered.prefix(room - 2)
    return table.lines(Array(shown), width: width) + ["and \(ordered.count - shown.count) more nodes: holdfast nodes"]
  }

  private func misplacedLines(_ width: Int, room: Int) -> [String] {
    guard !status.misplaced.isEmpty else { return [] }
    let table = WorkloadTable(terminal: terminal)
    // Two lines for each reason where that leaves room for all workloads, else one; those of which the same is true together, else not all.
    for whyLines in [2, 1] {
      let lines = table.lines(status.misplaced, isBrief: true, width: width, whyLines: whyLines)
      if lines.count <= room { return lines }
    }
    let groups = WorkloadTable.alike(status.misplaced)
    let shown = Array(groups.prefix(max(1, room - 2)))
    let rest = status.misplaced.count - shown.reduce(0) { $0 + $1.count }
    let more = rest > 0 ? "and \(rest) more" : "each of them"
    return table.lines(shown, width: width) + ["\(more): holdfast workloads --problems"]
  }

  private func risks(_ width: Int) -> [String] {
    guard !status.risks.isEmpty else { return [] }
    var lines = status.risks.prefix(Self.mostRisks).map { risk in
      let names = InWords.list(risk.workloads, most: 4)
      return "If \(risk.node) fails now, there is no room for \(names) (\(Words.memory(risk.demand.memory)))."
    }
    let rest = status.risks.count - lines.count
    if rest > 0, let last = lines.indices.last { lines[last] += " The same is true of \(Words.count(rest, "other node"))." }
    return labelled(
      "At risk", lines.flatMap { terminal.wrapped($0, to: width - Self.labelWidth, most: terminal.rows < 30 ? 1 : 2) })
  }

  /// What no other part of the screen tells: of a workload that is not in its place its line does, and what a node cannot run is a restriction.
  private func warnings(_ width: Int) -> [String] {
    let lines = status.misplaced.map { "\($0.name): " }
    let incompatible = Set(
      status.nodes.flatMap { node in (node.incompatible ?? []).map { "Node \(node.name) \($0.sentence)" } })
    let untold = status.warnings.filter { text in !incompatible.contains(text) && !lines.contains { text.hasPrefix($0) } }
    guard !untold.isEmpty else { return [] }
    let shown = untold.count > Self.mostWarnings ? Array(untold.prefix(Self.mostWarnings - 1)) : untold
    let rest = untold.count - shown.count
    let most = terminal.rows < 30 ? 1 : 2
    return labelled(
      "Warnings",
      shown.flatMap { terminal.wrapped($0, to: width - Self.labelWidth, most: most) }
        + (rest > 0 ? ["and \(rest) more: holdfast status -o json"] : []))
  }

  /// The newest first. Where not all fit, routine is left out before anything else, and then what is oldest.
  private func recent(_ width: Int, room: Int) -> [String] {
    let all = HistoryGroups.all(status.recent)
    guard !all.isEmpty else { return labelled("Recently", ["nothing happened in the last 10 minutes"]) }
    let matters = all.filter { !Self.routine.contains($0.kind) }
    var shown = all.count <= room ? all : matters.isEmpty ? all : matters
    if shown.count < all.count || shown.count > room { shown = shown.suffix(max(1, room - 1)) }
    var lines = HistoryLines(terminal: terminal, width: width - Self.labelWidth).lines(shown.reversed())
    if shown.count < all.count {
      lines.append(terminal.styled("and \(Words.count(all.count - shown.count, "other line")): holdfast events", .dim))
    }
    return labelled("Recently", lines)
  }

  private static let routine: Set = ["claimed", "released"]

  /// - Parameter isWhole: what each command is for is told whole, below the command where there is no room beside it.
  private func steps(_ width: Int, isWhole: Bool) -> [String] {
    let steps = status.next.prefix(Self.mostSteps)
    let commandWidth = steps.map(\.command.count).max() ?? 0
    return labelled(
      "Next",
      steps.flatMap { step -> [String] in
        let padding = String(repeating: " ", count: commandWidth - step.command.count)
        let purpose = "\(step.on.map { "on \($0): " } ?? "")\(step.purpose)"
        let room = width - Self.labelWidth - commandWidth - 2
        guard isWhole, purpose.count > room else {
          // A command is never cut: it is to be typed.
          guard room >= 10 else { return [step.command] }
          return ["\(step.command)\(padding)  \(terminal.styled(terminal.fitted(purpose, to: room), .dim))"]
        }
        let below = terminal.wrapped(purpose, to: width - Self.labelWidth - 2, most: 2)
        return [step.command] + below.map { "  \(terminal.styled($0, .dim))" }
      })
  }
}
