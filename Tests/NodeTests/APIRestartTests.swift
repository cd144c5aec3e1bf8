import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import Testing

/// `holdfast restart` and `holdfast console`, as they are typed.
@Suite struct `API: restart and console` {
  @Test func `a restart is shown, asked about, and asked for`() async throws {
    try await APIHarness.serving { api in
      let dry = try await api.holdfast(["restart", "web1", "--dry-run"])
      #expect(dry.status == 0 && dry.output.contains("web1  is shut down on n1 (destroyed after 30 s)"), "\(dry)")
      let unasked = try await api.holdfast(["restart", "web1"])
      #expect(unasked.status == 2 && unasked.errors.contains("--yes"), "\(unasked)")
      #expect(api.access.truth.intents["web1"]?.value.errand == nil)
      #expect(try await api.holdfast(["restart", "web1", "-y"]).status == 0)
      #expect(api.access.truth.intents["web1"]?.value.errand == .restart)
      let refused = try await api.holdfast(["restart", "cache", "web2", "-y"])
      #expect(refused.status == 1 && refused.output.contains("REFUSED: it is stopped"), "\(refused)")
      #expect(api.access.truth.intents["web2"]?.value.errand == .restart, "what is refused holds nobody up")
      #expect(try await api.holdfast(["restart", "web1", "--at-once", "0", "-y"]).status == 2)
    }
  }

  /// Nobody carries the first one out here: the others are not begun.
  @Test func `the next one waits for the one before, and is not begun when that does not come back`() async throws {
    try await APIHarness.serving { api in
      api.access.change { state in
        for name: WorkloadName in ["web1", "web2", "web3"] {
          guard case .spec(var spec)? = state.cluster.store.entries[.spec(name)]?.value else { continue }
          spec.stopTimeout = 0
          state.cluster.put(.spec(name), .spec(spec))
        }
      }
      let run = try await api.holdfast(["restart", "web*", "-y", "--timeout", "0.5"])
      #expect(run.status == 1 && run.errors.contains("workload web1: timed out after 0.5 s"), "\(run)")
      #expect(run.errors.contains("Not begun: web2 and web3."), "\(run)")
      let intents = api.access.truth.intents
      #expect(intents["web1"]?.value.errand == .restart && intents["web2"]?.value.errand == nil)
      let two = try await api.holdfast(["restart", "web*", "-y", "--timeout", "0.5", "--at-once", "2"])
      #expect(two.status == 1 && two.errors.contains("Not begun: web3."), "\(two)")
      #expect(api.access.truth.intents["web2"]?.value.errand == .restart)
    }
  }

  @Test func `only what is outdated`() async throws {
    try await APIHarness.serving { api in
      api.access.change { state in
        guard case .report(var report)? = state.cluster.store.entries[.report("n2")]?.value else { return }
        report.outdated = ["web3"]
        state.cluster.put(.report("n2"), .report(report))
      }
      let run = try await api.holdfast(["restart", "*", "--outdated", "-y"])
      #expect(run.status == 0 && run.output.contains("web3  is shut down on n2"), "\(run)")
      #expect(run.output.contains("started there again, from its changed definition"), "\(run)")
      #expect(api.access.truth.intents.values.count { $0.value.errand != nil } == 1)
    }
  }

  @Test func `a console is where the workload runs`() async throws {
    try await APIHarness.serving { api in
      let here = try await api.holdfast(["console", "web1", "--print"])
      #expect(here.status == 0 && here.output == "virsh -c lxc:///system console web1\n", "\(here)")
      #expect(here.errors == "On n1, which is this node:\n", "\(here)")
      let away = try await api.holdfast(["console", "web2", "--print"])
      #expect(away.output.hasSuffix(" console web2\n") && away.errors == "On n2:\n", "\(away)")
      let json = try await api.holdfast(["console", "web2", "-o", "json"])
      #expect(
        json.status == 0 && json.output.contains("\"isHere\" : false") && json.output.contains("\"node\" : \"n2\""), "\(json)")
      let there = try await api.holdfast(["console", "web2"])
      #expect(there.status == 1 && there.errors.contains("it runs on n2") && there.errors.contains("console web2`"), "\(there)")
      let bare = try await api.holdfast(["console", "web1"])
      #expect(bare.status == 2 && bare.errors.contains("no terminal"), "\(bare)")
      #expect(try await api.holdfast(["console", "db2"]).errors.contains("no node runs it"))
    }
  }
}
