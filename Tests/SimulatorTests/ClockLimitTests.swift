import Simulator
import Testing

/// The rules rest on clocks that differ by at most the drift (Docs/safety.md). Beyond it they must break, and only there.
@Suite struct `Clocks that drift` {
  private func violations(drift: Int, seeds: ClosedRange<UInt64>) -> [Violation] {
    seeds.compactMap { seed in
      var settings = Settings.dense(seed: seed)
      settings.clockDrift = drift
      return Simulation.run(seed: seed, settings).violation
    }
  }

  @Test func `by as much as is allowed break nothing`() {
    #expect(violations(drift: 10_000, seeds: 1...25).isEmpty)
  }

  @Test func `by eight times as much break the rule that they are there for`() throws {
    let found = violations(drift: 80_000, seeds: 1...25)
    let first = try #require(found.first)
    print("clocks 8 % off: \(found.count) of 25 seeds: \(first)")
    for violation in found {
      #expect([.sessionsEndInTime, .oneNode, .executingNeedsClaim].contains(violation.invariant), "\(violation)")
    }
  }
}
