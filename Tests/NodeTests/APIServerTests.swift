import Foundation
import GuardCore
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPorts
import Testing

@Suite(.serialized) struct `API: the server` {
  private static func definition(_ name: String, memory: Int = 512) -> WorkloadDefinition {
    WorkloadDefinition(
      name: name, connection: MadeUpCluster.lxc, xml: "<domain type='lxc'><name>\(name)</name></domain>",
      demand: Resources(memory: memory, cpus: 1))
  }

  // MARK: reading

  @Test func `everything can be read`() async throws {
    try await APIHarness.serving { api in
      let status: ClusterStatus = try await api.get("/v1/status").decoded()
      #expect(status.cluster == "prod" && status.node == "n1" && status.health == .critical)
      let nodes: NodeList = try await api.get("/v1/nodes").decoded()
      #expect(nodes.nodes.map(\.name) == ["n1", "n2", "n3"])
      let workloads: WorkloadList = try await api.get("/v1/workloads").decoded()
      #expect(workloads.workloads.count == 9)
      let detail: WorkloadDetail = try await api.get("/v1/workloads/shop1").decoded()
      #expect(detail.workload.failures["n2"]?.count == 2 && detail.history.count == 3)
      #expect(detail.workload.others["n3"] == "is down" && detail.workload.otherCodes == ["n3": "down"])
      #expect(detail.xml?.contains("<name>shop1</name>") == true)
      let domains: DomainList = try await api.get("/v1/domains").decoded()
      #expect(domains.node == "n1" && domains.domains.map(\.name) == ["db1", "old", "web1", "wiki", "wiki-test"])
      #expect(domains.domains.map { $0.workload != nil } == [true, false, true, false, false])
      #expect(domains.domains[1].stray == "marked as old of the cluster attic")
      let history: HistoryPage = try await api.get("/v1/history?workload=shop1&limit=2").decoded()
      #expect(history.lines.map(\.kind) == ["startFailed", "placed"])
      let events: HistoryPage = try await api.get("/v1/events").decoded()
      #expect(events.lines.count == 10)
    }
  }

  @Test func `what is not there is answered in words`() async throws {
    try await APIHarness.serving { api in
      let workload = try await api.get("/v1/workloads/shop2")
      #expect(workload.status == 404 && workload.error?.remedy.contains("Did you mean shop1?") == true)
      let version = try await api.get("/v2/status")
      #expect(version.status == 404 && version.error?.remedy.contains("v1") == true)
      let path = try await api.get("/v1/nothing")
      #expect(path.status == 404 && path.error?.reason.contains("no such path") == true)
      let root = try await api.get("/")
      #expect(root.status == 404 && root.error != nil)
      let method = try await api.post("/v1/status")
      #expect(method.status == 405 && method.error?.remedy.hasPrefix("It takes ") == true, "\(method)")
      let limit = try await api.get("/v1/history?limit=many")
      #expect(limit.status == 400 && limit.error?.thing == "the parameter limit")
    }
  }

  @Test(arguments: ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
  func `another method is told from a path that there is not`(_ method: String) async throws {
    try await APIHarness.serving { api in
      for (path, allow) in [
        ("status", "GET"), ("workloads", "GET, POST"), ("workloads/web1", "GET"), ("workloads/web1/stop", "POST"),
        ("disarm", "POST"), ("nodes/n2/maintenance", "GET, POST"), ("nothing", nil), ("workloads/web1/nothing", nil)
      ] as [(String, String?)] {
        let answer = try await api.ask("/v1/\(path)", with: method)
        #expect(answer.allow == allow && answer.status == (allow == nil ? 404 : 405), "\(path): \(answer)")
        #expect(try await api.get("/v1/status").status == 200, "the connection serves on")
      }
    }
  }

  // MARK: commands

  @Test func `apply creates, changes and leaves alone`() async throws {
    try await APIHarness.serving { api in
      let request = ApplyRequest(workloads: [Self.definition("new1"), Self.definition("new2")])
      let dry: CommandResults = try await api.post("/v1/workloads?dryRun=true", request).decoded()
      #expect(dry.isDryRun && dry.results.map(\.effect) == [.created, .created])
      #expect(api.access.truth.specs["new1"] == nil)

      let first: CommandResults = try await api.post("/v1/workloads", request).decoded()
      #expect(!first.isDryRun && first.results.map(\.effect) == [.created, .created])
      #expect(api.access.truth.specs["new1"]?.value.uuid == NameUUID.derived(cluster: "prod", workload: "new1"))

      let change = ApplyRequest(workloads: [Self.definition("new1", memory: 600), Self.definition("new2")])
      let second: CommandResults = try await api.post("/v1/workloads", change).decoded()
      #expect(second.results.map(\.effect) == [.changed, .unchanged])
      #expect(second.results.first?.fields == ["demand.memory"])
      #expect(api.access.truth.specs["new1"]?.value.demand.memory == 600)
    }
  }

  @Test func `one that fails hides no other, but a file that contradicts itself does nothing`() async throws {
    try await APIHarness.serving { api in
      let mixed = try await api.post(
        "/v1/workloads", ApplyRequest(workloads: [Self.definition("wiki"), Self.definition("new1")]))
      #expect(mixed.status == 207)
      let results: CommandResults = try mixed.decoded()
      #expect(results.results.map(\.effect) == [.failed, .created])
      #expect(results.results.first?.error?.remedy.contains("holdfast adopt") == true)

      let twice = try await api.post(
        "/v1/workloads", ApplyRequest(workloads: [Self.definition("x"), Self.definition("y"), Self.definition("x")]))
      #expect(twice.status == 400 && twice.error?.reason == "it is defined twice")
      #expect(api.access.truth.specs["y"] == nil)
    }
  }

  @Test func `adopt asks for protection on this node`() async throws {
    try await APIHarness.serving { api in
      let ids = ["wiki", "old", "nobody"].map { DomainID(connection: MadeUpCluster.lxc, name: $0) }
      let answer = try await api.post("/v1/adopt", AdoptRequest(domains: ids, priority: 3, isolation: .stop))
      #expect(answer.status == 207)
      let results: CommandResults = try answer.decoded()
      #expect(results.results.map(\.effect) == [.adopted, .failed, .failed])
      #expect(results.results[1].error?.reason.contains("attic") == true)
      #expect(api.access.truth.intents["wiki"]?.value == IntentRecord(desired: .adopting, adopter: "n1"))
      #expect(api.access.truth.specs["wiki"]?.value.isolation == .stop)
      #expect(results.results.allSatisfy { $0.warnings == nil })
    }
  }

  @Test func `start, stop, release and move`() async throws {
    try await APIHarness.serving { api in
      for (path, desired) in [
        ("web1/stop", IntentRecord.Desired.stopped), ("web1/start", .running), ("mail/release", .unprotected)
      ] {
        let results: CommandResults = try await api.post("/v1/workloads/\(path)").decoded()
        #expect(results.results.map(\.effect) == [.requested])
        let name = WorkloadName(String(path.prefix(4)))
        #expect(api.access.truth.intents[name]?.value.desired == desired)
      }
      let restart: CommandResults = try await api.post("/v1/workloads/web1/restart").decoded()
      #expect(restart.results.map(\.effect) == [.requested])
      #expect(api.access.truth.intents["web1"]?.value.errand == .restart)
      let move: CommandResults = try await api.post("/v1/workloads/web1/move", MoveRequest(to: "n2")).decoded()
      #expect(move.results.first?.moveSerial == 1)
      #expect(api.access.truth.intents["web1"]?.value.move == .init(to: "n2", serial: 1))
      let down = try await api.post("/v1/workloads/web1/move", MoveRequest(to: "n3"))
      #expect(down.status == 409 && down.error?.reason.contains("no session") == true)
      let nowhere = try await api.post("/v1/workloads/web1/move", MoveRequest(to: "n4"))
      #expect(nowhere.status == 404 && nowhere.error?.remedy.contains("Did you mean n") == true)
    }
  }

  @Test func `somebody who was faster makes it look again`() async throws {
    try await APIHarness.serving { api in
      api.access.change {
        $0.rival = ClusterTransaction(
          if: [], write: [.put(.intent("web1"), .intent(IntentRecord(desired: .running, move: .init(to: "n2", serial: 9))))])
      }
      let results: CommandResults = try await api.post("/v1/workloads/web1/stop").decoded()
      #expect(results.results.first?.effect == .requested)
      #expect(api.access.truth.intents["web1"]?.value == IntentRecord(desired: .stopped, move: .init(to: "n2", serial: 9)))
    }
  }

  @Test func `a mirror that lags is caught up by the store's answer`() async throws {
    try await APIHarness.serving { api in
      let old = api.access.truth
      _ = try await api.post("/v1/workloads/web1/stop")
      api.access.change { $0.staleView = old }
      let results: CommandResults = try await api.post("/v1/workloads/web1/stop").decoded()
      #expect(results.results.first?.effect == .unchanged)
    }
  }

  @Test func `a store that does not answer is told for what it is`() async throws {
    try await APIHarness.serving { api in
      api.access.change {
        $0.storeError = .unknownOutcome(reason: "timed out")
        $0.silence = 7.5
      }
      let answer = try await api.post("/v1/workloads/web1/stop")
      #expect(answer.status == 504 && answer.error?.kind == "unknown-outcome")
      #expect(answer.error?.reason.contains("may or may not have been applied") == true)
      #expect(answer.error?.remedy.contains("`holdfast workload web1` shows what is so") == true)
      let status: ClusterStatus = try await api.get("/v1/status").decoded()
      #expect(status.health == .critical && status.reasons.first?.contains("7.5 s") == true)
    }
  }

  // MARK: what cannot be understood

  @Test(arguments: [
    ("", "it is not JSON"), ("{", "it is not JSON"), ("[]", "it is not an object"), ("{}", "'workloads' is missing"),
    (#"{"workloads":[{"connection":"x"}]}"#, "'workloads[0].name' is missing"),
    (
      #"{"workloads":[{"name":"x","connection":"lxc:///","xml":"","demand":{"memory":"much","cpus":1}}]}"#,
      "workloads[0].demand.memory"
    ),
    (
      #"{"workloads":[{"name":"x","connection":"lxc:///","xml":"","demand":{"memory":1,"cpus":1},"isolation":"pray"}]}"#,
      "isolation"
    )
  ]) func `a malformed body is refused with the field`(_ body: String, _ words: String) async throws {
    try await APIHarness.serving { api in
      let answer = try await api.post("/v1/workloads", raw: Data(body.utf8))
      #expect(answer.status == 400)
      #expect(answer.error?.reason.contains(words) == true, "\(String(decoding: answer.body, as: UTF8.self))")
    }
  }

  @Test(arguments: [
    ("workloads", "Send fewer workloads at once"), ("adopt", "Send fewer domains"), ("policies", "Select by labels"),
    ("disarm", "Send the few fields"), ("nodes/n2/maintenance", "Send the few fields"),
    ("workloads/web1/stop", "Send the few fields")
  ])
  func `a body of more than 16 MiB is refused, and the server goes on`(_ path: String, _ remedy: String) async throws {
    try await APIHarness.serving { api in
      let answer = try await api.post("/v1/\(path)", raw: Data(repeating: 0x20, count: 17 << 20))
      #expect(answer.status == 413 && answer.error?.reason.contains("16 MiB") == true, "\(answer)")
      #expect(answer.error?.remedy.hasPrefix(remedy) == true, "\(answer)")
      #expect(try await api.get("/v1/status").status == 200)
    }
  }

  @Test func `noise on the socket harms nobody`() async throws {
    try await APIHarness.serving { api in
      for noise in ["GET / HTTP/9\\r\\n\\r\\n", "\\0\\377\\376", "POST /v1/adopt HTTP/1.1\\r\\nContent-Length: 5\\r\\n\\r\\nab"]
      {
        _ = try await APIHarness.run([
          "python3", "-c",
          "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.send(b'\(noise)'); s.close()",
          api.socket
        ])
      }
      #expect(try await api.get("/v1/status").status == 200)
    }
  }
}
