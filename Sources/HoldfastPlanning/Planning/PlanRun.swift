import HoldfastModel

/// The making of one plan, step by step.
struct PlanRun {
  let tables: PlanTables
  var board: Board
  var search: Search
  let wording: Wording
  /// By workload: what the plan says anew. The rest stays as the last plan had it.
  var records: [Int: PlacementRecord] = [:]
  /// Wanted and nowhere, in the order in which they are placed.
  var pending: [Int] = []
  /// Of each workload whether it is to run and nowhere.
  var wanted: [Bool]
  /// Of each workload whether it had to be placed by this run: it runs nowhere yet, and to place it elsewhere costs nothing.
  var unplaceable: [Bool]
  /// Seats that the run must not change: they leave protection, or wait for their node.
  var fixed: [Bool]
  /// Seats that an operator chose: nothing is brought back from there.
  var pinned: [Bool]
  /// Of each workload the row of the node in maintenance that it has to leave now; -1: none.
  var leaves: [Int32]
  /// By workload that this run has brought home after a maintenance: the row of that node.
  var broughtHome: [Int: Int] = [:]
  /// By workload that a step of this run would move, and that waits for its turn: where it would go, and why it waits.
  var waiting: [Int: (node: Int, why: WaitingMove.Why)] = [:]
  /// By displaced workload: who took its room.
  var displacedBy: [Int: Int] = [:]
  var warnings: [PlanWarning] = []
  /// Seconds after which the same snapshot would be planned differently.
  var lookAgainAfter: Double?

  init(_ tables: PlanTables) {
    self.tables = tables
    board = Board(tables)
    search = Search(tables)
    wording = Wording(tables: tables)
    fixed = [Bool](repeating: false, count: tables.workloads.count)
    (pinned, wanted, unplaceable) = (fixed, fixed, fixed)
    leaves = [Int32](repeating: -1, count: tables.workloads.count)
  }

  mutating func run() {
    seat()
    serveMoves()
    admit()
    placePending()
    bringHome()
    let waitsToGoHome = waiting
    leaveWhereTheyEnd()
    leaveAiling()
    // Every step leaves the cluster better by what it is for, and none undoes what another did: so this ends.
    var before: [Int32], rounds = 0
    repeat {
      before = board.at
      waiting = waitsToGoHome
      keepingPace { $0.amend() }
      keepingPace { $0.failBack() }
      if board.at != before { placePending() }
      displace()
      makeRoom()
      gather()
      rounds += 1
    } while board.at != before && rounds < Self.mostRounds
    stayWhereNoRoom()
    comeBack()
    keepPlaces()
    tellPending()
    tellMisplaced()
    forgetHomes()
    forgetHandOvers()
    if !waiting.isEmpty, tables.pace == .kept { lookAgain(after: Self.nextTurn) }
  }

  /// Seconds until it is seen whether those on their way have arrived: short beside any move, and long enough that planning costs little while
  /// much waits.
  static let nextTurn = 1.0

  /// Rounds of one plan. A few suffice, as no step undoes what another did; this is against what nobody thought of: a plan never
  /// takes for ever.
  private static let mostRounds = 50

  mutating func lookAgain(after seconds: Double) { lookAgainAfter = min(lookAgainAfter ?? seconds, seconds) }

  // MARK: records

  /// The last plan's record with what was asked for served.
  func served(_ workload: Int) -> Int {
    tables.workloads[workload].move?.serial ?? tables.workloads[workload].placed?.servedMove ?? 0
  }

  mutating func nowhere(
    _ workload: Int, _ reason: PlacementReason, others: [NodeName: Exclusion] = [:], cause: PlacementRecord.Cause? = nil
  ) {
    records[workload] = PlacementRecord(
      node: nil, reason: reason, others: others, servedMove: served(workload), cause: cause, home: home(of: workload, on: nil),
      handedOver: handOver(of: workload, to: nil))
  }

  /// Puts them on the node that a search found for them, and says why.
  ///
  /// - Parameter prefix: what led to it, before the reason for this node.
  mutating func accept(
    _ found: (node: Int, score: Score), because prefix: PlacementReason.Clause? = nil, cause: PlacementRecord.Cause? = nil
  ) {
    let better: Exclusion =
      if cause == .operatorsMove { .betterButAsked } else if case .homeAfterMaintenance? = prefix { .betterButHome } else {
        .betterButCompany
      }
    let (why, others) = wording.verdict(of: search, chosen: found, board, better: better)
    let node = wording.node(found.node)
    for member in search.members {
      wanted[member] = false
      displacedBy[member] = nil
      if tables.placed[member] == Int32(found.node), tables.workloads[member].move == nil {
        // Back where it was: nothing happened.
        records[member] = nil
      } else if found.score.waits {
        // The seat is kept for it; it is told to start when there is room.
        let reason = PlacementReason(.waitsForRoom(on: node, leaving: leaving(found.node)))
        nowhere(member, reason, others: others, cause: .waits)
      } else {
        records[member] = PlacementRecord(
          node: node, reason: PlacementReason((prefix.map { [$0] } ?? []) + why), others: others,
          servedMove: served(member), cause: cause,
          home: cause == .operatorsMove ? nil : home(of: member, on: found.node),
          handedOver: cause == .operatorsMove ? nil : handOver(of: member, to: found.node))
      }
      board.put(member, on: found.node, tables)
    }
  }

  /// The first of those that are still on the node and should not be.
  private func leaving(_ node: Int) -> WorkloadName? {
    tables.workloads.indices.first { tables.running[$0] == Int32(node) && board.at[$0] != Int32(node) }.map(wording.name)
  }

  /// Says of those that are nowhere why not anywhere.
  private mutating func tellPending() {
    var told: (like: Int, others: [NodeName: Exclusion])?
    for workload in pending where wanted[workload] {
      let others: [NodeName: Exclusion]
      if let told, isAlike(told.like, workload) {
        others = told.others
      } else {
        search.prepare(workload, board, tables)
        others = wording.verdict(of: search, chosen: nil, board, better: .betterButCompany).others
        told = (workload, others)
      }
      let (reason, cause) = reason(pending: workload)
      nowhere(workload, reason, others: others, cause: cause)
    }
  }

  private func reason(pending workload: Int) -> (reason: PlacementReason, cause: PlacementRecord.Cause?) {
    if tables.nodes.count == 0 { return (PlacementReason(.noNodes), nil) }
    if let winner = displacedBy[workload] {
      let displaced = PlacementReason.Clause.displaced(
        by: wording.name(winner), priority: tables.priority[winner], over: tables.priority[workload])
      return (PlacementReason(displaced, .noOtherNodeCanTake), .displaced)
    }
    // It still is.
    if let placed = tables.workloads[workload].placed, placed.cause == .displaced { return (placed.reason, .displaced) }
    let kept = keptEmpty(for: workload)
    return (PlacementReason(kept.isEmpty ? .noNodeCanTake : .onlyInMaintenance(kept)), nil)
  }

  /// Where no node takes workloads: those that might take this one but for their maintenance.
  func keptEmpty(for workload: Int) -> [NodeName] {
    if tables.nodes.isAvailable.contains(true) { return [] }
    let passing = tables.profile(workload).passing
    return tables.nodes.nodes.indices.filter {
      let node = tables.nodes.nodes[$0]
      return node.unavailable == .inMaintenance && node.connections.contains(tables.workloads[workload].connection)
        && tables.workloads[workload].excluded[node.name] == nil && tables.nodes.sets.contains(passing, $0)
    }.map(wording.node)
  }

  /// Whatever is true of one is true of the other: no node that refuses one takes the other.
  func isAlike(_ a: Int, _ b: Int) -> Bool {
    guard tables.profileOf[a] == tables.profileOf[b], tables.servedBy[a] == tables.servedBy[b] else { return false }
    let columns = tables.resourceCount
    for column in 0..<columns where tables.demand[a * columns + column] != tables.demand[b * columns + column] { return false }
    func isAlone(_ workload: Int) -> Bool {
      tables.neighbours.checks(workload).isEmpty && tables.neighbours.affinityGroup[workload] < 0
        && tables.workloads[workload].excluded.isEmpty && tables.workloads[workload].move == nil && displacedBy[workload] == nil
    }
    return isAlone(a) && isAlone(b)
  }
}
