import HoldfastModel

/// The plan of a cluster after some changes, when everything has arrived: who goes where and why, who would run
/// nowhere and why, and what room is left. It starts with where workloads run now: what is under way arrives; what only waits to move by itself is
/// where it is, with its room, and is told to wait.
public struct WhatIf: Hashable, Sendable, Codable {
  public struct Move: Hashable, Sendable, Codable {
    public var workload: WorkloadName
    /// Where it runs now, or would be without the changes; nil: nowhere.
    public var from: NodeName?
    public var to: NodeName
    public var reason: PlacementReason
  }
  /// A move by itself that waits, with the changes or without them.
  public struct Waiting: Hashable, Sendable, Codable {
    public var workload: WorkloadName
    public var from: NodeName
    public var to: NodeName
  }
  public struct Pending: Hashable, Sendable, Codable {
    public var workload: WorkloadName
    /// Where it runs now, or would be without the changes; nil: nowhere without them, so that they are not why.
    public var from: NodeName?
    /// The workload is one of those that are added.
    public var isNew: Bool
    public var reason: PlacementReason
    /// Stable, for programs.
    public var reasonCodes: [String]
    /// By node: why not there.
    public var others: [NodeName: Exclusion]
    public var otherCodes: [NodeName: String]
    /// As the policies say.
    public var demand: Resources
    /// nil: a node has the room; `reason` tells what it waits for.
    public var shortfall: Shortfall?

    fileprivate init(
      workload: WorkloadName, from: NodeName?, isNew: Bool, _ reason: PlacementReason, _ others: [NodeName: Exclusion],
      demand: Resources, shortfall: Shortfall?
    ) {
      self.workload = workload
      self.from = from
      self.isNew = isNew
      self.reason = reason
      self.others = others
      self.demand = demand
      self.shortfall = shortfall
      (reasonCodes, otherCodes) = (reason.codes, others.compactMapValues(\.code))
    }
  }
  public struct Warning: Hashable, Sendable, Codable {
    /// nil: it concerns the cluster.
    public var workload: WorkloadName?
    public var text: String
  }

  /// Workloads that are to run.
  public var wanted: Int
  /// The number of them that would run.
  public var running: Int
  /// By workload.
  public var moves: [Move]
  /// Moves that the policies would make by themselves, whose turn has not come: they are not counted as made. By workload.
  public var waiting: [Waiting]
  /// By workload.
  public var pending: [Pending]
  /// Warnings that hold only with the changes.
  public var warnings: [Warning]
  public var headroom: [Headroom]
  /// With the changes, by node.
  public var nodes: [NodeFill]
  /// Without them, by node.
  public var nodesBefore: [NodeFill]

  /// Workloads that run now, or are new, and would run nowhere.
  public var victims: [Pending] { pending.filter { $0.from != nil || $0.isNew } }

  /// - Parameters:
  ///   - policies: those in force.
  ///   - next: those that would be in force then; nil: the same.
  public init(
    _ supposition: Supposition, in snapshot: PlanningSnapshot, policies: PolicySet, next: PolicySet? = nil
  ) {
    let planner = PolicyPlanner(policies), baseline = Baseline(snapshot.holdingStill(by: planner), planner)
    self.init(supposition, baseline, next.map { PolicyPlanner($0) } ?? planner, isFree: next != nil)
  }

  /// A cluster as it would be without changes: many are compared with it.
  struct Baseline {
    /// As it is now, with what waits to move by itself.
    let snapshot: PlanningSnapshot
    let seats: [WorkloadName: NodeName]
    /// The nodes that have them now, wherever they should be.
    let places: [WorkloadName: NodeName]
    let waiting: [WaitingMove]
    let warnings: Set<PlanWarning>
    let nodes: [NodeFill]

    init(_ snapshot: PlanningSnapshot, _ planner: PolicyPlanner) {
      self.snapshot = snapshot
      let run = planner.run(on: snapshot.atRest())
      let outcome = planner.outcome(of: run)
      seats = outcome.placements.compactMapValues(\.node)
      places = Dictionary(snapshot.workloads.compactMap { workload in workload.running.map { (workload.name, $0) } }) { $1 }
      waiting = outcome.waiting
      warnings = Set(outcome.warnings)
      nodes = run.fills()
    }

    /// The node that a workload would leave; nil: it is nowhere.
    func origin(of workload: WorkloadName) -> NodeName? { seats[workload].map { places[workload] ?? $0 } }
  }

  /// - Parameter isFree: other rules than those that moves wait for now: what waits to move by itself goes where they want it.
  init(_ supposition: Supposition, _ baseline: Baseline, _ planner: PolicyPlanner, isFree: Bool = false) {
    var changed = baseline.snapshot.supposing(supposition)
    if isFree { for index in changed.workloads.indices { changed.workloads[index].holdsStill = nil } }
    var run = planner.run(on: changed.atRest())
    let outcome = planner.outcome(of: run)
    let new = Set(supposition.workloads.map(\.name)), left = supposition.lost.union(supposition.drained)
    (moves, pending, wanted, running) = ([], [], 0, 0)
    waiting = (isFree ? [] : baseline.waiting).map { Waiting(workload: $0.workload, from: $0.from, to: $0.to) }
      .sorted { $0.workload < $1.workload }
    var nowhere: [Int] = [], unstarted: Set<Int> = []
    for (row, workload) in run.tables.workloads.enumerated() where workload.desired == .running {
      wanted += 1
      let from = baseline.origin(of: workload.name)
      guard let record = outcome.placements[workload.name], let node = record.node else {
        nowhere.append(row)
        continue
      }
      // Nobody starts it anew from older disks; what still runs is moved as it runs.
      if node != from, workload.namesOlderDisks == true, !run.stillRuns(from) {
        unstarted.insert(row)
        continue
      }
      // What is to stay on a node that is away waits for it there.
      if run.stillRuns(node) { running += 1 }
      // What is under way arrives, and the changes are not why; but what leaves a node that is emptied has to be told.
      let isTold = node != baseline.seats[workload.name] || from.map(left.contains) == true
      if isTold, node != from { moves.append(Move(workload: workload.name, from: from, to: node, reason: record.reason)) }
    }
    let gone = Set(moves.map(\.workload)).union(nowhere.map { run.tables.workloads[$0].name })
    waiting.removeAll { gone.contains($0.workload) }
    moves = run.tellingWaits(of: moves, from: baseline.places)
    warnings = outcome.warnings.filter { !baseline.warnings.contains($0) }.map { Warning(workload: $0.workload, text: $0.text) }
    warnings += Self.staying(run, drained: supposition.drained) + Self.neverRestarted(run, moves)
    headroom = run.headroom()
    nodes = run.fills()
    nodesBefore = baseline.nodes
    let shortfalls = run.shortfalls(of: nowhere)
    pending = (nowhere + unstarted).sorted().map { row in
      let name = run.tables.workloads[row].name, record = unstarted.contains(row) ? nil : outcome.placements[name]
      let reason = record?.reason ?? PlacementReason(unstarted.contains(row) ? .olderDisks : .noNodeCanTake)
      return Pending(
        workload: name, from: baseline.origin(of: name), isNew: new.contains(name), reason, record?.others ?? [:],
        demand: run.tables.needs(row), shortfall: shortfalls[row])
    }
  }

  /// Workloads that would not be started again where they are to go: only while they run do they get there.
  private static func neverRestarted(_ run: PlanRun, _ moves: [Move]) -> [Warning] {
    let lagging = Set(run.tables.workloads.lazy.filter { $0.namesOlderDisks == true }.map(\.name))
    return moves.filter { lagging.contains($0.workload) }.map {
      Warning(
        workload: $0.workload,
        text: "its definition names older disks than it runs on, so it is moved while it runs, or not at all")
    }
  }

  /// Workloads that their policy leaves on a node that is emptied.
  private static func staying(_ run: PlanRun, drained: Set<NodeName>) -> [Warning] {
    run.tables.workloads.indices.compactMap { row in
      guard run.fixed[row], run.board.isPlaced(row), run.tables.workloads[row].desired == .running else { return nil }
      let node = run.wording.node(Int(run.board.at[row]))
      guard drained.contains(node) else { return nil }
      return Warning(workload: run.wording.name(row), text: "\(PlanWarning.What.goesDown(with: node))")
    }
  }
}

extension PlanRun {
  /// What is on the node runs there; nil: on none.
  fileprivate func stillRuns(_ node: NodeName?) -> Bool {
    guard let row = node.flatMap({ tables.nodes.row($0) }) else { return false }
    return tables.nodes.nodes[row].unavailable == nil || tables.nodes.nodes[row].isDraining
  }
  /// Moves with what they wait for: room that those have who are to leave, and have not left yet.
  ///
  /// - Parameter places: where workloads run now.
  fileprivate func tellingWaits(of moves: [WhatIf.Move], from places: [WorkloadName: NodeName]) -> [WhatIf.Move] {
    let targets = Set(moves.map(\.to)).filter { stillRuns($0) }
    guard !targets.isEmpty else { return moves }
    var leaving: [NodeName: [Int]] = [:]
    for row in tables.workloads.indices {
      guard let place = places[wording.name(row)], targets.contains(place) else { continue }
      if board.at[row] != Int32(tables.nodes.row(place) ?? -1) { leaving[place, default: []].append(row) }
    }
    return moves.map { move in
      guard let rows = leaving[move.to], let target = tables.nodes.row(move.to), !isRoomy(target, besides: rows) else {
        return move
      }
      var told = move
      told.reason.clauses.append(.waitsForRoom(on: move.to, leaving: rows.first.map(wording.name)))
      return told
    }
  }

  /// The node has room for those that are to be there and these.
  private func isRoomy(_ node: Int, besides rows: [Int]) -> Bool {
    let columns = tables.resourceCount
    return (0..<columns).allSatisfy { column in
      let more = rows.reduce(0) { $0 + tables.demand[$1 * columns + column] }
      return more == 0 || more <= tables.nodes.capacity[node * columns + column] - board.used[node * columns + column]
    }
  }
}
