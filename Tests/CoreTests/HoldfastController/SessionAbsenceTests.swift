import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// Why a node says that it has no session.
@Suite struct SessionAbsenceTests {
  private func absence(_ rig: Rig) -> SessionAbsence? { rig.controller.ownBasis(now: rig.now).sight().absence }
  private func formatFlaw(_ rig: Rig) -> String? { rig.controller.ownBasis(now: rig.now).sight().formatFlaw }

  /// n1 runs w1.
  private func running() -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.pass(.milliseconds(200))
    return rig
  }

  @Test func `one that stands is none`() {
    #expect(absence(running()) == nil && formatFlaw(running()) == nil)
  }

  @Test func `before the records are read, and before there is a guard`() {
    var rig = Rig()
    rig.send(.tick)
    #expect(absence(rig) == .unread)
    rig.list()
    #expect(absence(rig) == .noGuard(hasWithdrawn: false))
    rig.send(.fromGuard(.connected(GuardState(phase: .disarmed, workloads: []))))
    rig.inventory([])
    #expect(rig.controller.session.standing != nil && absence(rig) == nil)
  }

  @Test func `a guard that stays away, until it is back`() {
    var rig = running()
    rig.send(.fromGuard(.lost(reason: "killed")))
    rig.pass(.seconds(1))
    #expect(absence(rig) == nil, "its session stands for five TTLs")
    rig.pass(.seconds(7))
    #expect(rig.controller.session.standing == nil && absence(rig) == .noGuard(hasWithdrawn: true))
    rig.send(.fromGuard(.connected(GuardState(phase: .isolated(since: rig.now, confirmed: true), workloads: ["w1"]))))
    rig.pass(.seconds(2))
    #expect(absence(rig) == nil)
  }

  @Test func `a format that this build does not know keeps it from joining, and is told of one that has joined`() throws {
    var rig = Rig()
    _ = rig.store.apply(ClusterTransaction(if: [], write: [.put(.format, .format(FormatRecord(version: 99)))]))
    rig.begin()
    rig.pass(.seconds(2))
    let flaw = try #require(formatFlaw(rig))
    #expect(flaw.hasPrefix("the store has format 99") && absence(rig) == .format(flaw))
    var standing = running()
    standing.write([.put(.format, .format(FormatRecord(version: 99)))])
    standing.pass(.seconds(1))
    #expect(absence(standing) == nil && formatFlaw(standing) == flaw)
  }

  @Test func `an opening that the store does not take`() {
    var rig = Rig()
    rig.mood = .refuses
    rig.begin()
    rig.pass(.seconds(1))
    #expect(absence(rig) == .opening)
  }

  @Test func `another host that renews a session of its name`() {
    var rig = Rig()
    rig.join("n1", incarnation: "other")
    rig.begin()
    rig.pass(.milliseconds(100))
    #expect(absence(rig) == .earlier(isForeign: false))
    rig.pass(.seconds(3))
    #expect(absence(rig) == .earlier(isForeign: true))
  }
}
