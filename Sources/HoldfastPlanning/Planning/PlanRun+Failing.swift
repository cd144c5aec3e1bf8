import HoldfastModel

/// What fails on one node is tried on another, and never stopped for nothing: what starts nowhere else comes back to the node that it was to leave.
extension PlanRun {
  /// The workload ends again and again on the node that has it.
  func endsAgain(_ workload: Int) -> Bool {
    let wish = tables.workloads[workload]
    return wish.ends != nil && tables.running[workload] >= 0 && tables.running[workload] == tables.placed[workload]
  }

  /// Those that end again and again are tried on another node that can take them. Where there is none they are restarted where they are.
  mutating func leaveWhereTheyEnd() {
    let ending = tables.workloads.indices.filter { endsAgain($0) && board.isPlaced($0) && !fixed[$0] }
    for workload in ending.sorted(by: tables.goesFirst) {
      let here = Int(board.at[workload])
      guard Int32(here) == tables.running[workload] else { continue }
      board.take(workload, tables)
      if let reason = givenUp(workload) {
        nowhere(workload, PlacementReason(reason))
        continue
      }
      if isUnwellEnough(workload) {
        board.put(workload, on: here, tables)
        continue
      }
      search.prepare(workload, board, tables)
      if let best = search.best(board, tables), !best.score.waits, best.node != here {
        pinned[workload] = false
        let wish = tables.workloads[workload], times = wish.ends ?? 0, node = wording.node(here)
        let isUnwell = wish.unwell?.contains(node) == true
        accept(best, because: isUnwell ? .unwell(times: times, on: node) : .endsAgain(times: times, on: node))
      } else {
        board.put(workload, on: here, tables)
      }
    }
  }

  /// Every other node that takes workloads is out of the question for it: it takes nobody's turn to leave.
  func startsNowhereElse(_ workload: Int, than row: Int) -> Bool {
    let excluded = tables.workloads[workload].excluded
    guard !excluded.isEmpty else { return false }
    return tables.nodes.nodes.indices.allSatisfy {
      $0 == row || !tables.nodes.isAvailable[$0] || excluded[wording.node($0)] != nil
    }
  }

  /// What has left a node that is being emptied, and can run on no other, goes back there while the node stands. It is then what keeps the node
  /// from being empty. That is so only while the move off that node is why it is down: once it has run on another one, a node in maintenance takes it
  /// no more than anything else.
  mutating func comeBack() {
    for workload in pending where wanted[workload] {
      guard let row = emptiedHome(of: workload), hasRoom(for: workload, on: row) else { continue }
      (wanted[workload], unplaceable[workload]) = (false, false)
      hold(workload, on: row)
      records[workload] = PlacementRecord(
        node: wording.node(row), reason: PlacementReason(.backAsNowhereElse), servedMove: served(workload), home: nil)
      warnings.append(PlanWarning(workload: wording.name(workload), .backOnDrained(wording.node(row))))
    }
    pending.removeAll { !wanted[$0] }
  }

  /// The node in maintenance that it was moved off, to run nowhere since, and that could still run it; nil: there is none.
  private func emptiedHome(of workload: Int) -> Int? {
    let wish = tables.workloads[workload]
    guard wish.desired == .running, tables.running[workload] < 0, let home = wish.evacuatedFrom,
      let row = tables.nodes.row(home),
      wish.excluded[home] == nil
    else { return nil }
    let node = tables.nodes.nodes[row]
    guard node.isDraining, let maintenance = node.maintenance, maintenance.failback == nil, !maintenance.leavesPending else {
      return nil
    }
    return node.connections.contains(wish.connection) ? row : nil
  }

  func hasRoom(for workload: Int, on row: Int) -> Bool {
    let columns = tables.resourceCount
    return (0..<columns).allSatisfy { column in
      let demand = tables.demand[workload * columns + column]
      return demand == 0 || demand <= tables.nodes.capacity[row * columns + column] - board.used[row * columns + column]
    }
  }
}
