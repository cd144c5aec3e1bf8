import Foundation
import HoldfastAPI
import HoldfastModel
import HoldfastPlanning
import Subprocess
import Testing

/// `holdfast rebalance` as a process, against a server.
@Suite(.serialized) struct `API: rebalance` {
  /// Three nodes that are up, and most of what runs is on n1.
  private func serving(
    policies: String? = nil, _ body: (APIHarness, [Rebalance.Move]) async throws -> Void
  ) async throws {
    try await APIHarness.serving { api in
      MadeUpMaintenance.prepare(api.access)
      api.access.change { state in
        for number in 1...3 { state.cluster.run(WorkloadName("extra\(number)"), 1024, on: "n1") }
        for name: WorkloadName in ["db1", "vm1", "web1", "extra1"] {
          guard case .spec(var spec)? = state.cluster.store.entries[.spec(name)]?.value else { continue }
          spec.stopTimeout = 0
          state.cluster.put(.spec(name), .spec(spec))
        }
        if let policies {
          state.cluster.put(.policies, .policies(PoliciesRecord(files: [PolicyText(file: "p.yaml", text: policies)])))
        }
      }
      let plan: Rebalance = try await api.holdfast(["rebalance", "--dry-run", "-o", "json"]).decoded()
      try await body(api, plan.moves)
    }
  }

  private func carryOut(_ api: APIHarness, failing: Set<WorkloadName> = [], along: [WorkloadName: WorkloadName] = [:]) {
    api.access.change { $0.moves = MadeUpMoves(failing: failing, along: along) }
  }

  @Test func `nothing is moved unasked`() async throws {
    try await serving { api, moves in
      #expect(moves.count > 2)
      let asked = try await api.holdfast(["rebalance"])
      #expect(asked.status == 2 && asked.errors.contains("--yes"), "\(asked)")
      #expect(api.access.truth.intents.values.allSatisfy { $0.value.move == nil })
    }
  }

  @Test func `a move begins when what moved before it runs on its node, and each is told`() async throws {
    try await serving { api, moves in
      carryOut(api)
      let run = try await api.holdfast(["rebalance", "--yes"])
      #expect(run.status == 0, "\(run)")
      let carried = try #require(api.access.moves)
      #expect(carried.asked == moves.map(\.workload) && carried.mostAtOnce == 1)
      for move in moves { #expect(api.access.truth.holder(of: move.workload) == move.to) }
      let told = run.output.split(separator: "\n").filter { $0.contains(" runs on ") }.map(String.init)
      #expect(told == moves.map { "\($0.workload) runs on \($0.to)" })
    }
  }

  @Test func `one that does not start where it should ends the rest`() async throws {
    try await serving { api, moves in
      try #require(moves.count > 2)
      let (first, second, rest) = (moves[0], moves[1], moves[2...])
      carryOut(api, failing: [second.workload])
      let run = try await api.holdfast(["rebalance", "--yes"])
      #expect(run.status == 1 && run.output.contains("\(first.workload) runs on \(first.to)\n"), "\(run)")
      let why = "workload \(second.workload): it did not start on \(second.to), and is to run on n1: \(MadeUpMoves.failure)"
      #expect(run.errors.contains(why), "\(run)")
      #expect(!run.output.contains("\(second.workload) runs on"), "\(run)")
      #expect(run.errors.contains("Not begun: "), "\(run)")
      for move in rest {
        #expect(run.errors.contains("\(move.workload) to \(move.to)"), "\(run)")
        #expect(api.access.truth.intents[move.workload]?.value.move == nil)
      }
      #expect(api.access.moves?.asked == [first.workload, second.workload])
    }
  }

  @Test func `for scripts, what was asked for is one object and what failed another`() async throws {
    try await serving { api, moves in
      try #require(moves.count > 2)
      carryOut(api, failing: [moves[1].workload])
      let run = try await api.holdfast(["rebalance", "--yes", "-o", "json"])
      let results: CommandResults = try run.decoded()
      #expect(results.results.map(\.workload) == moves[..<2].map(\.workload.text) && !results.isDryRun)
      let last = try #require(run.errors.split(separator: "\n").last)
      let error = try JSONDecoder().decode(ErrorBody.self, from: Data(last.utf8))
      #expect(run.status == 1 && error.thing == "workload \(moves[1].workload)", "\(run)")
    }
  }

  /// The node is put into maintenance after the plan was made, by somebody who is faster than the second move.
  @Test func `one that the daemon refuses ends the rest`() async throws {
    try await serving { api, moves in
      try #require(moves.count > 2)
      carryOut(api)
      let maintenance = MaintenanceRecord(since: 1)
      let target = moves[0].to
      api.access.change {
        $0.rival = ClusterTransaction(
          if: [],
          write: Set(moves.map(\.to)).subtracting([target]).map { .put(.maintenance($0), .maintenance(maintenance)) })
      }
      let run = try await api.holdfast(["rebalance", "--yes"])
      #expect(run.status == 1 && run.output.contains("REFUSED: "), "\(run)")
      #expect(run.errors.contains("Not begun: "), "\(run)")
      #expect(api.access.moves?.asked == [moves[0].workload])
    }
  }

  /// Nobody carries the first one out.
  @Test func `one that takes too long ends the rest`() async throws {
    try await serving { api, moves in
      let run = try await api.holdfast(["rebalance", "--yes", "--timeout", "0.5"])
      #expect(run.status == 1 && run.errors.contains("workload \(moves[0].workload): timed out after 0.5 s"), "\(run)")
      #expect(run.errors.contains("Not begun: "), "\(run)")
      #expect(api.access.truth.intents.filter { $0.value.value.move != nil }.keys.sorted() == [moves[0].workload])
    }
  }

  @Test func `an interrupted command says what goes on and what was not begun`() async throws {
    try await serving { api, moves in
      try #require(moves.count > 2)
      let run = try await APIHarness.run(
        ["timeout", "-s", "INT", "2", "\(APIHarness.programs)/holdfast", "rebalance", "--yes"],
        environment: ["HOLDFAST_SOCKET": api.socket])
      #expect(run.errors.contains("The move of \(moves[0].workload) to \(moves[0].to) continues in the background."), "\(run)")
      #expect(run.errors.contains("Not begun: \(moves[1].workload) to \(moves[1].to)"), "\(run)")
      #expect(api.access.truth.intents.filter { $0.value.value.move != nil }.keys.sorted() == [moves[0].workload])
    }
  }

  @Test func `what is taken along is waited for, too`() async throws {
    let policies = "workloads: [{name: shop, for: db1 or web1, keep-together: node}]"
    try await serving(policies: policies) { api, moves in
      let unit = try #require(moves.first { !$0.with.isEmpty })
      #expect(unit.workload == "db1" && unit.with == ["web1"] && moves.count > 1)
      carryOut(api, along: ["db1": "web1"])
      let run = try await api.holdfast(["rebalance", "--yes"])
      #expect(run.status == 0 && run.output.contains("db1 and web1 run on \(unit.to)\n"), "\(run)")
      #expect(api.access.moves?.mostAtOnce == 1)
      #expect(api.access.truth.holder(of: "web1") == unit.to)
    }
  }
}
