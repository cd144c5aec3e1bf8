import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// A workload has ended: what people are told of it, and when it is started again.
@Suite struct `The end of a workload` {
  private static let killed = Event.fromGuard(.report(.killed(workload: "w1", confirmed: true)))

  /// n1 runs w1, and the test speaks for the guard.
  private func running() -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.actions = []
    return rig
  }

  /// The guard has frozen w1, and the claims hold: it may thaw as soon as it likes.
  private func frozen() -> Rig {
    var rig = running()
    rig.send(rig.isolated(["w1"]))
    #expect(rig.resumes == 1)
    return rig
  }

  @Test func `without anybody's doing is told`() {
    var rig = running()
    rig.gone("w1")
    #expect(rig.notes().count { $0 == .vanished } == 1)
  }

  /// libvirt and the guard see it at the same time, and whoever tells it first: it is the guard's doing.
  @Test func `by the guard at the deadline is the guard's, with the machine that the guard is`() {
    var rig = Rig.guarded()
    rig.write([
      .put(.spec("w1"), .spec(Rig.spec(isolation: .stop))),
      .put(.intent("w1"), .intent(IntentRecord(desired: .running)))
    ])
    rig.pass(.seconds(1))
    #expect(rig.executes("w1"))
    rig.actions = []
    rig.storeIsAway = true
    rig.pass(.seconds(3))
    #expect(rig.processes["w1"] == nil && rig.notes().contains(.killed), "\(rig.notes())")
    rig.storeIsAway = false
    rig.pass(.seconds(1))
    #expect(rig.executes("w1"))
    #expect(rig.starts().count == 1 && rig.notes().count { $0 == .started } == 1)
    #expect(!rig.notes().contains(.vanished), "\(rig.notes())")
  }

  enum Order: CaseIterable { case killedFirst, goneFirst, goneAfterTheThaw }

  @Test(arguments: Order.allCases) func `by the guard is not told as anybody else's, and it starts again at once`(
    _ order: Order
  ) {
    var rig = frozen()
    switch order {
    case .killedFirst:
      rig.send(Self.killed)
      rig.gone("w1")
      rig.send(rig.armed(["w1"]))
    case .goneFirst:
      rig.gone("w1")
      rig.send(Self.killed)
      rig.send(rig.armed(["w1"]))
    case .goneAfterTheThaw:
      // What libvirt says when it is asked again is what it believes, for a moment more.
      rig.send(Self.killed)
      rig.send(rig.armed(["w1"]))
      #expect(!rig.notes().contains(.started), "it is not taken for one that runs")
      rig.gone("w1")
    }
    #expect(!rig.notes().contains(.vanished), "\(rig.notes())")
    #expect(rig.starts().count == 1 && rig.notes().count { $0 == .started } == 1, "\(rig.notes())")
    rig.actions = []
    rig.gone("w1")
    #expect(rig.notes().count { $0 == .vanished } == 1, "the next run is another one")
  }

  @Test func `while it was frozen, by somebody else, is told with the thaw`() {
    var rig = frozen()
    rig.gone("w1")
    #expect(!rig.notes().contains(.vanished))
    rig.send(rig.armed(["w1"]))
    #expect(rig.notes().count { $0 == .vanished } == 1)
  }

  @Test func `by the guard, for a claim that is lost, is not told when the claim comes back`() throws {
    var rig = running()
    try rig.loseToPlanner("w1")
    rig.send(Self.killed)
    rig.gone("w1")
    rig.pass(.seconds(1))
    #expect(rig.resumes > 0)
    rig.send(rig.armed())
    rig.actions = []
    rig.hold("w1", by: "n2", "gone", epoch: 3)
    rig.place("w1", on: "n1")
    rig.pass(.seconds(2))
    #expect(rig.starts().count == 1, "\(rig.notes())")
    #expect(!rig.notes().contains(.vanished), "\(rig.notes())")
  }
}
