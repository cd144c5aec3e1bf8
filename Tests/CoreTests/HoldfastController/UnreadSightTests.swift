import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// What a controller knows that has begun on a node which the store does not answer.
@Suite struct UnreadSightTests {
  private static func own(_ rig: Rig, after time: Duration = .zero) -> OwnSight {
    rig.controller.ownBasis(now: rig.now + time).sight()
  }

  /// The guard has frozen w1, which is here, and w2, which is not; v is another cluster's, and x nobody's.
  private static func begun(isSeen: Bool = true) -> Rig {
    var rig = Rig()
    let state = GuardState(phase: .isolated(since: rig.now, confirmed: true), workloads: ["w1", "w2"])
    rig.send(.fromGuard(.connected(state)))
    guard isSeen else { return rig }
    rig.inventory([
      Rig.domain("w1", epoch: 4), Rig.domain("v", uuid: "u2", cluster: "other"), Rig.domain("x", uuid: "u3", epoch: nil)
    ])
    return rig
  }

  @Test func `it knows what its guard has frozen, since when, and the domains with its mark`() throws {
    let own = Self.own(Self.begun(), after: .seconds(5)), unread = try #require(own.unread)
    #expect(unread.workloads.map(\.name) == ["w1", "w2"] && unread.workloads.map(\.isGuarded) == [true, true])
    #expect(unread.workloads.map { $0.domain?.uuid } == ["u1", nil] && unread.isComplete)
    #expect(unread.workloads[0].domain?.mark?.epoch == Epoch(4))
    #expect(own.report.freeze == .confirmed && own.frozenFor == 5)
    #expect(own.absence == .unread)
  }

  @Test func `what carries its mark is no stray, and is not outside protection`() {
    let report = Self.own(Self.begun()).report
    #expect(report.strays.isEmpty && report.unmanagedDomains == 2 && report.unmanagedUUIDs == ["u2", "u3"])
  }

  @Test func `as long as libvirt has not answered, what is not seen may be there`() throws {
    let unread = try #require(Self.own(Self.begun(isSeen: false)).unread)
    #expect(unread.workloads.map(\.name) == ["w1", "w2"] && !unread.isComplete)
  }

  @Test func `without a guard nobody says what is guarded`() throws {
    var rig = Rig()
    rig.inventory([Rig.domain("w1")])
    let unread = try #require(Self.own(rig).unread)
    #expect(unread.workloads.map(\.name) == ["w1"] && unread.workloads[0].isGuarded == nil)
  }

  @Test func `once the store was read, it tells`() {
    var rig = Self.begun()
    rig.list()
    #expect(Self.own(rig).unread == nil)
  }
}
