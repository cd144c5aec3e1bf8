import HoldfastModel

/// Keeps room for failures: new workloads are placed only while the cluster would survive what the policies say.
extension PlanRun {
  /// The gap after the worst of the losses that must be survived.
  struct Gap {
    var loss: Survival.Loss
    var column: Int
    var missing: Int64
  }

  /// Warns, or takes out of the pending what would use the room.
  mutating func admit() {
    guard let survival = tables.policies.cluster.survive else { return }
    let columns = tables.resourceCount
    let newcomers = pending.filter(isNewcomer)
    let isNew = Set(newcomers)
    var demand = [Int64](repeating: 0, count: columns)
    // Those that only wait for room count as well: what ran before has the first right to it.
    for workload in tables.workloads.indices where board.isPlaced(workload) || (wanted[workload] && !isNew.contains(workload)) {
      for column in 0..<columns { demand[column] += tables.demand[workload * columns + column] }
    }
    let rooms = survival.losses.map { (loss: $0, room: room(after: $0)) }
    func gap(_ demand: [Int64]) -> Gap? {
      for (loss, room) in rooms {
        for column in 0..<columns {
          let needed = Int64((Double(demand[column]) * (1 - survival.tolerate)).rounded(.down))
          if demand[column] > 0, needed > room[column] {
            return Gap(loss: loss, column: column, missing: needed - room[column])
          }
        }
      }
      return nil
    }
    if survival.otherwise == .refuse {
      for workload in newcomers {
        let with = (0..<columns).map { demand[$0] + tables.demand[workload * columns + $0] }
        if let gap = gap(with) { refuse(workload, gap) } else { demand = with }
      }
      pending.removeAll { !wanted[$0] }
    } else {
      for workload in newcomers {
        for column in 0..<columns { demand[column] += tables.demand[workload * columns + column] }
      }
    }
    if let gap = gap(demand) {
      let (loss, missing) = words(gap), resource = tables.nodes.resources.names[gap.column]
      warnings.append(PlanWarning(.wouldNotSurvive(loss: loss, resource: resource, missing: missing)))
    }
  }

  /// The workload never had a place, or was refused one for this very reason.
  private func isNewcomer(_ workload: Int) -> Bool {
    guard let placed = tables.workloads[workload].placed else { return true }
    return placed.node == nil && placed.cause == .notAdmitted
  }

  private mutating func refuse(_ workload: Int, _ gap: Gap) {
    wanted[workload] = false
    let (loss, missing) = words(gap)
    nowhere(workload, PlacementReason(.notAdmitted(loss: loss, missing: missing)), cause: .notAdmitted)
  }

  private func words(_ gap: Gap) -> (loss: String, missing: String) {
    let loss =
      switch gap.loss {
      case .any(let count, let label):
        "the loss of \(count == 1 ? "a" : "\(count)") \(label)\(count == 1 ? "" : "s")"
      case .nodes(let selection): "the loss of \(selection)"
      }
    return (loss, tables.nodes.resources.quantity(gap.missing, gap.column))
  }

  /// By resource: what the remaining nodes have for workloads after the worst case of a loss.
  private mutating func room(after loss: Survival.Loss) -> [Int64] {
    let columns = tables.resourceCount
    func room(_ node: Int, _ column: Int) -> Int64 {
      guard tables.nodes.isAvailable[node] else { return 0 }
      return max(0, tables.nodes.capacity[node * columns + column] - tables.nodes.unmanaged[node * columns + column])
    }
    return (0..<columns).map { column in
      let total = (0..<tables.nodes.count).reduce(0) { $0 + room($1, column) } + max(0, tables.pool[column])
      switch loss {
      case .any(let count, let label):
        var places: [String: Int64] = [:]
        for node in 0..<tables.nodes.count {
          let name = tables.nodes.nodes[node].name.text
          // A node of which nobody knows the rack is a rack of its own.
          let place = label == nodeTopology ? name : tables.nodes.nodes[node].labels[label].map { "=\($0)" } ?? name
          places[place, default: 0] += room(node, column)
        }
        return total - places.values.sorted(by: >).prefix(max(0, count)).reduce(0, +)
      case .nodes(let selection):
        return (0..<tables.nodes.count).reduce(total) { rest, node in
          let row = tables.nodes.nodes[node]
          return selection.matches(name: row.name.text, labels: row.labels) ? rest - room(node, column) : rest
        }
      }
    }
  }
}
