import HoldfastModel

/// What planner and nodes make of operators' moves in a made-up cluster. A move is over some looks at the cluster after it was asked for.
struct MadeUpMoves {
  /// Workloads that do not start where they are moved to, and go back.
  let failing: Set<WorkloadName>
  /// Workloads that follow one that was moved, as soon as it is there.
  let along: [WorkloadName: WorkloadName]

  static let failure = "no disk there"
  private static let looks = 3

  /// In the order in which they were asked for.
  private(set) var asked: [WorkloadName] = []
  /// The most workloads that were on their way at the same time.
  private(set) var mostAtOnce = 0

  init(failing: Set<WorkloadName> = [], along: [WorkloadName: WorkloadName] = [:]) {
    (self.failing, self.along) = (failing, along)
  }

  private struct Journey {
    var move: IntentRecord.Move
    var looks = MadeUpMoves.looks
  }
  private var underWay: [WorkloadName: Journey] = [:]

  /// What was asked for just now begins.
  mutating func begin(in cluster: MadeUpCluster) {
    let view = Self.view(of: cluster)
    for (name, intent) in view.intents where underWay[name] == nil {
      guard let move = intent.value.move, move.serial > view.placements[name]?.value.servedMove ?? 0 else { continue }
      asked.append(name)
      set(out: name, move)
    }
  }

  private mutating func set(out name: WorkloadName, _ move: IntentRecord.Move) {
    underWay[name] = Journey(move: move)
    mostAtOnce = max(mostAtOnce, underWay.count)
  }

  /// Somebody looks at the cluster.
  mutating func look(at cluster: inout MadeUpCluster) {
    for (name, var journey) in underWay {
      journey.looks -= 1
      underWay[name] = journey
      if journey.looks == 0 { end(name, journey.move, in: &cluster) }
    }
  }

  private mutating func end(_ name: WorkloadName, _ move: IntentRecord.Move, in cluster: inout MadeUpCluster) {
    underWay[name] = nil
    let isFailure = failing.contains(name)
    guard let source = Self.view(of: cluster).holder(of: name) else { return }
    let node = isFailure ? source : move.to
    let holder = ClaimRecord.Holder(node: node, incarnation: Incarnation("\(node)-7"))
    let failures: [NodeName: ClaimRecord.Failure] = isFailure ? [move.to: .init(count: 3, reason: Self.failure)] : [:]
    cluster.put(.placement(name), .placement(PlacementRecord(node: node, reason: "as asked", servedMove: move.serial)))
    cluster.put(
      .claim(name), .claim(ClaimRecord(epoch: Epoch(13), holder: holder, activity: .running, failures: failures)))
    if !isFailure, let mate = along[name] { set(out: mate, .init(to: move.to, serial: 0)) }
  }

  private static func view(of cluster: MadeUpCluster) -> ClusterView {
    var view = ClusterView()
    view.load(cluster.store.list { _ in true })
    return view
  }
}
