import Foundation
import HoldfastAPI
import HoldfastModel
import Testing

/// `holdfast policy` and the questions to the planner as a process, against a server.
@Suite(.serialized) struct `API: policies on the command line` {
  private static let spread = """
    # Even load.
    workloads:
      - name: databases apart
        for: db*
        keep-apart: node
        priority: 10

    """
  private static let cramped = """
    workloads:
      - name: databases apart
        for: db*
        only-on: n2
        priority: 10

    """

  /// A policy file in a directory beside the socket.
  private func write(_ text: String, _ name: String = "shop.yaml", for api: APIHarness) throws -> String {
    let folder = (api.socket as NSString).deletingLastPathComponent + "/policies"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try text.write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
    return folder
  }

  @Test func `files are shown, compared and put in force`() async throws {
    try await APIHarness.serving { api in
      #expect(try await api.holdfast(["policy", "show"]).output.hasPrefix("No policies are in force:"))
      let folder = try write(Self.spread, for: api)
      let dry = try await api.holdfast(["policy", "apply", folder, "--dry-run"])
      #expect(
        dry.status == 0 && dry.output.hasPrefix("Nothing was done. What would happen:\nFiles: shop.yaml (added)\n"), "\(dry)")
      #expect(api.access.truth.policies == nil)
      let asked = try await api.holdfast(["policy", "apply", folder])
      #expect(asked.status == 2 && asked.errors.contains("--yes"), "\(asked)")
      #expect(api.access.truth.policies == nil)

      let done = try await api.holdfast(["policy", "apply", folder, "--yes"])
      #expect(done.status == 0 && done.output.hasPrefix("1 policy file is in force (revision "), "\(done)")
      #expect(api.access.truth.policies?.value.files == [PolicyText(file: "shop.yaml", text: Self.spread)])
      let again = try await api.holdfast(["policy", "apply", folder, "--yes"])
      #expect(again.status == 0 && again.output.hasPrefix("No difference: these policies are in force"), "\(again)")
      #expect(try await api.holdfast(["policy", "show", "shop.yaml"]).output == Self.spread)
      let shown = try await api.holdfast(["policy", "show"])
      #expect(shown.output.hasPrefix("# shop.yaml, 1 of 1, revision ") && shown.output.hasSuffix(Self.spread), "\(shown)")
      let inForce: PoliciesInForce = try await api.holdfast(["policy", "show", "-o", "json"]).decoded()
      #expect(inForce.files.map(\.file) == ["shop.yaml"] && inForce.revision > 0)

      _ = try write(Self.spread.replacing("priority: 10", with: "priority: 20"), for: api)
      let diff = try await api.holdfast(["policy", "diff", "--check", folder])
      #expect(diff.status == 6 && diff.output.contains("      - priority: 10\n      + priority: 20\n"), "\(diff)")
    }
  }

  @Test func `no policies at all are asked for in so many words`() async throws {
    try await APIHarness.serving { api in
      let folder = try write(Self.spread, for: api)
      #expect(try await api.holdfast(["policy", "apply", folder, "--yes"]).status == 0)
      for (arguments, words) in [
        ([], "Name the policy files that are to be in force; --none is for none."),
        ([folder, "--none"], "--none and policy files exclude each other.")
      ] as [([String], String)] {
        let run = try await api.holdfast(["policy", "apply", "--yes"] + arguments)
        #expect(run.status == 2 && run.errors.contains(words), "\(run)")
      }
      let empty = folder + "/empty"
      try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
      let refused = try await api.holdfast(["policy", "apply", empty, "--yes"])
      #expect(refused.status == 1 && refused.errors.contains("`holdfast policy apply --none`"), "\(refused)")
      let dry = try await api.holdfast(["policy", "apply", "--none", "--dry-run"])
      #expect(dry.status == 0 && dry.output.contains("Files: shop.yaml (removed)"), "\(dry)")
      #expect(api.access.truth.policies?.value.files.count == 1)
      let done = try await api.holdfast(["policy", "apply", "--none", "--yes"])
      #expect(done.status == 0 && done.output.hasPrefix("No policies are in force (revision "), "\(done)")
      #expect(api.access.truth.policies?.value.files.isEmpty == true)
      #expect(try await api.holdfast(["policy", "show"]).output.hasPrefix("No policies are in force:"))
    }
  }

  @Test func `what new rules would move, and who would lose his place, is told before`() async throws {
    try await APIHarness.serving { api in
      let folder = try write(Self.cramped, for: api)
      let dry = try await api.holdfast(["policy", "apply", folder, "--dry-run"])
      #expect(dry.output.contains("db1       n1    n2  moved, as 'databases apart' does not allow n1"), "\(dry)")
      #expect(dry.output.contains("2 workloads move, at most 4 at a time; 1 workload could no longer be placed."), "\(dry)")
      #expect(dry.status == 5 && dry.output.contains("  missing  11.0 GiB of memory on n2\n"), "\(dry)")
      let typo = try write(Self.cramped.replacing("for: db*", with: "for: dp*"), for: api)
      let misfit = try await api.holdfast(["policy", "apply", typo, "--dry-run"])
      #expect(misfit.output.contains("shop.yaml:3:10: warning: workloads[databases apart].for:"), "\(misfit)")
    }
  }

  private static let nowhere = """
    workloads:
      - name: databases somewhere else
        for: db*
        only-on: rack=zzz

    """
  private static let reserved = """
    nodes:
      - name: kept
        for: all
        reserve: {memory: 16GiB}

    """

  @Test(arguments: [(nowhere, 1, "none that the rules allow for db1"), (reserved, 1, "no memory on n1"), (cramped, 5, "db1")])
  func `policies that leave a workload no node are put in force only when that is accepted`(
    _ text: String, _ status: Int32, _ words: String
  ) async throws {
    try await APIHarness.serving { api in
      let folder = try write(text, for: api)
      let dry = try await api.holdfast(["policy", "apply", folder, "--dry-run"])
      #expect(dry.status == status && dry.output.contains(words), "\(dry)")
      let refused = try await api.holdfast(["policy", "apply", folder, "--yes"])
      #expect(refused.status == status && refused.errors.contains(words), "\(refused)")
      #expect(refused.errors.contains("--accept-loss") && api.access.truth.policies == nil, "\(refused)")
      let script = try await api.holdfast(["policy", "apply", folder, "--yes", "-o", "json"])
      #expect(script.status == status && script.output.isEmpty, "\(script)")
      #expect(script.errors.hasPrefix("{") && script.errors.contains("\"kind\":\"conflict\""), "\(script)")
      #expect(api.access.truth.policies == nil)
      let accepted = try await api.holdfast(["policy", "apply", folder, "--yes", "--accept-loss"])
      #expect(accepted.status == 0 && accepted.errors.contains(words), "\(accepted)")
      #expect(api.access.truth.policies?.value.files.map(\.text) == [text])
    }
  }

  @Test func `a warning is shown where nobody is asked, and refuses nothing`() async throws {
    try await APIHarness.serving { api in
      let folder = try write(Self.spread.replacing("for: db*", with: "for: dp*"), for: api)
      let done = try await api.holdfast(["policy", "apply", folder, "--yes"])
      #expect(done.status == 0 && done.errors.contains("shop.yaml:4:10: warning: workloads[databases apart].for:"), "\(done)")
    }
  }

  @Test func `policies that somebody changed meanwhile are left alone`() async throws {
    try await APIHarness.serving { api in
      let folder = try write(Self.spread, for: api)
      let other = PoliciesRecord(files: [PolicyText(file: "other.yaml", text: Self.cramped)])
      api.access.change { $0.rival = ClusterTransaction(if: [], write: [.put(.policies, .policies(other))]) }
      let late = try await api.holdfast(["policy", "apply", folder, "--yes"])
      #expect(late.status == 1 && late.errors.hasPrefix("holdfast: the policies: somebody changed them meanwhile."), "\(late)")
      #expect(api.access.truth.policies?.value == other)
    }
  }

  @Test func `policies that nobody can read are told, and can be replaced`() async throws {
    try await APIHarness.serving { api in
      let broken = PoliciesRecord(files: [PolicyText(file: "new.yaml", text: "tomorrow: yes")])
      api.access.change { $0.cluster.put(.policies, .policies(broken)) }
      let folder = try write(Self.spread, for: api)
      let diff = try await api.holdfast(["policy", "diff", folder])
      #expect(
        diff.status == 1
          && diff.errors.hasPrefix("holdfast: the policies in force: this build cannot read them: new.yaml:1:1:"), "\(diff)")
      let dry = try await api.holdfast(["policy", "apply", folder, "--dry-run"])
      #expect(dry.output.contains("The policies in force cannot be read by this build"), "\(dry)")
      #expect(try await api.holdfast(["policy", "apply", folder, "--yes"]).status == 0)
      #expect(api.access.truth.policies?.value.files.map(\.file) == ["shop.yaml"])
    }
  }

  @Test func `mistakes end it before anything is sent`() async throws {
    try await APIHarness.serving { api in
      let folder = try write("workloads: [{name: a, for: all, priority: high}]", for: api)
      for command in ["apply", "diff"] {
        let run = try await api.holdfast(["policy", command, folder] + (command == "apply" ? ["--yes"] : []))
        #expect(run.status == 1 && run.errors.contains("\(folder)/shop.yaml:1:43: error: workloads[a].priority:"), "\(run)")
      }
      let unknown = try await api.holdfast(["policy", "show", "shop.yaml"])
      #expect(
        unknown.errors == "holdfast: policy file shop.yaml: no file of this name is in force. No policy file is in force.\n",
        "\(unknown)"
      )
      #expect(api.access.truth.policies == nil)
    }
  }

  @Test func `the live cluster is asked as a snapshot of it is`() async throws {
    try await APIHarness.serving { api in
      let file = api.socket + ".json"
      try await api.holdfast(["snapshot"]).output.write(toFile: file, atomically: false, encoding: .utf8)
      for question in [
        ["whatif", "--lose", "n1"], ["whatif", "--lose", "each"], ["whatif", "--drain", "n2", "-o", "json"], ["explain", "db1"],
        ["rebalance", "--dry-run"]
      ] {
        let live = try await api.holdfast(question), kept = try await api.holdfast(question + ["--snapshot", file])
        #expect(
          live.status == kept.status && live.output == kept.output && !live.output.isEmpty, "\(question): \(live) \(kept)")
      }
    }
  }
}
