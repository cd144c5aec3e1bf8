import HoldfastModel
import HoldfastPlanning
import Testing

/// What becomes of places when one node after the other leaves, and nobody is left to take anything.
@Suite struct `A cluster whose nodes leave` {
  private static let names: [NodeName] = ["n1", "n2", "n3"]
  private var snapshot = PlanningSnapshot(
    nodes: Self.names.map { .init(name: $0, capacity: .init(memory: 1000, cpus: 10), connections: ["lxc"]) },
    workloads: [
      .init(
        name: "pinned", connection: "lxc", demand: .init(memory: 100, cpus: 1),
        placed: .init(node: "n1", reason: "test", cause: .operatorsMove), running: "n1"),
      .init(
        name: "w2", connection: "lxc", demand: .init(memory: 100, cpus: 1), placed: .init(node: "n2", reason: "test"),
        running: "n2")
    ])
  private var policies = PolicySet.none

  private subscript(_ workload: Int) -> PlacementRecord? { snapshot.workloads[workload].placed }

  private mutating func set(_ node: NodeName, _ why: Exclusion?, for seconds: Double = 0) {
    guard let index = snapshot.nodes.firstIndex(where: { $0.name == node }) else { return }
    snapshot.nodes[index].unavailable = why
    snapshot.nodes[index].unavailableFor = why == nil ? nil : seconds
  }

  /// Makes a plan, and writes it down.
  ///
  /// - Parameter isCarriedOut: everything runs where it is placed.
  @discardableResult private mutating func plan(isCarriedOut: Bool = false) -> PlanOutcome {
    let outcome = PolicyPlanner(policies).outcome(snapshot)
    for index in snapshot.workloads.indices {
      snapshot.workloads[index].placed = outcome.placements[snapshot.workloads[index].name]
      if isCarriedOut { snapshot.workloads[index].running = snapshot.workloads[index].placed?.node }
    }
    return outcome
  }

  @Test(arguments: [false, true]) func `ends where it began, with what operators moved`(isCarriedOut: Bool) {
    var cluster = Self()
    for node in Self.names {
      cluster.set(node, .leaving)
      let outcome = cluster.plan(isCarriedOut: isCarriedOut)
      if node == "n1" { #expect(cluster[0]?.node != "n1" && outcome.lookAgainAfter == 600) }
      if node != "n3" { #expect(cluster[0]?.handedOver == .init(from: "n1", wasMoved: true)) }
    }
    #expect(cluster[0]?.node == "n1" && cluster[0]?.cause == .operatorsMove)
    #expect(cluster[0]?.reason.codes == ["backAsNobodyStays"])
    #expect(cluster[1]?.node == "n2")
    #expect(cluster.snapshot.workloads.allSatisfy { $0.placed?.handedOver == nil })
    let before = cluster.snapshot.workloads
    for node in Self.names { cluster.set(node, .down, for: 5) }
    cluster.set("n3", .leaving)
    cluster.plan()
    #expect(cluster.snapshot.workloads == before, "it is its own plan")
  }

  @Test func `keeps the places of those that have nobody to go to, as they are`() {
    var cluster = Self()
    let before = cluster.snapshot.workloads
    for node in Self.names { cluster.set(node, .leaving) }
    cluster.plan()
    #expect(cluster.snapshot.workloads == before)
  }

  @Test func `keeps them also beside a node that is kept empty`() {
    var cluster = Self()
    cluster.set("n1", .down)
    cluster.set("n2", .down)
    cluster.set("n3", .inMaintenance)
    (cluster.snapshot.nodes[2].isDraining, cluster.snapshot.nodes[2].maintenance) = (true, .init())
    for index in cluster.snapshot.workloads.indices { cluster.snapshot.workloads[index].running = nil }
    cluster.plan()
    #expect(cluster[0]?.node == "n1" && cluster[1]?.node == "n2")
  }

  @Test(arguments: [false, true]) func `keeps no place on a node that was lost, beside one that is kept empty`(hasLeft: Bool) {
    var cluster = Self()
    cluster.set("n1", .down)
    cluster.set("n2", .down)
    cluster.set("n3", .inMaintenance)
    (cluster.snapshot.nodes[2].isDraining, cluster.snapshot.nodes[2].maintenance) = (true, .init())
    cluster.snapshot.nodes[0].wasLost = true
    if !hasLeft { cluster.snapshot.nodes[1].wasLost = true }
    for index in cluster.snapshot.workloads.indices { cluster.snapshot.workloads[index].running = nil }
    cluster.plan()
    #expect(cluster[0]?.node == nil && cluster[0]?.reason == PlacementReason(.onlyInMaintenance(["n3"])))
    #expect(cluster[0]?.reason.codes == ["onlyInMaintenance"])
    #expect(cluster[0]?.others == ["n1": .down, "n2": .down, "n3": .inMaintenance])
    #expect(cluster[1]?.node == (hasLeft ? "n2" : nil))
  }

  @Test func `keeps the place on a node that was lost while others leave`() {
    var cluster = Self()
    cluster.set("n1", .down)
    cluster.snapshot.nodes[0].wasLost = true
    cluster.snapshot.workloads[0].running = nil
    for node: NodeName in ["n2", "n3"] { cluster.set(node, .leaving) }
    cluster.plan()
    #expect(cluster[0]?.node == "n1" && cluster[1]?.node == "n2")
  }

  @Test func `forgets a hand-over when its node is back: what went stays`() {
    var cluster = Self()
    cluster.set("n1", .leaving)
    cluster.plan(isCarriedOut: true)
    let node = cluster[0]?.node
    cluster.set("n1", nil)
    cluster.plan()
    #expect(cluster[0]?.handedOver == nil && cluster[0]?.node == node && node != "n1")
  }

  @Test func `forgets a hand-over that is too long ago for a shutdown`() {
    var cluster = Self()
    cluster.set("n1", .leaving)
    cluster.plan(isCarriedOut: true)
    cluster.set("n1", .down, for: 599)
    var outcome = cluster.plan()
    #expect(outcome.lookAgainAfter == 1 && cluster[0]?.handedOver != nil)
    cluster.set("n1", .down, for: 600)
    outcome = cluster.plan()
    #expect(outcome.lookAgainAfter == nil && cluster[0]?.handedOver == nil)
    let node = cluster[0]?.node
    cluster.set("n2", .leaving)
    cluster.set("n3", .leaving)
    cluster.plan()
    #expect(cluster[0]?.node == node)
  }

  @Test func `takes nothing back that the rules do not allow there any more`() {
    var cluster = Self()
    cluster.set("n1", .leaving)
    cluster.plan(isCarriedOut: true)
    let node = cluster[0]?.node
    let n1 = Selection([[.init(.name(.exactly("n1")))]])
    cluster.policies.workloads = [WorkloadPolicy(name: "not there", selection: .all, neverOn: n1)]
    for node in Self.names { cluster.set(node, .leaving) }
    cluster.plan()
    #expect(cluster[0]?.node == node && cluster[0]?.handedOver == nil)
  }

  @Test func `has nobody wait in what is only supposed`() {
    var cluster = Self()
    for node in Self.names { cluster.set(node, .lost) }
    cluster.plan()
    #expect(cluster[0]?.node == nil && cluster[1]?.node == nil)
  }
}
