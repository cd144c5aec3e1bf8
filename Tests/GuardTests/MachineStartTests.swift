import GuardCore
import HoldfastTime
import Testing

/// A start that the freeze catches may keep it from being confirmed for ever: it is killed, and nothing else is.
@Suite struct `The guard's machine when a start keeps a freeze from being confirmed` {
  private static let limit = Duration.seconds(1)

  private func start(_ name: String, cgroup: String? = nil) -> GuardedWorkload {
    var starting = workload(name, cgroup: cgroup)
    starting.isStarting = true
    return starting
  }

  /// Names of the starts that were killed as what is in no known cgroup, each as often as that was tried.
  private func killed(_ rig: MachineRig) -> [String] {
    rig.done.compactMap { if case .kill(.unseen(let name, nil, _)) = $0 { name } else { nil } }
  }

  @Test func `it is killed a second after the deadline, and what is in a known cgroup is spared`() {
    var rig = MachineRig.armed([workload("a"), start("b"), start("late", cgroup: "/c/late")])
    rig.command(.release(workload: "gone", cgroup: "/c/gone"))
    rig.freezable = false
    rig.progress = ["b": .dying]
    rig.advance(.seconds(5) + Self.limit - .milliseconds(1))
    #expect(killed(rig).isEmpty)
    rig.advance(.milliseconds(1))
    #expect(killed(rig) == ["b"])
    #expect(rig.done.contains(.kill(.unseen(name: "b", cgroup: nil, sparing: ["/c/a", "/c/late", "/c/gone"]))))
    #expect(rig.kills.isEmpty)
    rig.progress = [:]
    rig.advance(.milliseconds(1))
    #expect(rig.told == ["b": 1])
    #expect(!rig.feeding)
    rig.freezable = true
    rig.advance(.milliseconds(2))
    #expect(rig.feeding)
    rig.done.removeAll()
    rig.advance(.seconds(10))
    #expect(killed(rig).isEmpty)
  }

  @Test func `a process that does not even take its SIGKILL is not waited for once the freeze is confirmed`() {
    var rig = MachineRig.armed([start("b")])
    rig.freezable = false
    rig.progress = ["b": .dying]
    rig.advance(.seconds(5) + Self.limit)
    // The kernel says so a moment after the kill.
    rig.freezable = true
    rig.advance(.seconds(3))
    #expect(rig.feeding)
    #expect(rig.reports.contains(.killed(workload: "b", confirmed: false)))
    rig.done.removeAll()
    rig.advance(.seconds(10))
    #expect(killed(rig).isEmpty)
    #expect(rig.command(.resume(deadline: rig.now + .seconds(60))).first?.refusal == nil)
    #expect(!rig.isIsolated)
  }

  @Test func `nothing is killed when the freeze is confirmed in time, nor before the deadline`() {
    var rig = MachineRig.armed([start("b")])
    rig.freezable = false
    rig.command(.isolate)
    rig.advance(.seconds(4))
    #expect(killed(rig).isEmpty)
    rig.progress = ["b": .dying]
    // Not confirmed for long: there is nothing more to wait for when the deadline passes.
    rig.advance(.seconds(1))
    #expect(killed(rig) == ["b"])

    var other = MachineRig.armed([start("b")])
    other.freezable = false
    other.advance(.seconds(5) + .milliseconds(500))
    other.freezable = true
    other.advance(.seconds(10))
    #expect(killed(other).isEmpty)
  }

  @Test func `a freeze that is not confirmed any more is given its time anew`() {
    var rig = MachineRig.isolated([start("b")])
    rig.advance(.seconds(60))
    rig.freezable = false
    rig.progress = ["b": .dying]
    rig.advance(Self.limit)
    #expect(killed(rig).isEmpty)
    // The next look comes within a tenth of a second.
    rig.advance(.milliseconds(100))
    #expect(killed(rig).first == "b")
  }

  /// What arrives by a live migration, too, runs where the guard does not know of.
  @Test func `nothing is killed while what is no start may be where nobody knows`() {
    var rig = MachineRig.armed([workload("arriving", cgroup: nil), start("b")])
    rig.freezable = false
    rig.advance(.seconds(60))
    #expect(killed(rig).isEmpty)
    rig.command(.protect(workload("arriving")))
    rig.advance(Self.limit + Self.limit)
    #expect(Set(killed(rig)) == ["b"])
    #expect(rig.done.contains(.kill(.unseen(name: "b", cgroup: nil, sparing: ["/c/arriving"]))))
  }

  @Test(
    arguments: [
      .unreadable(reason: "torn"), .none,
      .found(
        GuardRecord(boot: "boot", phase: .disarmed, workloads: [], kills: [], taken: TakenThings()))
    ] as [GuardMachine.FoundAtStart.Record])
  func `a guard whose record does not tell what runs does not take it for a start`(record: GuardMachine.FoundAtStart.Record) {
    var rig = MachineRig()
    rig.freezable = false
    rig.start(record, occupied: true)
    rig.connect()
    rig.command(.protect(start("b")))
    rig.advance(.seconds(60))
    #expect(killed(rig).isEmpty)
  }

  @Test func `the guard after this one does it, too`() {
    var rig = MachineRig.armed([workload("a"), start("b")])
    rig.freezable = false
    rig.advance(.seconds(5))
    var next = rig.restarted(frozen: true)
    next.progress = ["b": .dying]
    next.advance(Self.limit)
    #expect(killed(next) == ["b"])
  }

  @Test func `a kill that the controller asks for meanwhile is answered`() {
    var rig = MachineRig.armed([start("b")])
    rig.freezable = false
    rig.progress = ["b": .dying]
    rig.advance(.seconds(5) + Self.limit)
    #expect(rig.command(.kill(workload: "b")).isEmpty)
    rig.progress = [:]
    rig.done.removeAll()
    rig.advance(.milliseconds(100))
    #expect(rig.told == ["b": 1])
  }
}
