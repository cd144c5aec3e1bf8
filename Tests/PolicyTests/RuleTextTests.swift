import HoldfastModel
import HoldfastPlanning
import HoldfastPolicies
import Testing

@Suite struct `Rules as text` {
  @Test(arguments: try repositoryFiles(in: "Policies").filter { $0.hasSuffix(".yaml") })
  func `a ready-made file written again says the same`(file: String) throws {
    let policies = try PolicyFile.parse(text: try repositoryFile("Policies/\(file)"), file: file).policies
    let text = RuleText.file(policies)
    #expect(try PolicyFile.parse(text: text, file: file).policies == policies, "\(text)")
  }

  @Test func `made up policies written again say the same`() {
    var compared = 0
    for seed in 0..<2000 {
      let policies = MadeUpCluster(seed: UInt64(seed)).policies
      // Not everything that can be made up can be written: a rule that says nothing, twice the same key.
      guard let again = try? PolicyFile.parse(text: RuleText.file(policies), file: "p.yaml").policies else { continue }
      compared += 1
      let diff = PolicyDiff(from: policies, to: again)
      #expect(diff.isEmpty, "seed \(seed): \(diff)\n\(RuleText.file(policies))")
    }
    #expect(compared > 800, "\(compared)")
  }

  @Test func `every key of an evacuation is read, and written again`() throws {
    let text = """
      workloads:
        - name: db
          for: all
          evacuation:
            {how: live, at-once: 2, otherwise: stay, time-limit: 20m, bandwidth: 1GiB, downtime: 150ms, slow-down: no, copy-storage: yes}

      """
    let policies = try PolicyFile.parse(text: text, file: "p.yaml").policies
    #expect(
      policies.workloads.first?.evacuation
        == Evacuation(
          method: .live, atOnce: 2, otherwise: .stay, timeLimit: 1200, bandwidth: 1024, downtime: 150, slowsDown: false,
          copiesStorage: true))
    let again = RuleText.file(policies)
    #expect(try PolicyFile.parse(text: again, file: "p.yaml").policies == policies, "\(again)")
  }

  struct Row: Sendable, CustomTestStringConvertible {
    var title: String
    var before: String
    var after: String
    var said: [String]
    var testDescription: String { title }
  }

  static let rows: [Row] = [
    Row(
      title: "layout and comments say nothing", before: "workloads: [{name: a, for: all, priority: 1}]",
      after: "# why\nworkloads:\n  - priority: 1\n    name: a\n    for: [all]\n", said: []),
    Row(
      title: "keys of a rule", before: "workloads: [{name: a, for: x1, priority: 1, prefer: n1}]",
      after: "workloads: [{name: a, for: x1 or x2, prefer: [n1, rack=b], keep-apart: rack}]",
      said: [
        "changed workloads a", "for: x1 -> x1 or x2", "prefer: [n1] -> [n1, rack=b]", "priority: 1 -> -",
        "keep-apart: - -> rack"
      ]),
    Row(
      title: "rules that come and go", before: "nodes: [{name: s, for: n1, spare: yes}]",
      after: "workloads: [{name: s, for: all, evacuation: {how: restart, at-once: 2}}]",
      said: [
        "removed nodes s", "for: n1 -> -", "spare: yes -> -", "added workloads s", "for: - -> all",
        "evacuation: - -> {how: restart, at-once: 2}"
      ]),
    Row(
      title: "the cluster", before: "cluster: {survive: {nodes: 1}, spread: packed}",
      after: "cluster: {survive: {nodes: 2, rack=b: 1, tolerate: 2.5%, otherwise: refuse}, moves: {at-once: 3, per-node: 1}}",
      said: [
        "spread: packed -> -", "survive: {nodes: 1} -> {nodes: 2, rack=b: 1, tolerate: 2.5%, otherwise: refuse}",
        "moves: - -> {at-once: 3, per-node: 1}"
      ]),
    Row(
      title: "the order: the last rule that matches decides",
      before: "workloads: [{name: a, for: x, priority: 1}, {name: b, for: y, priority: 2}, {name: c, for: z, priority: 3}]",
      after: "workloads: [{name: c, for: z, priority: 3}, {name: a, for: x, priority: 1}, {name: b, for: y, priority: 2}]",
      said: ["order workloads c behind -"])
  ]

  @Test(arguments: rows) func `what is different is told by rule and by key`(row: Row) throws {
    func policies(_ text: String) throws -> PolicySet { try PolicyFile.parse(text: text, file: "p.yaml").policies }
    func said(_ keys: [PolicyDiff.KeyChange]) -> [String] {
      keys.map { "\($0.key): \($0.before ?? "-") -> \($0.after ?? "-")" }
    }
    let diff = PolicyDiff(from: try policies(row.before), to: try policies(row.after))
    let told =
      said(diff.cluster) + diff.rules.flatMap { ["\($0.kind) \($0.section) \($0.name)"] + said($0.keys) }
      + diff.order.map { "order \($0.section) \($0.name) behind \($0.behind ?? "-")" }
    // Rules that come are told before those that go; sections in the files' order.
    #expect(told == row.said)
  }

  @Test func `files are compared by their text besides`() throws {
    let text = "workloads: [{name: a, for: all, priority: 1}]"
    let policies = try PolicyFile.parse(text: text, file: "p.yaml").policies
    let diff = PolicyDiff(
      from: ([PolicyText(file: "a.yaml", text: text), PolicyText(file: "b.yaml", text: "")], policies),
      to: ([PolicyText(file: "a.yaml", text: "# \n" + text), PolicyText(file: "c.yaml", text: "")], policies))
    #expect(diff.saysTheSame && !diff.isEmpty)
    #expect(diff.files.map { "\($0.kind) \($0.file)" } == ["changed a.yaml", "removed b.yaml", "added c.yaml"])
  }
}
