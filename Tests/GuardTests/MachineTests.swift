import GuardCore
import HoldfastTime
import Testing

@Suite struct `The guard's machine` {
  static let far = Duration.seconds(60)

  // MARK: The deadline

  @Test func `at the deadline, not before, everything is stopped in the right order`() throws {
    var rig = MachineRig.armed([workload("a", links: ["vnet0"]), workload("b", .stop), workload("c", cgroup: nil)])
    rig.advance(.seconds(5) - .nanoseconds(1))
    #expect(rig.done.isEmpty)
    rig.advance(.nanoseconds(1))
    let orders = rig.done.compactMap { action -> String? in
      switch action {
      case .isolateNow(_, let cgroups): "freeze \(cgroups.joined(separator: ","))"
      case .linksDown(_, let links): "down \(links.joined(separator: ","))"
      case .kill(.workload(let name, _)): "kill \(name)"
      case .kill(.stopPartition(let sparing)): "kill all but \(sparing.sorted().joined(separator: ","))"
      case .report(.state(let state)): "report \(state.phase)"
      case .report(.killed(let name, let confirmed)): "killed \(name) \(confirmed)"
      default: nil
      }
    }
    #expect(
      orders == [
        "freeze /c/a,/c/b", "down vnet0", "kill b", "kill all but /c/a",
        "report \(GuardState.Phase.isolated(since: rig.now, confirmed: true))", "killed b true"
      ])
    #expect(rig.record?.phase == .isolated(since: rig.now))
  }

  /// Whatever the event is: it is looked at after the deadline, not before.
  static let anything: [GuardMachine.Event] = [
    .timer, .controllerConnected, .controllerLost, .unacceptable(reason: "x"), .command(.status),
    .command(.extend(deadline: BootInstant(nanoseconds: .max))), .command(.protect(workload("z"))),
    .command(.forget(workload: "a")), .command(.release(workload: "a", cgroup: "/c/a")),
    .command(.kill(workload: "a")), .command(.disarm), .census(alive: false),
    .freezeResult(round: 0, confirmed: true, foundFrozen: []),
    .killResult(.workload(name: "a", cgroup: "/c/a"), .gone)
  ]

  @Test(arguments: anything) func `once the deadline has passed any event isolates first`(_ event: GuardMachine.Event) {
    for lateness in [Duration.zero, .nanoseconds(1), .seconds(3600)] {
      var rig = MachineRig.armed([workload("a")])
      rig.alive = true
      rig.now = rig.now + .seconds(5) + lateness
      rig.receive(event)
      guard case .isolateNow(_, let cgroups)? = rig.done.first else {
        Issue.record("\(event): first came \(String(describing: rig.done.first))")
        continue
      }
      #expect(cgroups == ["/c/a"])
      #expect(rig.isIsolated)
    }
  }

  @Test func `a controller that is gone changes nothing`() {
    var rig = MachineRig.armed([workload("a")])
    rig.receive(.controllerLost)
    rig.advance(.seconds(4))
    #expect(rig.phase == .armed(deadline: rig.now + .seconds(1)))
    rig.advance(.seconds(1))
    #expect(rig.isIsolated)
    #expect(rig.reports.isEmpty)
  }

  @Test func `a deadline in the past isolates a guard that had none`() {
    var rig = MachineRig.connected()
    let reports = rig.command(.extend(deadline: rig.now))
    #expect(reports == [.state(GuardState(phase: .isolated(since: rig.now, confirmed: true), workloads: []))])
  }

  @Test func `extend never shortens and only resume thaws`() {
    var rig = MachineRig.armed(for: .seconds(5))
    let deadline = rig.now + .seconds(5)
    #expect(rig.command(.extend(deadline: rig.now + .seconds(1))).first?.phase == .armed(deadline: deadline))
    #expect(rig.command(.extend(deadline: deadline + .seconds(1))).first?.phase == .armed(deadline: deadline + .seconds(1)))
    #expect(rig.wake == deadline + .seconds(1))
    #expect(rig.command(.resume(deadline: deadline)).first?.phase == .armed(deadline: deadline + .seconds(1)))
    rig.advance(.seconds(6))
    rig.done.removeAll()
    #expect(rig.command(.extend(deadline: rig.now + Self.far)).first?.refusal?.contains("isolated") == true)
    #expect(rig.command(.resume(deadline: rig.now)).first?.refusal?.contains("passed") == true)
    #expect(!rig.done.contains { if case .thaw = $0 { true } else { false } })
    #expect(rig.command(.resume(deadline: rig.now + Self.far)).first?.phase == .armed(deadline: rig.now + Self.far))
    #expect(rig.done.contains(.thaw(cgroups: [])))
  }

  @Test func `shorten never extends, and a deadline that has passed isolates`() {
    var rig = MachineRig.armed(for: .seconds(600))
    #expect(rig.command(.shorten(deadline: rig.now + .seconds(900))).first?.phase == .armed(deadline: rig.now + .seconds(600)))
    #expect(rig.command(.shorten(deadline: rig.now + .seconds(2))).first?.phase == .armed(deadline: rig.now + .seconds(2)))
    #expect(rig.wake == rig.now + .seconds(2))
    rig.advance(.seconds(2))
    #expect(rig.isIsolated)
    var other = MachineRig.armed(for: .seconds(600))
    _ = other.command(.shorten(deadline: other.now))
    #expect(other.isIsolated)
  }

  // MARK: What a command gets for an answer, by phase

  enum Answered: Sendable, Equatable { case state, refused(String) }
  struct Row: Sendable {
    var command: GuardCommand
    var disarmed: Answered
    var armed: Answered
    var isolated: Answered
  }
  static let future = BootInstant(nanoseconds: 1_000_000_000_000)
  static let table = [
    Row(command: .hello(version: guardProtocolVersion), disarmed: .state, armed: .state, isolated: .state),
    Row(command: .hello(version: 99), disarmed: .refused("version"), armed: .refused("version"), isolated: .refused("version")),
    Row(command: .status, disarmed: .state, armed: .state, isolated: .state),
    Row(command: .extend(deadline: future), disarmed: .state, armed: .state, isolated: .refused("resume")),
    Row(command: .shorten(deadline: future), disarmed: .state, armed: .state, isolated: .state),
    Row(command: .resume(deadline: future), disarmed: .state, armed: .state, isolated: .state),
    Row(command: .protect(workload("n")), disarmed: .refused("extend first"), armed: .state, isolated: .state),
    Row(command: .protect(workload("n", cgroup: nil)), disarmed: .state, armed: .state, isolated: .state),
    Row(command: .forget(workload: "nobody"), disarmed: .state, armed: .state, isolated: .state),
    Row(command: .release(workload: "a", cgroup: "/c/a"), disarmed: .state, armed: .state, isolated: .state),
    Row(
      command: .kill(workload: "nobody"), disarmed: .refused("not protected"), armed: .refused("not protected"),
      isolated: .refused("not protected")),
    Row(command: .isolate, disarmed: .state, armed: .state, isolated: .state),
    Row(command: .disarm, disarmed: .state, armed: .state, isolated: .state)
  ]

  @Test(arguments: table) func `every command has one answer in every phase`(_ row: Row) {
    for (rig, expected) in [
      (MachineRig.connected(), row.disarmed), (MachineRig.armed(), row.armed), (MachineRig.isolated(), row.isolated)
    ] {
      var rig = rig
      let reports = rig.command(row.command)
      #expect(reports.count == 1, "\(row.command) got \(reports)")
      switch expected {
      case .state: #expect(reports.first?.phase != nil, "\(row.command) got \(reports)")
      case .refused(let part): #expect(reports.first?.refusal?.contains(part) == true, "\(row.command) got \(reports)")
      }
    }
  }

  @Test func `without a hello nothing is done`() {
    var rig = MachineRig()
    rig.start()
    rig.receive(.controllerConnected)
    #expect(rig.command(.extend(deadline: rig.now + Self.far)).first?.refusal?.contains("hello") == true)
    #expect(rig.phase == .disarmed)
  }

  @Test func `what nobody asked for is told only after a hello`() {
    var rig = MachineRig.armed()
    rig.receive(.controllerLost)
    rig.receive(.controllerConnected)
    rig.advance(.seconds(6))
    #expect(rig.isIsolated)
    #expect(rig.reports.isEmpty)
  }

  @Test(arguments: [(true, "exists"), (nil, "cannot tell")] as [(Bool?, String)])
  func `disarm is refused while something protected may live`(_ alive: Bool?, _ reason: String) {
    for var rig in [MachineRig.armed([workload("a")]), MachineRig.isolated([workload("a")])] {
      let before = rig.phase
      rig.alive = alive
      #expect(rig.command(.disarm).first?.refusal?.contains(reason) == true)
      #expect(rig.phase == before)
    }
  }

  @Test func `disarm forgets, and thaws what was frozen`() {
    var rig = MachineRig.isolated([workload("a", links: ["vnet0"])])
    #expect(rig.command(.disarm) == [.state(GuardState(phase: .disarmed, workloads: []))])
    #expect(rig.done.contains(.takeCensus(cgroups: ["/c/a"], sparing: [])))
    #expect(rig.done.contains(.thaw(cgroups: ["/c/a"])))
    #expect(rig.done.contains(.linksUp(["vnet0"])))
    #expect(rig.record == GuardRecord(boot: "boot", phase: .disarmed, workloads: [], kills: [], taken: TakenThings()))
    #expect(rig.wake == nil)
  }

  @Test func `a running workload that is protected while isolated is stopped with the rest`() {
    var rig = MachineRig.isolated([workload("a")])
    let reports = rig.command(.protect(workload("b", .stop, links: ["vnet1"])))
    #expect(rig.done.contains { if case .isolateNow(_, let cgroups) = $0 { cgroups == ["/c/a", "/c/b"] } else { false } })
    #expect(rig.done.contains { if case .linksDown(_, ["vnet1"]) = $0 { true } else { false } })
    #expect(reports.last == .killed(workload: "b", confirmed: true))
  }

  // MARK: What is somebody else's stays as it was

  @Test func `what was frozen or down before stays so`() {
    var rig = MachineRig.armed([workload("a", links: ["vnet0"]), workload("b", links: ["vnet1"])])
    rig.foundFrozen = ["/c/a"]
    rig.foundDown = ["vnet1"]
    rig.advance(.seconds(5))
    // At the second look everything is found frozen and down: by us.
    rig.foundFrozen = ["/c/a", "/c/b"]
    rig.foundDown = ["vnet0", "vnet1"]
    rig.advance(.seconds(1))
    rig.command(.resume(deadline: rig.now + Self.far))
    #expect(rig.done.contains(.thaw(cgroups: ["/c/b"])))
    #expect(rig.done.contains(.linksUp(["vnet0"])))
  }

  @Test func `what was down before and was taken up meanwhile is up afterwards`() {
    var rig = MachineRig.armed([workload("a", links: ["vnet0"])])
    rig.foundDown = ["vnet0"]
    rig.advance(.seconds(5))
    rig.foundDown = []
    rig.advance(.seconds(1))
    rig.foundDown = ["vnet0"]
    rig.advance(.seconds(1))
    rig.command(.resume(deadline: rig.now + Self.far))
    #expect(rig.done.contains(.linksUp(["vnet0"])))
  }

  @Test func `a guard that takes over a dead one's isolation takes everything back`() {
    var rig = MachineRig()
    rig.foundFrozen = ["/c/a"]
    rig.foundDown = ["vnet0"]
    rig.start(
      .found(
        GuardRecord(
          boot: "boot", phase: .armed(deadline: rig.now), workloads: [workload("a", links: ["vnet0"])], kills: [],
          taken: TakenThings())))
    rig.receive(.controllerConnected)
    rig.command(.hello(version: guardProtocolVersion))
    rig.command(.resume(deadline: rig.now + Self.far))
    #expect(rig.done.contains(.thaw(cgroups: ["/c/a"])))
    #expect(rig.done.contains(.linksUp(["vnet0"])))
  }
}
