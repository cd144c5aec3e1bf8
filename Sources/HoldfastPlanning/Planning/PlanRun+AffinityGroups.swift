import HoldfastModel

/// Moves workloads that are kept together, all of them or none.
extension PlanRun {
  /// Brings an affinity group together whose parts cannot join each other where they are.
  ///
  /// - Parameters:
  ///   - workload: the one that is where a rule does not allow it.
  ///   - rule: that rule. It may be another one than the rule that keeps the group together.
  mutating func reunite(_ workload: Int, because rule: String) {
    let number = tables.neighbours.affinityGroup[workload]
    guard number >= 0 else { return }
    let here = board.at[workload], keeping = ruleKeepingTogether(workload)
    let isMoved = moveAffinityGroup(
      Int(number), because: .affinityGroupMoved(rule: keeping ?? rule),
      among: { [tables] _, node in !tables.nodes.isSilent[node] && !tables.nodes.ailments.isAiling[node] }
    ) {
      run in
      run.tables.neighbours.affinityGroups[Int(number)].allSatisfy {
        !run.board.isPlaced(Int($0)) || run.violation(of: Int($0)) == nil
      }
    }
    guard isMoved, rule != keeping, board.at[workload] != here, var record = records[workload] else { return }
    // It goes because of that rule, and the others go with it.
    record.reason.clauses[0] = .notAllowed(rule: rule, on: wording.node(Int(here)))
    records[workload] = record
  }

  /// The rule that ties a workload to others.
  private func ruleKeepingTogether(_ workload: Int) -> String? {
    let ties = tables.neighbours.cohorts.lazy.map { [tables] in
      (cohort: $0, rule: tables.neighbours.cohortRule[$0.tallies[workload]])
    }
    return ties.compactMap { $0.cohort.tallies[workload] >= 0 ? $0.rule : nil }.first.map(wording.rule)
  }

  /// Moves whole affinity groups of which one cannot run where the others are, to where all of them can.
  mutating func gather() {
    var seen: Set<Int32> = []
    for workload in pending where wanted[workload] {
      let number = tables.neighbours.affinityGroup[workload]
      guard number >= 0, seen.insert(number).inserted, let rule = ruleKeepingTogether(workload) else { continue }
      let group = tables.neighbours.affinityGroups[Int(number)].map(Int.init)
      let placed = group.filter(board.isPlaced)
      guard !placed.isEmpty, placed.allSatisfy(mayJoinElsewhere) else { continue }
      let missing = group.filter { wanted[$0] }
      _ = moveAffinityGroup(
        Int(number), with: missing, because: .affinityGroupMoved(rule: rule),
        among: { [tables] member, node in
          // The group goes once to each node on which one of it fails: it does not go round for ever.
          !tables.nodes.isSilent[node] && !tables.nodes.ailments.isAiling[node]
            && (!missing.contains(member) || tables.workloads[member].failures[tables.nodes.nodes[node].name] == nil)
        }, if: { _ in true })
    }
    pending.removeAll { !wanted[$0] }
  }

  /// Nobody holds it where it is.
  private func mayJoinElsewhere(_ workload: Int) -> Bool {
    !fixed[workload] && !pinned[workload] && tables.settings(workload).evacuation.method != .stay
  }

  /// Seats a whole affinity group anew, when all of it finds a seat and the result is as wanted; else nothing changes.
  ///
  /// - Parameter missing: those of it that are nowhere and are to be seated with the others.
  /// - Returns: true when they were moved.
  mutating func moveAffinityGroup(
    _ number: Int, with missing: [Int] = [], because reason: PlacementReason.Clause, among isAllowed: (Int, Int) -> Bool,
    if isWanted: (PlanRun) -> Bool
  ) -> Bool {
    let members = tables.neighbours.affinityGroups[number].map(Int.init)
    let before = members.filter { board.isPlaced($0) && !fixed[$0] }.map { (workload: $0, node: Int(board.at[$0])) }
    let all = before.map(\.workload) + missing
    let saved = all.map { (record: records[$0], isPinned: pinned[$0], displacedBy: displacedBy[$0]) }
    for (workload, _) in before {
      board.take(workload, tables)
      wanted[workload] = true
      pinned[workload] = false
    }
    seatAffinityGroup(all, among: isAllowed, because: reason)
    let isSeated = all.allSatisfy { !wanted[$0] && (records[$0].map { $0.node != nil } ?? true) }
    if isSeated, isWanted(self) { return true }
    for workload in all where board.isPlaced(workload) { board.take(workload, tables) }
    for (workload, node) in before {
      board.put(workload, on: node, tables)
      wanted[workload] = false
    }
    for workload in missing { wanted[workload] = true }
    for (workload, saved) in zip(all, saved) {
      (records[workload], pinned[workload], displacedBy[workload]) = (saved.record, saved.isPinned, saved.displacedBy)
    }
    return false
  }

  /// Takes those back of which only a part found a place: what is emptied of a group keeps all of it, as no other node can run it.
  ///
  /// - Parameter members: of one affinity group; those that this step has tried to place.
  mutating func keepWhole(_ members: [Int]) {
    for first in members where wanted[first] && staysRatherThanStops(first) {
      for mate in unitMates(of: first) where members.contains(mate) && !wanted[mate] && staysRatherThanStops(mate) {
        guard board.isPlaced(mate) else { continue }
        board.take(mate, tables)
        wanted[mate] = true
        records[mate] = nil
      }
    }
  }

  func staysRatherThanStops(_ workload: Int) -> Bool {
    guard isEvacuated(workload) else { return false }
    let node = tables.nodes.nodes[Int(leaves[workload])]
    // What has failed there, too, does not run there.
    return node.maintenance?.leavesPending == false && tables.workloads[workload].excluded[node.name] == nil
  }
}
