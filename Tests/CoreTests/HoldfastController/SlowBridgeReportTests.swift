import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// Bridges that are silent for long: reported, and nothing is decided by them.
@Suite struct SlowBridgeReportTests {
  @Test func `they go into the report, once, and out of it`() {
    var rig = Rig.running()
    rig.pass(.seconds(2))
    rig.send(.slowBridges(["br0": 30]))
    rig.pass(.seconds(2))
    #expect(rig.report()?.slowBridges == ["br0": 30])
    rig.actions = []
    rig.send(.slowBridges(["br0": 30]))
    #expect(rig.transactions().isEmpty, "it is no news")
    rig.send(.slowBridges([:]))
    rig.pass(.seconds(2))
    #expect(rig.report()?.slowBridges == nil)
  }
}
