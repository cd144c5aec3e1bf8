import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastOperator
import HoldfastTime
import Testing

/// What people should know of a node's guard and host, and what is no news.
@Suite struct `Flaws of a node` {
  @Test(
    arguments: [
      (GuardHealth(watchdog: .unusable(reason: "no such device")), [NodeFlaw.watchdog]),
      (GuardHealth(watchdog: .open(timeout: 10)), [NodeFlaw.watchdogLate]),
      // As late as the TTL of 1 s is too late.
      (GuardHealth(watchdog: .open(timeout: 1)), [NodeFlaw.watchdogLate]), (GuardHealth(watchdog: .open(timeout: 0)), []),
      (GuardHealth(watchdog: .open(timeout: nil)), [NodeFlaw.watchdogUntold]),
      (GuardHealth(recordFlaw: "no space left"), [NodeFlaw.guardState]),
      (GuardHealth(watchdog: .open(timeout: 9), recordFlaw: "no space"), [NodeFlaw.guardState, NodeFlaw.watchdogLate])
    ] as [(GuardHealth, [String])]) func `come from its guard into the report, and are told once`(
      health: GuardHealth, codes: [String]
    )
  {
    var rig = Rig.guarded()
    rig.pass(.seconds(2))
    rig.actions = []
    rig.tellMachine(.health(health))
    rig.pass(.seconds(3))
    #expect(rig.report()?.flaws?.map(\.code) ?? [] == codes)
    #expect(rig.notes().count { $0 == .guardFlawed } == codes.count)
  }

  /// A host that hangs is reset before others take over: its last renewal may be a fifth of the TTL old by then.
  @Test(
    arguments: [
      (.seconds(3), 2, true), (.seconds(3), 3, false), (.seconds(1), 1, false), (.milliseconds(1250), 1, true),
      (.seconds(10), 8, true), (.seconds(10), 9, false)
    ] as [(Duration, Int, Bool)]) func `has a watchdog that is in time`(ttl: Duration, seconds: Int, isInTime: Bool)
  {
    #expect((.seconds(seconds) <= Timing(ttl: ttl).fenceLimit) == isInTime)
  }

  @Test func `are none with the defaults of the guard and of the controller`() {
    #expect(.seconds(GuardHealth.watchdogTimeout) <= Timing().fenceLimit)
  }

  @Test func `are told once while they stay, and when they are over`() {
    var rig = Rig.guarded()
    rig.pass(.seconds(2))
    #expect(rig.report()?.flaws == nil)
    rig.actions = []
    rig.tellMachine(.health(GuardHealth(watchdog: .unusable(reason: "no such device"), recordFlaw: "no space left")))
    rig.pass(.seconds(3))
    #expect(rig.report()?.flaws?.map(\.code) == [NodeFlaw.guardState, NodeFlaw.watchdog])
    #expect(rig.notes().count { $0 == .guardFlawed } == 2)
    rig.actions = []
    rig.tellMachine(.health(GuardHealth(watchdog: .open(timeout: 0))))
    rig.pass(.seconds(3))
    #expect(rig.report()?.flaws == nil)
    #expect(rig.notes().filter { $0 == .guardFlawed || $0 == .guardBack } == [.guardBack])
  }

  /// Each guard begins with a watchdog that is being opened: the node is shown without its fence until it is known, and nobody is woken for that.
  @Test func `have a word for a watchdog that is not open yet`() {
    var rig = Rig.guarded()
    rig.pass(.seconds(2))
    rig.actions = []
    rig.tellMachine(.health(GuardHealth(watchdog: .opening)))
    rig.pass(.seconds(3))
    #expect(rig.report()?.flaws?.map(\.code) == [NodeFlaw.watchdogOpening])
    #expect(rig.report()?.flaws?.allSatisfy(\.isFenceLost) == true)
    rig.tellMachine(.health(GuardHealth(watchdog: .unusable(reason: "its driver does not answer"))))
    rig.pass(.seconds(3))
    rig.tellMachine(.health(GuardHealth(watchdog: .opening)))
    rig.pass(.seconds(3))
    #expect(rig.notes().filter { $0 == .guardFlawed || $0 == .guardBack } == [.guardFlawed], "nothing is known to be over")
    rig.tellMachine(.health(GuardHealth(watchdog: .open(timeout: 0))))
    rig.pass(.seconds(3))
    #expect(rig.report()?.flaws == nil)
    #expect(rig.notes().filter { $0 == .guardFlawed || $0 == .guardBack } == [.guardFlawed, .guardBack])
  }

  @Test func `of its host go into the report beside the guard's`() {
    var rig = Rig.guarded()
    rig.pass(.seconds(2))
    let flaw = NodeFlaw(NodeFlaw.slowBridge, "uses STP on its bridge br0")
    rig.send(.host([flaw]))
    rig.tellMachine(.health(GuardHealth(recordFlaw: "no space left")))
    rig.pass(.seconds(3))
    #expect(rig.report()?.flaws?.map(\.code) == [NodeFlaw.guardState, NodeFlaw.slowBridge])
    rig.actions = []
    rig.send(.host([flaw]))
    #expect(rig.actions.isEmpty, "it is no news")
    rig.send(.host([]))
    rig.pass(.seconds(2))
    #expect(rig.report()?.flaws?.map(\.code) == [NodeFlaw.guardState])
  }

  /// The first start of a node: neither its guard nor libvirt has been asked yet.
  @Test func `are none before anybody was asked`() {
    var rig = Rig()
    rig.list()
    rig.pass(.milliseconds(200))
    #expect(rig.controller.guardStatus.summary == .awaited)
    #expect(!rig.notes().contains(.guardLost) && !rig.notes().contains(.hypervisorLost), "\(rig.notes())")
    rig.pass(.seconds(1))
    let told = rig.actions.compactMap { if case .note(let note) = $0, note.kind == .guardLost { note } else { nil } }
    #expect(told.map(\.severity) == [.warning], "nobody knows of anything that could be lost")
    #expect(rig.controller.guardStatus.summary == .absent)
  }

  @Test func `are an error where something runs that nobody guards`() {
    var rig = Rig()
    rig.inventory([Rig.domain("w1")])
    rig.list()
    rig.pass(.seconds(1))
    let told = rig.actions.compactMap { if case .note(let note) = $0, note.kind == .guardLost { note } else { nil } }
    #expect(told.map(\.severity) == [.error])
  }
}
