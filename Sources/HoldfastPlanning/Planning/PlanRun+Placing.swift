import HoldfastModel

/// Finds places for those that have none.
extension PlanRun {
  /// Tries everybody who is nowhere, in their order.
  mutating func placePending() {
    // By profile the last one that found nothing. Room only gets less while others are placed.
    var failed: [Int32: Int] = [:]
    for workload in pending where wanted[workload] {
      if let other = failed[tables.profileOf[workload]], isAlike(other, workload) { continue }
      if !place(workload) { failed[tables.profileOf[workload]] = workload }
    }
    pending.removeAll { !wanted[$0] }
  }

  private mutating func place(_ workload: Int) -> Bool {
    if tables.neighbours.affinityGroup[workload] >= 0 { return placeAffinityGroup(of: workload) }
    search.prepare(workload, board, tables)
    var refused: PlacementReason.Clause?
    if let move = tables.workloads[workload].move, let target = tables.nodes.row(move.to) {
      guard let refusal = refusal(of: target) else {
        accept((target, search.score(target, board, tables)), because: .operatorAsked, cause: .operatorsMove)
        pinned[workload] = true
        return true
      }
      refused = .moveRefused(move.to, wording.exclusion(refusal, of: search, by: target, board))
    }
    guard let best = search.best(board, tables), !best.score.waits || !isEvacuated(workload) else { return false }
    accept(best, because: refused)
    return true
  }

  /// Why a node cannot take those that the search is for at once.
  func refusal(of node: Int) -> Refusal? {
    if tables.nodes.ailments.isLeft[node] { return .ailing }
    return search.refusal(node, board, tables) ?? search.lingering(node, board, tables).map { .lingering(column: $0) }
  }

  // MARK: affinity groups

  /// Places the missing ones of an affinity group of workloads that are kept together.
  ///
  /// - Returns: true when `workload` found a place.
  private mutating func placeAffinityGroup(of workload: Int) -> Bool {
    let affinityGroup = tables.neighbours.affinityGroups[Int(tables.neighbours.affinityGroup[workload])]
    let missing = affinityGroup.map(Int.init).filter { wanted[$0] }
    seatAffinityGroup(missing, among: { _, _ in true })
    keepWhole(missing)
    return !wanted[workload]
  }

  /// Seats the members of one affinity group, as many as can be: those that must be on one node at once, those that must be in one rack so
  /// that all of them fit there.
  ///
  /// - Parameter isAllowed: whether a workload may go to a node, besides what the rules say.
  mutating func seatAffinityGroup(
    _ members: [Int], among isAllowed: (Int, Int) -> Bool, because prefix: PlacementReason.Clause? = nil
  ) {
    var rest = members.sorted(by: tables.goesFirst)
    while let leader = rest.first {
      if !seat(units(of: rest), among: isAllowed, because: prefix), wanted[leader] { rest.removeFirst() }
      rest.removeAll { !wanted[$0] }
    }
  }

  /// Seats the first unit, or as much of it as can be, where most of the others fit too; and them.
  private mutating func seat(_ units: [[Int]], among isAllowed: (Int, Int) -> Bool, because prefix: PlacementReason.Clause?)
    -> Bool
  {
    var units = units
    while !units[0].isEmpty {
      // In each place that the first could go to, the others may or may not fit.
      var best: (start: Int, seated: Int)?
      for start in starts(for: units[0], among: isAllowed) {
        let seated = trySeating(units, from: start, among: isAllowed)
        if seated > best?.seated ?? 0 { best = (start, seated) }
        if seated == units.joined().count { break }
      }
      guard let best else {
        units[0].removeLast()
        continue
      }
      for (index, unit) in units.enumerated() {
        search.prepare(unit, board, tables)
        let found =
          index == 0
          ? (best.start, search.score(best.start, board, tables))
          : search.best(board, tables, among: { node in unit.allSatisfy { isAllowed($0, node) } })
        if let found { accept(found, because: prefix) }
      }
      return true
    }
    return false
  }

  /// Units: workloads that must be on one node, as one; in their order.
  private func units(of members: [Int]) -> [[Int]] {
    let tallies = tables.neighbours.cohorts.first { $0.topology == 0 }?.tallies
    var units: [[Int]] = [], index: [Int32: Int] = [:]
    for member in members.sorted(by: tables.goesFirst) {
      let tally = tallies?[member] ?? -1
      if tally >= 0, let known = index[tally] {
        units[known].append(member)
      } else {
        if tally >= 0 { index[tally] = units.count }
        units.append([member])
      }
    }
    return units
  }

  /// The best node for a unit in each place that makes a difference to its affinity group.
  private mutating func starts(for unit: [Int], among isAllowed: (Int, Int) -> Bool) -> [Int] {
    search.prepare(unit, board, tables)
    let topologies = tables.neighbours.cohorts.map(\.topology).filter { $0 != 0 }
    var best: [[Int32]: (score: Score, node: Int)] = [:]
    search.scan(board, tables) { node, score in
      // What runs does not stop to wait for room.
      guard unit.allSatisfy({ isAllowed($0, node) && !(score.waits && isEvacuated($0)) }) else { return }
      let place = topologies.map { board.domain($0, node, tables) }
      if best[place].map({ score < $0.score }) ?? true { best[place] = (score, node) }
    }
    return best.values.sorted { ($0.score, $0.node) < ($1.score, $1.node) }.map(\.node)
  }

  /// How many members find a seat when the first unit goes to a node. Leaves the board as it was.
  private mutating func trySeating(_ units: [[Int]], from start: Int, among isAllowed: (Int, Int) -> Bool) -> Int {
    var seated: [Int] = []
    for (index, unit) in units.enumerated() {
      search.prepare(unit, board, tables)
      let node =
        index == 0 ? start : search.best(board, tables, among: { node in unit.allSatisfy { isAllowed($0, node) } })?.node
      guard let node else { continue }
      for member in unit { board.put(member, on: node, tables) }
      seated += unit
    }
    for member in seated.reversed() { board.take(member, tables) }
    return seated.count
  }
}
