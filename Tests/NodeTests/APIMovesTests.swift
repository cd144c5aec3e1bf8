import HoldfastController
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import Testing

/// How far what moves by itself is.
@Suite struct `API: what moves by itself` {
  /// The rules in force led `w` from n1 to n2, which holds it.
  private static func cluster(_ activity: ClaimRecord.Activity?, holder: NodeName = "n2") -> MadeUpCluster {
    var cluster = MadeUpCluster.empty
    cluster.join("n1")
    cluster.join("n2")
    cluster.run("w", 1024, on: "n1")
    cluster.put(.policies, .policies(PoliciesRecord(files: [])))
    let reason = PlacementReason(.notAllowed(rule: "not on one", on: "n1"))
    cluster.put(.placement("w"), .placement(PlacementRecord(node: "n2", reason: reason)))
    let incarnation = Incarnation("\(holder)-7")
    cluster.put(
      .claim("w"),
      .claim(ClaimRecord(epoch: Epoch(13), holder: .init(node: holder, incarnation: incarnation), activity: activity)))
    // Something is told as long as moves are off.
    cluster.put(.movesOff, .movesOff(MovesOffRecord(since: 1)))
    return cluster
  }

  private func moves(_ cluster: MadeUpCluster) throws -> MovesInfo {
    var view = ClusterView()
    view.load(cluster.store.list { _ in true })
    let status = ClusterStatus(
      view, cluster: "prod", node: "n1", storeSilence: 0.2, history: [], outlook: nil, own: nil, planner: PolicyPlanner(),
      now: 1_772_330_000_000)
    return try #require(status.moves)
  }

  @Test(
    arguments: [
      (.starting, 0), (nil, 0), (.running, 1), (.unclear, 1), (.stopping, 1)
    ] as [(ClaimRecord.Activity?, Int)])
  func `is done when it was started where it goes`(activity: ClaimRecord.Activity?, done: Int) throws {
    let moves = try moves(Self.cluster(activity))
    #expect(moves.done == done && moves.underWay.count == 1 - done)
    if let move = moves.underWay.first {
      #expect(move.workload == "w" && move.from == "n2" && move.to == "n2" && move.why == "n2 is starting it")
    }
  }

  @Test func `is under way while the node that it leaves has it`() throws {
    let moves = try moves(Self.cluster(.running, holder: "n1"))
    #expect(moves.done == 0 && moves.underWay.map(\.from) == ["n1"] && moves.underWay.map(\.to) == ["n2"])
  }

  @Test func `is not under way when it moved before these rules, and its node starts it again`() throws {
    var cluster = Self.cluster(.starting)
    cluster.put(.policies, .policies(PoliciesRecord(files: [])))
    let moves = try moves(cluster)
    #expect(moves.done == 0 && moves.underWay.isEmpty)
  }
}
