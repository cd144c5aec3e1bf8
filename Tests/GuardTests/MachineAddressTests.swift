import GuardCore
import HoldfastTime
import Testing

/// An address is on its link while a deadline is in force, and everybody can rely on it that it is gone when the guard has said so.
@Suite struct `The guard's machine and addresses` {
  static let far = Duration.seconds(60)
  static let text = "10.0.0.5/24@br0", other = "2001:db8::5/64@br1"
  static let web = workload("web", links: ["vnet0"], addresses: [text, other])

  // MARK: When they are there

  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var there: [String]
    var rig: @Sendable () -> MachineRig
  }
  private static func row(
    _ what: String, _ there: [String], _ begin: MachineRig = .armed([web]),
    _ work: @escaping @Sendable (inout MachineRig) -> Void
  ) -> Row {
    Row(testDescription: what, there: there) {
      var rig = begin
      work(&rig)
      return rig
    }
  }
  static let both = [text, other]
  static let rows = [
    row("disarmed", [], .connected()) { $0.command(.protect(workload("web", cgroup: nil, addresses: both))) },
    row("armed later", both, .connected()) {
      $0.command(.protect(workload("web", cgroup: nil, addresses: both)))
      $0.command(.extend(deadline: $0.now + far))
    },
    row("armed", both) { _ in },
    row("isolated by command", []) { $0.command(.isolate) },
    row("the deadline passes", []) { $0.advance(.seconds(5)) },
    row("shortened to an instant that has passed", []) { $0.command(.shorten(deadline: $0.now)) },
    row("resumed", both, .isolated([web])) { $0.command(.resume(deadline: $0.now + far)) },
    row("protected while isolated", [], .isolated()) { $0.command(.protect(web)) },
    row("forgotten", []) { $0.command(.forget(workload: "web")) },
    row("released", []) { $0.command(.release(workload: "web", cgroup: "/c/web")) },
    row("protected with one of them", [text]) { $0.command(.protect(workload("web", addresses: [text]))) },
    row("protected with another prefix length", ["10.0.0.5/32@br0"]) {
      $0.command(.protect(workload("web", addresses: ["10.0.0.5/32@br0"])))
    },
    row("killed", []) { $0.command(.kill(workload: "web")) },
    row("killed, and protected again", [text]) {
      $0.command(.kill(workload: "web"))
      $0.command(.protect(workload("web", addresses: [text])))
    },
    row("killed at the deadline, and resumed", [], .armed([workload("web", .stop, addresses: both)])) {
      $0.advance(.seconds(5))
      $0.command(.resume(deadline: $0.now + far))
    },
    row("frozen with isolation: stop, and resumed before the deadline", both, .armed([workload("web", .stop, addresses: both)]))
    {
      $0.command(.isolate)
      $0.command(.resume(deadline: $0.now + far))
    },
    row("disarmed again", []) { $0.command(.disarm) },
    row("not disarmed, as something lives", both) {
      $0.alive = true
      $0.command(.disarm)
    },
    row("the controller is gone", both) { $0.receive(.controllerLost) }
  ]

  @Test(arguments: rows) func `they are there while a deadline is in force`(_ row: Row) {
    let rig = row.rig()
    #expect(rig.onLinks == Set(row.there.map(address)))
    #expect(rig.machine.state.addresses == row.there.map(address).sorted())
    #expect(rig.machine.state.raised == rig.machine.state.addresses)
    #expect(rig.machine.record.addresses.values.flatMap { $0 }.sorted() == rig.machine.state.addresses)
    #expect(rig.machine.breach == nil && rig.feeding)
  }

  @Test func `they go right after the freeze, and before the links`() {
    var rig = MachineRig.armed([Self.web])
    rig.advance(.seconds(5))
    let order = rig.done.compactMap { action -> String? in
      switch action {
      case .isolateNow: "freeze"
      case .setAddresses(_, let remove, let add, _): "remove \(remove) add \(add)"
      case .linksDown: "links"
      default: nil
      }
    }
    #expect(order == ["freeze", "remove [10.0.0.5/24@br0, 2001:db8::5/64@br1] add []", "links"])
  }

  @Test func `they are written down before they are raised`() throws {
    var rig = MachineRig.armed()
    rig.command(.protect(Self.web))
    let raised = try #require(rig.done.firstIndex { if case .setAddresses = $0 { true } else { false } })
    let written = rig.done[..<raised].compactMap { if case .persist(let record) = $0 { record.addresses } else { nil } }
    #expect(written.last == ["web": Self.both.map(address)])
  }

  @Test func `what comes and goes is told unasked, and a command that only adds is answered at once`() {
    var rig = MachineRig.armed()
    rig.addressesHang = true
    #expect(rig.command(.protect(Self.web)).compactMap(\.addresses) == [[], Self.both])
    #expect(rig.machine.state.raised.isEmpty)
    rig.done.removeAll()
    rig.finishAddresses()
    #expect(rig.reports.map(\.raised) == [Self.both])
    rig.done.removeAll()
    rig.command(.extend(deadline: rig.now + Self.far))
    rig.advance(.seconds(30))
    #expect(rig.reports.count == 1)
    // An isolation's first report comes before they are seen to be gone.
    rig.advance(.seconds(30))
    #expect(rig.reports.last?.addresses == [])
  }

  // MARK: Who waits until they are gone

  static let takers: [(GuardCommand, [String])] = [
    (.forget(workload: "web"), []), (.release(workload: "web", cgroup: "/c/web"), []),
    (.protect(workload("web", addresses: [text])), [text]), (.protect(workload("web")), []), (.kill(workload: "web"), [])
  ]

  @Test(arguments: takers) func `a command that takes them away waits for none of them, and that they are gone is told`(
    _ command: GuardCommand, _ left: [String]
  ) {
    var rig = MachineRig.armed([Self.web])
    rig.addressesHang = true
    let answers = rig.command(command)
    if case .kill = command {
      #expect(answers.contains(.killed(workload: "web", confirmed: true)))
    } else {
      #expect(answers.first?.phase == rig.phase)
    }
    #expect(answers.compactMap(\.addresses).allSatisfy { $0 == Self.both } && answers.compactMap(\.raised).last == left)
    #expect(rig.command(.status) == [.state(rig.machine.state)])
    rig.done.removeAll()
    rig.finishAddresses()
    #expect(rig.onLinks == Set(left.map(address)))
    // Beside the answers: nobody takes it for one.
    #expect(rig.reports == [.addresses(held: rig.machine.state.held, acknowledged: 0)])
    #expect(rig.machine.state.addresses == left.map(address))
  }

  @Test func `a number is acknowledged at once, for as long as the connection lasts`() {
    var rig = MachineRig.armed([Self.web])
    rig.addressesHang = true
    rig.command(.forget(workload: "web"))
    #expect(rig.command(.acknowledge(number: 7)) == [.state(rig.machine.state)])
    #expect(rig.machine.state.acknowledged == 7 && !rig.machine.state.addresses.isEmpty)
    rig.done.removeAll()
    rig.finishAddresses()
    #expect(rig.reports == [.addresses(held: [], acknowledged: 7)])
    rig.command(.acknowledge(number: 5))
    #expect(rig.machine.state.acknowledged == 7)
    rig.receive(.controllerConnected)
    #expect(rig.machine.state.acknowledged == 0)
  }

  @Test func `a kill is confirmed when the processes are gone, and what was named meanwhile is not raised`() {
    var rig = MachineRig.armed([Self.web], for: Self.far)
    rig.progress = ["web": .dying]
    rig.command(.kill(workload: "web"))
    #expect(rig.onLinks.isEmpty && rig.told.isEmpty)
    // It is for no run that lives.
    rig.command(.protect(Self.web))
    rig.progress = [:]
    rig.advance(.milliseconds(20))
    #expect(rig.told == ["web": 1] && rig.onLinks.isEmpty)
    rig.advance(.seconds(1))
    #expect(rig.onLinks.isEmpty && rig.kills.count > 1)
  }

  @Test func `told anew while they are removed, it says that it was without the workload, and raises them when they are gone`()
  {
    var rig = MachineRig.armed([Self.web])
    rig.addressesHang = true
    rig.command(.forget(workload: "web"))
    rig.command(.protect(Self.web))
    let states = rig.reports.compactMap { if case .state(let state) = $0 { state } else { nil } }
    #expect(states.map(\.workloads) == [[], ["web"]])
    #expect(states.first?.addresses == Self.both.map(address))
    rig.finishAddresses()
    #expect(rig.onLinks == Set(Self.both.map(address)) && rig.machine.state.raised == Self.both.map(address))
  }

  @Test func `a disarm waits for them, and is refused when they do not go`() {
    for isolated in [false, true] {
      var rig = isolated ? MachineRig.isolated([Self.web]) : .armed([Self.web], for: Self.far)
      if isolated {
        // Taken up again, and stuck when it isolates again.
        rig.command(.resume(deadline: rig.now + Self.far))
        rig.addressesHang = true
        rig.command(.isolate)
      }
      rig.addressesHang = true
      let before = rig.phase
      #expect(!rig.command(.disarm).contains { $0.phase == .disarmed || $0.refusal != nil })
      rig.advance(.seconds(2))
      #expect(rig.reports.contains { $0.refusal?.contains("disarm: its address 10.0.0.5/24 is still on br0") == true })
      #expect(rig.phase == before)
      rig.command(.disarm)
      rig.done.removeAll()
      rig.finishAddresses()
      #expect(rig.onLinks.isEmpty || !isolated)
      rig.advance(.milliseconds(1))
      #expect(rig.phase == .disarmed && rig.onLinks.isEmpty && rig.record?.addresses == [:])
      #expect(rig.reports.contains { $0.phase == .disarmed })
    }
  }

  @Test func `a disarm that waits is over when another command comes, or when something has come up meanwhile`() {
    for command in [
      GuardCommand.extend(deadline: MachineRig().now + Self.far), .resume(deadline: MachineRig().now + Self.far), .isolate,
      .protect(workload("b"))
    ] {
      var rig = MachineRig.armed([Self.web])
      rig.addressesHang = true
      rig.command(.disarm)
      rig.done.removeAll()
      rig.command(command)
      #expect(rig.reports.first?.refusal?.contains("another command") == true, "\(command)")
      rig.finishAddresses()
      #expect(rig.phase != .disarmed)
      #expect(rig.onLinks.isEmpty == rig.isIsolated)
    }
    var rig = MachineRig.armed([Self.web])
    rig.addressesHang = true
    rig.command(.disarm)
    rig.alive = true
    rig.done.removeAll()
    rig.finishAddresses()
    #expect(rig.reports.contains { $0.refusal?.contains("a protected process exists") == true })
    #expect(rig.onLinks == Set(Self.both.map(address)))
  }

  @Test func `what is asked behind a disarm that waits is answered with the phase as it is by then`() {
    var rig = MachineRig.armed([Self.web], for: .seconds(1))
    rig.addressesHang = true
    rig.command(.disarm)
    rig.command(.status)
    rig.done.removeAll()
    rig.advance(.seconds(2))
    let phases = rig.reports.compactMap(\.phase)
    #expect(phases.count == 2 && phases.allSatisfy { $0 == rig.phase } && rig.isIsolated)
  }

  // MARK: Whose they are

  @Test(arguments: [
    ("10.0.0.5/24@br0", "web"), ("10.0.0.5/32@br7", "web"), ("2001:db8::5/64@br0", "web"), ("fe80::1/64@br0", "web"),
    ("fe80::1/64@br1", nil), ("10.0.0.6/24@br0", nil)
  ]) func `an address has one workload`(_ text: String, _ owner: String?) {
    var rig = MachineRig.armed([workload("web", addresses: Self.both + ["fe80::1/64@br0"])])
    let answer = rig.command(.protect(workload("b", addresses: [text]))).first
    #expect(answer?.refusal?.contains("is an address of web") == (owner == nil ? nil : true))
    #expect(rig.machine.state.workloads == (owner == nil ? ["b", "web"] : ["web"]))
    // Its own it keeps.
    #expect(rig.command(.protect(workload("web", addresses: Self.both + ["fe80::1/64@br0"]))).first?.phase != nil)
  }

  @Test func `an address is another workload's only when it is gone`() {
    var rig = MachineRig.armed([Self.web])
    rig.addressesHang = true
    rig.command(.forget(workload: "web"))
    let answer = rig.command(.protect(workload("b", addresses: [Self.text]))).first
    #expect(answer?.refusal?.contains("10.0.0.5 is not yet removed from br0 for web") == true)
    rig.finishAddresses()
    rig.command(.protect(workload("b", addresses: [Self.text])))
    #expect(rig.onLinks == [address(Self.text)])
  }

  // MARK: Earlier guards and controllers

  @Test func `a controller of an older version is told nothing of them, and that all is frozen when they are gone`() {
    var rig = MachineRig.armed([Self.web])
    rig.receive(.controllerConnected)
    rig.done.removeAll()
    rig.command(.hello(version: 3))
    rig.command(.forget(workload: "web"))
    rig.command(.protect(workload("b", addresses: [Self.text])))
    rig.advance(Self.far)
    #expect(rig.onLinks.isEmpty && !rig.reports.isEmpty)
    #expect(rig.reports.allSatisfy { $0.addresses?.isEmpty ?? true })
    #expect(rig.reports.count == 5, "\(rig.reports)")
    let freezes = rig.reports.compactMap { if case .isolated(_, let isConfirmed)? = $0.phase { isConfirmed } else { nil } }
    #expect(freezes == [false, true])
  }

  static let records: [(GuardRecord.Phase, named: Bool, there: Bool)] = [
    (.armed(deadline: MachineRig().now + far), true, true), (.armed(deadline: MachineRig().now + far), false, false),
    (.armed(deadline: MachineRig().now), true, false), (.isolated(since: .zero), true, false), (.disarmed, false, false)
  ]

  @Test(arguments: records) func `the next guard takes up what this one may have raised`(
    _ phase: GuardRecord.Phase, _ isNamed: Bool, _ isThere: Bool
  ) {
    let record = GuardRecord(
      boot: "boot", phase: phase, workloads: isNamed ? [Self.web] : [], kills: [], taken: TakenThings(),
      addresses: ["web": Self.both.map(address)])
    for onLinks in [Set(Self.both.map(address)), []] {
      var rig = MachineRig()
      rig.onLinks = onLinks
      rig.addressesHang = true
      rig.start(.found(record))
      #expect(rig.machine.state.addresses == Self.both.map(address) && rig.record?.addresses == record.addresses)
      rig.finishAddresses()
      #expect(rig.onLinks == (isThere ? Set(Self.both.map(address)) : []))
      #expect(rig.record?.addresses == (isThere ? record.addresses : [:]))
    }
    var rig = MachineRig()
    rig.onLinks = Set(Self.both.map(address))
    var older = record
    older.boot = "another boot"
    rig.start(.found(older))
    #expect(rig.machine.state.addresses.isEmpty)
  }

  @Test func `what a kill takes away is removed by the next guard, too`() {
    var rig = MachineRig.armed([Self.web], for: Self.far)
    rig.addressesHang = true
    rig.command(.kill(workload: "web"))
    rig = rig.restarted(frozen: false)
    rig.connect()
    rig.finishAddresses()
    #expect(rig.onLinks.isEmpty && rig.record?.addresses == [:])
  }
}

extension GuardReport {
  private var held: [HeldAddress]? {
    switch self {
    case .state(let state): state.held
    case .addresses(let held, _): held
    case .killed, .refused: nil
    }
  }
  /// As texts.
  fileprivate var addresses: [String]? { held?.map(\.address.description) }
  fileprivate var raised: [String]? { held?.filter { $0.raise != nil }.map(\.address.description) }
}
