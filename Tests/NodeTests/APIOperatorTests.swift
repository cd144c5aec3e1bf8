import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import Testing

/// Commands that say at once what stands against them, and a node that goes for good.
@Suite(.serialized) struct `API: what operators ask for` {
  @Test func `a move that cannot be is refused at once, also when it is only tried`() async throws {
    try await APIHarness.serving { api in
      api.access.change { $0.cluster.put(.maintenance("n2"), .maintenance(MaintenanceRecord(since: 1))) }
      for options in [["--yes"], ["--dry-run"]] {
        let run = try await api.holdfast(["move", "web1", "--to", "n2"] + options)
        #expect(run.status == 1 && run.output.contains("it is in maintenance, so nothing is placed there"), "\(run)")
      }
      api.access.change { state in
        state.cluster.delete(.maintenance("n2"))
        let text = "workloads:\n  - name: home\n    for: web1\n    only-on: n1\n"
        state.cluster.put(.policies, .policies(PoliciesRecord(files: [PolicyText(file: "home.yaml", text: text)])))
      }
      let run = try await api.holdfast(["move", "web1", "--to", "n2", "--yes"])
      #expect(run.status == 1 && run.output.contains("n2 may not take it: 'home' allows other nodes only"), "\(run)")
      #expect(api.access.truth.intents["web1"]?.value.move == nil)
      #expect(try await api.holdfast(["move", "web2", "--to", "n1", "--yes"]).status == 0)
    }
  }

  @Test func `a move that ended elsewhere is told with what happened`() async throws {
    try await APIHarness.serving { api in
      let playing = Task {
        while api.access.truth.intents["web1"]?.value.move == nil { try await Task.sleep(for: .milliseconds(10)) }
        api.access.change { state in
          state.cluster.put(
            .placement("web1"), .placement(PlacementRecord(node: "n1", reason: "least loaded: 24 % with it", servedMove: 1)))
          state.cluster.put(
            .claim("web1"),
            .claim(
              ClaimRecord(
                epoch: Epoch(13), holder: .init(node: "n1", incarnation: "n1-7"), activity: .starting,
                failures: ["n2": .init(count: 1, reason: "No space left on device")])))
        }
      }
      let run = try await api.holdfast(["move", "web1", "--to", "n2", "--yes", "--wait"])
      try await playing.value
      #expect(run.status == 1, "\(run)")
      #expect(
        run.errors.contains("it did not start on n2, and is to run on n1: No space left on device"), "\(run)")
    }
  }

  @Test func `what is left of workloads on nodes is listed, and removed when somebody agrees`() async throws {
    try await APIHarness.serving { api in
      let none = try await api.holdfast(["leftovers"])
      #expect(none.status == 0 && none.output.hasPrefix("No node has anything else defined"), "\(none)")
      let left = [
        LeftoverDefinition(of: "db1", otherUUID: "00000000-0000-4000-8000-000000000009"),
        LeftoverDefinition(of: "web1", autostart: true)
      ]
      api.access.change { state in
        for node: NodeName in ["n2", "n3"] {
          state.cluster.put(
            .report(node),
            .report(
              ReportRecord(
                unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [], leftovers: left)))
        }
      }
      let list = try await api.holdfast(["leftovers"])
      for words in [
        "web1", "n3 (down)", "shut off", "yes", "a definition of it is left there", "holdfast leftovers remove web1",
        "on n2: `virsh -c lxc:///system undefine db1` there"
      ] {
        #expect(list.output.contains(words), "\(words) is missing in\n\(list.output)")
      }
      let parsed = try await api.holdfast(["leftovers", "list", "-o", "json"]).decoded(LeftoverList.self)
      #expect(parsed.leftovers.map(\.node) == ["n2", "n3", "n2", "n3"] && parsed.removing.isEmpty)
      let screen = try await api.holdfast(["workload", "web1"])
      #expect(screen.output.contains("n2: a definition of it is left there; libvirt starts it when n2 boots"), "\(screen)")

      let dry = try await api.holdfast(["leftovers", "remove", "web1", "--dry-run"])
      #expect(dry.status == 0 && dry.output.contains("its shut-off definition on n2 and n3 is removed"), "\(dry)")
      #expect(try await api.holdfast(["leftovers", "remove", "web1"]).status == 2, "there is nobody to ask")
      #expect(api.access.truth.intents["web1"]?.value.removesLeftovers == nil)
      let run = try await api.holdfast(["leftovers", "remove", "web*", "--yes"])
      #expect(run.status == 0, "\(run)")
      #expect(api.access.truth.intents["web3"]?.value == IntentRecord(desired: .running, removesLeftovers: true))
      let after = try await api.holdfast(["leftovers"])
      #expect(after.output.contains("Nodes remove what is left of web1, web2 and web3"), "\(after)")
      #expect(try await api.holdfast(["leftovers", "keep", "web*"]).status == 0)
      #expect(api.access.truth.intents["web1"]?.value == IntentRecord(desired: .running))
      #expect(try await api.holdfast(["leftovers", "remove", "nobody", "--yes"]).status == 1)
    }
  }

  @Test func `apply says where a workload cannot start, and adoption may have leftovers removed`() async throws {
    try await APIHarness.serving { api in
      api.access.change { $0.leftovers = [LeftoverDefinition(of: "fresh"), LeftoverDefinition(of: "web1")] }
      let definition = WorkloadDefinition(
        name: "fresh", connection: "lxc:///system", xml: "<domain type='lxc'/>", demand: Resources(memory: 64, cpus: 1))
      let answer = try await api.post("/v1/workloads", ApplyRequest(workloads: [definition]))
      let results: CommandResults = try answer.decoded()
      #expect(
        results.results.first?.warnings?.contains(
          "n1: a definition of it is left there, so it cannot start there: `holdfast leftovers remove fresh`") == true,
        "\(results)")
      let run = try await api.holdfast(["adopt", "wiki", "--remove-leftovers"])
      #expect(run.status == 0 && run.output.contains("shut-off definitions of it on other nodes are removed"), "\(run)")
      #expect(api.access.truth.intents["wiki"]?.value.removesLeftovers == true)
    }
  }

  @Test func `a node that is down for good is removed when somebody agrees`() async throws {
    try await APIHarness.serving { api in
      let up = try await api.holdfast(["node", "remove", "n2", "--yes"])
      #expect(up.status == 1 && up.errors.contains("it is up: it has a session"), "\(up)")
      let dry = try await api.holdfast(["node", "remove", "n3", "--dry-run"])
      #expect(dry.status == 0 && dry.output.hasPrefix("Nothing was done. What would happen: node n3 is removed"), "\(dry)")
      #expect(try await api.holdfast(["node", "remove", "n3"]).status == 2)
      #expect(api.access.truth.nodes["n3"] != nil)

      api.access.change { state in
        for slot in [0, 255] {
          let line = HistoryRecord(time: 1, node: "n3", serial: Int64(slot), note: Note(.started, "x"))
          state.cluster.put(.history("n3", slot: slot), .history(line))
        }
      }
      let done = try await api.holdfast(["node", "remove", "n3", "--yes"])
      #expect(done.status == 0 && done.output.hasPrefix("node n3 is removed"), "\(done)")
      let view = api.access.truth
      #expect(view.nodes.keys.sorted() == ["n1", "n2"] && view.reports["n3"] == nil && view.sessions.count == 2)
      api.access.change { state in
        let left = state.cluster.store.entries.keys.filter { if case .history("n3", _) = $0 { true } else { false } }
        #expect(left.isEmpty)
      }
      let nodes: NodeList = try await api.get("/v1/nodes").decoded()
      #expect(nodes.nodes.map(\.name) == ["n1", "n2"])
      let told: HistoryPage = try await api.get("/v1/history?limit=1").decoded()
      #expect(told.lines.first?.kind == "nodeRemoved" && told.lines.first?.subject == "n3")
      #expect(try await api.holdfast(["node", "remove", "n3", "--yes"]).status == 1)
    }
  }

  @Test func `a node gets the name that its configuration has, when somebody agrees`() async throws {
    let log = RecordedLog()
    try await APIHarness.serving(log: log) { api in
      let up = try await api.holdfast(["node", "rename", "n2", "db-2", "--yes"])
      #expect(up.status == 1 && up.errors.contains("it is up: it has a session"), "\(up)")
      let held = try await api.holdfast(["node", "rename", "n3", "db-3", "--dry-run"])
      #expect(held.status == 1 && held.errors.contains("it ran db2 last"), "\(held)")
      api.access.change { state in
        state.cluster.put(.claim("db2"), .claim(ClaimRecord(epoch: Epoch(3), holder: nil)))
        state.cluster.put(
          .placement("db2"),
          .placement(PlacementRecord(node: nil, reason: PlacementReason(text: "no node can take it"), home: "n3")))
        state.cluster.put(
          .policies,
          .policies(
            PoliciesRecord(files: [.init(file: "a.yaml", text: "workloads:\n  - name: big\n    for: all\n    avoid: n3\n")])))
      }
      let named = try await api.holdfast(["node", "rename", "n3", "db-3", "--yes"])
      #expect(named.status == 1 && named.errors.contains("policies tell it from db-3: 'big'"), "\(named)")
      api.access.change { $0.cluster.delete(.policies) }

      let dry = try await api.holdfast(["node", "rename", "n3", "db-3", "--dry-run"])
      #expect(dry.status == 0 && dry.output.hasPrefix("Nothing was done. What would happen: node n3 is db-3"), "\(dry)")
      #expect(try await api.holdfast(["node", "rename", "n3", "db-3"]).status == 2, "there is nobody to ask")
      #expect(api.access.truth.nodes["n3"] != nil)

      // Somebody else is faster with one of the records: it is looked at again.
      let home = PlacementRecord(node: "n1", reason: PlacementReason(text: "least loaded"), home: "n3")
      api.access.change { $0.rival = ClusterTransaction(if: [], write: [.put(.placement("db2"), .placement(home))]) }
      let done = try await api.holdfast(["node", "rename", "n3", "db-3", "--yes"])
      #expect(done.status == 0 && done.output.hasPrefix("node n3 is db-3 from now on"), "\(done)")
      let view = api.access.truth
      #expect(view.nodes.keys.sorted() == ["db-3", "n1", "n2"] && view.reports["n3"] == nil)
      #expect(view.placements["db2"]?.value.home == "db-3" && view.placements["db2"]?.value.node == "n1")
      let told: HistoryPage = try await api.get("/v1/history?limit=1").decoded()
      #expect(told.lines.first?.text.hasPrefix("n3 is db-3 from now on (user ") == true && told.lines.first?.subject == "n3")
      #expect(try await api.holdfast(["node", "rename", "n3", "db-3", "--yes"]).status == 1)
    }
    let audited = log.lines.filter { $0["path"] == "/v1/nodes/n3/rename" }
    #expect(audited.contains { $0["to"] == "db-3" && $0["status"] == "200" }, "\(audited)")
  }
}
