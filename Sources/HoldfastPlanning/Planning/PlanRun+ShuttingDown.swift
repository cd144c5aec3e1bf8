import HoldfastModel

/// A cluster that is shut down as a whole ends where it began. A node that leaves alone hands over at once, and what went stays where it went;
/// but when no node stays, each workload keeps its last place, and what was handed over on the way there goes back.
extension PlanRun {
  /// Seconds from when the first node is away to when the last one leaves: what takes longer is no shutdown of the whole cluster.
  private static let longestShutdown = 600.0

  /// No node takes workloads any more, and this is no supposition: somebody who leaves says so, or a node that is kept empty.
  private var nobodyStays: Bool {
    !tables.nodes.isAvailable.contains(true) && tables.nodes.nodes.contains { $0.unavailable == .leaving || $0.isDraining }
  }

  /// The hand-over to remember of a workload that is placed on the node; nil: none, or it is back.
  func handOver(of workload: Int, to node: Int?) -> PlacementRecord.HandOver? {
    let placed = tables.workloads[workload].placed
    var handOver = placed?.handedOver
    if handOver == nil, let from = placed?.node, let row = tables.nodes.row(from),
      tables.nodes.nodes[row].unavailable == .leaving
    {
      handOver = PlacementRecord.HandOver(from: from, wasMoved: placed?.cause == .operatorsMove)
    }
    return node.map { wording.node($0) == handOver?.from } ?? false ? nil : handOver
  }

  /// What can run nowhere, as no node stays, waits for the node that it was on. Whoever starts it needs its claim, as always.
  mutating func keepPlaces() {
    guard nobodyStays else { return }
    let waiting = pending.filter { wanted[$0] }
    // What only stays comes first: what goes back needs room besides.
    for workload in waiting where firstPlace(of: workload) == nil { keep(workload) }
    for workload in waiting {
      guard let row = firstPlace(of: workload), hasRoom(for: workload, on: row) else {
        keep(workload)
        continue
      }
      hold(workload, on: row)
      if violation(of: workload) == nil {
        goBack(workload, to: row)
      } else {
        board.take(workload, tables)
        fixed[workload] = false
        keep(workload)
      }
    }
    pending.removeAll { !wanted[$0] }
  }

  private mutating func keep(_ workload: Int) {
    guard wanted[workload] else { return }
    let row = Int(tables.placed[workload])
    guard row >= 0, isWaitedFor(row, by: workload) else { return }
    (wanted[workload], unplaceable[workload]) = (false, false)
    hold(workload, on: row)
  }

  private mutating func goBack(_ workload: Int, to row: Int) {
    (wanted[workload], unplaceable[workload]) = (false, false)
    let placed = tables.workloads[workload].placed
    records[workload] = PlacementRecord(
      node: wording.node(row), reason: PlacementReason(.backAsNobodyStays), servedMove: placed?.servedMove ?? 0,
      cause: placed?.handedOver?.wasMoved == true ? .operatorsMove : nil, home: home(of: workload, on: row))
  }

  /// The row of the node that first handed it over, if it is to go back there.
  private func firstPlace(of workload: Int) -> Int? {
    guard let from = tables.workloads[workload].placed?.handedOver?.from, let row = tables.nodes.row(from) else { return nil }
    return isWaitedFor(row, by: workload) ? row : nil
  }

  /// The node leaves or is away, for no maintenance, and could run the workload when it is back. One that was lost is no part of a shutdown, where
  /// nobody leaves: what it ran waits for whichever node takes workloads first, and says so.
  private func isWaitedFor(_ row: Int, by workload: Int) -> Bool {
    let node = tables.nodes.nodes[row]
    guard node.maintenance == nil, tables.workloads[workload].excluded[node.name] == nil else { return false }
    if node.unavailable == .leaving { return true }
    guard node.unavailable == .down else { return false }
    return node.wasLost != true || tables.nodes.nodes.contains { $0.unavailable == .leaving }
  }

  /// A hand-over is remembered while its node is away, and no longer than the shutdown of a cluster takes.
  mutating func forgetHandOvers() {
    let isOver = nobodyStays
    for workload in tables.workloads.indices {
      guard let from = firstHandOver(of: workload) else { continue }
      if !isOver, tables.workloads[workload].desired == .running, let left = secondsLeft(of: from) {
        lookAgain(after: left)
      } else if var record = records[workload] ?? tables.workloads[workload].placed {
        record.handedOver = nil
        records[workload] = record
      }
    }
  }

  /// The node that handed it over, as this plan says, or the one before. No record is copied for it: they are large, and the workloads many.
  private func firstHandOver(of workload: Int) -> NodeName? {
    if let own = records.index(forKey: workload) { return records.values[own].handedOver?.from }
    return tables.workloads[workload].placed?.handedOver?.from
  }

  /// Seconds for which a hand-over by that node is remembered still; nil: it is not, or not any more.
  private func secondsLeft(of from: NodeName) -> Double? {
    guard let node = tables.nodes.row(from).map({ tables.nodes.nodes[$0] }), node.unavailable != nil, node.maintenance == nil,
      let away = node.unavailableFor, away < Self.longestShutdown
    else { return nil }
    return Self.longestShutdown - away
  }
}
