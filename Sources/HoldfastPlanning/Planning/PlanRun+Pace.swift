import HoldfastModel

/// Keeps the pace of what is moved by itself: a few at a time, the least important first, so that a mistake in a rule hits those, and never two
/// copies of one application.
extension PlanRun {
  /// Takes a step that moves what runs, as far as the pace lets it, and without what is to hold still.
  mutating func keepingPace(_ step: (inout PlanRun) -> Void) {
    guard tables.pace != nil || tables.holdsSomeStill else { return step(&self) }
    var wish = self
    step(&wish)
    let moving = tables.workloads.indices.filter { wish.board.at[$0] != board.at[$0] }
    if moving.isEmpty {
      self = wish
      return
    }
    let turns = Turns(self)
    let moves = moves(of: moving)
    var all = turns
    if moves.allSatisfy({ all.admits($0, to: wish.board, self) }) {
      self = wish
      for workload in moving { waiting[workload] = nil }
      return
    }
    lookAgainAfter = wish.lookAgainAfter
    begin(moves, as: wish, turns)
  }

  /// Seats whoever may set out. What finds no place yet takes nobody's turn, and may find one when others have left theirs.
  private mutating func begin(_ moves: [[Int]], as wish: PlanRun, _ start: Turns) {
    var turns = start, rest = moves, refused: [(move: [Int], why: WaitingMove.Why)] = []
    repeat {
      let tried = rest.count
      refused = []
      for move in rest {
        if let why = turns.refusal(of: move, to: wish.board, self) {
          refused.append((move, why))
        } else if seat(move, as: wish) {
          turns.begin(move, to: wish.board, self)
        } else {
          refused.append((move, .place))
        }
      }
      rest = refused.map(\.move)
      if rest.count == tried { break }
    } while !rest.isEmpty
    for (move, why) in refused { for workload in move { waiting[workload] = (Int(wish.board.at[workload]), why) } }
  }

  /// Workloads that go together, the least important first.
  private func moves(of moving: [Int]) -> [[Int]] {
    var moves: [[Int]] = [], ofGroup: [Int32: Int] = [:]
    for workload in moving {
      let group = tables.neighbours.affinityGroup[workload]
      if group >= 0, let known = ofGroup[group] {
        moves[known].append(workload)
      } else {
        if group >= 0 { ofGroup[group] = moves.count }
        moves.append([workload])
      }
    }
    func leader(_ move: [Int]) -> Int { move.min(by: tables.goesFirst) ?? 0 }
    return moves.sorted { tables.goesFirst(leader($1), leader($0)) }
  }

  /// Seats them as another run has them, and with its reasons; else nothing changes.
  ///
  /// - Returns: false when their places are not free while others stay where they are.
  private mutating func seat(_ move: [Int], as wish: PlanRun) -> Bool {
    let before = move.map { Int(board.at[$0]) }
    for workload in move where board.isPlaced(workload) { board.take(workload, tables) }
    var seated: [Int] = []
    for (node, members) in Dictionary(grouping: move, by: { Int(wish.board.at[$0]) }).sorted(by: { $0.key < $1.key }) {
      if node >= 0 {
        search.prepare(members, board, tables)
        guard refusal(of: node) == nil else { break }
        for member in members { board.put(member, on: node, tables) }
      }
      seated += members
    }
    guard seated.count == move.count else {
      for workload in seated where board.isPlaced(workload) { board.take(workload, tables) }
      for (workload, node) in zip(move, before) where node >= 0 { board.put(workload, on: node, tables) }
      return false
    }
    for workload in move {
      records[workload] = wish.records[workload]
      (wanted[workload], pinned[workload]) = (wish.wanted[workload], wish.pinned[workload])
      waiting[workload] = nil
    }
    return true
  }

  /// Moves whose turn has not come, the next first.
  var waitingMoves: [WaitingMove] {
    let waits = waiting.filter { board.isPlaced($0.key) && $0.value.node >= 0 && $0.value.node != Int(board.at[$0.key]) }
    return waits.keys.sorted { tables.goesFirst($1, $0) }.compactMap { workload in
      waiting[workload].map {
        // Where it runs, be it on the way to where it is to be first.
        let here = tables.running[workload] >= 0 ? tables.running[workload] : board.at[workload]
        return WaitingMove(
          wording.name(workload), from: wording.node(Int(here)), to: wording.node($0.node), why: $0.why,
          brokenRule: violation(of: workload))
      }
    }
  }
}

/// The turns: who is on the way, and who may set out besides.
private struct Turns {
  private var underWay: Set<Int> = []
  /// Of those under way, who is on the node where it is to be: it is being started there, or taken over again as it runs, and does not leave.
  private var inPlace: Set<Int> = []
  /// Of each node, how many of these are leaving it or on their way to it.
  private var onNode: [Int]
  /// By tally of those that are kept apart: one of them that does not run in its place.
  private var movingCopy: [Int32: Int] = [:]

  init(_ run: PlanRun) {
    let tables = run.tables
    onNode = [Int](repeating: 0, count: tables.nodes.count)
    for workload in tables.workloads.indices where Self.isOnItsWay(workload, run) {
      noteCopy(workload, run)
      // What fails again and again, and what waits for its node, holds up its copies, and nobody else.
      if run.fixed[workload] || !tables.workloads[workload].failures.isEmpty { continue }
      underWay.insert(workload)
      if Self.isInPlace(workload, run) { inPlace.insert(workload) }
      count(workload, to: Int(run.board.at[workload]), run)
    }
  }

  /// The workload has a place, and does not run there yet.
  private static func isOnItsWay(_ workload: Int, _ run: PlanRun) -> Bool {
    let wish = run.tables.workloads[workload], seat = run.board.at[workload], running = run.tables.running[workload]
    guard wish.desired == .running, seat >= 0 else { return false }
    if seat != run.tables.placed[workload] { return true }
    return wish.isOnItsWay ?? (running >= 0 && running != seat)
  }

  /// It may run on its node, and nothing has told it to leave.
  private static func isInPlace(_ workload: Int, _ run: PlanRun) -> Bool {
    let seat = run.board.at[workload]
    return seat == run.tables.placed[workload] && seat == run.tables.running[workload]
  }

  /// Lets them go if they may.
  mutating func admits(_ move: [Int], to board: Board, _ run: PlanRun) -> Bool {
    guard refusal(of: move, to: board, run) == nil else { return false }
    begin(move, to: board, run)
    return true
  }

  /// Why they have to wait; nil: they may go.
  func refusal(of move: [Int], to board: Board, _ run: PlanRun) -> WaitingMove.Why? {
    let tables = run.tables
    if tables.holdsSomeStill, move.contains(where: { tables.workloads[$0].holdsStill == true }) { return .off }
    guard tables.pace != nil else { return nil }
    // What runs nowhere loses nothing; and what is leaving already may go elsewhere instead.
    let fresh = move.filter { tables.running[$0] >= 0 && (!underWay.contains($0) || inPlace.contains($0)) }
    if fresh.isEmpty { return nil }
    // The turn that one has for its start is the one that it would take.
    guard inPlace.isDisjoint(with: fresh) else {
      var others = self
      for workload in fresh { others.giveBack(workload, run) }
      return others.refusal(of: move, to: board, run)
    }
    if tables.pace == .off { return .off }
    let most = tables.policies.cluster.movesAtOnce
    if !underWay.isEmpty, underWay.count + fresh.count > most { return .atOnce(most) }
    for node in Set(fresh.flatMap { Self.ends(of: $0, to: Int(board.at[$0]), run) }).sorted() {
      let here = fresh.filter { Self.ends(of: $0, to: Int(board.at[$0]), run).contains(node) }
      let leaving = here.compactMap { tables.settings($0).evacuation.atOnce }.min() ?? .max
      let most = min(tables.policies.cluster.movesPerNode, leaving, Self.mostComingHome(to: node, run))
      if onNode[node] > 0, onNode[node] + here.count > most { return .perNode(most, run.wording.node(node)) }
    }
    for workload in fresh {
      for index in tables.neighbours.checks(workload) where Self.isAmongCopies(tables.neighbours.checks[index]) {
        if let copy = movingCopy[tables.neighbours.checks[index].tally], !move.contains(copy) {
          return .copy(run.wording.name(copy))
        }
      }
    }
    return nil
  }

  mutating func begin(_ move: [Int], to board: Board, _ run: PlanRun) {
    for workload in move where run.tables.running[workload] >= 0 {
      noteCopy(workload, run)
      giveBack(workload, run)
      if underWay.insert(workload).inserted { count(workload, to: Int(board.at[workload]), run) }
    }
  }

  /// Ends the turn of one that is in its place.
  private mutating func giveBack(_ workload: Int, _ run: PlanRun) {
    guard inPlace.remove(workload) != nil, underWay.remove(workload) != nil else { return }
    onNode[Int(run.tables.running[workload])] -= 1
  }

  private mutating func count(_ workload: Int, to target: Int, _ run: PlanRun) {
    for node in Self.ends(of: workload, to: target, run) { onNode[node] += 1 }
  }

  /// So many at a time, as the operator said who had the node drained.
  private static func mostComingHome(to node: Int, _ run: PlanRun) -> Int {
    let maintenance = run.tables.nodes.nodes[node].maintenance
    return maintenance?.failback == nil ? .max : maintenance?.atOnce ?? .max
  }

  /// The nodes that it leaves and goes to.
  private static func ends(of workload: Int, to target: Int, _ run: PlanRun) -> Set<Int> {
    Set([Int(run.tables.running[workload]), target].filter { $0 >= 0 })
  }

  private static func isAmongCopies(_ check: Neighbours.Check) -> Bool { check.kind == .apart || check.kind == .ratherApart }

  private mutating func noteCopy(_ workload: Int, _ run: PlanRun) {
    for index in run.tables.neighbours.checks(workload) where Self.isAmongCopies(run.tables.neighbours.checks[index]) {
      movingCopy[run.tables.neighbours.checks[index].tally] = workload
    }
  }
}
