import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastPlanning
import HoldfastTime
import Testing

/// What becomes of a workload that ended, or crashed and is kept: by its policy, and only where the end was its own.
@Suite struct `When it ends` {
  /// n1 runs w1 under this policy.
  private func running(_ policy: WhenItEnds?) -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    if let policy { rig.write([Self.rule(policy)]) }
    rig.apply("w1")
    rig.actions = []
    return rig
  }

  private static func rule(_ policy: WhenItEnds) -> Write<RecordKey, Record> {
    .put(.policies, .policies(PoliciesRecord(files: [PolicyText(file: "p.yaml", text: "when-it-ends w1 \(policy.rawValue)")])))
  }

  private func intent(_ rig: Rig) -> IntentRecord? {
    if case .intent(let intent)? = rig.store.entries[.intent("w1")]?.value { intent } else { nil }
  }

  private func crash(_ rig: inout Rig) {
    guard var domain = rig.processes["w1"] else { return }
    domain.state = .crashed
    domain.reason = .crashed
    rig.sees(domain)
  }

  private static let ends: [(WhenItEnds?, DomainEnd, staysDown: Bool)] = [
    (nil, .poweredOff, false), (.restart, .poweredOff, false), (.restart, .crashed, false), (.restart, .unknown, false),
    (.stayDown, .poweredOff, true), (.stayDown, .crashed, true), (.stayDown, .destroyed, true), (.stayDown, .failed, true),
    (.stayDown, .unknown, true), (.stayDown, .migrated, false), (.restartOnFailure, .poweredOff, true),
    (.restartOnFailure, .crashed, false), (.restartOnFailure, .destroyed, false), (.restartOnFailure, .failed, false),
    (.restartOnFailure, .unknown, false), (.restartOnFailure, .migrated, false)
  ]

  @Test(arguments: ends) func `its policy says whether it stays down`(
    _ policy: WhenItEnds?, _ end: DomainEnd, _ staysDown: Bool
  ) {
    var rig = running(policy)
    rig.gone("w1", end)
    rig.pass(.seconds(5))
    #expect(rig.starts().isEmpty == staysDown, "\(rig.notes())")
    #expect(intent(rig)?.desired == (staysDown ? .stopped : .running))
    #expect(intent(rig)?.ended == (staysDown ? .init(end, on: "n1") : nil))
    #expect((rig.claim("w1")?.holder == nil) == staysDown)
    let reason = staysDown ? PlacementReason(.staysDown(end, on: "n1")) : nil
    #expect((rig.placement("w1")?.node == nil ? rig.placement("w1")?.reason : nil) == reason)
    #expect(rig.notes().contains(.vanished) == !staysDown, "\(rig.notes())")
  }

  @Test func `it stays down in one write with the release of its claim`() {
    var rig = running(.stayDown)
    rig.mood = .holds
    rig.gone("w1", .poweredOff)
    let keys = rig.held.map { held in
      Set(held.transaction.writes.compactMap { if case .put(let key, _) = $0 { key } else { nil } })
    }
    #expect(keys.contains([.claim("w1"), .intent("w1")]), "\(keys)")
    #expect(intent(rig)?.desired == .running && rig.claim("w1")?.holder?.node == "n1", "neither without the other")
  }

  @Test func `an operator's start afterwards works, and says no more of the end`() throws {
    var rig = running(.stayDown)
    rig.gone("w1", .poweredOff)
    rig.pass(.seconds(1))
    var wanted = try #require(intent(rig))
    #expect(wanted.ended == .init(.poweredOff, on: "n1"))
    wanted.desired = .running
    rig.write([.put(.intent("w1"), .intent(wanted))])
    #expect(intent(rig)?.ended == nil)
    rig.pass(.seconds(5))
    #expect(rig.processes["w1"] != nil && rig.starts().count == 1)
  }

  enum Doing: CaseIterable { case stop, restart, move, leave }

  @Test(arguments: Doing.allCases) func `an end that is Holdfast's own doing is none of its`(_ doing: Doing) {
    var rig = running(.stayDown)
    rig.join("n2", incarnation: "i2")
    switch doing {
    case .stop: rig.want("w1", .stopped)
    case .restart: rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running, errand: .restart)))])
    case .move: rig.place("w1", on: "n2")
    case .leave: rig.send(.leave(fast: false))
    }
    rig.pass(.seconds(3))
    #expect(intent(rig)?.ended == nil, "\(rig.notes())")
    #expect(intent(rig)?.desired == (doing == .stop ? .stopped : .running))
  }

  @Test func `a restart that an operator asked for meanwhile is carried out`() {
    var rig = running(.stayDown)
    rig.mood = .refuses
    rig.gone("w1", .poweredOff)
    rig.mood = .answers
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running, errand: .restart)))])
    rig.pass(.seconds(5))
    #expect(intent(rig)?.desired == .running && rig.starts().count == 1)
  }

  @Test func `what the guard killed starts again`() {
    var rig = running(.stayDown)
    rig.send(rig.isolated(["w1"]))
    rig.gone("w1", .failed)
    rig.send(.fromGuard(.report(.killed(workload: "w1", confirmed: true))))
    rig.send(rig.armed(["w1"]))
    rig.pass(.seconds(2))
    #expect(rig.starts().count == 1 && intent(rig)?.desired == .running, "\(rig.notes())")
  }

  // MARK: crashed and kept

  @Test(arguments: [nil, WhenItEnds.restart, .restartOnFailure]) func `what crashed and is kept is ended and started anew`(
    _ policy: WhenItEnds?
  ) {
    var rig = running(policy)
    crash(&rig)
    rig.pass(.seconds(1))
    #expect(rig.stops() == [.zero] && rig.starts().count == 1)
    #expect(rig.notes().count { $0 == .vanished } == 1, "it counts as an end")
    #expect(rig.claim("w1")?.ends == 1)
    rig.actions = []
    crash(&rig)
    rig.pass(.seconds(1))
    #expect(rig.stops() == [.zero])
    rig.pass(.seconds(5))
    #expect(rig.starts().count == 1 && rig.claim("w1")?.ends == 2)
  }

  @Test func `what crashed is kept where its policy says so, and told`() {
    var rig = running(.stayDown)
    crash(&rig)
    rig.pass(.seconds(30))
    #expect(rig.stops().isEmpty && rig.starts().isEmpty)
    #expect(rig.report()?.crashed == ["w1"] && rig.claim("w1")?.holder?.node == "n1")
    #expect(rig.notes().count { $0 == .vanished } == 1, "once")
  }

  @Test func `what is kept is started anew by an operator's restart`() {
    var rig = running(.stayDown)
    crash(&rig)
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running, errand: .restart)))])
    rig.pass(.seconds(3))
    #expect(rig.stops() == [.zero] && rig.starts().count == 1, "what crashed cannot shut down")
    #expect(intent(rig) == IntentRecord(desired: .running))
    #expect(rig.report()?.crashed == nil)
  }

  @Test func `what is kept stays down when somebody destroys it, or its node is emptied`() {
    for isEmptied in [false, true] {
      var rig = running(.stayDown)
      rig.join("n2", incarnation: "i2")
      crash(&rig)
      if isEmptied { rig.place("w1", on: "n2") } else { rig.gone("w1", .destroyed) }
      rig.pass(.seconds(3))
      #expect(intent(rig)?.ended == .init(.crashed, on: "n1"), "\(rig.notes())")
      #expect(rig.claim("w1")?.holder == nil && rig.starts().isEmpty)
    }
  }
}
