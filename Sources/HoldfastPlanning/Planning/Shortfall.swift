import HoldfastModel

/// The shortfall: what it would take for a workload to run.
public struct Shortfall: Hashable, Sendable, Codable {
  /// The node where the least is missing; nil: it is missing in the whole cluster, or nothing but rules are in the way.
  public var node: NodeName?
  /// The resource that is missing there, such as `512 MiB of memory`; nil: rules are in the way everywhere.
  public var missing: String?
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
    for node in 0..<tables.nodes.count {
      switch search.refusal(node, board, tables) {
      case nil: return nil
      case .shortage(let column, let needs, let free)?:
        let amount = needs - max(0, free)
        let share = Double(amount) / Double(needs)
        if best.map({ share < $0.share }) ?? true { best = (share, node, column, amount) }
      case .pool(let column, let needs, let free)?:
        ofPool = tables.nodes.resources.quantity(needs - max(0, free), column)
      default: continue
      }
    }
    if let ofPool { return Shortfall(node: nil, missing: ofPool) }
    guard let best else { return Shortfall(node: nil, missing: nil) }
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
