import Foundation
import Scenarios
import Simulator
import Testing

@Suite struct `Scenarios` {
  @Test(arguments: Repository.scenarios)
  func `are met`(file: String) throws {
    let path = Repository.root.appending(path: "Tests/Scenarios/\(file)").path
    let scenario = try ScenarioFile.parse(path: path)
    for seed in 1...UInt64(scenario.seeds) {
      let outcome = ScenarioRun.run(scenario, seed: seed)
      for failure in outcome.failures {
        let place = failure.line.map { "\(file):\($0)" } ?? file
        Issue.record("\(place), seed \(seed): expected \(failure.expected); found at \(failure.at): \(failure.found)")
      }
    }
  }

  @Test func `come in families`() {
    #expect(Repository.scenarios.count >= 40)
    let families = Set(Repository.scenarios.map { $0.prefix { $0 != "/" } })
    #expect(
      families.isSuperset(of: [
        "basic", "store-loss", "partitions", "restart", "start-failures", "controllers", "planner-loss", "health"
      ])
    )
  }

  @Test func `are the same in every detail when they are played with the same seed`() throws {
    let path = Repository.root.appending(path: "Tests/Scenarios/partitions/healed-too-late.yaml").path
    let scenario = try ScenarioFile.parse(path: path)
    let one = ScenarioRun.run(scenario, seed: 7), other = ScenarioRun.run(scenario, seed: 7)
    #expect(one.story == other.story)
    #expect(one.hash == other.hash)
  }

  @Test(arguments: [
    ("at 20s: w1 runs on n1", "expected at 20s: w1 runs on n1"), ("never: w1 runs on n2", "never: w1 runs on n2"),
    ("within 1s of 10s: w1 runs on n2", "within 1s of 10s: w1 runs on n2"), ("from 5s to 20s: w1 runs on n1", "from 5s to 20s"),
    ("always: nothing has moved", "always: nothing has moved"), ("at end: w1 has not started", "at end: w1 has not started"),
    ("in order: [w1 runs on n2, w1 runs on n1]", "in order: w1 runs on n2; w1 runs on n1")
  ])
  func `whose expectations are wrong are not met`(expectation: String, said: String) throws {
    let scenario = try ScenarioFile.parse(
      text: """
        scenario: A host dies
        cluster:
          nodes: {n1: , n2: }
          workloads: {w1: {node: n1}}
        timeline: {at 10s: power off n1}
        expect:
          \(expectation)
        """, file: "s.yaml")
    let outcome = ScenarioRun.run(scenario, seed: 1)
    #expect(outcome.failures.count == 1)
    let failure = try #require(outcome.failures.first)
    #expect("expected \(failure.expected)".contains(said))
    #expect(failure.line == 7)
  }
}
