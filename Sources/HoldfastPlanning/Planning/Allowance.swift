import HoldfastModel

/// The part of a node that the policies let workloads use.
public struct Allowance: Hashable, Sendable {
  /// After reserves and over-commitment.
  public var capacity: Resources
  /// Of that, what domains outside protection take; nothing where the policies do not count them.
  public var unmanaged: Resources
}

extension PolicyPlanner {
  /// By node, as plans reckon it.
  public func allowances(of nodes: [PlanningSnapshot.Node]) -> [NodeName: Allowance] {
    let table = NodeTable(PlanningSnapshot(nodes: nodes, workloads: []), policies: policies)
    func resources(_ amounts: [Int64], _ row: Int) -> Resources {
      let first = row * table.resources.count
      return Resources(
        memory: Int(table.resources.value(amounts[first + ResourceTable.memory], ResourceTable.memory)),
        cpus: table.resources.value(amounts[first + ResourceTable.cpus], ResourceTable.cpus))
    }
    return Dictionary(
      uniqueKeysWithValues: table.nodes.indices.map { row in
        (table.nodes[row].name, Allowance(capacity: resources(table.capacity, row), unmanaged: resources(table.unmanaged, row)))
      })
  }
}
