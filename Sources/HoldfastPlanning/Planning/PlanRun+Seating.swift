import HoldfastModel

/// The first steps: who keeps a seat, who moves on an operator's word, and who needs a new one.
extension PlanRun {
  /// Everybody who has a place keeps it while its node is available: nothing moves without a reason.
  mutating func seat() {
    var leaving: [Int: [Int]] = [:]
    for workload in tables.workloads.indices {
      // Not the whole of it at once: a copy for each of many thousands takes as long as the rest.
      let desired = tables.workloads[workload].desired
      if desired == .stopped {
        let end = tables.workloads[workload].ended.map { PlacementReason.Clause.staysDown($0.how, on: $0.node) }
        nowhere(workload, PlacementReason(end ?? .stopped))
        continue
      }
      // It runs where it is; there is nothing to decide before it is adopted.
      if desired == .adopting { continue }
      let row = Int(tables.placed[workload])
      if desired == .unprotected, tables.workloads[workload].placed != nil {
        // It stays where it is, even if that node is away: nobody may start it elsewhere.
        if row >= 0 { hold(workload, on: row) }
        continue
      }
      // It is on its way from a node that is emptied, and where it was to go is not there any more.
      let source = Int(tables.running[workload])
      if source >= 0, source != row, tables.nodes.nodes[source].isDraining, row < 0 || !tables.nodes.isAvailable[row],
        tables.nodes.nodes[source].maintenance != nil
      {
        leaving[source, default: []].append(workload)
        continue
      }
      if runsOn(workload, insteadOf: row) { continue }
      guard row >= 0, tables.workloads[workload].excluded[wording.node(row)] == nil || endsAgain(workload) else {
        // A node that is emptied is still its home.
        if row >= 0, tables.nodes.nodes[row].isDraining, tables.nodes.nodes[row].maintenance != nil {
          leaves[workload] = Int32(row)
        }
        want(workload)
        continue
      }
      if tables.nodes.isAvailable[row] {
        pinned[workload] = tables.workloads[workload].placed?.cause == .operatorsMove
        board.put(workload, on: row, tables)
      } else if tables.nodes.nodes[row].isDraining {
        tables.settings(workload).evacuation.method == .stay
          ? hold(workload, on: row) : leaving[row, default: []].append(workload)
      } else if let maintenance = tables.nodes.nodes[row].maintenance, maintenance.failback == nil {
        // It went down on the way: nobody waits for it.
        leaves[workload] = Int32(row)
        want(workload)
      } else if !waits(workload, for: row) {
        want(workload)
      }
    }
    for (row, workloads) in leaving.sorted(by: { $0.key < $1.key }) { leave(row, workloads) }
    // For whom a place is kept has it, as far as others are concerned, and what it needs of the pool: it was granted that when others gave way.
    let isKept = { [tables] in tables.workloads[$0].placed?.cause == .waits }
    board.grantPool(with: pending.filter { isEvacuated($0) || isKept($0) }, tables)
    pending = pending.filter(isKept).sorted(by: tables.goesFirst) + pending.filter { !isKept($0) }.sorted(by: tables.goesFirst)
  }

  /// It has not left the node that runs it, and where it was to go cannot take it any more: it stays, whatever the rules say of that node and
  /// whoever waits for its room. Running in the wrong place is better than not running.
  private mutating func runsOn(_ workload: Int, insteadOf row: Int) -> Bool {
    let source = Int(tables.running[workload])
    guard source >= 0, source != row, tables.nodes.isAvailable[source] else { return false }
    let wish = tables.workloads[workload]
    guard wish.desired == .running, wish.excluded[wording.node(source)] == nil else { return false }
    var why = PlacementReason.Clause.alreadyThere, home = home(of: workload, on: source)
    if row >= 0 {
      let target = wording.node(row)
      guard let exclusion = tables.nodes.nodes[row].unavailable ?? wish.excluded[target] else { return false }
      why = .staysAsTargetFails(target, exclusion)
      // It goes there when the maintenance of that node is over.
      if let maintenance = tables.nodes.nodes[row].maintenance, maintenance.failback == nil { home = home ?? target }
    } else if let cause = wish.placed?.cause, cause != .operatorsMove {
      // It gave way, or waits for its new place.
      return false
    }
    board.put(workload, on: source, tables)
    records[workload] = PlacementRecord(
      node: wording.node(source), reason: PlacementReason(why), servedMove: served(workload),
      home: home)
    return true
  }

  mutating func hold(_ workload: Int, on row: Int) {
    fixed[workload] = true
    board.put(workload, on: row, tables)
  }

  /// It needs a place, unless it failed too often for another try.
  mutating func want(_ workload: Int) {
    if let reason = givenUp(workload) { return nowhere(workload, PlacementReason(reason)) }
    wanted[workload] = true
    unplaceable[workload] = true
    pending.append(workload)
  }

  /// Where it failed on so many nodes that these are enough by its policy, that; nil: it is tried on.
  func givenUp(_ workload: Int) -> PlacementReason.Clause? {
    let failover = tables.settings(workload).failover, wish = tables.workloads[workload]
    guard failover.then == .giveUp else { return nil }
    if isUnwellEnough(workload), let nodes = wish.unwell { return .givenUpUnwell(on: nodes) }
    let most = failover.restarts ?? Failover.defaultRestarts
    let failed = wish.failures.filter { $0.value >= most }.keys.sorted()
    return !failed.isEmpty && failed.count >= failover.nodes ?? tables.nodes.count ? .givenUp(failedOn: failed) : nil
  }

  /// Its checks failed on as many nodes as it is to be tried on for that: what fails on them is rather its own fault than theirs.
  func isUnwellEnough(_ workload: Int) -> Bool {
    guard let nodes = tables.workloads[workload].unwell else { return false }
    let most = tables.settings(workload).failover.nodes ?? Failover.defaultUnwellNodes
    return nodes.count >= min(most, tables.nodes.count)
  }

  /// The node may still come back in time.
  private mutating func waits(_ workload: Int, for row: Int) -> Bool {
    guard let wait = tables.settings(workload).failover.wait, let away = tables.nodes.nodes[row].unavailableFor, away < wait
    else {
      return false
    }
    hold(workload, on: row)
    lookAgain(after: wait - away)
    warnings.append(PlanWarning(workload: wording.name(workload), .waits(Int(wait - away), for: wording.node(row))))
    return true
  }

  // MARK: moves

  /// Moves that operators asked for, once each.
  mutating func serveMoves() {
    let moving = tables.workloads.indices.filter {
      tables.workloads[$0].move != nil && tables.workloads[$0].desired == .running && board.isPlaced($0)
    }
    for workload in moving.sorted(by: tables.goesFirst) { serveMove(workload) }
  }

  private mutating func serveMove(_ workload: Int) {
    guard let move = tables.workloads[workload].move else { return }
    let here = Int(board.at[workload])
    var answer = tables.workloads[workload].placed ?? PlacementRecord(node: nil, reason: PlacementReason())
    (answer.node, answer.servedMove) = (wording.node(here), move.serial)
    defer { records[workload] = answer }
    guard move.to != answer.node else {
      (answer.reason, answer.cause) = (PlacementReason(.operatorAsked, .alreadyThere), .operatorsMove)
      (answer.home, answer.handedOver, answer.others) = (nil, nil, [:])
      pinned[workload] = true
      return
    }
    guard let target = tables.nodes.row(move.to) else {
      answer.reason = PlacementReason(.moveToUnknown(move.to))
      return
    }
    // Those that must be on its node go with it.
    let unit = [workload] + unitMates(of: workload).filter { board.at[$0] == Int32(here) && !fixed[$0] }
    for member in unit { board.take(member, tables) }
    search.prepare(unit, board, tables)
    if let refusal = refusal(of: target) {
      let exclusion = wording.exclusion(refusal, of: search, by: target, board)
      answer.reason = PlacementReason(.moveRefused(move.to, exclusion))
      for member in unit { board.put(member, on: here, tables) }
      return
    }
    for member in unit {
      board.put(member, on: target, tables)
      pinned[member] = true
      records[member] = PlacementRecord(
        node: move.to, reason: PlacementReason(.movedWith(wording.name(workload))),
        others: [wording.node(here): .movedAway(with: wording.name(workload))], servedMove: served(member),
        cause: .operatorsMove)
    }
    answer = PlacementRecord(
      node: move.to, reason: PlacementReason(.operatorAsked), others: [wording.node(here): .movedAway(with: nil)],
      servedMove: move.serial, cause: .operatorsMove)
  }

  /// Workloads that must be on the same node.
  func unitMates(of workload: Int) -> [Int] {
    guard let cohort = tables.neighbours.cohorts.first(where: { $0.topology == 0 }), cohort.tallies[workload] >= 0 else {
      return []
    }
    let affinityGroup = tables.neighbours.affinityGroups[Int(tables.neighbours.affinityGroup[workload])]
    return affinityGroup.map(Int.init).filter { $0 != workload && cohort.tallies[$0] == cohort.tallies[workload] }
  }
}
