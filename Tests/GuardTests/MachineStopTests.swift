import GuardCore
import HoldfastTime
import Testing

/// `isolation: stop`: frozen until the deadline, dead from then on.
@Suite struct `Stop is killed at the deadline, not before` {
  static let far = Duration.seconds(60)
  /// The deadline that is in force when everything is frozen before it: so long after that.
  static let ahead = Duration.seconds(5)

  /// How an isolation begins, with a `stop` workload "db" and a `freeze` workload "web".
  struct Beginning: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// nil: what is `stop` is killed from the beginning.
    var deadline: Duration?
    var begin: @Sendable () -> MachineRig
  }

  static let both = [workload("db", .stop), workload("web")]

  static func started(_ phase: GuardRecord.Phase, frozen: Bool, boot: String = "boot") -> MachineRig {
    var rig = MachineRig()
    rig.start(
      .found(GuardRecord(boot: boot, phase: phase, workloads: both, kills: [], taken: TakenThings())), occupied: true,
      frozen: frozen)
    rig.connect()
    return rig
  }
  static let now = MachineRig().now

  static let beginnings = [
    Beginning(testDescription: "isolate, armed", deadline: ahead) {
      var rig = MachineRig.armed(both, for: ahead)
      rig.command(.isolate)
      return rig
    },
    Beginning(testDescription: "isolate, without a deadline", deadline: nil) {
      var rig = MachineRig.connected()
      rig.command(.isolate)
      for workload in both { rig.command(.protect(workload)) }
      return rig
    },
    Beginning(testDescription: "the deadline passes", deadline: nil) {
      var rig = MachineRig.armed(both, for: ahead)
      rig.advance(ahead)
      return rig
    },
    Beginning(testDescription: "shortened to an instant that has passed", deadline: nil) {
      var rig = MachineRig.armed(both, for: ahead)
      rig.command(.shorten(deadline: rig.now))
      return rig
    },
    Beginning(testDescription: "armed, found frozen", deadline: ahead) { started(.armed(deadline: now + ahead), frozen: true) },
    Beginning(testDescription: "armed, found frozen after the deadline", deadline: nil) {
      started(.armed(deadline: now), frozen: true)
    },
    Beginning(testDescription: "the deadline passed while no guard ran", deadline: nil) {
      started(.armed(deadline: now), frozen: false)
    },
    Beginning(testDescription: "isolated before it", deadline: ahead) {
      started(.isolated(since: now - far, killsAt: now + ahead), frozen: true)
    },
    Beginning(testDescription: "isolated before it, and thawed by hand", deadline: ahead) {
      started(.isolated(since: now - far, killsAt: now + ahead), frozen: false)
    },
    Beginning(testDescription: "isolated before it, the deadline passed", deadline: nil) {
      started(.isolated(since: now - far, killsAt: now), frozen: true)
    },
    Beginning(testDescription: "isolated by a guard that killed at once", deadline: nil) {
      started(.isolated(since: now - far), frozen: true)
    },
    Beginning(testDescription: "a state of another boot", deadline: nil) {
      var rig = started(.armed(deadline: now + ahead), frozen: true, boot: "another")
      for workload in both { rig.command(.protect(workload)) }
      return rig
    },
    Beginning(testDescription: "disarmed, found frozen", deadline: nil) { started(.disarmed, frozen: true) },
    Beginning(testDescription: "an unreadable state", deadline: nil) {
      var rig = MachineRig()
      rig.start(.unreadable(reason: "torn"), occupied: true, frozen: true)
      rig.connect()
      for workload in both { rig.command(.protect(workload)) }
      return rig
    },
    Beginning(testDescription: "no state, processes", deadline: nil) {
      var rig = MachineRig()
      rig.start(.none, occupied: true)
      rig.connect()
      for workload in both { rig.command(.protect(workload)) }
      return rig
    }
  ]

  @Test(arguments: beginnings) func `what is stop dies at the deadline, or at once where there is none`(_ row: Beginning) {
    var rig = row.begin()
    #expect(rig.isIsolated)
    guard let deadline = row.deadline else {
      #expect(Set(rig.kills) == ["db"])
      #expect(rig.sweeps > 0)
      return
    }
    #expect(rig.kills.isEmpty)
    #expect(rig.sweeps == 0)
    #expect(rig.done.contains { if case .isolateNow(_, ["/c/db", "/c/web"]) = $0 { true } else { false } })
    // The next guard knows.
    #expect(rig.record.map { if case .isolated(_, let at) = $0.phase { at == rig.now + deadline } else { false } } == true)
    rig.advance(deadline - .nanoseconds(1))
    #expect(rig.kills.isEmpty)
    #expect(rig.sweeps == 0)
    #expect(rig.feeding)
    rig.done.removeAll()
    rig.advance(.nanoseconds(1))
    #expect(rig.kills == ["db"])
    #expect(rig.sweeps == 1)
    #expect(rig.told == ["db": 1])
    #expect(rig.record.map { if case .isolated(_, nil) = $0.phase { true } else { false } } == true)
    // From then on the partition is swept as after any deadline.
    rig.advance(.seconds(2))
    #expect(rig.sweeps > 1)
    #expect(rig.kills == ["db"])
  }

  @Test(arguments: beginnings.filter { $0.deadline != nil }) func `resumed before the deadline it goes on`(_ row: Beginning) {
    var rig = row.begin()
    rig.advance(Self.ahead - .milliseconds(1))
    let answer = rig.command(.resume(deadline: rig.now + Self.far)).last
    #expect(answer?.phase == .armed(deadline: rig.now + Self.far))
    #expect(rig.done.contains(.thaw(cgroups: ["/c/db", "/c/web"])))
    rig.advance(.seconds(30))
    #expect(rig.kills.isEmpty && rig.sweeps == 0)
  }

  @Test(arguments: beginnings.filter { $0.deadline != nil }) func `a resume at the deadline comes too late`(_ row: Beginning) {
    var rig = row.begin()
    rig.now = rig.now + Self.ahead
    #expect(rig.command(.resume(deadline: rig.now + Self.far)).contains { $0.refusal?.contains("db is being killed") == true })
    #expect(rig.kills == ["db"])
    #expect(rig.isIsolated)
    rig.command(.resume(deadline: rig.now + Self.far))
    #expect(!rig.isIsolated)
  }

  @Test func `a guard that is restarted ten times in a row kills nothing before the deadline, and then it does`() {
    var rig = MachineRig.armed(Self.both, for: Self.ahead)
    for count in 0..<10 {
      rig.now = rig.now + .milliseconds(300)
      // The controller froze everything in between; the first time it had not got to it.
      rig = rig.restarted(frozen: count > 0)
      #expect(rig.kills.isEmpty && rig.sweeps == 0)
      rig.connect()
      rig.command(.isolate)
      for workload in Self.both { rig.command(.protect(workload)) }
      #expect(rig.kills.isEmpty && rig.sweeps == 0)
    }
    rig.advance(Self.ahead - .milliseconds(3000))
    #expect(rig.kills == ["db"])
  }

  // MARK: Commands while it is frozen before the deadline

  private func frozen(_ workloads: [GuardedWorkload] = both) -> MachineRig {
    var rig = MachineRig.armed(workloads, for: Self.ahead)
    rig.command(.isolate)
    rig.done.removeAll()
    return rig
  }

  @Test func `extend moves its end and thaws nothing; after it, only resume helps`() {
    var rig = frozen()
    let since = rig.now
    // Never shortens.
    #expect(
      rig.command(.extend(deadline: rig.now + .seconds(1))).first?.phase == .isolated(since: since, confirmed: true))
    rig.advance(.seconds(4))
    #expect(rig.command(.extend(deadline: rig.now + .seconds(3))).first?.phase == .isolated(since: since, confirmed: true))
    rig.advance(.milliseconds(2999))
    #expect(rig.kills.isEmpty)
    rig.advance(.milliseconds(1))
    #expect(rig.kills == ["db"])
    #expect(rig.command(.extend(deadline: rig.now + Self.far)).first?.refusal?.contains("resume") == true)
    #expect(!rig.done.contains { if case .thaw = $0 { true } else { false } })
  }

  @Test(arguments: [Duration.seconds(1), .zero, .seconds(-1)]) func `shorten brings its end nearer`(_ time: Duration) {
    var rig = frozen()
    #expect(rig.command(.shorten(deadline: rig.now + Self.far)).count == 1)
    #expect(rig.command(.shorten(deadline: rig.now + time)).first?.phase != nil)
    #expect(rig.record.map { if case .isolated(_, .some) = $0.phase { true } else { false } } == (time > .zero))
    rig.advance(max(.zero, time - .nanoseconds(1)))
    #expect(rig.kills == (time > .zero ? [] : ["db"]))
    rig.advance(.nanoseconds(1))
    #expect(rig.kills == ["db"])
    #expect(rig.isIsolated)
  }

  @Test func `disarm says that the session is over: what is stop dies at once`() {
    var rig = frozen()
    rig.alive = true
    #expect(rig.command(.disarm).contains { $0.refusal?.contains("exists") == true })
    #expect(rig.kills == ["db"] && rig.sweeps == 1)
    #expect(rig.isIsolated)
    rig.alive = false
    #expect(rig.command(.disarm).last?.phase == .disarmed)
  }

  @Test func `kill kills at once, whatever the isolation`() {
    var rig = frozen()
    for name in ["db", "web"] { #expect(rig.command(.kill(workload: name)) == [.killed(workload: name, confirmed: true)]) }
    #expect(rig.kills == ["db", "web"])
    #expect(rig.sweeps == 0)
  }

  @Test func `what is protected meanwhile is frozen with the rest, and dies with the rest`() {
    var rig = frozen([workload("web")])
    // A start into the stop partition that comes up while everything is frozen.
    rig.command(.protect(workload("late", .stop)))
    #expect(rig.done.contains { if case .isolateNow(_, ["/c/late", "/c/web"]) = $0 { true } else { false } })
    // And one that is declared anew.
    rig.command(.protect(workload("web", .stop)))
    #expect(rig.kills.isEmpty && rig.sweeps == 0)
    rig.advance(Self.ahead)
    #expect(Set(rig.kills) == ["late", "web"])
    #expect(rig.done.contains(.kill(.stopPartition(sparing: []))))
    // After the deadline: at once.
    rig.command(.protect(workload("later", .stop)))
    #expect(rig.kills.last == "later")
  }

  @Test func `what has stopped or left protection meanwhile is not killed`() {
    var rig = frozen([workload("db", .stop), workload("left", .stop), workload("web")])
    rig.command(.forget(workload: "db"))
    rig.command(.release(workload: "left", cgroup: "/c/left"))
    rig.advance(Self.ahead)
    #expect(rig.kills.isEmpty)
    #expect(rig.done.contains(.kill(.stopPartition(sparing: ["/c/left", "/c/web"]))))
  }

  // MARK: The watchdog

  @Test func `the watchdog is fed while it is frozen, and not when it does not die in time`() {
    var rig = frozen()
    rig.progress["db"] = .dying
    rig.advance(Self.ahead)
    #expect(rig.feeding)
    rig.advance(.seconds(2))
    #expect(!rig.feeding)
    rig.progress["db"] = .gone
    rig.advance(.milliseconds(20))
    #expect(rig.feeding)
    var unseen = frozen()
    unseen.freezable = false
    unseen.advance(.seconds(1))
    #expect(!unseen.feeding)
    // Dead at the deadline all the same.
    unseen.advance(Self.ahead)
    #expect(unseen.kills == ["db"])
  }

  // MARK: What is told

  @Test func `each end is told once in an isolation, whatever else is protected`() {
    var rig = MachineRig.isolated([workload("db", .stop), workload("mail", .stop)])
    #expect(rig.told.isEmpty)
    rig = MachineRig.armed([workload("db", .stop), workload("mail", .stop)])
    rig.advance(.seconds(5))
    for round in 0..<12 {
      rig.command(.protect(workload("w\(round)")))
      rig.command(.protect(workload("db", .stop)))
      rig.advance(.milliseconds(10))
    }
    #expect(rig.told == ["db": 1, "mail": 1])
    // A command is answered, once.
    rig.command(.kill(workload: "db"))
    #expect(rig.told == ["db": 2, "mail": 1])
    // And in the next isolation it is news again.
    rig.command(.resume(deadline: rig.now + .seconds(1)))
    rig.advance(.seconds(1))
    #expect(rig.told == ["db": 3, "mail": 2])
  }

  @Test func `a guard that takes over tells each end once, however much the controller tells it`() {
    var rig = MachineRig.armed([workload("db", .stop), workload("mail", .stop)] + (0..<12).map { workload("w\($0)") })
    rig.now = rig.now + .seconds(6)
    rig.progress = ["db": .dying, "mail": .dying]
    rig = rig.restarted(frozen: true)
    rig.connect()
    rig.command(.isolate)
    for workload in [workload("db", .stop), workload("mail", .stop)] + (0..<12).map({ workload("w\($0)") }) {
      rig.command(.protect(workload))
    }
    rig.progress = [:]
    rig.advance(.seconds(1))
    #expect(rig.told == ["db": 1, "mail": 1])
  }

  @Test func `what is found in a cgroup again is killed and told again`() {
    var rig = MachineRig.armed([workload("db", .stop)])
    rig.advance(.seconds(5))
    #expect(rig.told == ["db": 1])
    rig.progress["db"] = .dying
    rig.command(.protect(workload("db", .stop)))
    rig.progress["db"] = .gone
    rig.advance(.milliseconds(100))
    #expect(rig.told == ["db": 2])
  }
}
