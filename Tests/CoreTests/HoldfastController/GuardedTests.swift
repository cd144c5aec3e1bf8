import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// The controller with the guard's own machine: what executes, when it is frozen, and what it takes to thaw it.
@Suite struct GuardedTests {
  private func running(_ names: [String] = ["w1"]) -> Rig {
    var rig = Rig.guarded()
    rig.join("n2", incarnation: "i2", memory: 200)
    for name in names {
      rig.apply(.init(name), uuid: name, memory: 300)
    }
    rig.pass(.seconds(1))
    rig.actions = []
    return rig
  }

  /// n2 declares n1 expired and takes its workload.
  private func takeOver(_ workload: WorkloadName, _ rig: inout Rig) {
    let claim = ClaimRecord(epoch: Epoch(2), holder: .init(node: "n2", incarnation: "i2"), activity: .running)
    _ = rig.store.apply(
      ClusterTransaction(
        if: [],
        write: rig.sessions().map { .delete(.session($0)) } + [
          .put(.placement(workload), .placement(PlacementRecord(node: "n2", reason: "test"))),
          .put(.claim(workload), .claim(claim))
        ]))
  }

  @Test func `an outage is a pause: nothing executes from the deadline on, and then the same processes go on`() throws {
    var rig = running()
    #expect(rig.executes("w1"))
    rig.storeIsAway = true
    let deadline = try #require(rig.controller.session.deadline)
    while rig.now < deadline {
      #expect(rig.executes("w1"))
      rig.pass(.milliseconds(5), step: .milliseconds(5))
    }
    #expect(!rig.executes("w1"))
    rig.pass(.seconds(20))
    #expect(!rig.executes("w1"))
    rig.storeIsAway = false
    rig.pass(.seconds(1))
    #expect(rig.executes("w1"))
    #expect(rig.starts().isEmpty && rig.stops().isEmpty)
    #expect(rig.notes().count { $0 == .storeLost } == 1 && rig.notes().count { $0 == .storeBack } == 1)
    #expect(rig.notes().count { $0 == .isolated } == 1 && rig.notes().count { $0 == .resumed } == 1)
  }

  @Test func `what somebody took meanwhile never executes here again, the rest goes on`() {
    var rig = running(["w1", "w2"])
    rig.storeIsAway = true
    rig.pass(.seconds(3))
    takeOver("w1", &rig)
    rig.storeIsAway = false
    for _ in 1...200 {
      rig.pass(.milliseconds(5), step: .milliseconds(5))
      #expect(!rig.executes("w1"))
    }
    #expect(rig.executes("w2"))
    #expect(rig.claim("w2")?.epoch == Epoch(2), "its claim was lost with the session, and taken again")
    #expect(rig.processes["w1"] == nil)
    #expect(rig.notes().count { $0 == .killed } >= 1)
  }

  @Test func `a silence of the store is told from its last answer to its next, also where the session was lost`() throws {
    var rig = running()
    rig.storeIsAway = true
    rig.pass(.seconds(40))
    takeOver("w1", &rig)
    rig.storeIsAway = false
    rig.pass(.seconds(5))
    let told = rig.actions.compactMap { if case .note(let note) = $0, note.kind == .storeBack { note.text } else { nil } }
    #expect(told.count == 1)
    let seconds = try #require(told.first?.split(separator: " ").compactMap { Double($0) }.first)
    #expect(seconds >= 40 && seconds < 44, "\(told)")
  }

  @Test func `the guard dies while everything is frozen: what was lost meanwhile is killed by its successor before the thaw`() {
    var rig = running()
    rig.storeIsAway = true
    rig.pass(.seconds(3))
    takeOver("w1", &rig)
    rig.send(.fromGuard(.lost(reason: "killed")))
    #expect(rig.actions.contains { if case .isolateDirectly = $0 { true } else { false } })
    rig.storeIsAway = false
    rig.pass(.milliseconds(400))
    #expect(rig.processes["w1"] != nil)
    rig.connectMachine()
    for _ in 1...100 {
      rig.pass(.milliseconds(5), step: .milliseconds(5))
      #expect(!rig.executes("w1"))
    }
    #expect(rig.processes["w1"] == nil)
  }

  @Test func `a guard that knows nothing is told everything as soon as it is armed`() throws {
    let first = running()
    let session = try #require(first.controller.session.standing)
    var rig = Rig(saved: .init(incarnation: session.incarnation, created: session.created), seed: 2)
    rig.store = first.store
    rig.now = first.now
    rig.domainsObey = true
    rig.machine = GuardMachine(boot: "boot")
    rig.tellMachine(.started(.init(record: .none, occupied: false, frozen: false)))
    rig.connectMachine()
    rig.inventory(Array(first.processes.values))
    rig.list()
    rig.pass(.seconds(1))
    #expect(rig.machine?.state.workloads == ["w1"])
    rig.storeIsAway = true
    rig.pass(.seconds(2))
    #expect(!rig.executes("w1"))
  }

  @Test func `a controller that knows no domain yet does not thaw: what is frozen may not be its own any more`() {
    let first = running()
    var rig = Rig(seed: 2)
    rig.store = first.store
    rig.now = first.now
    takeOver("w1", &rig)
    rig.beginDeaf(guardPhase: .isolated(since: rig.now, confirmed: true))
    rig.pass(.seconds(3))
    #expect(rig.controller.session.isValid(at: rig.now))
    #expect(rig.resumes == 0)
    rig.inventory([Rig.domain("w1", uuid: "w1")])
    rig.pass(.milliseconds(300))
    let commands = rig.commands()
    let kill = commands.firstIndex(of: .kill(workload: "w1"))
    let resume = commands.firstIndex { if case .resume = $0 { true } else { false } }
    #expect(kill != nil && resume != nil)
    if let kill, let resume { #expect(kill < resume) }
  }

  @Test func `the thaw does not wait for a libvirt that does not answer`() {
    var rig = running()
    rig.storeIsAway = true
    rig.send(.hypervisor(.unreachable(connection: Rig.connection, reason: "libvirtd is down")))
    rig.pass(.seconds(3))
    _ = rig.store.apply(ClusterTransaction(if: [], write: rig.sessions().map { .delete(.session($0)) }))
    rig.storeIsAway = false
    rig.pass(.milliseconds(600))
    #expect(rig.executes("w1"))
    #expect(rig.claim("w1")?.epoch == Epoch(2))
    #expect(!rig.commands().contains(.kill(workload: "w1")))
  }

  // MARK: with the test in the guard's place

  private func spoken() -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.actions = []
    return rig
  }

  /// The proof is of the session that it was asked under: a later one has other claims.
  @Test func `a validation that was asked under a lost session thaws nothing`() throws {
    var rig = spoken()
    rig.mood = .holds
    rig.send(rig.isolated(["w1"]))
    let validation = try #require(rig.held.first { $0.transaction.writes.isEmpty })
    rig.held = []
    rig.pass(.milliseconds(200))
    let renewal = try #require(rig.held.first)
    let own = try #require(rig.controller.session.incarnation)
    _ = rig.store.apply(ClusterTransaction(if: [], write: [.delete(.session(own))]))
    rig.held = []
    rig.send(.transaction(renewal.id, .verdict(rig.store.apply(renewal.transaction))))
    rig.send(rig.isolated(["w1"]))
    let opening = try #require(rig.held.first)
    rig.held = []
    rig.send(.transaction(opening.id, .verdict(rig.store.apply(opening.transaction))))
    #expect(rig.controller.session.isValid(at: rig.now))
    rig.send(.transaction(validation.id, .verdict(.committed(rig.store.revision))))
    #expect(rig.resumes == 0)
    rig.mood = .answers
    rig.answerHeld()
    rig.pass(.milliseconds(300))
    #expect(rig.claim("w1")?.epoch == Epoch(2))
    #expect(rig.resumes == 1)
  }

  /// What is seen between the question and the answer was not asked about.
  @Test func `a stale copy that is seen while the validation is on its way is killed before the thaw`() throws {
    var rig = spoken()
    rig.join("n2", incarnation: "i2")
    rig.apply("w2", uuid: "u2")
    rig.pass(.milliseconds(100))
    rig.place("w2", on: "n2")
    rig.pass(.milliseconds(100))
    rig.hold("w2", by: "n2", "i2", epoch: 4)
    rig.actions = []
    rig.mood = .holds
    rig.send(rig.isolated(["w1"]))
    rig.sees(Rig.domain("w2", uuid: "u2", epoch: 2))
    rig.mood = .answers
    rig.answerHeld()
    rig.pass(.milliseconds(300))
    let commands = rig.commands()
    let kill = try #require(commands.firstIndex(of: .kill(workload: "w2")))
    let resume = try #require(commands.firstIndex { if case .resume = $0 { true } else { false } })
    #expect(kill < resume)
  }

  @Test func `a guard that refuses to thaw is asked again after a pause, and little is said about it`() {
    var rig = spoken()
    rig.join("n2", incarnation: "i2")
    rig.apply("w2", uuid: "u2")
    rig.place("w2", on: "n2")
    rig.pass(.milliseconds(100))
    rig.hold("w2", by: "n2", "i2", epoch: 4)
    rig.actions = []
    rig.resumeIsRefused = true
    rig.send(rig.isolated(["w1", "w2"]))
    rig.sees(Rig.domain("w2", uuid: "u2", epoch: 2))
    rig.pass(.seconds(2))
    #expect((2...50).contains(rig.resumes))
    #expect(rig.notes().count { $0 == .killed } == 1)
    rig.resumeIsRefused = false
    rig.actions = []
    rig.pass(.milliseconds(200))
    #expect(rig.resumes == 1)
  }

  @Test func `an unreadable placement does not keep a held workload frozen; an unreadable claim does`() {
    for (key, thaws) in [(RecordKey.placement("w1"), true), (.intent("w1"), true), (.claim("w1"), false)] {
      var rig = spoken()
      rig.write([.put(key, .unreadable(reason: "?"))])
      rig.actions = []
      rig.send(rig.isolated(["w1"]))
      rig.pass(.seconds(2))
      #expect((rig.resumes > 0) == thaws, "\(key)")
      #expect(!rig.commands().contains(.kill(workload: "w1")))
    }
  }

  /// The guard holds it, and libvirt does not show it.
  @Test func `what another node has claimed is not let go here because its definition cannot be read`() {
    var rig = spoken()
    rig.join("n2", incarnation: "i2")
    rig.write([.put(.spec("w2"), .unreadable(reason: "?"))])
    rig.hold("w2", by: "n2", "i2", epoch: 4)
    rig.send(.hypervisor(.unreachable(connection: Rig.connection, reason: "libvirtd is down")))
    rig.actions = []
    rig.send(rig.isolated(["w1", "w2"]))
    rig.pass(.seconds(2))
    #expect(rig.commands().contains(.kill(workload: "w2")) && !rig.commands().contains(.forget(workload: "w2")))
  }

  @Test func `a workload that has no place any more does not keep the others frozen for long`() throws {
    var rig = try Rig.frozenWithoutPlace()
    rig.pass(.milliseconds(500))
    #expect(rig.resumes == 0)
    rig.pass(.seconds(2))
    #expect(rig.resumes > 0)
    #expect(rig.commands().contains(.kill(workload: "w2")) && !rig.commands().contains(.kill(workload: "w1")))
  }

  @Test func `nothing is started while everything is frozen, the guard is away, or has no deadline`() {
    for event: Event in [
      .fromGuard(.lost(reason: "killed")), .fromGuard(.report(.state(GuardState(phase: .disarmed, workloads: [])))),
      .fromGuard(.report(.state(GuardState(phase: .isolated(since: .zero, confirmed: false), workloads: []))))
    ] {
      var rig = Rig.follower()
      rig.send(event)
      rig.mood = .away
      rig.apply("w1")
      rig.place("w1", on: "n1")
      rig.mood = .answers
      rig.deliver()
      #expect(rig.starts().isEmpty)
      #expect(rig.claim("w1") == nil)
    }
  }

  @Test func `a guard without a deadline is not told the same in circles`() {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.storeIsAway = true
    rig.send(.fromGuard(.connected(GuardState(phase: .disarmed, workloads: []))))
    rig.send(.fromGuard(.report(.state(GuardState(phase: .disarmed, workloads: [])))))
    rig.actions = []
    rig.send(.fromGuard(.report(.state(GuardState(phase: .disarmed, workloads: ["w1"])))))
    #expect(!rig.commands().contains { if case .protect = $0 { true } else { false } })
  }

  @Test func `the links are known to the guard before the start`() throws {
    var rig = Rig.running()
    var spec = Rig.spec()
    spec.xml = "<domain><devices><interface type='bridge'/><interface type='network'></interface></devices></domain>"
    rig.write([.put(.spec("w1"), .spec(spec)), .put(.intent("w1"), .intent(IntentRecord(desired: .running)))])
    let start = try #require(rig.actions.firstIndex { if case .start = $0 { true } else { false } })
    let protect = try #require(rig.actions.firstIndex { if case .tellGuard(.protect) = $0 { true } else { false } })
    #expect(protect < start)
    #expect(rig.starts().first?.links.count == 2)
    #expect(
      rig.commands().contains(
        .protect(
          GuardedWorkload(name: "w1", isolation: .freeze, cgroup: nil, links: rig.starts().first?.links ?? [], isStarting: true)
        )))
  }

  @Test func `what is stop lives on, frozen, while the session is renewed`() {
    var rig = running()
    rig.tellMachine(.command(.isolate))
    rig.actions = []
    // A libvirt that does not answer keeps the thaw waiting.
    rig.send(.hypervisor(.unreachable(connection: Rig.connection, reason: "hangs")))
    rig.startsTold = []
    rig.pass(.milliseconds(600))
    let moved = rig.commands().compactMap { if case .extend(let deadline) = $0 { deadline } else { nil } }
    if case .isolated? = rig.machine?.state.phase { #expect(!moved.isEmpty) }
  }

  @Test func `the report tells that everything is frozen while the guard is gone, and that it is not any more`() {
    var rig = Rig.running()
    rig.pass(.seconds(2))
    #expect(rig.report()?.freeze == nil && rig.report()?.guardPhase == .armed)
    rig.send(.fromGuard(.lost(reason: "killed")))
    #expect(rig.controller.ownBasis(now: rig.now).sight().report.freeze == .confirmed)
    rig.pass(.seconds(2))
    #expect(rig.report()?.freeze == .confirmed && rig.report()?.guardPhase == .absent)
    #expect(rig.controller.overlooked().isEmpty)
    rig.send(.fromGuard(.connected(GuardState(phase: .disarmed, workloads: []))))
    rig.send(rig.isolated())
    rig.pass(.seconds(2))
    #expect(rig.resumes > 0)
    rig.send(rig.armed())
    rig.pass(.seconds(2))
    #expect(rig.report()?.freeze == nil && rig.report()?.guardPhase == .armed)
    #expect(rig.controller.overlooked().isEmpty)
  }

  @Test func `a node that the store does not answer knows of itself that everything is frozen`() {
    var rig = running()
    rig.storeIsAway = true
    rig.pass(.seconds(3))
    let own = rig.controller.ownBasis(now: rig.now).sight()
    #expect(own.node == "n1" && own.report.freeze == .confirmed && own.killed.isEmpty)
    #expect(rig.report()?.freeze == nil, "the store could not be told")
    rig.gone("w1")
    #expect(rig.controller.ownBasis(now: rig.now).sight().killed == ["w1"])
  }

  @Test func `the report tells what libvirt has paused`() throws {
    var rig = running()
    var domain = try #require(rig.processes["w1"])
    domain.state = .paused
    rig.sees(domain)
    rig.pass(.seconds(2))
    #expect(rig.report()?.paused == ["w1": "libvirt has paused it"] && rig.report()?.suspended == nil)
    domain.reason = .suspended
    rig.sees(domain)
    rig.pass(.seconds(2))
    #expect(rig.report()?.suspended == ["w1"])
    #expect(rig.controller.overlooked().isEmpty)
    (domain.state, domain.reason) = (.running, nil)
    rig.sees(domain)
    rig.pass(.seconds(2))
    #expect(rig.report()?.paused == nil && rig.report()?.suspended == nil)
  }

  @Test func `the report tells what runs an older definition, until it is started again`() throws {
    var rig = running()
    #expect(rig.report()?.outdated == nil)
    var spec = try #require(rig.controller.view.specs["w1"]?.value)
    spec.priority = 7
    rig.write([.put(.spec("w1"), .spec(spec))])
    rig.pass(.seconds(2))
    #expect(rig.report()?.outdated == nil, "what the planner alone reads holds at once")
    spec.xml = "<domain><memory/></domain>"
    rig.write([.put(.spec("w1"), .spec(spec))])
    rig.pass(.seconds(2))
    #expect(rig.report()?.outdated == ["w1"])
    #expect(rig.controller.overlooked().isEmpty)
    rig.gone("w1")
    rig.pass(.seconds(3))
    #expect(rig.executes("w1") && rig.report()?.outdated == nil)
  }
}
