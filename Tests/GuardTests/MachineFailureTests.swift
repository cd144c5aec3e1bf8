import GuardCore
import HoldfastTime
import Testing

@Suite struct `The guard's machine when things fail` {
  static let far = Duration.seconds(60)

  // MARK: Freezing

  @Test func `a freeze that is not confirmed is tried again every few milliseconds and stops the watchdog`() {
    var rig = MachineRig.armed([workload("a", links: ["vnet0"])])
    rig.freezable = false
    rig.advance(.seconds(5))
    #expect(rig.reports.map(\.phase) == [.isolated(since: rig.now, confirmed: false)])
    #expect(!rig.feeding)
    // The rest is done all the same.
    #expect(rig.done.contains { if case .linksDown(_, ["vnet0"]) = $0 { true } else { false } })
    let since = rig.now
    rig.done.removeAll()
    rig.advance(.milliseconds(20))
    let retries = rig.done.filter { if case .retryIsolation(_, ["/c/a"]) = $0 { true } else { false } }
    #expect(retries.count == 10)
    #expect(rig.reports.isEmpty)
    rig.freezable = true
    rig.advance(.milliseconds(2))
    #expect(rig.reports.map(\.phase) == [.isolated(since: since, confirmed: true)])
    #expect(rig.feeding)
  }

  private func looks(_ rig: MachineRig) -> Int {
    rig.done.count { if case .retryIsolation = $0 { true } else { false } }
  }

  @Test func `a confirmed isolation is looked at again, and lost confirmation is told`() {
    var rig = MachineRig.isolated([workload("a")])
    rig.advance(.milliseconds(500))
    #expect(looks(rig) == 2)
    #expect(rig.reports.isEmpty)
    rig.freezable = false
    rig.advance(.seconds(1))
    #expect(!rig.feeding)
    #expect(rig.reports.count == 1)
    #expect(looks(rig) > 50)
  }

  /// How many looks there are in so many seconds, and the longest that one is waited for.
  @Test func `looks become rarer, not while something may be starting, and begin anew when something is told`() {
    var starting = workload("a")
    starting.isStarting = true
    for (workloads, most) in [([workload("a")], Duration.seconds(1)), ([], .seconds(5)), ([starting], .milliseconds(100))] {
      var rig = MachineRig.isolated(workloads)
      rig.advance(.seconds(60))
      let before = looks(rig)
      rig.advance(.seconds(60))
      #expect(looks(rig) - before == Int(Duration.seconds(60) / most), "\(most)")
      #expect(rig.wake.map { $0 - rig.now <= most } == true)
      rig.command(.protect(workload("b")))
      #expect(rig.wake == rig.now + .milliseconds(100))
    }
  }

  @Test func `what is thawed by hand, or comes late, is found at the next look`() {
    var rig = MachineRig.isolated([workload("a")])
    rig.advance(.seconds(60))
    rig.freezable = false
    rig.advance(.seconds(1))
    #expect(!rig.feeding)
    rig.freezable = true
    rig.advance(.milliseconds(2))
    #expect(rig.feeding)
    // And then it is looked at often again.
    #expect(rig.wake.map { $0 - rig.now <= .milliseconds(100) } == true)
  }

  @Test func `an answer to an older order confirms nothing`() {
    var rig = MachineRig.isolated([workload("a")], freezable: false)
    let since = rig.now
    rig.advance(.milliseconds(10))
    rig.receive(.freezeResult(round: 1, confirmed: true, foundFrozen: []))
    #expect(rig.phase == .isolated(since: since, confirmed: false))
  }

  @Test func `the answer waits for the freeze it speaks of`() {
    var machine = GuardMachine(boot: "boot")
    let now = BootInstant(nanoseconds: 1)
    _ = machine.receive(.started(.init(record: .none, occupied: false, frozen: false)), now: now)
    _ = machine.receive(.controllerConnected, now: now)
    _ = machine.receive(.command(.hello(version: guardProtocolVersion)), now: now)
    let first = machine.receive(.command(.isolate), now: now)
    _ = machine.receive(.command(.status), now: now)
    #expect(!first.contains { if case .report = $0 { true } else { false } })
    let then = machine.receive(.freezeResult(round: 1, confirmed: true, foundFrozen: []), now: now)
    let reports = then.compactMap { if case .report(let report) = $0 { report.phase } else { nil } }
    // isolate's, and status's behind it: in order.
    #expect(reports == [.isolated(since: now, confirmed: true), .isolated(since: now, confirmed: false)])
  }

  // MARK: Killing

  @Test func `a lost claim is killed while the rest is frozen, and stays dead when the rest resumes`() {
    var rig = MachineRig.isolated([workload("lost"), workload("kept")])
    #expect(rig.command(.kill(workload: "lost")) == [.killed(workload: "lost", confirmed: true)])
    rig.command(.forget(workload: "lost"))
    rig.command(.resume(deadline: rig.now + Self.far))
    #expect(rig.phase == .armed(deadline: rig.now + Self.far))
  }

  @Test func `a kill is answered when it is seen complete, and later answers wait behind it`() {
    var rig = MachineRig.armed([workload("a")])
    rig.progress["a"] = .dying
    #expect(rig.command(.kill(workload: "a")).isEmpty)
    #expect(rig.record?.kills == [.workload(name: "a", cgroup: "/c/a")])
    #expect(rig.command(.extend(deadline: rig.now + Self.far)).isEmpty)
    #expect(rig.phase == .armed(deadline: rig.now + Self.far))
    rig.advance(.milliseconds(3))
    rig.progress["a"] = .gone
    rig.advance(.milliseconds(20))
    #expect(rig.reports.count == 2)
    #expect(rig.reports.first == .killed(workload: "a", confirmed: true))
    #expect(rig.record?.kills == [])
    #expect(rig.feeding)
  }

  @Test func `a kill that hangs is answered in time, tried on, and told when it is complete`() {
    var rig = MachineRig.armed([workload("a")], for: Self.far)
    rig.progress["a"] = .dying
    rig.command(.kill(workload: "a"))
    rig.advance(.seconds(2))
    #expect(rig.reports == [.killed(workload: "a", confirmed: false)])
    // The node's session stands: one hanging disk is no reason to reset the others.
    #expect(rig.feeding)
    rig.progress["a"] = .gone
    rig.advance(.milliseconds(20))
    #expect(rig.reports == [.killed(workload: "a", confirmed: false), .killed(workload: "a", confirmed: true)])
  }

  @Test func `a kill at the deadline that hangs stops the watchdog`() {
    for partition in [true, false] {
      var rig = MachineRig.armed([workload("a", .stop)])
      if partition { rig.stopPartitionProgress = .dying } else { rig.progress["a"] = .dying }
      rig.advance(.seconds(5))
      #expect(rig.feeding)
      rig.advance(.seconds(2))
      #expect(!rig.feeding)
      rig.stopPartitionProgress = .gone
      rig.progress["a"] = .gone
      rig.advance(.milliseconds(20))
      #expect(rig.feeding)
    }
  }

  @Test func `nothing is thawed while what is being killed could still execute`() {
    var rig = MachineRig.isolated([workload("lost"), workload("kept")])
    rig.progress["lost"] = .failed(reason: "it cannot be listed")
    #expect(rig.command(.kill(workload: "lost")).isEmpty)
    rig.command(.resume(deadline: rig.now + Self.far))
    #expect(rig.isIsolated)
    #expect(!rig.done.contains { if case .thaw = $0 { true } else { false } })
    rig.progress["lost"] = .dying
    rig.advance(.milliseconds(20))
    rig.command(.resume(deadline: rig.now + Self.far))
    #expect(!rig.isIsolated)
    // It dies by its own kill: thawed with the rest it would have been let go before its time.
    #expect(rig.done.contains(.thaw(cgroups: ["/c/kept"])))
    rig.progress["lost"] = .gone
    rig.advance(.milliseconds(20))
    #expect(rig.reports.contains(.killed(workload: "lost", confirmed: true)))
    #expect(rig.reports.count { $0.refusal?.contains("lost is being killed") == true } == 1)
  }

  @Test func `after a resume the stop partition is left alone`() {
    var rig = MachineRig.armed([workload("a", .stop, cgroup: nil)])
    rig.stopPartitionProgress = .dying
    rig.advance(.seconds(5))
    rig.command(.resume(deadline: rig.now + Self.far))
    rig.done.removeAll()
    rig.advance(.seconds(1))
    #expect(rig.done.isEmpty)
  }

  @Test func `what comes into the stop partition later is killed as well`() {
    var rig = MachineRig.isolated()
    rig.advance(.milliseconds(300))
    #expect(rig.sweeps == looks(rig) && rig.sweeps == 2)
  }

  @Test func `a workload whose cgroup is not known can be killed only while everything is frozen`() {
    var rig = MachineRig.armed([workload("a", cgroup: nil), workload("b")])
    #expect(rig.command(.kill(workload: "a")).first?.refusal?.contains("not known") == true)
    rig.advance(.seconds(5))
    #expect(rig.command(.kill(workload: "a")) == [.killed(workload: "a", confirmed: true)])
    #expect(rig.done.contains(.kill(.unseen(name: "a", cgroup: nil, sparing: ["/c/b"]))))
  }

  @Test func `beside a run whose cgroup is known, a start may be under way: both are killed`() {
    var starting = workload("a")
    starting.isStarting = true
    var rig = MachineRig.armed([starting, workload("b")])
    rig.advance(.seconds(5))
    #expect(rig.command(.kill(workload: "a")) == [.killed(workload: "a", confirmed: true)])
    #expect(rig.done.contains(.kill(.unseen(name: "a", cgroup: "/c/a", sparing: ["/c/b"]))))
  }

  @Test func `what left protection is never killed and does not count, and a guard after this one knows`() {
    var rig = MachineRig.armed([workload("a", .stop), workload("b", cgroup: nil)])
    rig.command(.release(workload: "a", cgroup: "/c/a"))
    rig.advance(.seconds(5))
    #expect(rig.done.contains(.kill(.stopPartition(sparing: ["/c/a"]))))
    #expect(!rig.done.contains { if case .kill(.workload("a", _)) = $0 { true } else { false } })
    rig.command(.kill(workload: "b"))
    #expect(rig.done.contains(.kill(.unseen(name: "b", cgroup: nil, sparing: ["/c/a"]))))
    rig.command(.disarm)
    #expect(rig.done.contains(.takeCensus(cgroups: [], sparing: ["/c/a"])))
    #expect(rig.machine.record.released == ["a": "/c/a"])
    rig.command(.protect(workload("a", cgroup: nil)))
    #expect(rig.machine.record.released.isEmpty)
  }

  @Test func `a guard that is armed anew thaws what a controller froze that died since`() {
    var rig = MachineRig.connected()
    rig.command(.extend(deadline: rig.now + Self.far))
    #expect(rig.done.contains(.thaw(cgroups: [])))
    rig.done.removeAll()
    rig.command(.extend(deadline: rig.now + Self.far + Self.far))
    #expect(!rig.done.contains { if case .thaw = $0 { true } else { false } })
  }

  @Test func `what leaves protection while everything is frozen is not frozen again, and goes on with the others`() {
    var rig = MachineRig.isolated([workload("a"), workload("b")])
    rig.command(.release(workload: "a", cgroup: "/c/a"))
    rig.advance(.milliseconds(300))
    let held = rig.done.compactMap { if case .retryIsolation(_, let cgroups) = $0 { cgroups } else { nil } }
    #expect(!held.isEmpty && held.allSatisfy { $0 == ["/c/b"] }, "\(held)")
    rig.command(.resume(deadline: rig.now + Self.far))
    #expect(rig.done.contains(.thaw(cgroups: ["/c/a", "/c/b"])))
  }

  @Test func `a kill of what is not known ends with the isolation, and its answer does not hold up the others`() {
    var rig = MachineRig.isolated([workload("a", cgroup: nil)])
    rig.progress["a"] = .dying
    rig.command(.kill(workload: "a"))
    let reports = rig.command(.resume(deadline: rig.now + Self.far))
    #expect(reports.first == .killed(workload: "a", confirmed: false))
    #expect(reports.last?.phase == .armed(deadline: rig.now + Self.far))
    rig.done.removeAll()
    rig.advance(.seconds(1))
    #expect(!rig.done.contains { if case .kill = $0 { true } else { false } })
  }

  // MARK: Starting

  static func found(_ phase: GuardRecord.Phase, boot: String = "boot") -> GuardMachine.FoundAtStart.Record {
    .found(GuardRecord(boot: boot, phase: phase, workloads: [workload("a")], kills: [], taken: TakenThings()))
  }
  enum After: Sendable { case disarmed, armed, isolated }
  struct Start: Sendable {
    var record: GuardMachine.FoundAtStart.Record
    var occupied: Bool? = false
    var frozen = false
    var after: After
  }
  static let later = BootInstant(nanoseconds: 2_000_000_000)
  static let earlier = BootInstant(nanoseconds: 500)
  static let starts = [
    Start(record: .none, after: .disarmed),
    Start(record: .none, occupied: true, after: .isolated),
    Start(record: .none, occupied: nil, after: .isolated),
    Start(record: .none, frozen: true, after: .isolated),
    Start(record: .unreadable(reason: "torn"), after: .isolated),
    Start(record: .unreadable(reason: "torn"), occupied: true, after: .isolated),
    Start(record: found(.disarmed), after: .disarmed),
    Start(record: found(.disarmed), occupied: true, after: .isolated),
    Start(record: found(.disarmed), occupied: nil, after: .isolated),
    Start(record: found(.armed(deadline: later)), after: .armed),
    Start(record: found(.armed(deadline: later)), occupied: true, after: .armed),
    Start(record: found(.armed(deadline: later)), occupied: true, frozen: true, after: .isolated),
    Start(record: found(.armed(deadline: earlier)), after: .isolated),
    Start(record: found(.isolated(since: earlier)), after: .isolated),
    Start(record: found(.isolated(since: earlier)), occupied: true, frozen: true, after: .isolated),
    Start(record: found(.armed(deadline: later), boot: "another"), after: .disarmed),
    Start(record: found(.armed(deadline: later), boot: "another"), occupied: true, after: .isolated),
    Start(record: found(.isolated(since: earlier), boot: "another"), after: .disarmed)
  ]

  @Test(arguments: starts) func `what is found at the start decides`(_ start: Start) {
    var rig = MachineRig()
    rig.start(start.record, occupied: start.occupied, frozen: start.frozen)
    switch (start.after, rig.phase) {
    case (.disarmed, .disarmed), (.armed, .armed), (.isolated, .isolated): break
    default: Issue.record("\(start) gave \(rig.phase)")
    }
    let froze = rig.done.contains { if case .isolateNow = $0 { true } else { false } }
    #expect(froze == rig.isIsolated)
    #expect(rig.record != nil)
  }

  @Test func `a kill that was begun is taken up`() {
    var rig = MachineRig()
    let target = KillTarget.workload(name: "a", cgroup: "/c/a")
    rig.start(
      .found(
        GuardRecord(boot: "boot", phase: .armed(deadline: Self.later), workloads: [], kills: [target], taken: TakenThings())))
    #expect(rig.done.contains(.kill(target)))
    #expect(rig.record?.kills == [])
  }

  // MARK: Everything at once

  /// Random events at random times, in a world that fails at random; what must hold is looked at after each.
  @Test(arguments: 0..<200) func `what must hold holds whatever happens`(_ seed: Int) {
    var random = SplitMix(state: UInt64(seed))
    var rig = MachineRig.connected()
    var asked = 0
    for _ in 0..<400 {
      rig.freezable = random.chance(3, in: 4)
      rig.alive = random.chance(1, in: 2) ? random.chance(1, in: 2) : nil
      rig.stopPartitionProgress = random.pick([.gone, .dying, .failed(reason: "x")])
      for name in ["a", "b"] { rig.progress[name] = random.pick([.gone, .gone, .dying, .failed(reason: "x")]) }
      let before = rig.phase
      let from = rig.done.count
      var shortens = false
      if random.chance(1, in: 3) {
        rig.advance(random.pick([.microseconds(700), .milliseconds(2), .milliseconds(150), .seconds(1)]))
      } else {
        let command = random.command(rig.now)
        asked += 1
        if case .shorten = command { shortens = true }
        rig.receive(.command(command))
      }
      check(before, rig, rig.done[from...], seed, shortens: shortens)
    }
    // In the end every command has been answered once.
    rig.freezable = true
    rig.progress = [:]
    rig.advance(.seconds(3))
    rig.command(.status)
    let answers = rig.reports.count
    #expect(answers >= asked + 1, "seed \(seed)")
    #expect(rig.machine.breach == nil, "seed \(seed)")
  }

  private func check(
    _ before: GuardState.Phase, _ rig: MachineRig, _ actions: ArraySlice<GuardMachine.Action>, _ seed: Int,
    shortens: Bool
  ) {
    let thawed = actions.contains { if case .thaw = $0 { true } else { false } }
    let resumed = actions.contains {
      if case .log(_, let text) = $0 { text.hasPrefix("resumed") || text.hasPrefix("disarmed") } else { false }
    }
    // Armed for the first time it protects nothing yet.
    #expect(!thawed || resumed || before == .disarmed, "seed \(seed): thawed without leave")
    switch rig.phase {
    case .armed(let deadline):
      #expect(deadline > rig.now, "seed \(seed): past its deadline and not isolated")
      if case .armed(let earlier) = before, !shortens { #expect(deadline >= earlier, "seed \(seed): shortened") }
      if case .isolated = before { #expect(thawed, "seed \(seed)") }
      #expect(rig.feeding, "seed \(seed)")
      #expect(rig.wake.map { $0 <= deadline } == true, "seed \(seed): would sleep past the deadline")
    case .isolated(_, let confirmed):
      if case .isolated = before {
      } else {
        #expect(actions.contains { if case .isolateNow = $0 { true } else { false } }, "seed \(seed)")
      }
      #expect(confirmed || !rig.feeding, "seed \(seed): fed and not confirmed")
      #expect(rig.wake != nil, "seed \(seed)")
    case .disarmed:
      #expect(rig.feeding, "seed \(seed)")
    }
    // Before the deadline what is `stop` is frozen only, unless it was commanded.
    if case .isolated(let since, _) = rig.phase, case .isolated(_, let killsAt?)? = rig.record?.phase {
      #expect(killsAt > rig.now, "seed \(seed): past the deadline and not killed")
      #expect(since <= rig.now && rig.wake.map { $0 <= killsAt } == true, "seed \(seed): would sleep past the deadline")
      #expect(!actions.contains { if case .kill(.stopPartition) = $0 { true } else { false } }, "seed \(seed): swept early")
    }
    // What is written down is what holds.
    #expect(rig.record == rig.machine.record, "seed \(seed)")
  }
}

/// A small generator whose seed replays a run.
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func chance(_ part: UInt64, in whole: UInt64) -> Bool { next() % whole < part }

  mutating func pick<T>(_ from: [T]) -> T { from[Int(next() % UInt64(from.count))] }

  mutating func command(_ now: BootInstant) -> GuardCommand {
    let name = pick(["a", "b"])
    let deadline = now + pick([.milliseconds(-1), .zero, .milliseconds(5), .milliseconds(500), .seconds(2)])
    return pick([
      .extend(deadline: deadline), .extend(deadline: deadline), .shorten(deadline: deadline), .resume(deadline: deadline),
      .status, .isolate, .disarm,
      .protect(workload(name, pick([.freeze, .stop]), links: ["v\(name)"])), .protect(workload(name, cgroup: nil)),
      .forget(workload: name), .kill(workload: name)
    ])
  }
}
