import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastPlanning
import HoldfastTime
import Testing

/// What fails on one node is tried on another, and nothing is down for the sake of anything else.
@Suite struct FailingTests {
  /// n1 is the planner and runs w1.
  private func running() -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    return rig
  }

  /// w1 ends by itself so often, and is started again each time.
  private func end(_ rig: inout Rig, times: Int) {
    for _ in 0..<times {
      rig.gone("w1")
      rig.pass(.seconds(9), step: .milliseconds(100))
    }
  }

  // MARK: loops of crashes

  @Test func `a loop of crashes is counted in the claim, and goes on where no other node can take it`() {
    var rig = running()
    end(&rig, times: 5)
    #expect(rig.claim("w1")?.ends == 5 && rig.claim("w1")?.activity == .running)
    #expect(rig.placement("w1")?.node == "n1" && rig.processes["w1"] != nil)
    rig.pass(.seconds(61), step: .milliseconds(100))
    #expect(rig.claim("w1")?.ends == nil, "it has run well since")
  }

  @Test func `after its policy's restarts it is tried on another node, which knows why`() {
    var rig = running()
    rig.join("n2", incarnation: "i2")
    end(&rig, times: 2)
    #expect(rig.placement("w1")?.node == "n1" && rig.claim("w1")?.ends == 2)
    end(&rig, times: 1)
    #expect(rig.placement("w1")?.node == "n2", "\(rig.placement("w1")?.reason ?? "nothing")")
    #expect(rig.placement("w1")?.reason.codes.contains("endsAgain") == true)
    #expect(rig.claim("w1")?.failures["n1"] == .init(count: 3, reason: "it ended 3 times in a row"))
    #expect(rig.claim("w1")?.holder == nil && rig.claim("w1")?.ends == nil && rig.processes["w1"] == nil)
  }

  @Test func `a policy with more restarts keeps it longer`() {
    var rig = running()
    rig.write([.put(.policies, .policies(PoliciesRecord(files: [PolicyText(file: "p.yaml", text: "restarts w1 4")])))])
    rig.join("n2", incarnation: "i2")
    end(&rig, times: 4)
    #expect(rig.placement("w1")?.node == "n1")
    end(&rig, times: 1)
    #expect(rig.placement("w1")?.node == "n2")
  }

  @Test func `the next life counts on`() throws {
    var first = running()
    end(&first, times: 2)
    let session = try #require(first.controller.session.standing)
    var rig = Rig(saved: .init(incarnation: session.incarnation, created: session.created), seed: 2)
    (rig.store, rig.now, rig.domainsObey) = (first.store, first.now, true)
    rig.begin(domains: Array(first.processes.values), guardPhase: .armed(deadline: first.now + .seconds(1)))
    rig.pass(.seconds(5))
    #expect(rig.claim("w1")?.ends == 2)
  }

  // MARK: nodes that are emptied

  /// w1 was to leave n1, and starts on no other node; or has not been started there yet.
  private func startsNowhereElse(failing: Bool = true) -> Rig {
    var rig = running()
    rig.join("n2", incarnation: "i2")
    rig.write([.put(.maintenance("n1"), .maintenance(MaintenanceRecord(since: 0)))])
    rig.pass(.seconds(1))
    #expect(rig.placement("w1")?.node == "n2" && rig.claim("w1")?.holder == nil)
    guard failing, var claim = rig.claim("w1") else { return rig }
    claim.failures["n2"] = .init(count: 2, reason: "no such disk")
    rig.write([.put(.claim("w1"), .claim(claim))])
    rig.pass(.seconds(1))
    return rig
  }

  @Test func `what starts on no other node comes back, and keeps the node from being empty`() {
    var rig = startsNowhereElse()
    #expect(rig.placement("w1")?.node == "n1" && rig.placement("w1")?.reason.codes == ["backAsNowhereElse"])
    #expect(rig.processes["w1"] != nil)
    #expect(rig.claim("w1")?.activity == .running && rig.claim("w1")?.evacuatedFrom == nil, "it runs: nothing is owed")
    // The pause after a failed start ends, and nothing that runs is stopped to try again.
    rig.pass(.seconds(200), step: .milliseconds(200))
    #expect(rig.placement("w1")?.node == "n1" && rig.claim("w1")?.failures["n2"]?.count == 2)
    #expect(rig.stops().count == 1)
  }

  @Test func `what has run elsewhere since does not come back to a node in maintenance, and says what to do`() throws {
    var rig = startsNowhereElse(failing: false)
    let own = try #require(rig.controller.session.incarnation)
    var claim = try #require(rig.claim("w1"))
    #expect(claim.evacuatedFrom == .init(node: "n1", incarnation: own))
    // n2 runs it, and is lost.
    (claim.epoch, claim.holder, claim.activity) = (claim.epoch.next, .init(node: "n2", incarnation: "i2"), .running)
    claim.evacuatedFrom = nil
    rig.write([.put(.claim("w1"), .claim(claim))])
    rig.pass(.seconds(1))
    rig.renewed["i2"] = nil
    rig.write([.delete(.session("i2")), .put(.losses("n2"), .losses(LossesRecord(count: 1, last: 0)))])
    rig.pass(.seconds(5))
    #expect(rig.placement("w1")?.node == nil && rig.placement("w1")?.reason.codes == ["onlyInMaintenance"])
    #expect(rig.processes["w1"] == nil && rig.claim("w1")?.holder?.node == "n2")
    rig.write([.put(.maintenance("n1"), .maintenance(MaintenanceRecord(phase: .over, since: 0)))])
    rig.pass(.seconds(5))
    #expect(rig.placement("w1")?.node == "n1" && rig.processes["w1"] != nil)
  }

  @Test func `nothing is owed by a node that has left since`() throws {
    var rig = startsNowhereElse(failing: false)
    var claim = try #require(rig.claim("w1"))
    claim.evacuatedFrom?.incarnation = "an earlier life"
    claim.failures["n2"] = .init(count: 2, reason: "no such disk")
    rig.write([.put(.claim("w1"), .claim(claim))])
    rig.pass(.seconds(1))
    #expect(rig.placement("w1")?.node == nil && rig.processes["w1"] == nil)
  }

  @Test func `it is forgiven when the maintenance is over`() {
    var rig = startsNowhereElse()
    rig.write([.put(.maintenance("n1"), .maintenance(MaintenanceRecord(phase: .over, since: 0)))])
    rig.pass(.seconds(62), step: .milliseconds(100))
    #expect(rig.claim("w1")?.failures.isEmpty == true && rig.placement("w1")?.node == "n1")
  }

  // MARK: first words

  @Test(arguments: [false, true]) func `a connection that was not heard of yet is silent only after a while`(isLost: Bool) {
    var rig = Rig()
    rig.beginDeaf(guardPhase: .disarmed)
    rig.pass(.milliseconds(700))
    #expect(rig.report()?.unreachable.isEmpty == true)
    if isLost { rig.send(.hypervisor(.unreachable(connection: Rig.connection, reason: "refused"))) }
    rig.pass(.milliseconds(1100))
    #expect(rig.report()?.unreachable.isEmpty == !isLost, "what was said is told")
    rig.pass(.seconds(2))
    #expect(rig.report()?.unreachable.isEmpty == false)
  }

  // MARK: a departure

  @Test func `what waits for its node goes down with it`() {
    var rig = Rig.follower()
    rig.domainsObey = true
    rig.write([.put(.policies, .policies(PoliciesRecord(files: [PolicyText(file: "p.yaml", text: "wait w1 3600")])))])
    rig.apply("w1")
    rig.place("w1", on: "n1")
    rig.actions = []
    rig.send(.leave(fast: false))
    rig.pass(.seconds(1))
    #expect(rig.stops() == [.seconds(2)] && rig.claim("w1")?.holder == nil)
    #expect(rig.placement("w1")?.node == "n1" && rig.actions.contains(.finished))
  }

  // MARK: a store of a later build

  @Test func `a format that this build does not know is noticed: what runs runs on, and nothing is begun`() {
    var rig = running()
    rig.join("n2", incarnation: "i2")
    rig.actions = []
    rig.write([.put(.format, .format(FormatRecord(version: 99)))])
    rig.pass(.milliseconds(500))
    #expect(rig.notes().contains(.unreadable))
    #expect(rig.store.entries[.planner] == nil, "the role is left to a newer build")
    rig.apply("w2", uuid: "u2")
    rig.place("w2", on: "n1")
    rig.want("w1", .stopped)
    rig.renewed = [:]
    rig.pass(.seconds(10), step: .milliseconds(100))
    #expect(rig.stops().isEmpty && rig.claim("w2") == nil && rig.sessions(of: "n2") == ["i2"])
    #expect(rig.processes["w1"] != nil && rig.controller.session.isValid(at: rig.now))
    rig.write([.put(.format, .format(FormatRecord()))])
    rig.pass(.seconds(3))
    #expect(rig.stops().count == 1 && rig.claim("w1")?.holder == nil && rig.claim("w2")?.holder?.node == "n1")
  }

  @Test func `a node with an older build may leave`() {
    var rig = running()
    rig.write([.put(.format, .format(FormatRecord(version: 99)))])
    rig.send(.leave(fast: false))
    rig.pass(.seconds(2))
    #expect(rig.controller.isFinished && rig.sessions().isEmpty && rig.stops().count == 1)
  }

  // MARK: what is told

  private func thawed(_ rig: Rig) -> String? {
    rig.actions.compactMap { if case .note(let note) = $0, note.kind == .resumed { note.text } else { nil } }.last
  }

  @Test func `a thaw tells how many go on`() {
    var rig = running()
    rig.send(rig.isolated(["w1"]))
    rig.pass(.milliseconds(100))
    rig.send(rig.armed(["w1"]))
    #expect(thawed(rig) == "1 workload of n1 was thawed and continues where it was")
  }

  @Test func `a thaw after which nothing goes on says so`() throws {
    var rig = running()
    try rig.loseToPlanner("w1")
    rig.send(.fromGuard(.report(.killed(workload: "w1", confirmed: true))))
    rig.gone("w1")
    rig.pass(.seconds(1))
    rig.send(rig.armed())
    #expect(thawed(rig) == "n1 is thawed: nothing of what was frozen there continues")
  }
}
