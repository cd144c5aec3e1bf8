import Foundation
import Simulator
import Testing

@Suite struct StormTests {
  @Test func `seeds`() async {
    let first = UInt64(ProcessInfo.processInfo.environment["SEED"] ?? "1") ?? 1
    let count = UInt64(ProcessInfo.processInfo.environment["SEEDS"] ?? "5") ?? 5
    for seed in first..<first + count {
      var settings = Settings.storm(seed: seed)
      if count == 1 { settings.story = .whole }
      let began = ContinuousClock.now
      let outcome = Simulation.run(seed: seed, settings)
      print(
        "seed \(seed): \(outcome.violation.map { "\($0)" } ?? "ok") events \(outcome.events) virtual \(outcome.lasted) real \(ContinuousClock.now - began) hash \(outcome.hash)"
      )
      if outcome.violation != nil {
        if count == 1 { try? outcome.story.write(toFile: "/tmp/sim-story.txt", atomically: true, encoding: .utf8) }
      }
      #expect(outcome.violation == nil)
    }
  }
}
