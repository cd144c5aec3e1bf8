import HoldfastModel
import HoldfastPlanning

/// What would happen, on one screen: who would not run first.
struct WhatIfScreen {
  let answer: WhatIf
  let condition: String
  let terminal: Terminal
  /// Everything is listed, however long.
  let isWhole: Bool

  private static let most = (pending: 5, moves: 15, nodes: 10, warnings: 5)

  func lines() -> [String] { headline() + body() }

  private func headline() -> [String] {
    let all = answer.running == answer.wanted
    let count = "\(answer.running) of \(Words.count(answer.wanted, "workload")) \(answer.running == 1 ? "runs" : "run")"
    let text = "If \(condition): \(count)."
    return terminal.wrapped(text, to: terminal.columns).map {
      terminal.styled($0, all ? .good : answer.victims.isEmpty ? .doubtful : .bad)
    }
  }

  /// The same without the headline.
  func body() -> [String] {
    let victims = answer.victims
    let names = Set(victims.map(\.workload))
    let before = answer.pending.filter { !names.contains($0.workload) }
    return section("WOULD NOT RUN", nowhere(victims)) + section("NOT RUNNING NOW EITHER", already(before))
      + section("MOVES", moves()) + section("WAIT TO MOVE, AND ARE COUNTED WHERE THEY ARE", waiting())
      + section("NODES", nodes()) + section("ROOM LEFT", room()) + section("WARNINGS", warnings())
  }

  private func section(_ title: String, _ lines: [String]) -> [String] {
    lines.isEmpty ? [] : ["", terminal.styled(title, .dim)] + lines
  }

  private func limited(_ lines: [String], to most: Int, _ thing: String) -> [String] {
    guard !isWhole, lines.count > most + 1 else { return lines }
    return lines.prefix(most) + [terminal.styled("and \(lines.count - most) \(thing) more: --all shows them", .dim)]
  }

  private func nowhere(_ pending: [WhatIf.Pending]) -> [String] {
    let shown = isWhole || pending.count <= Self.most.pending + 1 ? pending : Array(pending.prefix(Self.most.pending))
    var lines = shown.flatMap { entry -> [String] in
      let origin = entry.isNew ? "new" : entry.from.map { "now on \($0)" } ?? ""
      let size = Words.demand(entry.demand.memory, entry.demand.cpus)
      var lines = ["\(terminal.styled(entry.workload.text, .bad))  \(terminal.styled("\(origin); needs \(size)", .dim))"]
      if let shortfall = entry.shortfall {
        lines += Paragraph.lines("  missing  ", ExplainScreen.text(shortfall), terminal, indent: 11)
      }
      return lines + Paragraph.lines("  why      ", Self.why(entry), terminal, indent: 11)
    }
    if shown.count < pending.count {
      lines.append(terminal.styled("and \(Words.count(pending.count - shown.count, "workload")) more: --all shows them", .dim))
    }
    return lines
  }

  /// The reasons of all nodes, equal ones together.
  private static func why(_ entry: WhatIf.Pending) -> String {
    var nodes: [String: [String]] = [:]
    for (node, why) in entry.others { nodes["\(why)", default: []].append(node.text) }
    let groups = nodes.map { (why: $0.key, nodes: $0.value.sorted()) }.sorted { $0.nodes[0] < $1.nodes[0] }
    if groups.isEmpty { return "\(entry.reason)" }
    let told = groups.map { "\(InWords.list($0.nodes, most: 3)): \(InWords.clause($0.why, of: $0.nodes.count))" }.joined(
      separator: "; ")
    return entry.reason == PlacementReason(.noNodeCanTake) ? told : "\(entry.reason); \(told)"
  }

  private func waiting() -> [String] {
    limited(answer.waiting.map { "\($0.workload)  on \($0.from), to \($0.to)" }, to: Self.most.moves, "move")
  }

  private func already(_ pending: [WhatIf.Pending]) -> [String] {
    pending.isEmpty
      ? [] : terminal.wrapped(InWords.list(pending.map(\.workload.text), most: isWhole ? .max - 1 : 8), to: terminal.columns)
  }

  private func moves() -> [String] {
    let shown =
      isWhole || answer.moves.count <= Self.most.moves + 1 ? answer.moves : Array(answer.moves.prefix(Self.most.moves))
    var table = Table([.init(title: "WORKLOAD"), .init(title: "FROM"), .init(title: "TO"), .init(title: "WHY", yields: true)])
    table.rows = shown.map {
      [.init($0.workload.text, .bold), .init($0.from?.text ?? "-"), .init($0.to.text), .init("\($0.reason)")]
    }
    var lines = shown.isEmpty ? [] : Array(table.lines(terminal, width: terminal.columns, yieldingLines: 3).dropFirst())
    if shown.count < answer.moves.count {
      lines.append(terminal.styled("and \(Words.count(answer.moves.count - shown.count, "move")) more: --all shows them", .dim))
    }
    return lines
  }

  /// Those that become fuller or emptier.
  private func nodes() -> [String] {
    let before = Dictionary(answer.nodesBefore.map { ($0.node, $0) }, uniquingKeysWith: { first, _ in first })
    let changed = answer.nodes.filter { before[$0.node] != $0 }
    var table = Table([.init(title: "NODE"), .init(title: "WORKLOADS"), .init(title: "LOAD")])
    table.rows = changed.map { fill in
      let old = before[fill.node]
      let style: Style = fill.load > 0.95 ? .bad : fill.load > 0.8 ? .doubtful : .plain
      return [
        .init(fill.node.text, .bold), .init("\(old?.workloads ?? 0) > \(fill.workloads) workloads"),
        .init("load \(Words.percent(old?.load ?? 0)) > \(Words.percent(fill.load))", style)
      ]
    }
    return limited(
      changed.isEmpty ? [] : Array(table.lines(terminal, width: terminal.columns).dropFirst()), to: Self.most.nodes, "nodes")
  }

  private func room() -> [String] {
    var table = Table([.init(title: "WHAT"), .init(title: "FREE"), .init(title: "LARGEST")])
    table.rows = answer.headroom.filter { $0.capacity > 0 }.map { room in
      let whole = Words.amount(room.capacity, of: room.resource), free = Words.amount(room.free, of: room.resource)
      let most = Words.amount(room.largest, of: room.resource)
      return [
        .init(room.resource), .init("\(free) of \(whole)", room.free == 0 ? .bad : .plain),
        .init(room.node.map { "for one workload at most \(most), on \($0)" } ?? "for one workload at most \(most)")
      ]
    }
    return table.rows.isEmpty ? [] : Array(table.lines(terminal, width: terminal.columns).dropFirst())
  }

  private func warnings() -> [String] {
    let texts = answer.warnings.map { warning in warning.workload.map { "\($0): \(warning.text)" } ?? warning.text }
    return limited(texts, to: Self.most.warnings, "lines").flatMap { terminal.wrapped($0, to: terminal.columns) }
  }
}
