import Simulator
import Testing

@Suite struct `Errors that are put in on purpose` {
  /// Nobody searches for longer than this for one of them.
  private static let seeds: ClosedRange<UInt64> = 1...1000

  @Test(arguments: Mutant.all)
  func `are found`(mutant: Mutant) throws {
    for seed in Self.seeds {
      let sound = mutant.settings(seed: seed)
      var settings = sound
      settings.tampering = mutant.make
      guard let violation = Simulation.run(seed: seed, settings).violation else { continue }
      if let breaks = mutant.breaks, breaks != violation.invariant { continue }
      // What fails anyway proves nothing.
      guard Simulation.run(seed: seed, sound).violation == nil else { continue }
      print(
        "found after \(seed) \(seed == 1 ? "seed" : "seeds"): \(mutant): \(violation.invariant.rawValue): \(violation.text)")
      return
    }
    Issue.record("\(mutant): not found with \(Self.seeds.count) seeds")
  }

  @Test func `are many`() { #expect(Mutant.all.count >= 20) }
}
