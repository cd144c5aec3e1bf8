import HoldfastModel

/// Moves what runs on ailing nodes to nodes that are well, at the pace of an evacuation. What no other node can take runs on where it is.
extension PlanRun {
  mutating func leaveAiling() {
    for cause in tables.nodes.ailments.common {
      warnings.append(
        PlanWarning(.commonCause(cause.check, failing: cause.failing, unknown: cause.unknown, of: cause.nodes)))
    }
    if let seconds = tables.nodes.ailments.lookAgainAfter { lookAgain(after: seconds) }
    for row in tables.nodes.nodes.indices where tables.nodes.ailments.isLeft[row] { leaveAiling(row) }
  }

  private mutating func leaveAiling(_ row: Int) {
    let node = wording.node(row), reason = tables.nodes.ailments.reasons[row] ?? ""
    let why = PlacementReason.Clause.leftAiling(node, reason: reason)
    var underWay = tables.workloads.indices.count { isLeavingAiling($0, row) }
    var seen: Set<Int32> = []
    for workload in tables.workloads.indices.filter({ mayLeave($0, row) }).sorted(by: tables.goesFirst) {
      let group = tables.neighbours.affinityGroup[workload]
      if group >= 0, !seen.insert(group).inserted { continue }
      let most = min(tables.settings(workload).evacuation.atOnce ?? .max, MaintenanceRecord.defaultParallel)
      if underWay >= most {
        lookAgain(after: Self.nextTurn)
        continue
      }
      let moved = group < 0 ? leaveAlone(workload, because: why) : leaveTogether(Int(group), from: row, because: why)
      if moved.isEmpty {
        warnings.append(PlanWarning(workload: wording.name(workload), .staysOnAiling(node)))
      }
      underWay += moved.count { tables.running[$0] == Int32(row) }
    }
  }

  /// Who stays by its policy stays here, too.
  private func mayLeave(_ workload: Int, _ row: Int) -> Bool {
    board.at[workload] == Int32(row) && !fixed[workload] && tables.workloads[workload].desired == .running
      && tables.settings(workload).evacuation.method != .stay
  }

  /// It is leaving the node, or has left an ailing one and does not run yet.
  private func isLeavingAiling(_ workload: Int, _ row: Int) -> Bool {
    let wish = tables.workloads[workload]
    guard board.isPlaced(workload), board.at[workload] != Int32(row) else { return false }
    if tables.running[workload] == Int32(row) { return wish.isOnItsWay != false }
    return wish.isOnItsWay == true && wish.placed?.reason.hasLeftAiling == true
  }

  private func isWell(_ row: Int) -> Bool { !tables.nodes.ailments.isAiling[row] && !tables.nodes.isSilent[row] }

  /// - Returns: it, if it goes.
  private mutating func leaveAlone(_ workload: Int, because why: PlacementReason.Clause) -> [Int] {
    let here = Int(board.at[workload])
    board.take(workload, tables)
    search.prepare(workload, board, tables)
    guard let best = search.best(board, tables, among: isWell), !best.score.waits else {
      board.put(workload, on: here, tables)
      return []
    }
    pinned[workload] = false
    accept(best, because: why)
    return [workload]
  }

  /// All of an affinity group that are there, or none; those that are elsewhere stay where they are, if that is possible.
  private mutating func leaveTogether(_ group: Int, from row: Int, because why: PlacementReason.Clause) -> [Int] {
    let members = tables.neighbours.affinityGroups[group].map(Int.init).filter { board.isPlaced($0) }
    let places = Dictionary(uniqueKeysWithValues: members.map { ($0, Int(board.at[$0])) })
    let leaving = members.filter { mayLeave($0, row) }
    for othersMove in [false, true] {
      let isMoved = moveAffinityGroup(
        group, because: why,
        among: { [tables] member, node in
          if !leaving.contains(member), places[member] == node { return true }
          guard !tables.nodes.ailments.isAiling[node], !tables.nodes.isSilent[node] else { return false }
          return leaving.contains(member) || othersMove && tables.settings(member).evacuation.method != .stay
        },
        if: { run in leaving.allSatisfy { run.board.at[$0] != Int32(row) } })
      if isMoved { return members.filter { Int(board.at[$0]) != places[$0] } }
    }
    return []
  }
}
