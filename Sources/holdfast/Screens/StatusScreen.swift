import HoldfastAPI

/// The cluster on one screen. What does not fit is counted and named by the command that shows it.
struct StatusScreen {
  let status: ClusterStatus
  let terminal: Terminal

  private static let mostReasons = 4
  private static let mostRisks = 2
  private static let leastHistory = 4

  func lines() -> [String] {
    let width = min(terminal.columns, 140)
    let head = headline(width)
    let risk = risks(width)
    let next = steps()
    // The rest of the screen: nodes first, then what is misplaced, then history.
    var room = terminal.rows - 1 - head.count - spaced(risk) - spaced(next) - Self.leastHistory - 2
    let nodes = section(nodeLines(width, room: max(4, room * 3 / 5)))
    room -= nodes.count
    let misplaced = section(misplacedLines(width, room: max(4, room)))
    let left = terminal.rows - 1 - head.count - nodes.count - misplaced.count - spaced(risk) - spaced(next)
    let history = section(recent(width, room: max(1, left - 2)))
    return head + nodes + misplaced + section(risk) + history + section(next)
  }

  private func section(_ lines: [String]) -> [String] { lines.isEmpty ? [] : [""] + lines }
  private func spaced(_ lines: [String]) -> Int { section(lines).count }
  private func title(_ text: String) -> String { terminal.styled(text, .bold) }

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
    let left = "\(status.cluster)  \(word)  \(summary)"
    let room = width - seen.count - 2
    var text = terminal.fitted(left, to: room)
    let padding = String(repeating: " ", count: max(0, room - text.count) + 2)
    if let range = text.range(of: "  \(word)  ") {
      text = "\(terminal.styled(status.cluster, .bold))  \(terminal.styled(word, style))  \(text[range.upperBound...])"
    }
    let more = status.reasons.count - Self.mostReasons
    let reasons = status.reasons.prefix(more > 0 ? Self.mostReasons - 1 : Self.mostReasons)
    let rest = more > 0 ? ["  and \(more + 1) reasons more: holdfast status -o json"] : []
    return [text + padding + terminal.styled(seen, .dim)] + reasons.map { "  " + terminal.fitted($0, to: width - 2) } + rest
  }

  private var summary: String {
    let counts = status.counts
    let wanted = counts.total - counts.stopped
    let up = status.nodes.count { $0.state == .up }
    let workloads =
      counts.total == 0
      ? "nothing is protected yet"
      : "\(counts.running) of \(Words.count(wanted, "workload")) run\(counts.stopped > 0 ? ", \(counts.stopped) stopped" : "")"
    return "\(workloads), \(up) of \(Words.count(status.nodes.count, "node")) up"
  }

  /// Nodes that are not as they should be come first where not all fit.
  private func nodeLines(_ width: Int, room: Int) -> [String] {
    let table = NodeTable(terminal: terminal)
    guard status.nodes.count + 1 > room else { return table.lines(status.nodes, width: width) }
    func isSound(_ node: NodeInfo) -> Bool {
      node.state == .up && node.unreachable.isEmpty && NodeInfo.soundGuardPhases.contains(node.guardPhase ?? "")
    }
    let ordered = status.nodes.filter { !isSound($0) } + status.nodes.filter(isSound)
    let shown = ordered.prefix(room - 2)
    return table.lines(Array(shown), width: width) + ["and \(ordered.count - shown.count) nodes more: holdfast nodes"]
  }

  private func misplacedLines(_ width: Int, room: Int) -> [String] {
    guard !status.misplaced.isEmpty else { return [] }
    let fits = status.misplaced.count + 2 <= room
    let shown = fits ? status.misplaced : Array(status.misplaced.prefix(max(1, room - 3)))
    let table = WorkloadTable(terminal: terminal).lines(shown, isBrief: true, width: width)
    let rest = fits ? [] : ["and \(status.misplaced.count - shown.count) more: holdfast workloads --problems"]
    return [title("Not where they should be")] + table + rest
  }

  private func risks(_ width: Int) -> [String] {
    guard !status.risks.isEmpty else { return [] }
    let lines = status.risks.prefix(Self.mostRisks).map { risk in
      let names = risk.workloads.prefix(4).joined(separator: ", ")
      let more = risk.workloads.count > 4 ? " and \(risk.workloads.count - 4) more" : ""
      return
        "If \(risk.node) fails now, \(names)\(more) find\(risk.workloads.count == 1 ? "s" : "") no room (\(Words.memory(risk.demand.memory)))."
    }
    let rest = status.risks.count - lines.count
    return [title("At risk")] + lines.map { terminal.fitted($0, to: width) }
      + (rest > 0 ? ["The same holds for \(Words.count(rest, "node")) more."] : [])
  }

  private func recent(_ width: Int, room: Int) -> [String] {
    let title = title("Last 10 minutes")
    guard !status.recent.isEmpty else { return [title, terminal.styled("nothing happened", .dim)] }
    let hidden = max(0, status.recent.count - room)
    // One line of the room for the count of what is hidden.
    let shown = hidden > 0 ? status.recent.suffix(max(1, room - 1)) : status.recent[...]
    let lines = HistoryLines(terminal: terminal, width: width).lines(Array(shown))
    let rest = hidden > 0 ? [terminal.styled("\(status.recent.count - shown.count) lines before: holdfast events", .dim)] : []
    return [title] + rest + lines
  }

  private func steps() -> [String] {
    guard !status.next.isEmpty else { return [] }
    let width = status.next.map(\.command.count).max() ?? 0
    return [title("Type next")]
      + status.next.map { step in
        let padding = String(repeating: " ", count: width - step.command.count)
        return "  \(step.command)\(padding)  \(terminal.styled("\(step.on.map { "on \($0): " } ?? "")\(step.purpose)", .dim))"
      }
  }
}
