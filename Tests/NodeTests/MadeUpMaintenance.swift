import HoldfastModel
import HoldfastNode
import HoldfastPlanning
import Testing

/// The made-up cluster on a better day: three nodes that are up; on n1 four workloads, one of them a VM, and n2 can be reached for live
/// migration.
enum MadeUpMaintenance {
  static func prepare(_ access: TestAccess) {
    access.change {
      prepare(&$0.cluster)
      $0.plansInFull = true
    }
  }

  private static func prepare(_ cluster: inout MadeUpCluster) {
    cluster = MadeUpCluster.empty
    for name: NodeName in ["n1", "n2", "n3"] {
      cluster.join(name)
      cluster.put(
        .session(Incarnation("\(name)-7")), .session(SessionRecord(node: name, counter: 1, ttl: 3000, phase: .active)))
      cluster.put(
        .report(name),
        .report(ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])))
    }
    for name: NodeName in ["n2", "n3"] {
      cluster.put(
        .node(name),
        .node(
          NodeRecord(
            capacity: Resources(memory: 16384, cpus: 8), labels: ["rack": "r2"],
            connections: [MadeUpCluster.lxc, MadeUpCluster.qemu],
            migration: [MadeUpCluster.qemu: "qemu+tls://\(name)/system"], version: "0.1.0")))
    }
    cluster.put(.planner, .planner(PlannerRecord(node: "n1", incarnation: "n1-7")))
    cluster.run("web1", 2048, on: "n1")
    cluster.run("db1", 6144, on: "n1", priority: 10)
    cluster.run("web2", 2048, on: "n2")
    cluster.run("local", 512, on: "n1")
    cluster.run("vm1", 4096, on: "n1", connection: MadeUpCluster.qemu)
    hold("vm1", on: "n1", in: &cluster)
    let policies = "workloads: [{name: stays, for: local, evacuation: stay}]"
    cluster.put(.policies, .policies(PoliciesRecord(files: [PolicyText(file: "p.yaml", text: policies)])))
  }

  static func hold(
    _ name: WorkloadName, on node: NodeName, _ activity: ClaimRecord.Activity = .running,
    migration: ClaimRecord.Migration? = nil, in cluster: inout MadeUpCluster
  ) {
    let holder = ClaimRecord.Holder(node: node, incarnation: Incarnation("\(node)-7"))
    cluster.put(
      .claim(name), .claim(ClaimRecord(epoch: Epoch(13), holder: holder, activity: activity, migration: migration)))
  }

  static func place(_ name: WorkloadName, on node: NodeName?, home: NodeName?, in cluster: inout MadeUpCluster) {
    cluster.put(.placement(name), .placement(PlacementRecord(node: node, reason: "as planned", home: home)))
  }

  /// Does what planner and nodes do, all at once, until it is cancelled.
  static func play(_ access: TestAccess) async throws {
    while !Task.isCancelled {
      let view = access.truth, picture = await access.picture()
      for (node, record) in view.maintenance {
        access.change { state in
          if record.value.phase == .over {
            for (name, placement) in view.placements where placement.value.home == node {
              let failback = record.value.failback != .nothing
              place(name, on: failback ? node : placement.value.node, home: nil, in: &state.cluster)
              if failback { hold(name, on: node, in: &state.cluster) }
            }
            state.cluster.delete(.maintenance(node))
          } else {
            for (name, placed) in picture.planner.plan(picture.planning()) where placed.home == node {
              guard let target = placed.node, view.placements[name]?.value.node == node else { continue }
              place(name, on: target, home: node, in: &state.cluster)
              hold(name, on: target, in: &state.cluster)
            }
          }
        }
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }
}
