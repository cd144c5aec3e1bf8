import HoldfastModel
import HoldfastPlanning
import Testing

/// What is pending is compared with a search that tries everything.
@Suite struct `What is pending` {
  /// Finds a seat for one workload with at most so many others moved, by trying all.
  private struct Search {
    let law: Law
    let movable: [WorkloadName]

    func finds(_ name: WorkloadName, _ seats: Law.Seats, moves: Int) -> String? {
      for node in law.nodes.keys.sorted() where law.allows(name, on: node) {
        var next = seats
        next[name] = node
        if let found = settles(next, changed: [name], from: 0, moves: moves) { return "\(name) on \(node)\(found)" }
      }
      return nil
    }

    private func settles(_ seats: Law.Seats, changed: Set<WorkloadName>, from start: Int, moves: Int) -> String? {
      if law.wrong(changed, in: seats).isEmpty { return "" }
      guard moves > 0 else { return nil }
      for index in start..<max(start, movable.count) {
        let other = movable[index]
        for node in law.nodes.keys.sorted() where seats[other] != node && law.allows(other, on: node) {
          var next = seats
          next[other] = node
          if let found = settles(next, changed: changed.union([other]), from: index + 1, moves: moves - 1) {
            return ", \(other) to \(node)\(found)"
          }
        }
      }
      return nil
    }
  }

  @Test(arguments: 0..<20) func `has no legal place within the moves allowed`(block: Int) {
    for seed in block * 100..<(block + 1) * 100 {
      let cluster = MadeUpCluster(
        seed: UInt64(seed), kinds: [.nodes, .apart, .together, .room, .amounts, .soft], nodes: 2...4, workloads: 3...9,
        standsWell: true)
      let law = Law(cluster.policies, cluster.snapshot)
      let plan = PolicyPlanner(cluster.policies).plan(cluster.snapshot)
      let tied = law.ties().values.joined().reduce(into: Set<WorkloadName>()) { $0.formUnion($1) }
      let movable = cluster.snapshot.workloads.filter { workload in
        let isFree = workload.desired == .running && plan[workload.name]?.node != nil && !tied.contains(workload.name)
        return isFree && plan[workload.name]?.cause == nil
          && cluster.policies.settings(of: workload.name, labels: workload.labels).makeRoom
      }
      let search = Search(law: law, movable: movable.map(\.name).sorted())
      for workload in cluster.snapshot.workloads where workload.desired == .running && plan[workload.name]?.node == nil {
        let found = search.finds(
          workload.name, plan.compactMapValues(\.node), moves: cluster.policies.cluster.movesToMakeRoom ?? 2)
        #expect(found == nil, "seed \(seed): \(found ?? "")")
      }
    }
  }
}
