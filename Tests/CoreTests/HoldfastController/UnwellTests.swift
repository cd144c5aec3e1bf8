import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// What a node does about workloads there whose checks fail, and what it leaves alone.
@Suite struct `What fails its checks` {
  private static let check = HealthCheck(name: "web", probe: .tcp(TCPProbe(port: 80)), interval: .seconds(1))
  private static let failing = WorkloadHealth(
    .failing, [.init("web", "refused", isUnknown: false, reaction: .restart)])

  /// n1 is the planner and runs w1, which has a check.
  private func running() -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    var spec = Rig.spec()
    spec.checks = [Self.check]
    rig.write([.put(.spec("w1"), .spec(spec)), .put(.intent("w1"), .intent(IntentRecord(desired: .running)))])
    return rig
  }

  private func follow(_ rule: String, _ rig: inout Rig) {
    rig.write([.put(.policies, .policies(PoliciesRecord(files: [PolicyText(file: "p.yaml", text: rule)])))])
  }

  /// It fails, is started anew, and its pause is over.
  private func fail(_ rig: inout Rig, times: Int = 1) {
    for _ in 0..<times {
      rig.tell(Self.failing)
      rig.pass(.seconds(9), step: .milliseconds(100))
    }
  }

  // MARK: who is looked at

  @Test func `is looked at while it runs here`() {
    var rig = running()
    #expect(rig.subject?.checks == [Self.check] && rig.subject?.isOnHold == false && rig.subject?.place.pid == 100)
    let before = rig.subject
    rig.pass(.seconds(5))
    #expect(rig.subject == before && rig.checkActions.count == 1, "nothing is said twice")
    rig.want("w1", .stopped)
    rig.pass(.seconds(1))
    #expect(rig.subject == nil && rig.processes["w1"] == nil)
  }

  @Test func `without checks is not`() {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.pass(.seconds(1))
    #expect(rig.processes["w1"] != nil && rig.checkActions.isEmpty)
  }

  @Test func `while it is frozen is on hold`() {
    var rig = running()
    let run = rig.subject?.run
    rig.send(rig.isolated(["w1"]))
    #expect(rig.subject?.isOnHold == true && rig.subject?.run == run)
    rig.tell(Self.failing)
    #expect(rig.stops().isEmpty && rig.report()?.health == nil, "nothing is judged by that")
    rig.pass(.milliseconds(100))
    rig.tell(WorkloadHealth(.starting))
    rig.send(rig.armed(["w1"]))
    rig.pass(.milliseconds(100))
    #expect(rig.subject?.isOnHold == false && rig.subject?.run == run && rig.stops().isEmpty)
  }

  /// What the checks tell of it comes late, or not at all before it goes on.
  @Test func `that has just gone on is not ended for what failed before`() {
    var rig = running()
    rig.send(rig.isolated(["w1"]))
    rig.tell(Self.failing)
    rig.pass(.milliseconds(100))
    rig.send(rig.armed(["w1"]))
    rig.pass(.milliseconds(300))
    #expect(rig.subject?.isOnHold == false && rig.stops().isEmpty)
    rig.tell(WorkloadHealth(.starting))
    rig.tell(Self.failing)
    rig.pass(.seconds(1))
    #expect(rig.stops().count == 1, "it is seen to fail anew")
  }

  @Test func `while it is paused is on hold`() {
    var rig = running()
    var domain = Rig.domain("w1")
    domain.state = .paused
    rig.sees(domain)
    #expect(rig.subject?.isOnHold == true)
    rig.tell(Self.failing)
    rig.pass(.seconds(2))
    #expect(rig.stops().isEmpty)
  }

  @Test func `has a new run when it is another process`() {
    var rig = running()
    let run = rig.subject?.run
    rig.pass(.seconds(1))
    var domain = Rig.domain("w1")
    domain.pid = 200
    rig.sees(domain)
    #expect(rig.subject?.run != run && rig.subject?.place.pid == 200)
  }

  @Test func `has the same run when its process cannot be told for a moment`() {
    var rig = running()
    let before = rig.subject
    rig.pass(.seconds(1))
    var domain = Rig.domain("w1")
    domain.pid = nil
    rig.sees(domain)
    rig.sees(Rig.domain("w1"))
    #expect(rig.subject == before && rig.checkActions.count == 1)
  }

  @Test func `is looked at with its new checks when its definition changes`() {
    var rig = running()
    let run = rig.subject?.run
    var spec = Rig.spec()
    spec.checks = [Self.check, HealthCheck(name: "db", probe: .agent)]
    rig.write([.put(.spec("w1"), .spec(spec))])
    #expect(rig.subject?.checks.count == 2 && rig.subject?.run == run)
    rig.write([.put(.spec("w1"), .spec(Rig.spec()))])
    #expect(rig.subject == nil && rig.processes["w1"] != nil)
  }

  // MARK: in place

  @Test func `is ended with its stop time and started anew, and that is counted`() {
    var rig = running()
    rig.actions = []
    let run = rig.run
    rig.tell(Self.failing)
    rig.pass(.seconds(1))
    #expect(rig.stops() == [.seconds(2)] && rig.starts().count == 1 && rig.processes["w1"] != nil)
    #expect(rig.claim("w1")?.ends == 1 && rig.claim("w1")?.unwell == Unwell(check: "web", reason: "refused"))
    #expect(rig.placement("w1")?.node == "n1" && rig.run != run)
    #expect(
      rig.notes().filter { [.health, .stopping, .stopped, .started].contains($0) } == [.health, .stopping, .stopped, .started])
    #expect(!rig.notes().contains(.vanished))
  }

  @Test func `is not ended for what was found of the run before`() {
    var rig = running()
    let old = rig.run ?? 0
    fail(&rig)
    rig.actions = []
    rig.send(.health("w1", run: old, Self.failing))
    rig.pass(.seconds(2))
    #expect(rig.stops().isEmpty && rig.report()?.health == nil)
  }

  @Test func `is started later each time`() {
    var rig = running()
    rig.tell(Self.failing)
    rig.pass(.milliseconds(100))
    #expect(rig.processes["w1"] != nil, "at once")
    rig.tell(Self.failing)
    rig.pass(.milliseconds(500))
    #expect(rig.processes["w1"] == nil)
    rig.pass(.seconds(1))
    #expect(rig.processes["w1"] != nil && rig.claim("w1")?.ends == 2)
  }

  @Test func `is forgiven when its checks say for a minute that it is well, and not before`() {
    var rig = running()
    fail(&rig)
    rig.pass(.seconds(120), step: .milliseconds(200))
    #expect(rig.claim("w1")?.ends == 1, "nothing is known of this run yet")
    rig.tell(WorkloadHealth(.healthy))
    rig.pass(.seconds(50), step: .milliseconds(200))
    #expect(rig.claim("w1")?.ends == 1)
    rig.pass(.seconds(12), step: .milliseconds(200))
    #expect(rig.claim("w1")?.ends == nil && rig.claim("w1")?.unwell == nil)
  }

  @Test func `that recovers before it could be ended is left alone`() {
    var rig = running()
    rig.domainsObey = false
    rig.tell(Self.failing)
    rig.send(.operation("w1", .stop, .failed(reason: "busy")))
    rig.tell(WorkloadHealth(.healthy))
    rig.actions = []
    rig.pass(.seconds(5))
    #expect(rig.stops().isEmpty && rig.claim("w1")?.ends == 1)
  }

  @Test func `is counted once, however often its end fails`() {
    var rig = running()
    rig.domainsObey = false
    rig.tell(Self.failing)
    for _ in 0..<5 {
      rig.send(.operation("w1", .stop, .failed(reason: "busy")))
      rig.pass(.seconds(2), step: .milliseconds(100))
    }
    #expect(rig.stops().count >= 5 && rig.claim("w1")?.ends == 1)
  }

  @Test func `the next life counts on`() throws {
    var first = running()
    fail(&first, times: 2)
    let session = try #require(first.controller.session.standing)
    var rig = Rig(saved: .init(incarnation: session.incarnation, created: session.created), seed: 2)
    (rig.store, rig.now, rig.domainsObey) = (first.store, first.now, true)
    rig.join("n2", incarnation: "i2")
    rig.begin(domains: Array(first.processes.values), guardPhase: .armed(deadline: first.now + .seconds(1)))
    rig.pass(.seconds(3))
    fail(&rig)
    #expect(rig.placement("w1")?.node == "n2" && rig.claim("w1")?.failures["n1"]?.count == 3)
  }

  // MARK: elsewhere, and no further

  @Test func `after its policy's restarts goes to another node, which knows why`() {
    var rig = running()
    rig.join("n2", incarnation: "i2")
    fail(&rig, times: 2)
    #expect(rig.placement("w1")?.node == "n1")
    fail(&rig)
    #expect(rig.placement("w1")?.node == "n2" && rig.placement("w1")?.reason.codes.contains("unwell") == true)
    let failure = ClaimRecord.Failure(count: 3, reason: "its check 'web' failed 3 times in a row: refused", check: "web")
    #expect(rig.claim("w1")?.failures["n1"] == failure)
    #expect(rig.claim("w1")?.holder == nil && rig.claim("w1")?.ends == nil && rig.processes["w1"] == nil)
  }

  @Test func `where no other node can take it runs on, and is restarted later each time`() {
    var rig = running()
    fail(&rig, times: 2)
    rig.actions = []
    rig.tell(Self.failing)
    rig.pass(.seconds(25), step: .milliseconds(100))
    #expect(rig.stops().isEmpty && rig.processes["w1"] != nil && rig.claim("w1")?.ends == 3)
    #expect(rig.report()?.health?["w1"]?.held == "it failed 3 times in a row: it is restarted later each time")
    rig.pass(.seconds(10), step: .milliseconds(100))
    #expect(rig.stops().count == 1)
    rig.pass(.seconds(10), step: .milliseconds(100))
    rig.tell(Self.failing)
    rig.pass(.seconds(55), step: .milliseconds(100))
    #expect(rig.stops().count == 1, "twice as long")
  }

  /// It failed its checks on n2 before, and fails here now.
  private func failsOnBoth(_ rule: String? = nil) -> Rig {
    var rig = running()
    if let rule { follow(rule, &rig) }
    rig.join("n2", incarnation: "i2")
    rig.join("n3", incarnation: "i3")
    if var claim = rig.claim("w1") {
      claim.failures["n2"] = .init(count: 3, reason: "its check 'web' failed 3 times in a row: refused", check: "web")
      rig.write([.put(.claim("w1"), .claim(claim))])
    }
    fail(&rig, times: 3)
    return rig
  }

  @Test func `on two nodes goes to no third`() {
    let rig = failsOnBoth()
    #expect(rig.placement("w1")?.node == "n1" && rig.processes["w1"] != nil)
  }

  @Test func `on two nodes is given up where its policy says so`() {
    let rig = failsOnBoth("then w1 give-up")
    #expect(rig.placement("w1")?.node == nil && rig.placement("w1")?.reason.codes == ["givenUpUnwell"])
    #expect(rig.processes["w1"] == nil && rig.claim("w1")?.holder == nil)
  }

  @Test func `on two nodes is left running where its policy says so`() {
    var rig = failsOnBoth("then w1 leave-running")
    rig.actions = []
    rig.pass(.seconds(200), step: .milliseconds(200))
    #expect(rig.processes["w1"] != nil && rig.stops().isEmpty && rig.placement("w1")?.node == "n1")
    #expect(rig.report()?.health?["w1"]?.held?.hasSuffix("its policy leaves it running then") == true)
  }

  // MARK: what nothing is done about

  enum Hindrance: CaseIterable { case disarmed, maintenance, storeAway }

  @Test(arguments: Hindrance.allCases) func `is told and not ended`(_ hindrance: Hindrance) {
    var rig = running()
    rig.pass(.seconds(1))
    switch hindrance {
    case .disarmed: rig.write([.put(.disarm, .disarm(DisarmRecord(since: 0)))])
    case .maintenance: rig.write([.put(.maintenance("n1"), .maintenance(MaintenanceRecord(since: 0)))])
    case .storeAway: rig.storeIsAway = true
    }
    rig.actions = []
    if hindrance == .storeAway { rig.pass(.seconds(2)) }
    rig.tell(Self.failing)
    rig.pass(hindrance == .storeAway ? .milliseconds(400) : .seconds(2))
    #expect(rig.stops().isEmpty && rig.processes["w1"] != nil)
    if hindrance == .storeAway { return }
    #expect(rig.notes().contains(.health) && rig.report()?.health?["w1"]?.held != nil)
    if hindrance == .disarmed {
      rig.write([.delete(.disarm)])
      rig.pass(.seconds(2))
      #expect(rig.stops().count == 1, "armed again, it is")
    }
  }

  @Test func `nobody can tell of is left alone, and told`() {
    var rig = running()
    rig.actions = []
    rig.tell(WorkloadHealth(.unknown, [.init("web", "no such command", isUnknown: true, reaction: .restart)]))
    rig.pass(.seconds(3))
    #expect(rig.stops().isEmpty && rig.notes().count { $0 == .health } == 1)
    let told = rig.report()?.health?["w1"]
    #expect(told?.isFailing == false && told?.check == "web" && told?.reason == "no such command")
    rig.tell(WorkloadHealth(.healthy))
    rig.pass(.seconds(3))
    #expect(rig.report()?.health == nil && rig.notes().count { $0 == .health } == 2)
  }

  @Test func `a check that is only to be reported fails, is left alone`() {
    var rig = running()
    rig.actions = []
    rig.tell(WorkloadHealth(.failing, [.init("web", "19 days left", isUnknown: false, reaction: .report)]))
    rig.pass(.seconds(3))
    #expect(rig.stops().isEmpty && rig.report()?.health?["w1"]?.isFailing == true && rig.claim("w1")?.ends == nil)
  }
}

extension Rig {
  /// What the checks were told, since the actions were last thrown away and before.
  fileprivate var checkActions: [Action] {
    actions.filter {
      switch $0 {
      case .check, .endChecks: true
      default: false
      }
    }
  }

  /// What the checks look at.
  fileprivate var subject: CheckSubject? { if case .check(let subject)? = checked { subject } else { nil } }
  fileprivate var run: Int? { subject?.run }

  /// The checks tell it of the run that they look at.
  fileprivate mutating func tell(_ health: WorkloadHealth) {
    guard let run else { return }
    send(.health("w1", run: run, health))
  }
}
