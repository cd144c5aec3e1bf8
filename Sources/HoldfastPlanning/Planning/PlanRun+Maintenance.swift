import HoldfastModel

/// Empties nodes that are in maintenance, and brings home what left them.
extension PlanRun {
  /// Of a node that is emptied so many leave at a time, as far as it is known what runs where; those that have to stay together leave
  /// together.
  mutating func leave(_ row: Int, _ workloads: [Int]) {
    let maintenance = tables.nodes.nodes[row].maintenance
    var underWay = tables.workloads.indices.count { isUnderWay($0, from: row) }
    var rest = workloads.sorted(by: tables.goesFirst)
    while let first = rest.first {
      let group = affinityGroupMembers(of: first, among: rest)
      rest.removeAll(where: group.contains)
      // Who is not there any more takes nobody's turn.
      let turns = group.count { tables.running[$0] == Int32(row) && !startsNowhereElse($0, than: row) }
      let isFull = group.contains { member in
        guard let most = least(tables.settings(member).evacuation.atOnce, maintenance?.atOnce) else { return false }
        return underWay >= most
      }
      for member in group {
        if isFull, turns > 0 {
          stay(member, on: row, because: .staysForItsTurn)
        } else {
          leaves[member] = maintenance == nil ? -1 : Int32(row)
          want(member)
        }
      }
      if !isFull { underWay += turns }
    }
  }

  /// Keeps it where it is, also where the last plan sent it elsewhere.
  private mutating func stay(_ workload: Int, on row: Int, because reason: PlacementReason.Clause) {
    hold(workload, on: row)
    guard tables.placed[workload] != Int32(row) else { return }
    records[workload] = PlacementRecord(
      node: wording.node(row), reason: PlacementReason(reason), servedMove: served(workload), home: nil)
  }

  private func least(_ a: Int?, _ b: Int?) -> Int? { [a, b].compactMap { $0 }.min() }

  /// The workload is leaving the node, or has left it and does not run yet.
  private func isUnderWay(_ workload: Int, from row: Int) -> Bool {
    let wish = tables.workloads[workload]
    if tables.running[workload] == Int32(row), tables.placed[workload] != Int32(row) { return wish.isOnItsWay != false }
    return wish.isOnItsWay == true && wish.placed?.home == wording.node(row) && tables.placed[workload] >= 0
      && tables.placed[workload] != Int32(row)
  }

  /// The workloads of the same affinity group, with it.
  private func affinityGroupMembers(of workload: Int, among workloads: [Int]) -> [Int] {
    let affinityGroup = tables.neighbours.affinityGroup[workload]
    return affinityGroup < 0 ? [workload] : workloads.filter { tables.neighbours.affinityGroup[$0] == affinityGroup }
  }

  /// The workload leaves a node that is up: it runs, and stops nobody else.
  func isEvacuated(_ workload: Int) -> Bool { leaves[workload] >= 0 && tables.nodes.nodes[Int(leaves[workload])].isDraining }

  /// What finds no room elsewhere runs on where it is, unless somebody said that it may stop.
  mutating func stayWhereNoRoom() {
    for workload in pending where wanted[workload] && leaves[workload] >= 0 {
      let row = Int(leaves[workload])
      guard staysRatherThanStops(workload) else { continue }
      (wanted[workload], unplaceable[workload], leaves[workload]) = (false, false, -1)
      stay(workload, on: row, because: .staysWithoutRoom)
      warnings.append(PlanWarning(workload: wording.name(workload), .staysOnDrained(wording.node(row))))
    }
    pending.removeAll { !wanted[$0] }
  }

  /// Where it belongs when a maintenance is over; nil: where it is.
  func home(of workload: Int, on node: Int?) -> NodeName? {
    let home = tables.workloads[workload].placed?.home ?? (leaves[workload] >= 0 ? wording.node(Int(leaves[workload])) : nil)
    return node.map { wording.node($0) == home } ?? false ? nil : home
  }

  // MARK: home

  /// Of a node whose maintenance is over, the one that this workload left.
  private func goesHome(_ workload: Int) -> Int? {
    guard board.isPlaced(workload), !fixed[workload], let home = tables.workloads[workload].placed?.home,
      let row = tables.nodes.row(home), tables.nodes.isAvailable[row], !tables.nodes.isSilent[row],
      !tables.nodes.ailments.isAiling[row],
      board.at[workload] != Int32(row)
    else { return nil }
    switch tables.nodes.nodes[row].maintenance?.failback {
    case .everything: return row
    case .byPolicy: return tables.settings(workload).failback.mode == .never ? nil : row
    case .nothing, nil: return nil
    }
  }

  /// Workloads that cannot go home, the rows of their homes, and what is in the way.
  private typealias Setbacks = [(workload: Int, row: Int, why: PlanWarning.Setback)]

  /// Workloads go home a few at a time, like whatever else moves by itself.
  mutating func bringHome() {
    guard tables.nodes.nodes.contains(where: { $0.maintenance?.failback != nil }) else { return }
    let homes = tables.workloads.indices.compactMap { workload in goesHome(workload).map { (workload: workload, row: $0) } }
    var setbacks: Setbacks = []
    keepingPace { setbacks = $0.goHome() }
    for (workload, row) in homes where board.at[workload] == Int32(row) { broughtHome[workload] = row }
    for (workload, row, why) in setbacks { stays(workload, away: row, because: why) }
  }

  /// All go home for which there is room, the most important first: so it will be in the end.
  private mutating func goHome() -> Setbacks {
    var seen: Set<Int32> = [], setbacks: Setbacks = []
    for workload in tables.workloads.indices.sorted(by: tables.goesFirst) {
      guard let row = goesHome(workload) else { continue }
      let affinityGroup = tables.neighbours.affinityGroup[workload]
      if affinityGroup < 0 {
        if let why = goHome(workload, to: row) { setbacks.append((workload, row, why)) }
      } else if seen.insert(affinityGroup).inserted {
        for member in goHome(affinityGroup: Int(affinityGroup), to: row) { setbacks.append((member, row, .affinityGroup)) }
      }
    }
    return setbacks
  }

  /// - Returns: what is in the way for good; nil: nothing is, or it passes.
  private mutating func goHome(_ workload: Int, to row: Int) -> PlanWarning.Setback? {
    let here = Int(board.at[workload])
    board.take(workload, tables)
    search.prepare(workload, board, tables)
    guard let refusal = refusal(of: row) else {
      accept((row, search.score(row, board, tables)), because: .homeAfterMaintenance)
      return nil
    }
    board.put(workload, on: here, tables)
    switch refusal {
    // That passes.
    case .lingering, .excluded: return nil
    default: return .excluded(wording.exclusion(refusal, of: search, by: row, board))
    }
  }

  /// All of them, or none.
  ///
  /// - Returns: those that would go home, and cannot.
  private mutating func goHome(affinityGroup: Int, to row: Int) -> [Int] {
    let members = tables.neighbours.affinityGroups[affinityGroup].map(Int.init).filter { board.isPlaced($0) }
    let places = Dictionary(uniqueKeysWithValues: members.map { ($0, Int(board.at[$0])) })
    let moving = members.filter { goesHome($0) == row }
    let isHome = moveAffinityGroup(
      affinityGroup, because: .homeAfterMaintenance,
      among: { member, node in moving.contains(member) ? node == row : node == places[member] || node == row },
      if: { run in moving.allSatisfy { run.board.at[$0] == Int32(row) } })
    return isHome ? [] : moving
  }

  /// It cannot go home: where it is, is its home now.
  private mutating func stays(_ workload: Int, away row: Int, because setback: PlanWarning.Setback) {
    warnings.append(PlanWarning(workload: wording.name(workload), .staysAway(from: wording.node(row), setback)))
    forgetHome(of: workload)
  }

  private mutating func forgetHome(of workload: Int) {
    guard var record = records[workload] ?? tables.workloads[workload].placed else { return }
    record.home = nil
    records[workload] = record
  }

  /// What is not to go home to a node whose maintenance is over has none any more.
  mutating func forgetHomes() {
    for workload in tables.workloads.indices {
      guard let home = (records[workload] ?? tables.workloads[workload].placed)?.home else { continue }
      guard let row = tables.nodes.row(home) else {
        forgetHome(of: workload)
        continue
      }
      let failback = tables.nodes.nodes[row].maintenance?.failback
      let isNever = failback == .byPolicy && tables.settings(workload).failback.mode == .never
      // What runs nowhere goes where there is room, like any other.
      let isNowhere = !board.isPlaced(workload) || tables.workloads[workload].desired != .running
      // It was brought home, and another rule took it away again in the same plan: it would be so in every plan.
      let isTakenAway = broughtHome[workload] == row && board.at[workload] != Int32(row)
      if isTakenAway, !isNowhere {
        let here = wording.node(Int(board.at[workload]))
        warnings.append(PlanWarning(workload: wording.name(workload), .staysAway(from: home, .wantedElsewhere(here))))
      }
      if failback == .nothing || isNever || failback != nil && isNowhere || isTakenAway { forgetHome(of: workload) }
    }
  }
}
