import HoldfastModel
import HoldfastOperator

/// Nodes with their load and headroom.
struct NodeTable {
  let terminal: Terminal

  /// Bars for memory and processors, the widest that fit are taken; none where the line has no room for them.
  private static let bars = [(memory: 16, cpus: 8), (memory: 10, cpus: 5), (memory: 6, cpus: 3), (memory: 0, cpus: 0)]

  /// - Parameter width: nil: as wide as it is.
  func lines(_ nodes: [NodeInfo], width: Int?) -> [String] {
    var plain = terminal
    plain.hasColour = false
    let fitting = Self.bars.first { bars in
      guard let width else { return true }
      return table(nodes, bars).lines(plain, width: nil).allSatisfy { $0.count <= width }
    }
    return table(nodes, fitting ?? Self.bars[Self.bars.count - 1]).lines(terminal, width: width)
  }

  private func table(_ nodes: [NodeInfo], _ bars: (memory: Int, cpus: Int)) -> Table {
    let isNarrow = bars.memory == 0
    var table = Table([
      .init(title: "NODE", yields: true), .init(title: "STATE"), .init(title: "MEMORY"),
      .init(title: isNarrow ? "MEM FREE" : "FREE", alignsRight: true),
      .init(title: "CPUS"), .init(title: isNarrow ? "CPU FREE" : "FREE", alignsRight: true),
      .init(title: isNarrow ? "HOLDS" : "WORKLOADS", alignsRight: true), .init(title: "GUARD")
    ])
    table.rows = nodes.map { row($0, bars) }
    return table
  }

  private static func state(_ node: NodeInfo) -> Table.Cell {
    let role = node.isPlanner ? ", planner" : ""
    let restrictions: String? =
      switch node.maintenance?.phase {
      case .draining: "draining"
      case .empty: "maintenance"
      case .returning: "returning"
      case nil: node.ailment != nil ? "ailing" : node.quarantine == nil ? nil : "quarantine"
      }
    switch node.state {
    case .up: return restrictions.map { .init($0 + role, .doubtful) } ?? .init("up" + role, .good)
    case .leaving: return .init("leaving", .doubtful)
    case .cutOff: return .init("CUT OFF", .bad)
    case .unknown: return .init("unknown", .doubtful)
    case .down where node.isDownByPlan: return .init("down, maint.", .doubtful)
    case .down: return node.ending == .left ? .init("left", .doubtful) : .init("DOWN", .bad)
    }
  }

  private func row(_ node: NodeInfo, _ bars: (memory: Int, cpus: Int)) -> [Table.Cell] {
    let state = Self.state(node)
    let count = Table.Cell(node.state == .down && node.workloads == 0 ? "" : "\(node.workloads)")
    let guardPhase = node.guardPhase?.text ?? "", isSound = node.freeze == nil && node.guardPhase?.isSound ?? false
    let isUnfenced = node.flaws.contains(where: \.isFenceLost)
    let guardCell = Table.Cell(
      isUnfenced ? "\(guardPhase), no fence" : guardPhase, isSound ? (isUnfenced ? .doubtful : .plain) : .bad)
    guard node.state != .down, let capacity = node.allowance ?? node.capacity else {
      return [.init(node.name, .bold), state, .init(""), .init(""), .init(""), .init(""), count, guardCell]
    }
    // What the policies do not count of it is no load.
    let free = node.headroom ?? capacity - node.used - node.unmanaged, unmanaged = capacity - node.used - free
    let memory = Bar(used: Double(node.used.memory), unmanaged: Double(unmanaged.memory), capacity: Double(capacity.memory))
    let cpus = Bar(used: node.used.cpus, unmanaged: unmanaged.cpus, capacity: capacity.cpus)
    return [
      .init(node.name, .bold), state,
      .init(memory.text(terminal, width: bars.memory), memory.style),
      .init(bars.memory == 0 ? Words.memory(free.memory) : Words.memory(free.memory, of: capacity.memory)),
      .init(cpus.text(terminal, width: bars.cpus), cpus.style),
      .init(Words.cpus(free.cpus) + (bars.cpus == 0 ? "" : " of \(Words.cpus(capacity.cpus))")), count, guardCell
    ]
  }
}
