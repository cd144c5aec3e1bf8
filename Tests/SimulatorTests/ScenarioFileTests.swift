import Foundation
import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastYAML
import Scenarios
import Simulator
import Testing

@Suite struct `Scenario files` {
  private static let head = """
    scenario: A
    cluster:
      nodes: {n1: , n2: }
      workloads: {web: {node: n1}}

    """

  private func mistakes(_ text: String) -> [String] {
    do throws(ScenarioErrors) {
      _ = try ScenarioFile.parse(text: text, file: "s.yaml")
      return []
    } catch {
      return error.mistakes.map(\.headline)
    }
  }

  @Test(arguments: [
    (
      "timeline: {at 1s: power of n1}",
      "5:19: error: timeline.at 1s: expected something that happens, found 'power of n1' (did you mean 'power off NODES'?)"
    ),
    (
      "timeline: {at 1s: power off n3}",
      "5:19: error: timeline.at 1s: expected a node of the cluster, found 'n3' (did you mean 'n1'?)"
    ),
    (
      "timeline: {at 1s: stop wep}",
      "5:19: error: timeline.at 1s: expected a workload of the cluster, found 'wep' (did you mean 'web'?)"
    ),
    ("timeline: {at 1: stop web}", "5:12: error: timeline.at 1: expected a time, found 'at 1' (did you mean 'at SPAN'?)"),
    (
      "timeline: {at 1s: dance}",
      "5:19: error: timeline.at 1s: expected something that happens such as 'power off n1', found 'dance'"
    ),
    (
      "timeline: {at 1s: fail start of web on n1 trice}",
      "5:19: error: timeline.at 1s: expected something that happens, found 'fail start of web on n1 trice' (did you mean 'fail start of WORKLOAD on NODES TIMES'?)"
    ),
    (
      "timeline: [power off n1]",
      "5:11: error: timeline: expected times with sentences, such as 'at 10s: power off n1', found a list"
    )
  ])
  func `tell what is wrong with what happens`(line: String, said: String) {
    #expect(mistakes(Self.head + line + "\nexpect: {at end: everything runs}\n") == ["s.yaml:" + said])
  }

  @Test(arguments: [
    (
      "expect: {at end: web run}",
      "5:18: error: expect.at end: expected something that is so, found 'web run' (did you mean 'WORKLOAD runs'?)"
    ),
    (
      "expect: {at end: web runs on n9}",
      "5:18: error: expect.at end: expected a node of the cluster, found 'n9' (did you mean 'n1'?)"
    ),
    (
      "expect: {from 9s to 3s: web runs}",
      "5:10: error: expect.from 9s to 3s: expected a time from an earlier to a later one, found 'from 9s to 3s'"
    ),
    (
      "expect: {withn 2s of 3s: web runs}",
      "5:10: error: expect.withn 2s of 3s: expected a time, found 'withn 2s of 3s' (did you mean 'within SPAN of SPAN'?)"
    ),
    (
      "expect: {}",
      "5:9: error: expect: expected times with sentences, such as 'within 6s of 10s: w1 runs on n2', found nothing"
    ),
    (
      "expects: {at end: web runs}",
      "5:1: error: expects: expected one of scenario, why, seeds, lasts, begins, cluster, timeline, expect, found the unknown key 'expects' (did you mean 'expect'?)"
    ),
    (
      "lasts: 5s\nexpect: {at 10s: web runs}",
      "5:8: error: lasts: expected at least 10s, the last time that is named, found '5s'"
    ),
    (
      "lasts: 5s\nexpect: {settled within 4s of 3s: web runs}",
      "5:8: error: lasts: expected at least 7s, the last time that is named, found '5s'"
    ),
    (
      "begins: Sun 24:00\nexpect: {at end: web runs}",
      "5:9: error: begins: expected a day and a time such as Sat 01:59, found 'Sun 24:00'"
    )
  ])
  func `tell what is wrong with what is expected`(line: String, said: String) {
    #expect(mistakes(Self.head + line + "\n") == ["s.yaml:" + said])
  }

  @Test(arguments: [
    (
      "nodes: {n1: {memry: 3GiB}}",
      "s.yaml:3:16: error: cluster.nodes.n1.memry: expected one of memory, cpus, labels, connection, migrations, power, domains, found the unknown key 'memry' (did you mean 'memory'?)"
    ),
    ("nodes: {n1: {power: maybe}}", "s.yaml:3:23: error: cluster.nodes.n1.power: expected on or off, found 'maybe'"),
    ("nodes: {}", "s.yaml:3:10: error: cluster.nodes: expected names of nodes, found nothing"),
    (
      "nodes: {n1: {power: off}}\n  workloads: {w: {node: n1}}",
      "s.yaml:4:25: error: cluster.workloads.w.node: expected a node that runs it when the story begins, found n1, which has no power"
    ),
    (
      "nodes: {n1: }\n  workloads: {w: {node: n1, requested: stopped}}",
      "s.yaml:4:25: error: cluster.workloads.w.node: expected a node that runs it when the story begins, found a workload that is to be stopped"
    ),
    (
      "nodes: {n1: }\n  timing: {ttl: 500ms, margin: 1s, stop-budget: 400ms}",
      "s.yaml:4:11: error: cluster.timing: expected times that work together, found after drift and stop-budget only 0.095 s of the ttl are left: less than three renewals"
    )
  ])
  func `tell what is wrong with the cluster`(cluster: String, said: String) {
    #expect(mistakes("scenario: A\ncluster:\n  \(cluster)\nexpect: {at end: everything runs}\n") == [said])
  }

  @Test func `are read whole`() throws {
    let scenario = try ScenarioFile.parse(
      text: """
        scenario: All of it
        why: To see that nothing is dropped.
        seeds: 7
        lasts: 3m
        begins: Sun 23:59
        cluster:
          timing: {ttl: 2s, drift: 0.5%}
          nodes:
            n1: {memory: 2GiB, cpus: 4, labels: {rack: a}, domains: {db9: 1GiB}}
            n2: {power: off}
          workloads:
            w1: {node: n1, memory: 100, cpus: 2, labels: {tier: web}, priority: -3, isolation: stop, stop-timeout: 9s}
            w2: {requested: stopped, check: {interval: 2s, down: 4, up: 3, grace: 20s, on-failure: report}}
            w3: {check: }
        timeline:
          at 2s: define w3
          at 1s: [cut n1 and n2, power on n2]
        expect:
          at end: [w1 runs on n1 or n2, n1 has said "a text"]
          in order: [w1 runs, w2 does not run]
        """, file: "s.yaml")
    #expect(scenario.seeds == 7 && scenario.length == .seconds(180) && scenario.begins?.minute == 7 * 24 * 60 - 1)
    #expect(scenario.cluster.timing.ttl == .seconds(2) && scenario.cluster.timing.drift == 5000)
    #expect(scenario.cluster.nodes.map(\.isOn) == [true, false])
    #expect(scenario.cluster.nodes[0].labels == ["rack": "a"] && scenario.cluster.nodes[0].unmanaged == ["db9": 1024])
    let web = scenario.cluster.workloads[0]
    #expect(web.place == "n1" && web.priority == -3 && web.isolation == .stop && web.stopTimeout == 9)
    let check = HealthCheck(
      name: "service", probe: .tcp(TCPProbe(port: 80)), interval: .seconds(2), down: 4, up: 3, grace: .seconds(20),
      reaction: .report)
    let usual = HealthCheck(name: "service", probe: .tcp(TCPProbe(port: 80)))
    #expect(scenario.cluster.workloads.map(\.checks) == [[], [check], [usual]])
    #expect(scenario.cluster.workloads.map(\.isStopped) == [false, true, false])
    #expect(scenario.cluster.workloads.map(\.comesLater) == [false, false, true])
    #expect(
      scenario.timeline == [
        .init(at: .seconds(1), happening: .cutOff(["n1", "n2"], .both, for: nil)),
        .init(at: .seconds(1), happening: .powerReturns("n2")),
        .init(at: .seconds(2), happening: .asked(.define("w3"), through: nil))
      ])
    #expect(scenario.expectations.count == 3)
  }

  @Test(arguments: [
    ("within 6s of 10s", Simulator.Expectation.When.comes(after: .seconds(10), by: .seconds(16))),
    ("by 19s", .comes(after: .seconds(3), by: .seconds(19))), ("by 3s", .comes(after: .zero, by: .seconds(3))),
    ("by 25s", .comes(after: .seconds(20), by: .seconds(25))), ("by end", .comes(after: .seconds(20), by: .seconds(60))),
    ("settled within 6s of 10s", .during(.seconds(16), .seconds(60))), ("settled by 9s", .during(.seconds(9), .seconds(60))),
    ("from 9s to end", .during(.seconds(9), .seconds(60))), ("always", .during(.zero, .seconds(60)))
  ])
  func `name times`(key: String, when: Simulator.Expectation.When) throws {
    let text = Self.head + "lasts: 60s\ntimeline: {at 3s: stop web, at 20s: start web}\nexpect: {\(key): web runs}\n"
    let scenario = try ScenarioFile.parse(text: text, file: "s.yaml")
    #expect(scenario.expectations.map(\.what) == [.state(when, .runs("web", on: []))])
  }

  @Test func `have a reference page that shows every key and sentence`() throws {
    let page = try Repository.text("Docs/scenarios.md")
    #expect(page.contains("\n\(ScenarioFile.keys.markdown)\n"), "the table must be:\n\(ScenarioFile.keys.markdown)\n")
    for (heading, table) in ScenarioReference.tables {
      #expect(page.contains("\n\(table)\n"), "the table under \"\(heading)\" must be:\n\(table)\n")
    }
  }

  @Test func `have a schema`() throws {
    #expect(try Repository.text("Docs/scenario.schema.json") == ScenarioSchema.text, "it must be:\n\(ScenarioSchema.text)")
  }
}
