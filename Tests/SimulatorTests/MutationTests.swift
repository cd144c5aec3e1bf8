import Simulator
import Testing

@Suite struct `Errors that are put in on purpose` {
  /// Nobody searches for longer than this for one of them.
  private static let seeds: ClosedRange<UInt64> = 1...1000

  @Test(arguments: Mutant.all)
  func `are found`(mutant: Mutant) throws {
    for seed in Self.seeds {
      var settings = Settings.dense(seed: seed)
      settings.tampering = mutant.make
      guard let violation = Simulation.run(seed: seed, settings).violation else { continue }
      // What fails anyway proves nothing.
      guard Simulation.run(seed: seed, Settings.dense(seed: seed)).violation == nil else { continue }
      print(
        "found after \(seed) \(seed == 1 ? "seed" : "seeds"): \(mutant): \(violation.invariant.rawValue): \(violation.text)")
      return
    }
    Issue.record("\(mutant): not found with \(Self.seeds.count) seeds")
  }

  @Test func `are many`() { #expect(Mutant.all.count >= 20) }
}
