import HoldfastModel

/// The shortfall: what it would take for a workload to run.
public struct Shortfall: Hashable, Sendable, Codable {
  /// The node where the least is missing; nil: it is missing in the whole cluster, or nothing but rules are in the way.
  public var node: NodeName?
  /// The resource that is missing there, such as `512 MiB of memory`; nil: it is not for lack of room.
  public var missing: String?
  /// The nodes that it would take, such as `a node on which it starts`, where more than rules is in the way; nil: the room is missing, or rules are in the
  /// way everywhere.
  public var nodes: String?
}

extension PlanRun {
  /// Looks for the node on which only room is missing, and the least of it.
  ///
  /// - Returns: nil when a node could take it now, or only nodes in maintenance are left: it waits for something else.
  mutating func shortfall(of workload: Int) -> Shortfall? {
    if !keptEmpty(for: workload).isEmpty { return nil }
    search.prepare(workload, board, tables)
    var best: (share: Double, node: Int, column: Int, amount: Int64)?
    var ofPool: String?
    var wanted: [String] = []
    for node in 0..<tables.nodes.count {
      switch search.refusal(node, board, tables) {
      case nil: return nil
      case .shortage(let column, let needs, let free)?:
        let amount = needs - max(0, free)
        let share = Double(amount) / Double(needs)
        if best.map({ share < $0.share }) ?? true { best = (share, node, column, amount) }
      case .pool(let column, let needs, let free)?:
        ofPool = tables.nodes.resources.quantity(needs - max(0, free), column)
      case let refusal?:
        // What rules forbid is no node for it, however it is otherwise.
        guard !search.isForbidden(node, board, tables) else { continue }
        let what = wording.exclusion(refusal, of: search, by: node, board).nodeInstead
        if let what, !wanted.contains(what) { wanted.append(what) }
      }
    }
    if let ofPool { return Shortfall(node: nil, missing: ofPool) }
    guard let best else {
      return Shortfall(node: nil, missing: nil, nodes: wanted.isEmpty ? nil : wanted.joined(separator: ", or "))
    }
    return Shortfall(node: wording.node(best.node), missing: tables.nodes.resources.quantity(best.amount, best.column))
  }

  /// Of workloads that are nowhere what each would take; by row.
  mutating func shortfalls(of workloads: [Int]) -> [Int: Shortfall] {
    var found: [Int: Shortfall] = [:], latest: (like: Int, shortfall: Shortfall?)?
    for workload in workloads {
      let shortfall: Shortfall?
      if let latest, isAlike(latest.like, workload) {
        shortfall = latest.shortfall
      } else {
        shortfall = self.shortfall(of: workload)
        latest = (workload, shortfall)
      }
      found[workload] = shortfall
    }
    return found
  }
}

extension Exclusion {
  /// The node that a workload would need in place of one that does not take it for this; nil: it is supposed, or a rule is against it.
  fileprivate var nodeInstead: String? {
    switch self {
    case .lost, .beingEmptied: return nil
    case .down: return "a node that is up"
    case .inMaintenance, .downInMaintenance: return "a node that is not in maintenance"
    case .leaving: return "a node that is not leaving"
    case .connectionMissing(let connection): return "a node that serves \(connection)"
    default: break
    }
    // As a snapshot has it, which tells no more than its text.
    let text = description
    if text.hasPrefix("\(Exclusion.failedToStart(reason: ""))") { return "a node on which it starts" }
    if text == "\(Exclusion.endsAgain(times: 1))" || text.hasSuffix(" times in a row there") {
      return "a node on which it does not end"
    }
    if text.hasPrefix("\(Exclusion.unwell(reason: ""))") { return "a node on which it runs well" }
    return "a node that can take it"
  }
}
