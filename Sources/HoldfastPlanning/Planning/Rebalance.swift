import HoldfastModel

/// A few moves that would load the nodes more evenly. Nothing of it is done by itself: every move has its price, and somebody says
/// whether it is worth that.
public struct Rebalance: Hashable, Sendable, Codable {
  public struct Move: Hashable, Sendable, Codable {
    public var workload: WorkloadName
    /// Workloads that a rule keeps on its node: they go with it.
    public var with: [WorkloadName]
    public var from: NodeName
    public var to: NodeName
    /// By how much the spread falls.
    public var gain: Double
    /// The load of the node that it leaves, before and afterwards.
    public var source: Change
    /// The load of the node that it goes to.
    public var target: Change
  }
  public struct Change: Hashable, Sendable, Codable {
    public var before: Double
    public var after: Double
  }
  /// The unit that loads are counted in.
  public enum Unit: String, Sendable, Codable {
    /// The fullest of a node's resources, as a share of its capacity.
    case share
    /// Workloads.
    case workloads
  }

  /// In the order in which they are made; none depends on the room that another one frees.
  public var moves: [Move]
  public var unit: Unit
  /// The standard deviation of the nodes' loads as they are.
  public var before: Double
  /// The same after all moves.
  public var after: Double
  /// More moves would help further.
  public var isCut: Bool
  /// The policies want nodes to be full: nothing is spread.
  public var isPacked: Bool

  /// - Parameter limit: workloads that are moved at most.
  public init(of snapshot: PlanningSnapshot, policies: PolicySet, moves limit: Int) {
    var rebalancing = Rebalancing(PolicyPlanner(policies).run(on: snapshot))
    (unit, isPacked) = (policies.cluster.spread == .roundRobin ? .workloads : .share, policies.cluster.spread == .packed)
    before = rebalancing.book.spread
    moves = []
    isCut = false
    var left = max(0, limit)
    while !isPacked, let step = rebalancing.best(atMost: .max) {
      // An affinity group that is too large for what is left may hide smaller moves.
      guard let step = step.members.count <= left ? step : left > 0 ? rebalancing.best(atMost: left) : nil else {
        isCut = true
        break
      }
      left -= step.members.count
      moves.append(rebalancing.make(step))
    }
    after = rebalancing.book.spread
  }
}

/// The search for moves, one after the other, each the one that helps most.
private struct Rebalancing {
  struct Step {
    /// The first of them is named, the others go with it.
    var members: [Int]
    var source: Int
    var target: Int
    var spread: Double
  }
  private var run: PlanRun
  private(set) var book: LoadBook
  private var mayMove: [Bool]
  /// Of each node how many have left it.
  private var left: [Int]
  /// Of each profile the best rank that there is, whether the node is up or not.
  private let bestRanks: [Int]

  init(_ run: PlanRun) {
    self.run = run
    book = LoadBook(run)
    left = [Int](repeating: 0, count: run.tables.nodes.count)
    mayMove = run.tables.workloads.indices.map { Self.mayMove($0, run) }
    let sets = run.tables.nodes.sets, nodes = 0..<run.tables.nodes.count
    bestRanks = run.tables.profiles.map { profile in
      nodes.lazy.filter { sets.contains(profile.passing, $0) }.map { profile.rank($0, sets) }.min() ?? 0
    }
  }

  /// The workload stands and runs in its place, and neither an operator nor its policies hold it there.
  private static func mayMove(_ workload: Int, _ run: PlanRun) -> Bool {
    let wish = run.tables.workloads[workload], here = run.board.at[workload]
    guard here >= 0, run.tables.placed[workload] == here, wish.desired == .running, wish.move == nil, !run.fixed[workload],
      !run.pinned[workload], wish.failures.isEmpty, run.tables.nodes.isAvailable[Int(here)]
    else { return false }
    if wish.running != nil, run.tables.running[workload] != here { return false }
    let profile = run.tables.profile(workload)
    return profile.settings.evacuation.method != .stay && profile.spread != .packed
  }

  /// The move that helps most, of those from the fullest nodes from where any helps; nil when none helps enough.
  ///
  /// - Parameter limit: of workloads that are moved together.
  mutating func best(atMost limit: Int) -> Step? {
    let measured = (0..<left.count).filter { book.isMeasured[$0] }
    let lowest = measured.map(book.height).min() ?? 0
    // Who stands on a spare node is brought back by other rules.
    let sources = measured.filter { book.height($0) - lowest > book.leastDifference }
    let fullest = sources.sorted { (book.height($1), $0) < (book.height($0), $1) }
    var next = fullest.startIndex
    while next < fullest.endIndex {
      let end = min(fullest.endIndex, next + sourcesAtOnce)
      var best: Step?
      for source in fullest[next..<end].sorted() { consider(source, atMost: limit, &best) }
      if let best { return best }
      next = end
    }
    return nil
  }

  /// In larger clusters not every workload is held against every node: the most is gained from the fullest nodes.
  private var sourcesAtOnce: Int { min(32, max(4, 1_000_000 / max(1, mayMove.count))) }

  private mutating func consider(_ source: Int, atMost limit: Int, _ best: inout Step?) {
    for resident in run.board.residents[source].sorted() {
      let workload = Int(resident)
      guard mayMove[workload] else { continue }
      let members = [workload] + run.unitMates(of: workload).filter { run.board.isPlaced($0) }
      // A unit is looked at once, for its first.
      guard members.count <= limit, members.min() == workload, members.allSatisfy({ mayMove[$0] && mayLeave($0, source) })
      else { continue }
      consider(members, on: source, &best)
    }
  }

  /// So many leave one node at once, as for its evacuation.
  private func mayLeave(_ workload: Int, _ source: Int) -> Bool {
    left[source] < run.tables.settings(workload).evacuation.atOnce ?? .max
  }

  private mutating func consider(_ members: [Int], on source: Int, _ best: inout Step?) {
    for member in members { run.board.take(member, run.tables) }
    run.search.prepare(members, run.board, run.tables)
    let now = run.search.score(source, run.board, run.tables)
    let present = best?.spread ?? book.spread - Self.leastGain, height = book.height(source)
    let gain = members.map { run.tables.profile($0).leastGain }.max() ?? 1
    let returning = members.filter { run.tables.settings($0).failback.mode == .automatic }
    var found: (target: Int, spread: Double, score: Score)?
    run.search.scan(run.board, run.tables) { target, score in
      // Cheap first: most nodes are not what is looked for.
      guard target != source, book.isMeasured[target], book.height(target) < height, !score.waits else { return }
      let outlook = book.outlook(run.search, from: source, to: target, run)
      guard height - outlook.height >= book.leastDifference else { return }
      let spread = outlook.spread
      // Of equal ones the node that is liked more, then the first by name.
      let isBetter = found.map { spread < $0.spread || spread == $0.spread && score.isLiked(more: $0.score) }
      if isBetter ?? (spread < present), suits(score, better: now, by: gain),
        returning.allSatisfy({ isHome(target, score, of: $0) })
      {
        found = (target, spread, score)
      }
    }
    for member in members { run.board.put(member, on: source, run.tables) }
    if let found { best = Step(members: members, source: source, target: found.target, spread: found.spread) }
  }

  /// Less than this is an error of computation.
  private static let leastGain = 1e-9

  /// A node that is liked no less, or so much better that they would go there anyway.
  private func suits(_ score: Score, better now: Score, by gain: Int) -> Bool {
    if score.spare != now.spare { return score.spare < now.spare }
    if score.broken != now.broken { return score.broken < now.broken }
    return score.rank == now.rank || score.rank + gain <= now.rank
  }

  /// A node from where a workload that goes home by itself has nowhere better to go: an operator's move holds it there.
  private func isHome(_ target: Int, _ score: Score, of workload: Int) -> Bool {
    let profile = run.tables.profile(workload)
    let availableFor = run.tables.nodes.nodes[target].availableFor ?? .infinity
    return availableFor >= profile.settings.failback.after && score.spare == 0 && score.broken == 0
      && profile.rank(target, run.tables.nodes.sets) == bestRanks[Int(run.tables.profileOf[workload])]
  }

  /// Makes a move on the board, and tells it.
  mutating func make(_ step: Step) -> Rebalance.Move {
    let before = (spread: book.spread, source: book.height(step.source), target: book.height(step.target))
    for member in step.members {
      run.board.take(member, run.tables)
      run.board.put(member, on: step.target, run.tables)
      mayMove[member] = false
    }
    left[step.source] += step.members.count
    book.update([step.source, step.target], run)
    return Rebalance.Move(
      workload: run.wording.name(step.members[0]), with: step.members.dropFirst().map(run.wording.name),
      from: run.wording.node(step.source), to: run.wording.node(step.target), gain: before.spread - book.spread,
      source: .init(before: before.source, after: book.height(step.source)),
      target: .init(before: before.target, after: book.height(step.target)))
  }
}
