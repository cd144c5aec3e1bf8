import HoldfastCore
import Simulator
import Testing

@Suite struct `A storm` {
  @Test(arguments: [UInt64(1), 2, 3])
  func `is the same in every detail when it comes from the same seed`(seed: UInt64) {
    var settings = Settings.dense(seed: seed)
    settings.keepsStory = true
    let one = Simulation.run(seed: seed, settings), other = Simulation.run(seed: seed, settings)
    #expect(one.hash == other.hash)
    #expect(one.story == other.story)
    #expect(one.story.count > 500)
  }
}
