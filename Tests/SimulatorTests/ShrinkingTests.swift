import Simulator
import Testing

@Suite struct `Shrinking a failing run` {
  /// The guard does nothing at the deadline: any loss of a session shows it.
  private func failing() throws -> (UInt64, Settings, Violation) {
    let mutant = try #require(Mutant.guards.first)
    for seed in UInt64(1)...20 {
      var settings = Settings.dense(seed: seed)
      settings.tampering = mutant.make
      if let violation = Simulation.run(seed: seed, settings).violation { return (seed, settings, violation) }
    }
    throw Missing()
  }
  private struct Missing: Error {}

  @Test func `leaves the few faults that it takes`() throws {
    let (seed, settings, violation) = try failing()
    var shrinking = Shrinking(seed: seed, settings, violation)
    let result = shrinking.run()
    #expect(result.isShrunk)
    #expect(result.outcome.violation?.invariant == violation.invariant)
    #expect((1...4).contains(result.schedule.count), "\(result.schedule)")
    #expect(result.settings.cluster.nodes.count == 2)
    #expect(result.settings.cluster.workloads.count <= 3)
    #expect(result.outcome.story.last?.what.contains(violation.invariant.rawValue) ?? false || !result.outcome.story.isEmpty)
    // What it gives can be run again.
    #expect(Simulation.run(seed: seed, result.settings).violation == result.outcome.violation)
  }

  @Test func `stops when its time is over`() throws {
    let (seed, settings, violation) = try failing()
    var runs = 0
    var shrinking = Shrinking(seed: seed, settings, violation) {
      runs += 1
      return runs < 5
    }
    let result = shrinking.run()
    #expect(result.runs < 10)
    #expect(result.outcome.violation?.invariant == violation.invariant)
  }
}
