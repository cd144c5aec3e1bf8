import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// What is frozen and lost its claim waits for it to be taken anew, a TTL of which this node could have taken it all the time.
@Suite struct ClaimPatienceTests {
  /// What breaks the wait off. After it, it begins anew.
  enum Break: CaseIterable { case storeAway, guardGone, sessionLost }

  private func waiting() throws -> Rig {
    var rig = try Rig.frozenWithoutPlace()
    rig.pass(.milliseconds(700))
    #expect(rig.resumes == 0 && !rig.commands().contains(.kill(workload: "w2")))
    return rig
  }

  @Test(arguments: Break.allCases) func `a wait that was broken off begins anew`(by cause: Break) throws {
    var rig = try waiting()
    switch cause {
    case .storeAway:
      rig.storeIsAway = true
      rig.pass(.seconds(2))
      rig.storeIsAway = false
    case .guardGone:
      let state = GuardState(phase: .isolated(since: rig.now, confirmed: true), workloads: ["w1", "w2"])
      rig.send(.fromGuard(.lost(reason: "killed")))
      rig.pass(.seconds(2))
      rig.send(.fromGuard(.connected(state)))
      rig.send(.fromGuard(.report(.state(state))))
    case .sessionLost:
      let own = try #require(rig.controller.session.incarnation)
      rig.write([.delete(.session(own))])
      rig.send(rig.isolated(["w1", "w2"]))
    }
    rig.pass(.milliseconds(500))
    #expect(rig.controller.session.isValid(at: rig.now))
    #expect(!rig.commands().contains(.kill(workload: "w2")), "it could not be claimed in that time")
    rig.place("w2", on: "n1")
    rig.pass(.milliseconds(300))
    #expect(rig.resumes > 0 && !rig.commands().contains(.kill(workload: "w2")))
    #expect(rig.controller.breach == nil)
  }

  @Test func `a wait that nothing breaks off ends after a TTL`() throws {
    var rig = try waiting()
    rig.pass(.milliseconds(700))
    #expect(rig.resumes > 0 && rig.commands().contains(.kill(workload: "w2")))
  }
}
