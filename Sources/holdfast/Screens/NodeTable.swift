import HoldfastAPI
import HoldfastCore

/// Nodes with their load and headroom.
struct NodeTable {
  let terminal: Terminal

  private static let memoryBar = 16
  private static let cpuBar = 8

  /// - Parameter width: nil: as wide as it is.
  func lines(_ nodes: [NodeInfo], width: Int?) -> [String] {
    var table = Table([
      .init(title: "NODE"), .init(title: "STATE"), .init(title: "MEMORY"), .init(title: "FREE", alignsRight: true),
      .init(title: "CPUS"), .init(title: "FREE", alignsRight: true), .init(title: "WORKLOADS", alignsRight: true),
      .init(title: "GUARD", yields: true)
    ])
    table.rows = nodes.map(row)
    return table.lines(terminal, width: width)
  }

  private func row(_ node: NodeInfo) -> [Table.Cell] {
    let state: Table.Cell =
      switch node.state {
      case .up: .init(node.isPlanner ? "up, planner" : "up", .good)
      case .leaving: .init("leaving", .doubtful)
      case .down: .init("DOWN", .bad)
      }
    let count = Table.Cell(node.state == .down && node.workloads == 0 ? "" : "\(node.workloads)")
    let guardPhase = node.guardPhase ?? ""
    let guardCell = Table.Cell(guardPhase, NodeInfo.soundGuardPhases.contains(guardPhase) ? .plain : .bad)
    guard node.state != .down, let capacity = node.capacity else {
      return [.init(node.name, .bold), state, .init(""), .init(""), .init(""), .init(""), count, guardCell]
    }
    let memory = Bar(
      used: Double(node.used.memory), unmanaged: Double(node.unmanaged.memory), capacity: Double(capacity.memory))
    let cpus = Bar(used: node.used.cpus, unmanaged: node.unmanaged.cpus, capacity: capacity.cpus)
    let free = capacity - node.used - node.unmanaged
    return [
      .init(node.name, .bold), state,
      .init(memory.text(terminal, width: Self.memoryBar), memory.style),
      .init("\(Words.memory(free.memory)) of \(Words.memory(capacity.memory))"),
      .init(cpus.text(terminal, width: Self.cpuBar), cpus.style),
      .init("\(Words.cpus(free.cpus)) of \(Words.cpus(capacity.cpus))"), count, guardCell
    ]
  }
}
