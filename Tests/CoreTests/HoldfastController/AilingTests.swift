import HoldfastController
import HoldfastModel
import HoldfastPlanning
import Testing

/// Nodes fail checks of their own. The settling time of `srv` is eight seconds.
@Suite struct `A node that fails a check of its own` {
  private static let bad = [NodeCheckState("srv", .failing(reason: "/srv is read-only"))]
  private static let good = [NodeCheckState("srv", .healthy)]
  private static let failing = [NodeFinding("srv", "/srv is read-only", isUnknown: false)]

  private static func told(_ findings: [NodeFinding]?) -> Record {
    guard case .report(var report) = Rig.report() else { return Rig.report() }
    report.nodeChecks = findings
    return .report(report)
  }

  /// n1 plans and runs w1; n2 and n3 are there, and all are well.
  private func cluster(_ then: NodeCheck.Then = .evacuate) -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.send(.wallTime(WeekTime(minute: 0), 1_000_000))
    rig.apply("w1")
    rig.join("n2", incarnation: "i2")
    rig.join("n3", incarnation: "i3")
    rig.write([
      .put(
        .policies,
        .policies(PoliciesRecord(files: [PolicyText(file: "p.yaml", text: "node-check srv \(then.rawValue)")])))
    ])
    rig.write([.put(.report("n2"), Self.told([])), .put(.report("n3"), Self.told([]))])
    rig.send(.nodeHealth(Self.good))
    rig.pass(.seconds(10))
    return rig
  }

  private func losses(_ rig: Rig) -> LossesRecord? {
    if case .losses(let losses)? = rig.store.entries[.losses("n1")]?.value { losses } else { nil }
  }

  @Test func `is told to make what the policies want, and reports what it finds`() {
    var rig = Rig.running()
    #expect(rig.report()?.nodeChecks == nil, "without node checks its report is as it was")
    rig = cluster()
    #expect(rig.actions.contains { if case .checkNode(let checks) = $0 { checks.map(\.name) == ["srv"] } else { false } })
    #expect(rig.report()?.nodeChecks == [])
    rig.send(.nodeHealth(Self.bad))
    rig.pass(.seconds(2))
    #expect(rig.report()?.nodeChecks?.map(\.clause) == ["/srv is read-only (check 'srv')"])
    #expect(rig.report()?.nodeChecks?.first?.since != nil)
    #expect(rig.notes().contains(.nodeCheck))
  }

  @Test func `is left when that has lasted, by one decision, and is the last choice when it is well again`() {
    var rig = cluster()
    #expect(rig.placement("w1")?.node == "n1")
    rig.send(.nodeHealth(Self.bad))
    rig.pass(.seconds(7))
    #expect(losses(rig) == nil && rig.placement("w1")?.node == "n1", "others may be about to tell the same")
    rig.pass(.seconds(4))
    #expect(losses(rig)?.ailment?.check == "srv" && losses(rig)?.count == 1)
    #expect(rig.placement("w1")?.node == "n2")
    #expect(rig.placement("w1")?.reason.codes.contains("leftAiling") == true)
    #expect(rig.placement("w1")?.home == nil, "it is no maintenance")
    #expect(rig.notes().count { $0 == .nodeAiling } == 1)
    rig.send(.nodeHealth(Self.good))
    rig.pass(.seconds(3))
    #expect(losses(rig)?.ailment == nil && losses(rig)?.wasAiling == true && losses(rig)?.count == 1)
    #expect(rig.notes().count { $0 == .nodeWell } == 1)
    rig.pass(.seconds(5))
    #expect(rig.placement("w1")?.node == "n2", "nothing goes home for that")
    rig.apply("w2", uuid: "u2")
    #expect(rig.placement("w2")?.node == "n3", "n1 is as empty, and in quarantine")
  }

  @Test(
    arguments: [("n2 and n3", failing, failing), ("n2", failing, []), ("nobody knows of them", nil, nil)]
      as [(String, [NodeFinding]?, [NodeFinding]?)])
  func `is not left where others share the cause, or nobody knows`(
    _: String, second: [NodeFinding]?, third: [NodeFinding]?
  ) {
    var rig = cluster()
    rig.send(.nodeHealth(Self.bad))
    rig.pass(.seconds(3))
    rig.write([.put(.report("n2"), Self.told(second)), .put(.report("n3"), Self.told(third))])
    rig.pass(.seconds(30))
    #expect(losses(rig) == nil && rig.placement("w1")?.node == "n1")
    #expect(rig.stops().isEmpty)
  }

  @Test func `is not left as the last to be well again, but when it has failed alone for the time to settle`() {
    var rig = cluster()
    rig.send(.nodeHealth(Self.bad))
    rig.write([.put(.report("n2"), Self.told(Self.failing)), .put(.report("n3"), Self.told(Self.failing))])
    rig.pass(.seconds(30))
    rig.write([.put(.report("n2"), Self.told([])), .put(.report("n3"), Self.told([]))])
    rig.pass(.seconds(6))
    #expect(losses(rig) == nil && rig.placement("w1")?.node == "n1")
    rig.pass(.seconds(5))
    #expect(losses(rig)?.ailment?.check == "srv")
  }

  @Test(arguments: [NodeCheck.Then.avoid, .tell]) func `keeps what runs there, where that is wanted`(then: NodeCheck.Then) {
    var rig = cluster(then)
    rig.send(.nodeHealth(Self.bad))
    rig.pass(.seconds(30))
    #expect(losses(rig) == nil && rig.placement("w1")?.node == "n1" && rig.stops().isEmpty)
  }

  @Test func `stays left while its controller is another one and does not know yet`() {
    var rig = cluster()
    rig.send(.nodeHealth(Self.bad))
    rig.pass(.seconds(12))
    #expect(losses(rig)?.ailment != nil)
    rig.send(.nodeHealth([NodeCheckState("srv", .starting)]))
    rig.pass(.seconds(5))
    #expect(losses(rig)?.ailment != nil && rig.report()?.nodeChecks?.first?.isUnknown == true)
    rig.send(.nodeHealth([NodeCheckState("srv", .unknown(reason: "nobody can tell"))]))
    rig.pass(.seconds(5))
    #expect(losses(rig)?.ailment != nil, "unknown is not well")
  }
}
