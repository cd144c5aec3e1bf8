import GuardCore
import HoldfastTime
import Testing

/// What the guard tells of itself.
@Suite struct `The guard's health` {
  private static let ill = GuardHealth(
    watchdog: .unusable(reason: "open /dev/watchdog: No such file or directory"), recordFlaw: "write /run/x: No space left, 5 %"
  )

  @Test(arguments: [
    GuardHealth(), GuardHealth(watchdog: .open(timeout: 10)), ill,
    GuardHealth(watchdog: .open(timeout: 2), recordFlaw: "a=b,c \u{e9}"), GuardHealth(watchdog: .opening),
    GuardHealth(watchdog: .open(timeout: nil))
  ]) func `comes back as it went`(health: GuardHealth) throws {
    let report = GuardReport.state(GuardState(phase: .disarmed, workloads: ["a"], health: health))
    #expect(try GuardReport(wireText: report.wireText) == report)
    #expect(report.wireText.utf8.allSatisfy { (0x20..<0x7f).contains($0) })
  }

  @Test func `takes no room where there is nothing to tell, and little where there is much`() {
    #expect(GuardReport.state(GuardState(phase: .disarmed, workloads: [])).wireText == "state phase=disarmed")
    let long = GuardHealth(recordFlaw: String(repeating: "x", count: 10_000))
    #expect(GuardReport.state(GuardState(phase: .disarmed, workloads: [], health: long)).wireText.utf8.count < 400)
  }

  @Test(arguments: ["watchdog=x", "watchdog=-1", "watchdog=", "record-flaw=%", "watchdogs=1"])
  func `is refused when it is broken`(field: String) {
    #expect(throws: WireError.self) { try GuardReport(wireText: "state phase=disarmed \(field)") }
  }

  @Test func `is told with the next state, and with no other`() {
    var rig = MachineRig.armed()
    rig.receive(.health(Self.ill))
    #expect(rig.reports.isEmpty, "nobody asked")
    #expect(rig.command(.status).map(\.health) == [Self.ill])
    #expect(rig.command(.extend(deadline: rig.now + .seconds(9))).map(\.health) == [Self.ill])
    rig.receive(.health(GuardHealth()))
    #expect(rig.command(.status).map(\.health) == [GuardHealth()])
  }

  @Test func `is not told to a controller of an earlier release`() {
    var rig = MachineRig()
    rig.start()
    rig.receive(.controllerConnected)
    rig.receive(.health(Self.ill))
    #expect(rig.command(.hello(version: 1)).map(\.health) == [GuardHealth()])
    #expect(rig.command(.status).map(\.health) == [GuardHealth()])
    rig.receive(.controllerConnected)
    #expect(rig.command(.hello(version: guardProtocolVersion)).map(\.health) == [Self.ill])
  }

  /// What is not known to be a fence is none to it.
  @Test(
    arguments: [
      (.none, true), (.open(timeout: 2), true), (.unusable(reason: "gone"), true), (.opening, false),
      (.open(timeout: nil), false)
    ] as [(GuardHealth.Watchdog, Bool)]) func `is told to a controller of version 2 in its words`(
      watchdog: GuardHealth.Watchdog, isSame: Bool
    ) throws
  {
    var rig = MachineRig()
    rig.start()
    rig.receive(.controllerConnected)
    rig.receive(.health(GuardHealth(watchdog: watchdog)))
    let told = try #require(rig.command(.hello(version: 2)).first?.health).watchdog
    if isSame { return #expect(told == watchdog) }
    if case .unusable = told { return }
    Issue.record("\(told)")
  }

  @Test func `decides nothing`() {
    var rig = MachineRig.armed()
    let before = rig.machine.record
    rig.receive(.health(Self.ill))
    #expect(rig.done.isEmpty && rig.machine.record == before)
  }
}

extension GuardReport {
  fileprivate var health: GuardHealth? { if case .state(let state) = self { state.health } else { nil } }
}

/// A write that fails now and then.
@Suite struct `Trouble with a write` {
  private static let start = BootInstant(nanoseconds: 1_000_000_000)

  @Test func `is said once, counted, and over when it has gone well for a while`() {
    var trouble = WriteTrouble(), now = Self.start
    #expect(trouble.tried(nil, at: now) == nil)
    #expect(trouble.tried("full", at: now) == .fails(reason: "full"))
    // A full filesystem takes one write and refuses the next, each for a reason of its own.
    for second in 1..<60 {
      now = Self.start + .seconds(second)
      #expect(trouble.tried(second.isMultiple(of: 2) ? nil : "full \(second)", at: now) == nil, "after \(second) s")
      #expect(trouble.reason == "full", "it does not change with each attempt")
    }
    #expect(trouble.tried("full", at: Self.start + .seconds(61)) == .failsStill(reason: "full", count: 31))
    #expect(trouble.tried("full", at: Self.start + .seconds(62)) == nil)
    #expect(trouble.tried(nil, at: Self.start + .seconds(121)) == nil)
    #expect(trouble.reason == "full")
    #expect(trouble.tried(nil, at: Self.start + .seconds(122)) == .isOver)
    #expect(trouble.reason == nil)
    #expect(trouble.tried(nil, at: Self.start + .seconds(500)) == nil)
    #expect(trouble.tried("full", at: Self.start + .seconds(501)) == .fails(reason: "full"))
  }
}
