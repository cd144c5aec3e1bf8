import HoldfastModel

/// Moves others, so that one finds room that chose too late: those that policy allows to be moved, and those that this plan placed
/// and that run nowhere yet.
extension PlanRun {
  /// Looks at nodes that may be taken for one workload: an over-full cluster must not take for ever.
  private static let looksForOne = 20_000
  /// The same for all workloads of one plan.
  private static let looksForAll = 3_000_000

  mutating func makeRoom() {
    if pending.isEmpty { return }
    let movable = tables.workloads.indices.map(mayGiveWay)
    guard movable.contains(true) else { return }
    let moves = tables.policies.cluster.movesToMakeRoom ?? ClusterPolicy.defaultMovesToMakeRoom
    var repair = Repair(tables, movable: movable)
    var looks = Self.looksForAll
    var failed: [Int32: Int] = [:]
    for workload in pending where wanted[workload] && looks > 0 {
      if let other = failed[tables.profileOf[workload]], isAlike(other, workload) { continue }
      let limit = min(looks, Self.looksForOne)
      repair.looks = limit
      if repair.place(workload, moves: moves, &board) {
        adopt(repair.moved, for: workload)
        failed = [:]
      } else {
        failed[tables.profileOf[workload]] = workload
      }
      looks -= limit - repair.looks
    }
    pending.removeAll { !wanted[$0] }
  }

  private func mayGiveWay(_ workload: Int) -> Bool {
    guard board.isPlaced(workload), !fixed[workload], !pinned[workload], tables.neighbours.affinityGroup[workload] < 0 else {
      return false
    }
    return unplaceable[workload] || tables.profiles[Int(tables.profileOf[workload])].settings.makeRoom
  }

  /// Says why, of a repair that is on the board already.
  private mutating func adopt(_ moved: [Repair.Move], for workload: Int) {
    let moved = moved.filter { board.at[$0.workload] != Int32($0.from) }
    for move in moved {
      // What ran nowhere was not moved.
      reseat(
        move.workload,
        because: .madeWay(from: wording.node(move.from), isMoved: !unplaceable[move.workload], for: wording.name(workload)))
    }
    reseat(workload, because: moved.isEmpty ? nil : .roomMade(by: moved.map { wording.name($0.workload) }))
  }

  private mutating func reseat(_ workload: Int, because reason: PlacementReason.Clause?) {
    let node = Int(board.at[workload])
    board.take(workload, tables)
    search.prepare(workload, board, tables)
    accept((node, search.score(node, board, tables)), because: reason)
  }
}
