import HoldfastAPI
import HoldfastModel
import HoldfastPlanning
import HoldfastPorts
import Testing

@Suite(.serialized) struct `API: policies` {
  private static let rule = PolicyText(
    file: "rack.yaml", text: "workloads:\n  - {name: databases, for: 'db*', never-on: n2}\n")

  @Test func `come into force as a whole, once for each look`() async throws {
    try await APIHarness.serving { api in
      let none: PoliciesInForce = try await api.get("/v1/policies").decoded()
      #expect(none.files.isEmpty && none.revision == 0)
      let request = PoliciesRequest(files: [Self.rule], revision: 0)
      let dry: PoliciesInForce = try await api.post("/v1/policies?dryRun=true", request).decoded()
      #expect(dry.revision == 0 && api.access.truth.policies == nil)

      let done: PoliciesInForce = try await api.post("/v1/policies", request).decoded()
      #expect(done.files == [Self.rule] && done.revision > 0)
      #expect(api.access.truth.policies?.value.files == [Self.rule])
      // By somebody who has not seen them.
      let late = try await api.post("/v1/policies", PoliciesRequest(files: [], revision: 0))
      #expect(late.status == 409 && late.error?.remedy.contains("policy diff") == true)
      let seen: PoliciesInForce = try await api.get("/v1/policies").decoded()
      #expect(seen == done)
      let same: PoliciesInForce = try await api.post(
        "/v1/policies", PoliciesRequest(files: [Self.rule], revision: seen.revision)
      ).decoded()
      #expect(same == seen, "nothing is written for nothing")
      let away: PoliciesInForce = try await api.post(
        "/v1/policies", PoliciesRequest(files: [], revision: seen.revision)
      ).decoded()
      #expect(away.files.isEmpty)
    }
  }

  @Test func `take the place of a record that nobody can read`() async throws {
    try await APIHarness.serving { api in
      api.access.change { $0.cluster.put(.policies, .unreadable(reason: "no JSON")) }
      let done: PoliciesInForce = try await api.post("/v1/policies", PoliciesRequest(files: [Self.rule], revision: 0)).decoded()
      #expect(done.files == [Self.rule] && api.access.truth.policies?.value.files == [Self.rule])
      let late = try await api.post("/v1/policies", PoliciesRequest(files: [], revision: 0))
      #expect(late.status == 409, "only in its place: \(late)")
    }
  }

  @Test func `that cannot be used are refused with every mistake`() async throws {
    try await APIHarness.serving { api in
      let wrong = PolicyText(file: "wrong.yaml", text: "workloads:\n  - {name: x, for: all, nver-on: n2}\n  - {for: a b}\n")
      let answer = try await api.post("/v1/policies", PoliciesRequest(files: [Self.rule, wrong], revision: 0))
      #expect(answer.status == 400)
      #expect(answer.error?.reason.contains("did you mean 'never-on'?") == true)
      #expect(answer.error?.reason.contains("wrong.yaml:3") == true)
      let huge = PolicyText(file: "huge.yaml", text: String(repeating: "# nothing\n", count: 200_000))
      let tooMuch = try await api.post("/v1/policies", PoliciesRequest(files: [huge], revision: 0))
      #expect(tooMuch.status == 400 && tooMuch.error?.reason.contains("bytes") == true)
      #expect(api.access.truth.policies == nil)
    }
  }

  @Test func `of which nobody knows whether they are in force are told so`() async throws {
    try await APIHarness.serving { api in
      api.access.change { $0.storeError = .unknownOutcome(reason: "timed out") }
      let answer = try await api.post("/v1/policies", PoliciesRequest(files: [Self.rule], revision: 0))
      #expect(answer.status == 504 && answer.error?.kind == "unknown-outcome")
      #expect(answer.error?.remedy.contains("`holdfast policy show` shows what is so") == true)
    }
  }

  @Test func `a snapshot has all that the planner sees, and the policies`() async throws {
    try await APIHarness.serving { api in
      _ = try await api.post("/v1/policies", PoliciesRequest(files: [Self.rule], revision: 0))
      let snapshot: ClusterSnapshot = try await api.get("/v1/snapshot").decoded()
      #expect(snapshot.format == ClusterSnapshot.currentFormat && snapshot.cluster == "prod")
      #expect(snapshot.policies == [Self.rule])
      #expect(snapshot.planning.nodes.map(\.name) == ["n1", "n2", "n3"] && snapshot.planning.workloads.count == 9)
      #expect(PolicyPlanner().plan(snapshot.planning).count == 9)
    }
  }
}
