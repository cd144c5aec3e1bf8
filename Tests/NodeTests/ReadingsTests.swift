import GuardCore
import HoldfastAPI
import HoldfastModel
import HoldfastNode
import HoldfastOperator
import HoldfastPlanning
import HoldfastTime
import Testing

/// What operators read is planned once for a version of the cluster.
@Suite(.serialized) struct `What operators read` {
  private func policies(_ text: String) -> Record { .policies(PoliciesRecord(files: [PolicyText(file: "p.yaml", text: text)])) }

  @Test func `many looks at the status of one version plan once, a changed version plans anew`() async throws {
    try await APIHarness.serving { api in
      try await withThrowingTaskGroup { tasks in
        for _ in 0..<8 { tasks.addTask { try await api.get("/v1/status").status } }
        for try await status in tasks { #expect(status == 200) }
      }
      let before: ClusterStatus = try await api.get("/v1/status").decoded()
      #expect(await api.readings.plans == 1)
      #expect(before.risks.first?.workloads == ["db1"])

      api.access.change { $0.cluster.run("large", 9000, on: "n2") }
      let after: ClusterStatus = try await api.get("/v1/status").decoded()
      #expect(await api.readings.plans == 2)
      #expect(after.risks.last?.workloads.contains("large") == true, "\(after.risks)")
    }
  }

  @Test func `what the time alone changes is not kept for long`() async {
    let access = TestAccess(MadeUpCluster(now: APIHarness.now())), readings = Readings()
    var picture = await access.picture()
    _ = await readings.outlook(of: picture)
    picture.instant = picture.instant + .seconds(4.9)
    _ = await readings.outlook(of: picture)
    #expect(await readings.plans == 1)
    picture.instant = picture.instant + .seconds(0.1)
    _ = await readings.outlook(of: picture)
    #expect(await readings.plans == 2)
  }

  /// Who asked first may come last.
  @Test func `an older picture takes nothing from the newer one`() async {
    let access = TestAccess(MadeUpCluster(now: APIHarness.now())), readings = Readings()
    let older = await access.picture()
    access.change { $0.cluster.run("large", 9000, on: "n2") }
    let newer = await access.picture()
    let losses = await readings.outlook(of: newer).losses
    #expect(await readings.outlook(of: older).losses != losses)
    #expect(await readings.outlook(of: newer).losses == losses)
    #expect(await readings.plans == 2)
  }

  @Test func `who leaves a node is of the same version as the status`() async throws {
    try await APIHarness.serving { api in
      MadeUpMaintenance.prepare(api.access)
      api.access.change { $0.cluster.put(.maintenance("n1"), .maintenance(MaintenanceRecord(since: 5))) }
      let first: NodeMaintenance = try await api.get("/v1/nodes/n1/maintenance").decoded()
      #expect(first.node.maintenance?.remaining == 3)
      api.access.change { state in
        MadeUpMaintenance.place("db1", on: "n3", home: "n1", in: &state.cluster)
        MadeUpMaintenance.hold("db1", on: "n3", in: &state.cluster)
      }
      let status: ClusterStatus = try await api.get("/v1/status").decoded()
      #expect(status.nodes.first?.maintenance?.remaining == 2 && status.nodes.first?.maintenance?.away == 1)
    }
  }
}
