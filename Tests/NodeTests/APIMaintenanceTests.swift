import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import Testing

/// Maintenance, the end of a quarantine and disarming as the server does them.
@Suite(.serialized) struct `API: maintenance` {
  private static let path = "/v1/nodes/n1/maintenance"

  private func serving(_ body: (APIHarness) async throws -> Void) async throws {
    try await APIHarness.serving { api in
      MadeUpMaintenance.prepare(api.access)
      try await body(api)
    }
  }

  @Test func `the plan tells what goes where, how, and what stays`() async throws {
    try await serving { api in
      let look: NodeMaintenance = try await api.get(Self.path).decoded()
      #expect(look.node.maintenance == nil && look.moves.isEmpty)
      let plan = try #require(look.plan)
      #expect(plan.moves.map(\.workload) == ["db1", "vm1", "web1"])
      #expect(plan.moves.map(\.method.how) == [.restart, .live, .restart])
      #expect(plan.moves.map(\.method.why) == ["a container", nil, "a container"])
      #expect(plan.moves.allSatisfy { ["n2", "n3"].contains($0.to) && $0.seconds > 0 })
      #expect(plan.stays.map(\.workload) == ["local"] && plan.unplaceable.isEmpty && plan.seconds > 0)

      let asked: ClusterCommandResult = try await api.post("\(Self.path)?dryRun", MaintenanceRequest(method: "restart"))
        .decoded()
      #expect(asked.isDryRun && asked.isChange && asked.subject == "node n1")
      #expect(asked.plan?.moves.allSatisfy { $0.method.how == .restart } == true)
      api.access.change {
        $0.cluster.put(
          .node("n2"), .node(NodeRecord(capacity: .none, labels: [:], connections: [], version: "0.1.0")))
        $0.cluster.put(
          .node("n3"),
          .node(
            NodeRecord(
              capacity: Resources(memory: 16384, cpus: 8), labels: [:], connections: [MadeUpCluster.lxc, MadeUpCluster.qemu],
              version: "0.1.0")))
      }
      let without: NodeMaintenance = try await api.get(Self.path).decoded()
      #expect(
        without.plan?.moves.first { $0.workload == "vm1" }?.method.why == "n3 has no 'migration' URI for qemu:///system")
      #expect(api.access.truth.maintenance.isEmpty)
    }
  }

  @Test func `a node is put into maintenance as asked`() async throws {
    try await serving { api in
      let until = APIHarness.now() + 3_600_000
      let request = MaintenanceRequest(reason: "new disks", until: until, method: "live", parallel: 2, deadline: 600)
      let result: ClusterCommandResult = try await api.post(Self.path, request).decoded()
      #expect(!result.isDryRun && result.isChange && result.text == "is being drained and will be kept empty")
      let record = try #require(api.access.truth.maintenance["n1"]?.value)
      #expect(record.phase == .empty && record.reason == "new disks" && record.until == until && record.method == .live)
      #expect(record.parallel == 2 && record.deadline == record.since + 600_000 && !record.leavesPending)
      let out: ClusterCommandResult = try await api.post("\(Self.path)/exit", MaintenanceExit(failback: .everything)).decoded()
      #expect(out.isChange && out.text == "is back in use")
      #expect(api.access.truth.maintenance["n1"]?.value.phase == .over)
      #expect(api.access.truth.maintenance["n1"]?.value.failback == .everything)
    }
  }

  @Test func `what no other node can take keeps the node from being drained`() async throws {
    try await serving { api in
      api.access.change {
        $0.cluster.delete(.session("n3-7"))
        $0.cluster.run("large", 14000, on: "n1")
      }
      let look: NodeMaintenance = try await api.get(Self.path).decoded()
      let unplaceable = try #require(look.plan?.unplaceable.first { $0.workload == "large" })
      #expect(unplaceable.others["n2"]?.contains("GiB") == true && unplaceable.others["n3"] == "is down", "\(unplaceable)")
      #expect(unplaceable.shortfall != nil)
      let refused = try await api.post(Self.path, MaintenanceRequest())
      #expect(refused.status == 409 && refused.error?.reason.contains("large") == true, "\(String(describing: refused.error))")
      #expect(api.access.truth.maintenance.isEmpty)
      let dry: ClusterCommandResult = try await api.post("\(Self.path)?dryRun", MaintenanceRequest()).decoded()
      #expect(dry.plan?.unplaceable.isEmpty == false)
      let agreed = try await api.post(Self.path, MaintenanceRequest(leavesPending: true))
      #expect(agreed.status == 200 && api.access.truth.maintenance["n1"]?.value.leavesPending == true)
    }
  }

  static let wrong: [(String, MaintenanceRequest)] = [
    ("method", .init(method: "stay")), ("parallel", .init(parallel: 0)), ("deadline", .init(deadline: 0.1)),
    ("until", .init(until: 1)), ("reason", .init(reason: "a\nb"))
  ]

  @Test(arguments: wrong.indices) func `a field that cannot be is named`(index: Int) async throws {
    let (field, request) = Self.wrong[index]
    try await serving { api in
      let answer = try await api.post(Self.path, request)
      #expect(answer.status == 400 && answer.error?.thing == "the field '\(field)'", "\(String(describing: answer.error))")
    }
  }

  @Test func `a node that is not there`() async throws {
    try await serving { api in
      for answer in [
        try await api.get("/v1/nodes/n11/maintenance"), try await api.post("/v1/nodes/n11/maintenance", MaintenanceRequest()),
        try await api.post("/v1/nodes/n11/maintenance/exit", MaintenanceExit()),
        try await api.post("/v1/nodes/n11/clear-failures")
      ] {
        #expect(answer.status == 404 && answer.error?.remedy.contains("Did you mean n1?") == true)
      }
    }
  }

  @Test func `each workload is told with where it stands`() async throws {
    try await serving { api in
      api.access.change { state in
        state.cluster.run("big", 14000, on: "n1")
        state.cluster.put(.maintenance("n1"), .maintenance(MaintenanceRecord(since: 5, parallel: 1)))
        let target = ClaimRecord.Holder(node: "n2", incarnation: "n2-7")
        MadeUpMaintenance.place("vm1", on: "n2", home: "n1", in: &state.cluster)
        MadeUpMaintenance.hold("vm1", on: "n1", migration: .init(.ready, target: target), in: &state.cluster)
        MadeUpMaintenance.place("db1", on: "n3", home: "n1", in: &state.cluster)
        MadeUpMaintenance.hold("db1", on: "n3", in: &state.cluster)
        state.cluster.put(
          .report("n1"),
          .report(
            ReportRecord(
              unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [],
              migrations: ["vm1": MigrationProgress(sent: 1024, remaining: 3072, total: 4096, rate: 128)])))
      }
      let look: NodeMaintenance = try await api.get(Self.path).decoded()
      #expect(
        look.moves.map { "\($0.workload) \($0.state)" } == [
          "vm1 migrating", "web1 waiting", "big stuck", "local stays", "db1 arrived"
        ])
      let vm1 = try #require(look.moves.first)
      #expect(vm1.from == "n1" && vm1.to == "n2" && vm1.how == .live && vm1.progress?.remaining == 3072)
      let info = try #require(look.node.maintenance)
      #expect(info.phase == .draining && info.remaining == 2 && info.stuck == 1 && info.stays == 1 && info.away == 1)
      #expect(look.plan == nil)
    }
  }

  @Test func `a node is empty when only what may stay is there`() async throws {
    try await serving { api in
      let playing = Task { try await MadeUpMaintenance.play(api.access) }
      defer { playing.cancel() }
      _ = try await api.post(Self.path, MaintenanceRequest())
      let empty = try await until(api) { $0.node.maintenance?.phase == .empty }
      #expect(empty.node.maintenance?.away == 3 && empty.node.maintenance?.stays == 1, "\(empty.moves)")
      _ = try await api.post("\(Self.path)/exit", MaintenanceExit())
      let home = try await until(api) { $0.node.maintenance == nil }
      #expect(home.node.workloads == 4)
    }
  }

  @Test func `what waits to move back says what for`() async throws {
    try await serving { api in
      api.access.change { state in
        state.cluster.put(.maintenance("n1"), .maintenance(MaintenanceRecord(phase: .over, since: 1, parallel: 1)))
        for name: WorkloadName in ["web1", "db1"] {
          MadeUpMaintenance.place(name, on: "n3", home: "n1", in: &state.cluster)
          MadeUpMaintenance.hold(name, on: "n3", in: &state.cluster)
        }
      }
      func reasons() async throws -> [String: String?] {
        let look: NodeMaintenance = try await api.get(Self.path).decoded()
        #expect(look.moves.allSatisfy { $0.state == .waiting && $0.to == "n1" }, "\(look.moves)")
        return Dictionary(uniqueKeysWithValues: look.moves.map { ($0.workload, $0.why) })
      }
      // The less important one goes in the next plan.
      #expect(try await reasons() == ["web1": nil, "db1": "1 move at a time from or to n1"])
      let status: ClusterStatus = try await api.get("/v1/status").decoded()
      #expect(status.moves?.waiting.map(\.workload) == ["db1"])
      _ = try await api.post("/v1/moves/off", MovesOffRequest())
      let off = "moves are off; `holdfast moves on` lets it move back"
      #expect(try await reasons() == ["web1": off, "db1": off])
    }
  }

  private func until(_ api: APIHarness, _ condition: (NodeMaintenance) -> Bool) async throws -> NodeMaintenance {
    let end = ContinuousClock.now + .seconds(10)
    while true {
      let look: NodeMaintenance = try await api.get(Self.path).decoded()
      if condition(look) { return look }
      try #require(ContinuousClock.now < end, "\(look)")
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  @Test func `a node that was lost is out of quarantine again`() async throws {
    try await serving { api in
      let now = APIHarness.now()
      api.access.change { $0.cluster.put(.losses("n2"), .losses(LossesRecord(count: 3, last: now))) }
      let nodes: NodeList = try await api.get("/v1/nodes").decoded()
      let quarantine = try #require(nodes.nodes[1].quarantine)
      #expect(quarantine.losses == 3 && (800...900).contains(quarantine.remaining))
      let dry: ClusterCommandResult = try await api.post("/v1/nodes/n2/clear-failures?dryRun").decoded()
      #expect(dry.isDryRun && api.access.truth.losses["n2"] != nil)
      let done: ClusterCommandResult = try await api.post("/v1/nodes/n2/clear-failures").decoded()
      #expect(done.text.contains("3 failures cleared") && api.access.truth.losses.isEmpty)
    }
  }

  @Test func `disarming waits for what is under way, unless it is to be now`() async throws {
    try await APIHarness.serving { api in
      let dry: ClusterCommandResult = try await api.post("/v1/disarm?dryRun", DisarmRequest()).decoded()
      #expect(dry.inProgress == ["shop1"])
      let refused = try await api.post("/v1/disarm", DisarmRequest())
      #expect(refused.status == 409 && refused.error?.reason == "shop1 is being recovered or moved")
      #expect(api.access.truth.disarm == nil)
      let done: ClusterCommandResult = try await api.post("/v1/disarm", DisarmRequest(reason: "switch", seconds: 60, now: true))
        .decoded()
      #expect(done.isChange)
      let record = try #require(api.access.truth.disarm?.value)
      #expect(record.reason == "switch" && record.until == record.since + 60_000)
      let entering = try await api.post(Self.path, MaintenanceRequest(leavesPending: true))
      #expect(entering.status == 409 && entering.error?.remedy.contains("holdfast arm") == true)
      let armed: ClusterCommandResult = try await api.post("/v1/arm").decoded()
      #expect(armed.isChange && api.access.truth.disarm == nil)
    }
  }

  @Test func `moves are turned off and on, and the status says so`() async throws {
    try await serving { api in
      let dry: ClusterCommandResult = try await api.post("/v1/moves/off?dryRun", MovesOffRequest()).decoded()
      #expect(dry.isDryRun && api.access.truth.movesOff == nil)
      let off: ClusterCommandResult = try await api.post("/v1/moves/off", MovesOffRequest(reason: "wrong rule")).decoded()
      #expect(off.isChange && api.access.truth.movesOff?.value.reason == "wrong rule")
      let status: ClusterStatus = try await api.get("/v1/status").decoded()
      #expect(status.moves?.off?.reason == "wrong rule" && status.next.contains { $0.command == "holdfast moves on" })
      #expect(status.reasons.contains { $0.hasPrefix("Moves are off (wrong rule)") })
      let again: ClusterCommandResult = try await api.post("/v1/moves/off", MovesOffRequest()).decoded()
      #expect(!again.isChange)
      let on: ClusterCommandResult = try await api.post("/v1/moves/on").decoded()
      #expect(on.isChange && api.access.truth.movesOff == nil)
    }
  }

  @Test func `somebody who was faster is looked at again`() async throws {
    try await serving { api in
      let mine = APIHarness.now() + 1
      let rival = MaintenanceRecord(reason: "theirs", since: mine)
      api.access.change {
        $0.rival = ClusterTransaction(if: [], write: [.put(.maintenance("n1"), .maintenance(rival))])
      }
      let result: ClusterCommandResult = try await api.post(Self.path, MaintenanceRequest(reason: "mine")).decoded()
      #expect(result.text.contains("stays in maintenance"))
      #expect(api.access.truth.maintenance["n1"]?.value.reason == "mine")
      #expect(api.access.truth.maintenance["n1"]?.value.since == mine)
    }
  }
}
