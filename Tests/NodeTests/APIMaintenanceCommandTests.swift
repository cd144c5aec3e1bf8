import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import Subprocess
import Testing

/// `holdfast maintenance`, `evacuate`, `node clear-failures`, `disarm` and `arm` as processes, against a server.
@Suite(.serialized) struct `API: maintenance on the command line` {
  /// - Parameter plays: planner and nodes do what they are asked.
  private func serving(plays: Bool = false, _ body: (APIHarness) async throws -> Void) async throws {
    try await APIHarness.serving { api in
      MadeUpMaintenance.prepare(api.access)
      let playing = Task { if plays { try await MadeUpMaintenance.play(api.access) } }
      defer { playing.cancel() }
      try await body(api)
    }
  }

  private func fits(_ run: APIHarness.Run) -> Bool {
    run.output.split(separator: "\n").allSatisfy { $0.count <= 100 } && !run.output.contains("\u{1B}")
  }

  @Test func `the plan is shown, asked about, and carried out`() async throws {
    try await serving { api in
      let dry = try await api.holdfast(["maintenance", "enter", "n1", "--dry-run"])
      #expect(dry.status == 0 && fits(dry), "\(dry)")
      for words in [
        "To drain n1: 3 workloads move, 1 stays by policy. About ", "db1       n", "stop and start  a container", "live",
        "STAY, AND GO DOWN WITH THE NODE\nlocal  'evacuation: stay'"
      ] {
        #expect(dry.output.contains(words), "\(words) is missing in\n\(dry.output)")
      }
      let asked = try await api.holdfast(["maintenance", "enter", "n1"])
      #expect(asked.status == 2 && asked.errors.contains("--yes"), "\(asked)")
      #expect(api.access.truth.maintenance.isEmpty)
      let done = try await api.holdfast([
        "maintenance", "enter", "n1", "--yes", "--reason", "new disks", "--until", "2h", "--deadline", "30m", "--parallel", "2",
        "--method", "restart"
      ])
      #expect(done.status == 0 && done.output.hasSuffix("node n1 is being drained and will be kept empty.\n"), "\(done)")
      let record = try #require(api.access.truth.maintenance["n1"]?.value)
      #expect(record.reason == "new disks" && record.parallel == 2 && record.method == .restart)
      #expect(record.deadline == record.since + 1_800_000)
      let status = try await api.holdfast(["maintenance", "status", "n1"])
      #expect(status.status == 0 && fits(status), "\(status)")
      #expect(status.output.hasPrefix("n1  draining since ") && status.output.contains(": new disks\n"), "\(status)")
      #expect(status.output.contains("db1       waiting"), "\(status)")
      let all = try await api.holdfast(["maintenance", "status"])
      #expect(all.output.hasPrefix("n1  draining since "), "\(all)")
      let cancelled = try await api.holdfast(["maintenance", "cancel", "n1"])
      #expect(cancelled.status == 0 && cancelled.output == "node n1 is back in use.\n", "\(cancelled)")
      #expect(api.access.truth.maintenance["n1"]?.value.failback == .nothing)
    }
  }

  /// One word means one thing, in both commands.
  @Test(
    arguments: [
      ("cancel", "--bring-back", .everything), ("cancel", "--by-policy", .byPolicy), ("exit", "--bring-back", .everything),
      ("exit", "--leave", .nothing)
    ] as [(String, String, MaintenanceRecord.Failback)]) func `what moves back`(
      _ command: String, _ option: String, _ failback: MaintenanceRecord.Failback
    ) async throws
  {
    try await serving { api in
      api.access.change { $0.cluster.put(.maintenance("n1"), .maintenance(MaintenanceRecord(since: APIHarness.now()))) }
      let run = try await api.holdfast(["maintenance", command, "n1", option])
      #expect(run.status == 0, "\(run)")
      #expect(api.access.truth.maintenance["n1"]?.value.failback == failback)
    }
  }

  @Test func `a time to come is read as people write it, and what is not said again stays`() async throws {
    try await serving { api in
      let times: [(String, ClosedRange<Int64>)] = [
        ("2031-03-01T06:00Z", 1_930_111_200_000...1_930_111_200_000),
        ("2031-03-01 06:00", 1_930_111_200_000...1_930_111_200_000),
        ("18:30", APIHarness.now()...APIHarness.now() + 86_400_000),
        ("90m", APIHarness.now() + 5_400_000...APIHarness.now() + 5_460_000)
      ]
      for (text, range) in times {
        let run = try await api.holdfast(["maintenance", "enter", "n1", "--yes", "--reason", "disks", "--until", text])
        let until = try #require(api.access.truth.maintenance["n1"]?.value.until)
        #expect(run.status == 0 && range.contains(until), "\(text): \(until), \(run)")
      }
      let again = try await api.holdfast(["maintenance", "enter", "n1", "--yes", "--method", "restart"])
      #expect(again.output.hasSuffix("node n1 stays in maintenance, with the new settings.\n"), "\(again)")
      let record = try #require(api.access.truth.maintenance["n1"]?.value)
      #expect(record.reason == "disks" && record.until != nil && record.method == .restart)
    }
  }

  @Test func `a node that is down is kept empty without a word of room`() async throws {
    try await serving { api in
      api.access.change { $0.cluster.delete(.session("n1-7")) }
      let run = try await api.holdfast(["maintenance", "enter", "n1", "--yes"])
      #expect(run.status == 0 && run.output.hasPrefix("To drain n1: nothing has to move."), "\(run)")
      let status = try await api.holdfast(["maintenance", "status", "n1"])
      #expect(status.output.contains("local     stays    ") && !status.output.contains("stuck"), "\(status)")
    }
  }

  @Test func `what no other node can take is told with why, and refused with a status of its own`() async throws {
    try await serving { api in
      api.access.change {
        $0.cluster.delete(.session("n3-7"))
        $0.cluster.run("large", 14000, on: "n1")
      }
      for arguments in [["--dry-run"], ["--yes"], ["--yes", "--wait"]] {
        let run = try await api.holdfast(["maintenance", "enter", "n1"] + arguments)
        #expect(run.status == 5 && fits(run), "\(run)")
        #expect(run.output.contains("NO OTHER NODE CAN TAKE\nlarge  needs 13.7 GiB, 1 cpu\n  missing  "), "\(run)")
        #expect(run.errors.contains("holdfast: node n1: no other node can take large. Make room first"), "\(run)")
      }
      #expect(api.access.truth.maintenance.isEmpty)
      let json = try await api.holdfast(["maintenance", "enter", "n1", "--dry-run", "-o", "json"])
      let result: ClusterCommandResult = try json.decoded()
      #expect(json.status == 5 && result.plan?.unplaceable.map(\.workload) == ["large"])
      let agreed = try await api.holdfast(["maintenance", "enter", "n1", "--yes", "--leave-pending"])
      #expect(agreed.status == 0 && agreed.output.contains("STOPPED: NO OTHER NODE CAN TAKE IT\nlarge"), "\(agreed)")
    }
  }

  @Test func `waiting tells every change, to the end and home again`() async throws {
    try await serving(plays: true) { api in
      let run = try await api.holdfast(["evacuate", "n1", "--yes"])
      #expect(run.status == 0, "\(run)")
      #expect(run.output.hasSuffix("n1 is empty: 3 workloads moved away; staying by policy: local.\n"), "\(run)")
      #expect(run.errors.contains("db1: runs on n") && run.errors.contains("local: stays: 'evacuation: stay'"), "\(run)")
      #expect(api.access.truth.holder(of: "db1") != "n1")
      let back = try await api.holdfast(["maintenance", "exit", "n1", "--wait", "--yes"])
      #expect(back.status == 0 && back.output.contains("3 workloads move back as policies say"), "\(back)")
      #expect(back.output.hasSuffix("n1 is out of maintenance.\n"))
      #expect(api.access.truth.holder(of: "db1") == "n1")
    }
  }

  @Test func `an interrupted command says that the evacuation goes on`() async throws {
    try await serving { api in
      let run = try await APIHarness.run(
        ["timeout", "-s", "INT", "2", "\(APIHarness.programs)/holdfast", "evacuate", "n1", "--yes"],
        environment: ["HOLDFAST_SOCKET": api.socket])
      #expect(run.errors.contains("The drain of n1 continues in the background."), "\(run)")
      #expect(run.errors.contains("holdfast maintenance cancel n1"))
      #expect(api.access.truth.maintenance["n1"]?.value.phase == .empty)
    }
  }

  @Test func `screens show maintenance, quarantine, and a cluster that is disarmed`() async throws {
    try await serving { api in
      let now = APIHarness.now()
      api.access.change { state in
        state.cluster.put(.losses("n2"), .losses(LossesRecord(count: 2, last: now)))
        state.cluster.delete(.session("n3-7"))
        state.cluster.put(
          .maintenance("n3"),
          .maintenance(MaintenanceRecord(reason: "kernel", since: now - 60_000, until: now - 1000)))
      }
      let status = try await api.holdfast(["status"])
      #expect(fits(status) && status.output.split(separator: "\n", omittingEmptySubsequences: false).count <= 30, "\(status)")
      for words in [
        "n3: in maintenance since ", "OVERDUE: planned end was ", "The maintenance of n3 is overdue", "down, maint.",
        "Node n2 was lost 2 times recently", "holdfast node clear-failures n2", "holdfast maintenance exit n3", "quarantine"
      ] {
        #expect(status.output.contains(words), "\(words) is missing in\n\(status.output)")
      }
      #expect(!status.output.contains("n3 is down"))
      let nodes = try await api.holdfast(["nodes"])
      for words in [
        "lost 2 times, last at ", "in quarantine for 5 min more. `holdfast node clear-failures n2` ends it.", ": kernel"
      ] {
        #expect(nodes.output.contains(words), "\(words) is missing in\n\(nodes.output)")
      }
      let cleared = try await api.holdfast(["node", "clear-failures", "n2"])
      #expect(cleared.output == "node n2 is out of quarantine; 2 failures cleared.\n", "\(cleared)")

      let disarmed = try await api.holdfast(["disarm", "--for", "30m", "--reason", "new switch", "--yes"])
      #expect(disarmed.status == 0 && disarmed.output.hasPrefix("the cluster is disarmed: "), "\(disarmed)")
      for arguments in [["status"], ["nodes"], ["workloads"], ["maintenance", "status"], ["maintenance", "status", "n3"]] {
        let run = try await api.holdfast(arguments)
        #expect(run.output.contains("DISARMED since ") && run.output.contains("(new switch)"), "\(arguments): \(run)")
      }
      let list: WorkloadList = try await api.holdfast(["workloads", "-o", "json"]).decoded()
      #expect(list.disarm?.reason == "new switch")
      #expect(try await api.holdfast(["status", "--check"]).status == 4)
      #expect(try await api.holdfast(["arm"]).output == "the cluster is armed again.\n")
    }
  }

  @Test func `disarm waits for recoveries in progress`() async throws {
    try await APIHarness.serving { api in
      let late = try await api.holdfast(["disarm", "--yes", "--timeout", "0.2"])
      #expect(late.status == 1 && late.errors.contains("shop1 is still being recovered or moved after 0.2 s"), "\(late)")
      #expect(api.access.truth.disarm == nil)
      let finishing = Task {
        try await Task.sleep(for: .milliseconds(700))
        api.access.change { MadeUpMaintenance.hold("shop1", on: "n1", in: &$0.cluster) }
      }
      let run = try await api.holdfast(["disarm", "--yes"])
      try await finishing.value
      #expect(run.status == 0 && run.errors.contains("waiting for shop1"), "\(run)")
      #expect(api.access.truth.disarm != nil)
    }
  }

  // MARK: rolling drain

  private static let rolling = ["evacuate", "--rolling", "--label", "rack=r2", "--settle", "1s"]

  @Test func `a rolling drain does one node after the other`() async throws {
    try await serving(plays: true) { api in
      let log = api.socket + ".log", command = "echo $HOLDFAST_NODE >> \(log)"
      let dry = try await api.holdfast(Self.rolling + ["--run", command, "--dry-run"])
      #expect(dry.status == 0 && dry.output.contains("To drain n2: ") && dry.output.contains("To drain n3: "), "\(dry)")
      #expect(try await api.holdfast(Self.rolling + ["--run", command]).status == 2)
      let run = try await api.holdfast(Self.rolling + ["--run", command, "--yes"])
      #expect(run.status == 0 && run.output.hasSuffix("All done: n2 and n3.\n"), "\(run)")
      #expect(try String(contentsOfFile: log, encoding: .utf8) == "n2\nn3\n")
      #expect(api.access.truth.maintenance.isEmpty && api.access.truth.holder(of: "web2") == "n2")
    }
  }

  @Test func `a rolling drain stops at a command that fails, and says what is left`() async throws {
    try await serving(plays: true) { api in
      let run = try await api.holdfast(Self.rolling + ["--run", "test $HOLDFAST_NODE = n2", "--yes"])
      #expect(run.status == 1, "\(run)")
      for words in [
        "the command 'test $HOLDFAST_NODE = n2': it exited with status 1 for n3", "n2 is done",
        "`holdfast maintenance exit n3`"
      ] {
        #expect(run.errors.contains(words), "\(words) is missing in\n\(run.errors)")
      }
      #expect(api.access.truth.maintenance.keys.map(\.text) == ["n3"])
    }
  }

  @Test func `a rolling drain stops when a node does not come back, and names the rest`() async throws {
    try await serving(plays: true) { api in
      let gone = Task {
        while api.access.truth.maintenance["n2"] == nil { try await Task.sleep(for: .milliseconds(10)) }
        api.access.change { $0.cluster.delete(.session("n2-7")) }
      }
      let run = try await api.holdfast(Self.rolling + ["--run", "sleep 1", "--return-limit", "1s", "--yes", "-o", "json"])
      try await gone.value
      #expect(run.status == 1 && run.errors.contains("timed out after 1 s waiting for it to be healthy: it is down"), "\(run)")
      #expect(run.errors.contains("Then drain the rest: holdfast evacuate --rolling --node n3 --run 'sleep 1'"), "\(run)")
      #expect(run.output.contains("\"remaining\" : [\n    \"n2\",\n    \"n3\"\n  ]"), "\(run)")
    }
  }

  @Test func `a rolling drain begins only where it can end`() async throws {
    try await serving { api in
      let own = try await api.holdfast(["evacuate", "--rolling", "--node", "n1", "--run", "true", "--yes"])
      #expect(own.status == 1 && own.errors.contains("this command talks to its holdfastd"), "\(own)")
      api.access.change { $0.cluster.delete(.session("n3-7")) }
      let down = try await api.holdfast(Self.rolling + ["--run", "true", "--yes"])
      #expect(down.status == 1 && down.errors.contains("node n3: it is down"), "\(down)")
      #expect(api.access.truth.maintenance.isEmpty)
    }
  }
}
