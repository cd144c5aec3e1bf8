import GuardCore
import HoldfastTime
import Testing

/// A guard that finds itself wrong freezes everything, and lets nothing go on.
@Suite struct `The guard's machine when it finds itself wrong` {
  private func unsound(_ rig: MachineRig) -> MachineRig {
    var rig = rig
    rig.machine.failCheck("two and two")
    rig.receive(.timer)
    return rig
  }

  @Test func `it freezes everything, says why, and keeps the deadline of what is stop`() throws {
    let armed = MachineRig.armed([workload("a"), workload("b", .stop)])
    let rig = unsound(armed)
    #expect(rig.machine.breach == "two and two" && rig.isIsolated)
    #expect(rig.record?.phase == .isolated(since: rig.now, killsAt: armed.now + .seconds(5)) && rig.kills.isEmpty)
    #expect(
      rig.done.contains { if case .log(.error, let text) = $0 { text.contains("two and two") } else { false } })
  }

  @Test func `it refuses what would let workloads go on, and does the rest`() {
    for phase in [MachineRig.connected(), .armed([workload("a")]), .isolated([workload("a")])] {
      var rig = unsound(phase)
      for command in [GuardCommand.extend(deadline: rig.now + .seconds(9)), .resume(deadline: rig.now + .seconds(9))] {
        #expect(rig.command(command).first?.refusal?.contains("restarted") == true, "\(command)")
      }
      #expect(rig.command(.status).first?.phase != nil)
      #expect(rig.isIsolated && !rig.done.contains { if case .thaw = $0 { true } else { false } })
      #expect(rig.command(.disarm).first?.phase == .disarmed)
      #expect(rig.command(.extend(deadline: rig.now + .seconds(9))).first?.refusal != nil)
    }
  }

  @Test func `a thaw that comes at once is refused`() {
    var rig = MachineRig.isolated([workload("a")])
    rig.machine.failCheck("two and two")
    rig.receive(.command(.resume(deadline: rig.now + .seconds(9))))
    #expect(!rig.done.contains { if case .thaw = $0 { true } else { false } } && rig.isIsolated)
  }

  @Test func `the next guard goes on`() {
    var next = unsound(.armed([workload("a")])).restarted(frozen: true)
    next.connect()
    #expect(next.machine.breach == nil && next.isIsolated)
    #expect(next.command(.resume(deadline: next.now + .seconds(9))).first?.phase == .armed(deadline: next.now + .seconds(9)))
  }
}
