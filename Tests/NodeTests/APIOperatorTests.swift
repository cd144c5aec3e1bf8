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
}
