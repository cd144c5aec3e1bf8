import Foundation
import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastPolicies
import HoldfastYAML
import Testing

@Suite struct `Values of the policy language` {
  struct Matching: Sendable, CustomTestStringConvertible {
    var text: String
    var name: String
    var labels: [String: String]
    var matches: Bool
    var testDescription: String { "\(text) and \(name) \(labels)" }

    init(_ text: String, _ name: String, _ labels: [String: String], _ matches: Bool) {
      (self.text, self.name, self.labels, self.matches) = (text, name, labels, matches)
    }
  }

  static let matchings: [Matching] = [
    .init("all", "w", [:], true), .init("*", "w", [:], true), .init("web-*", "web-1", [:], true),
    .init("web-?", "web-12", [:], false),
    .init("web1", "web1", [:], true), .init("web1", "web2", [:], false), .init("tier=web", "w", ["tier": "web"], true),
    .init("tier=web", "w", ["tier": "webs"], false), .init("tier=web", "w", [:], false), .init("tier=*", "w", [:], false),
    .init("tier=*", "w", ["tier": ""], true), .init("tier=w*", "w", ["tier": "web"], true),
    .init("not tier=web", "w", [:], true), .init("not tier=web", "w", ["tier": "web"], false),
    .init("tier=web and not env=test", "w", ["tier": "web"], true),
    .init("tier=web and not env=test", "w", ["tier": "web", "env": "test"], false),
    // `and` binds closer than `or`.
    .init("a=1 or b=1 and c=1", "w", ["a": "1"], true), .init("a=1 or b=1 and c=1", "w", ["b": "1"], false),
    .init("a=1 or b=1 and c=1", "w", ["b": "1", "c": "1"], true),
    .init("customer=\"Acme and Sons\"", "w", ["customer": "Acme and Sons"], true),
    .init("name='*'", "w", ["name": "x"], false), .init("name='*'", "w", ["name": "*"], true),
    .init("tier=\"\"", "w", ["tier": ""], true),
    .init("web1 or all", "x", [:], true), .init("\"and\"", "and", [:], true), .init("a=b=c", "w", ["a": "b=c"], true)
  ]

  @Test(arguments: matchings) func `a selection selects what it reads like`(row: Matching) throws {
    let selection = try Selection(parsing: row.text)
    #expect(selection.matches(name: row.name, labels: row.labels) == row.matches)
    // As it would be written, it means the same.
    let again = try Selection(parsing: selection.description)
    #expect(again.matches(name: row.name, labels: row.labels) == row.matches)
    #expect(again.isEverything == selection.isEverything)
  }

  @Test(arguments: [
    ("n1", true), ("n5", true), ("n1 or n5", false), ("n*", false), ("all", false), ("rack=a", false), ("not n1", true),
    ("n1 and rack=b", true), ("n5 and rack=b", false)
  ]) func `a rule tells one name of a node from another`(nodes: String, tells: Bool) throws {
    let selection = try Selection(parsing: nodes)
    let rules: [WorkloadPolicy] = [
      .init(name: "only", selection: .all, onlyOn: selection), .init(name: "order", selection: .all, onlyInOrder: [selection]),
      .init(name: "liked", selection: .all, prefer: .weighted([.init(selection, 3)])),
      .init(name: "workloads", selection: selection)
    ]
    let policies = PolicySet(
      cluster: ClusterPolicy(survive: Survival(losses: [.any(count: 1, of: "node"), .nodes(selection)])),
      nodes: [NodePolicy(name: "spares", selection: selection, spare: true)], workloads: rules)
    #expect(
      policies.rules(telling: "n1", from: "n5", labels: ["rack": "a"])
        == (tells ? ["survive", "'spares'", "'only'", "'order'", "'liked'"] : []))
  }

  @Test(arguments: [
    ("all", "n1", true), ("n1", "all", false), ("rack=a", "rack=a and class=ssd", true),
    ("rack=a and class=ssd", "rack=a", false),
    ("n1 or n2", "n2", true), ("n1", "n1 or n2", false), ("n*", "n1", false)
  ]) func `one selection has another in it`(wide: String, narrow: String, covers: Bool) throws {
    #expect(try Selection(parsing: wide).covers(Selection(parsing: narrow)) == covers)
  }

  @Test(arguments: [
    ("Sat 02:00-06:00", 5, 120, true), ("Sat 02:00-06:00", 5, 119, false), ("Sat 02:00-06:00", 5, 360, false),
    ("Sat 22:00-02:00", 6, 119, true), ("Sat 22:00-02:00", 5, 119, false), ("Sun 23:00-01:00", 0, 30, true),
    ("Mon-Fri 00:00-24:00", 4, 1439, true), ("Mon-Fri 00:00-24:00", 5, 0, false), ("Fri-Mon 01:00-02:00", 6, 90, true),
    ("Mon,Wed 08:00-09:00", 2, 500, true), ("Mon,Wed 08:00-09:00", 1, 500, false), ("daily 03:00-03:00", 2, 10, true)
  ]) func `a window of the week is open when it says`(text: String, day: Int, minute: Int, isOpen: Bool) throws {
    let window = try WeekWindow(parsing: text), time = WeekTime(minute: day * 1440 + minute)
    #expect(window.contains(time) == isOpen)
    #expect(try WeekWindow(parsing: window.description) == window)
    let wait = window.minutes(from: time)
    #expect((wait == 0) == isOpen)
    #expect(window.contains(WeekTime(minute: time.minute + wait)))
  }

  @Test(arguments: try repositoryFiles(in: "Policies").filter { $0.hasSuffix(".yaml") })
  func `policies come back from JSON as they were`(file: String) throws {
    let policies = try PolicyFile.parse(text: try repositoryFile("Policies/\(file)"), file: file).policies
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let bytes = try encoder.encode(policies)
    let back = try JSONDecoder().decode(PolicySet.self, from: bytes)
    #expect(back == policies)
    #expect(try encoder.encode(back) == bytes)
  }

  @Test func `made up policies come back from JSON as they were`() throws {
    for seed in 0..<500 {
      let cluster = MadeUpCluster(seed: UInt64(seed))
      #expect(try JSONDecoder().decode(PolicySet.self, from: JSONEncoder().encode(cluster.policies)) == cluster.policies)
      #expect(try JSONDecoder().decode(PlanningSnapshot.self, from: JSONEncoder().encode(cluster.snapshot)) == cluster.snapshot)
    }
  }

  @Test func `JSON that selects nothing is refused`() {
    let text =
      #"{"cluster":{"load":[],"pool":{}},"nodes":[{"name":"a","selection":"x and","capacity":{},"overcommit":{},"reserve":{}}],"workloads":[]}"#
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(PolicySet.self, from: Data(text.utf8)) }
  }

  @Test func `single values come from the last rule that has one`() throws {
    let policies = try PolicyFile.parse(
      text: """
        workloads:
          - {name: all, for: all, priority: 1, failover: {wait: 10s, restarts: 5}, demand: {memory: 64}, isolation: stop,
             when-it-ends: stay-down}
          - {name: db, for: tier=db, priority: 2, failover: {wait: 20s, then: give-up, nodes: 2}, demand: {gpus: 1}, exclusive: no}
        nodes: [{name: n, for: all, capacity: {gpus: 2}}]
        """, file: "p.yaml"
    ).policies
    let settings = policies.settings(of: "db1", labels: ["tier": "db"])
    #expect(settings.priority == 2)
    #expect(settings.failover == Failover(wait: 20, restarts: 5, nodes: 2, then: .giveUp))
    #expect(settings.demand == ["memory": 64, "gpus": 1])
    #expect(settings.isolation == .stop && !settings.exclusive && settings.whenItEnds == .stayDown)
    #expect(WorkloadSettings().whenItEnds == .restart)
    #expect(policies.settings(of: "web", labels: [:]).exclusive)
  }

  @Test func `files are read together, and each mistake names its file`() throws {
    let one = PolicyText(
      file: "1.yaml", text: "cluster: {spread: packed}\nworkloads: [{name: a, for: all, priority: 1}]\n")
    var two = PolicyText(file: "2.yaml", text: "workloads: [{name: b, for: app=x, priority: 2}]\n")
    #expect(try PolicyFile.parse([one, two]).policies.workloads.map(\.name) == ["a", "b"])
    two.text = "cluster: {spread: balanced}\nworkloads: [{name: a, for: app=x, priority: 2}]\n"
    do {
      _ = try PolicyFile.parse([one, two])
      Issue.record("two files that contradict each other were read")
    } catch {
      #expect(error.mistakes.map(\.file) == ["2.yaml"])
      #expect(error.description.contains("expected 'spread' once for the cluster, found it again (first in 1.yaml, line 1)"))
    }
  }
}
