import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastPlanning
import HoldfastTime
import Testing

/// A live migration, step by step, on both of its sides.
@Suite struct MigratingTests {
  private static let uri = "qemu+tls://n2/system"

  /// n1 runs w1 under its claim at epoch 1, and n2 can take migrations.
  private func source(method: MaintenanceRecord? = nil) -> Rig {
    var rig = Rig.follower()
    var node = Rig.node
    node.migration = [Rig.connection: Self.uri]
    rig.domainsObey = true
    rig.write([.put(.node("n2"), .node(node))])
    rig.apply("w1")
    rig.place("w1", on: "n1")
    if let method { rig.write([.put(.maintenance("n1"), .maintenance(method))]) }
    rig.actions = []
    return rig
  }

  private func ready(_ rig: inout Rig) {
    guard var claim = rig.claim("w1") else { return }
    claim.migration?.step = .ready
    rig.write([.put(.claim("w1"), .claim(claim))])
  }

  /// Its migration to n2 has begun, and it is paused here.
  private func pausedHere(_ rig: inout Rig) throws -> DomainObservation {
    rig.place("w1", on: "n2")
    ready(&rig)
    var domain = try #require(rig.processes["w1"])
    domain.state = .paused
    rig.sees(domain)
    return domain
  }

  private func migrations(_ rig: Rig) -> [MigrationRequest] {
    rig.actions.compactMap { if case .migrate(_, let request) = $0 { request } else { nil } }
  }

  @Test func `it is offered, begun when the target is ready, and given away when it is seen gone`() {
    var rig = source()
    rig.place("w1", on: "n2")
    #expect(rig.claim("w1")?.migration == .init(.offered, target: .init(node: "n2", incarnation: "i2")))
    #expect(rig.stops().isEmpty && migrations(rig).isEmpty)
    ready(&rig)
    #expect(migrations(rig).map(\.destination) == [Self.uri])
    rig.send(.operation("w1", .migrate, .done))
    #expect(rig.claim("w1")?.holder?.node == "n1", "libvirt's word is not enough")
    rig.gone("w1")
    let claim = rig.claim("w1")
    #expect(claim?.holder == .init(node: "n2", incarnation: "i2") && claim?.epoch == Epoch(2))
    #expect(claim?.migration?.step == .arrived)
  }

  @Test func `what is released meanwhile is not offered`() throws {
    var rig = source()
    rig.place("w1", on: "n2")
    func offers(_ write: Write<RecordKey, Record>) -> Bool {
      if case .put(.claim("w1"), .claim(let claim)) = write { claim.migration != nil } else { false }
    }
    let offer = rig.transactions().first { $0.writes.contains(where: offers) }
    let intent = try #require(rig.controller.view.intents["w1"])
    #expect(offer?.conditions.contains(.unchanged(.intent("w1"), modified: intent.modified)) == true)
  }

  @Test func `what failed goes on here, and is stopped and started after the second time`() {
    var rig = source()
    rig.place("w1", on: "n2")
    for _ in 0..<2 {
      ready(&rig)
      rig.send(.operation("w1", .migrate, .failed(reason: "no route")))
      rig.pass(.milliseconds(100))
    }
    rig.pass(.seconds(2))
    #expect(migrations(rig).count == 2)
    #expect(rig.stops() == [.seconds(2)])
    #expect(rig.claim("w1")?.holder == nil && rig.claim("w1")?.migration == nil)
  }

  @Test func `a block job is waited for as long as it takes, and told once`() {
    var rig = source()
    rig.place("w1", on: "n2")
    for attempt in 1...4 {
      ready(&rig)
      rig.send(.operation("w1", .migrate, .hindered(.busy, reason: "domain has active block job")))
      rig.pass(.milliseconds(4800 * attempt))
      #expect(migrations(rig).count == attempt && rig.claim("w1")?.migration == nil)
      rig.pass(.milliseconds(500 * attempt))
    }
    #expect(rig.stops().isEmpty && rig.claim("w1")?.holder?.node == "n1" && rig.claim("w1")?.migration?.step == .offered)
    #expect(rig.notes().count { $0 == .migrating } == 2)
    ready(&rig)
    rig.send(.operation("w1", .migrate, .done))
    rig.gone("w1")
    #expect(rig.claim("w1")?.holder?.node == "n2")
  }

  /// libvirt's event and the end of its call come in either order.
  @Test(arguments: [true, false]) func `how far it is, is told as long as it is on its way`(isGoneFirst: Bool) throws {
    var rig = source()
    rig.place("w1", on: "n2")
    ready(&rig)
    let domain = try #require(rig.processes["w1"])
    let progress = MigrationProgress(sent: 1, remaining: 2, total: 3, rate: 1)
    rig.send(.hypervisor(.migrating(domain.id, progress)))
    rig.pass(.seconds(2))
    #expect(rig.report()?.migrations == ["w1": progress])
    if isGoneFirst { rig.gone("w1") }
    rig.send(.operation("w1", .migrate, .done))
    if !isGoneFirst { rig.gone("w1") }
    rig.pass(.seconds(2))
    #expect(rig.claim("w1")?.holder?.node == "n2" && rig.report()?.migrations == nil)
  }

  @Test func `what is wrong with the target holds for all that were to go there, and stops nobody`() {
    var rig = source()
    rig.apply("w2", uuid: "u2")
    rig.place("w2", on: "n1")
    rig.place("w1", on: "n2")
    ready(&rig)
    rig.send(.operation("w1", .migrate, .hindered(.target, reason: "the certificate has expired")))
    rig.place("w2", on: "n2")
    rig.pass(.seconds(50))
    #expect(migrations(rig).count == 1 && rig.stops().isEmpty)
    #expect(rig.claim("w1")?.migration == nil && rig.claim("w2")?.migration == nil)
    rig.pass(.seconds(11))
    // The one that failed is the first to try again.
    #expect(rig.claim("w1")?.migration?.step == .offered && rig.claim("w2")?.migration == nil)
    ready(&rig)
    rig.send(.operation("w1", .migrate, .done))
    rig.gone("w1")
    rig.pass(.seconds(5))
    #expect(rig.claim("w1")?.holder?.node == "n2" && rig.claim("w2")?.migration?.step == .offered && rig.stops().isEmpty)
  }

  @Test(arguments: [Hindrance.busy, .target])
  func `a node that leaves tries twice what something stands in the way of, and stops it then`(hindrance: Hindrance) {
    var rig = source()
    rig.send(.leave(fast: false))
    rig.place("w1", on: "n2")
    for _ in 0..<4 where rig.claim("w1")?.migration != nil {
      ready(&rig)
      rig.send(.operation("w1", .migrate, .hindered(hindrance, reason: "not now")))
      rig.pass(.milliseconds(100))
    }
    rig.pass(.seconds(2))
    #expect(migrations(rig).count == 2 && rig.stops() == [.seconds(2)])
    #expect(rig.actions.contains(.finished))
  }

  @Test func `what is paused as nobody suspended it is not stopped against its policy`() throws {
    var rig = source()
    let rules = PoliciesRecord(files: [PolicyText(file: "p.yaml", text: "otherwise w1 stay")])
    rig.write([.put(.policies, .policies(rules))])
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running, errand: .pause)))])
    var domain = try #require(rig.processes["w1"])
    (domain.state, domain.reason) = (.paused, .ioError)
    rig.sees(domain)
    rig.send(.operation("w1", .suspend, .done))
    rig.place("w1", on: "n2")
    rig.pass(.seconds(5))
    #expect(rig.stops().isEmpty && rig.claim("w1")?.migration == nil)
    #expect(rig.controller.view.whyKept("w1")?.contains("paused") == true)
    // It goes on when that is asked for, and moves then.
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running, errand: .resume)))])
    #expect(resumes(rig) == 1 && rig.stops().isEmpty)
    (domain.state, domain.reason) = (.running, nil)
    rig.sees(domain)
    rig.send(.operation("w1", .resume, .done))
    rig.pass(.seconds(1))
    #expect(rig.claim("w1")?.migration?.step == .offered && rig.stops().isEmpty)
  }

  @Test(arguments: [false, true]) func `what cannot be told is waited for, and not stopped for a move`(isOffered: Bool) throws {
    var rig = source()
    var domain = try #require(rig.processes["w1"])
    if isOffered { rig.place("w1", on: "n2") }
    (domain.state, domain.reason) = (.unclear, .noAnswer)
    rig.sees(domain)
    rig.place("w1", on: "n2")
    if isOffered { ready(&rig) }
    rig.pass(.seconds(20))
    #expect(rig.stops().isEmpty && migrations(rig).isEmpty && rig.claim("w1")?.activity == .unclear)
    (domain.state, domain.reason) = (.running, nil)
    rig.sees(domain)
    if !isOffered { ready(&rig) }
    rig.pass(.milliseconds(100))
    #expect(rig.stops().isEmpty && migrations(rig).count == 1 && rig.claim("w1")?.activity == .running)
  }

  @Test func `a node that leaves waits for what cannot be told, but not for ever`() throws {
    var rig = source()
    var domain = try #require(rig.processes["w1"])
    (domain.state, domain.reason) = (.unclear, .noAnswer)
    rig.sees(domain)
    rig.place("w1", on: "n2")
    rig.send(.leave(fast: false))
    rig.pass(.seconds(25))
    #expect(rig.stops().isEmpty)
    rig.pass(.seconds(10))
    #expect(rig.stops() == [.seconds(2)])
  }

  @Test func `what libvirt has lost but for some processes is told, and is ended for its move`() throws {
    var rig = source()
    var domain = try #require(rig.processes["w1"])
    (domain.state, domain.reason) = (.unclear, .processesLeft)
    rig.sees(domain)
    rig.place("w1", on: "n2")
    #expect(rig.stops() == [.seconds(2)])
  }

  /// `virsh define` beside what runs; or the claim was taken anew, and its mark was not written yet.
  @Test(arguments: [true, false])
  func `what is about to be marked again is marked first, and moves then`(isDefined: Bool) throws {
    var rig = source()
    rig.domainsObey = false
    var domain = try #require(rig.processes["w1"])
    if isDefined { domain.persistent = true } else { domain.mark?.epoch = Epoch(0) }
    rig.sees(domain)
    rig.place("w1", on: "n2")
    rig.send(.operation("w1", .mark, .failed(reason: "busy")))
    #expect(rig.stops().isEmpty)
    rig.domainsObey = true
    rig.pass(.seconds(2))
    #expect(rig.processes["w1"]?.persistent == false && rig.processes["w1"]?.mark?.epoch == Epoch(1))
    #expect(rig.stops().isEmpty && rig.claim("w1")?.migration?.step == .offered)
  }

  @Test func `a migration for which no time is left is not told`() {
    var rig = source()
    rig.place("w1", on: "n2")
    // No renewal is written any more, and what others write is still seen.
    rig.mood = .refuses
    while let deadline = rig.controller.session.deadline, deadline - rig.now > .milliseconds(90) { rig.pass(.milliseconds(10)) }
    ready(&rig)
    #expect(migrations(rig).isEmpty && !rig.notes().contains(.migrating))
  }

  @Test(
    arguments: [
      (MaintenanceRecord(since: 0), true, "maintenance enter n1 --method restart"), (nil, true, "holdfast move w1 --to n1"),
      (nil, false, "holdfast stop w1")
    ] as [(MaintenanceRecord?, Bool, String)])
  func `the way out of a target that cannot be used is for what asked for the move`(
    maintenance: MaintenanceRecord?, isAsked: Bool, remedy: String
  ) {
    var rig = source(method: maintenance)
    if isAsked { rig.want("w1", .running, move: .init(to: "n2", serial: 1)) }
    let served = PlacementRecord(node: "n2", reason: "test", servedMove: isAsked ? 1 : 0)
    rig.write([.put(.placement("w1"), .placement(served))])
    ready(&rig)
    rig.send(.operation("w1", .migrate, .hindered(.target, reason: "the certificate has expired")))
    let told = rig.actions.compactMap { if case .note(let note) = $0, note.kind == .migrating { note.text } else { nil } }
    #expect(told.last?.contains(remedy) == true && (maintenance != nil || told.last?.contains("maintenance") == false))
  }

  @Test func `a domain that is paused here after a failure is resumed before the offer is taken back`() throws {
    var rig = source()
    var domain = try pausedHere(&rig)
    rig.send(.operation("w1", .migrate, .failed(reason: "the connection broke")))
    #expect(rig.actions.contains { if case .resume("w1", _, _, _) = $0 { true } else { false } })
    #expect(rig.claim("w1")?.migration?.step == .ready)
    domain.state = .running
    rig.sees(domain)
    rig.send(.operation("w1", .resume, .done))
    rig.pass(.milliseconds(100))
    #expect(rig.claim("w1")?.migration?.step != .ready)
  }

  @Test(arguments: [
    MaintenanceRecord(since: 0, method: .restart), MaintenanceRecord(since: 0, deadline: 0)
  ])
  func `a maintenance may ask for a restart, or be out of time`(record: MaintenanceRecord) {
    var rig = source(method: record)
    rig.send(.wallTime(WeekTime(minute: 0), 5000))
    rig.place("w1", on: "n2")
    rig.pass(.milliseconds(100))
    #expect(migrations(rig).isEmpty && rig.stops() == [.seconds(2)])
  }

  @Test func `a domain that is paused here when the session is lost is resumed under the next claim`() throws {
    var rig = source()
    _ = try pausedHere(&rig)
    rig.place("w1", on: "n1")
    let old = try #require(rig.controller.session.incarnation)
    rig.write([.delete(.session(old))])
    rig.send(.operation("w1", .migrate, .failed(reason: "libvirtd is gone")))
    rig.pass(.milliseconds(300))
    rig.send(rig.isolated(["w1"]))
    rig.pass(.milliseconds(300))
    #expect(rig.claim("w1")?.epoch == Epoch(2))
    rig.send(rig.armed(["w1"]))
    rig.pass(.seconds(5))
    #expect(rig.actions.contains { if case .resume("w1", _, _, _) = $0 { true } else { false } })
    #expect(rig.starts().isEmpty)
  }

  @Test func `what is on its way when the time is over is not waited for`() {
    var rig = source(method: MaintenanceRecord(since: 5000, deadline: 10_000))
    // A wall clock that is wrong ends nobody's patience: the span is counted from when the record came.
    rig.send(.wallTime(WeekTime(minute: 0), 500_000))
    rig.place("w1", on: "n2")
    ready(&rig)
    func isCancelled() -> Bool { rig.actions.contains { if case .cancelMigration = $0 { true } else { false } } }
    rig.pass(.seconds(4))
    #expect(!isCancelled())
    rig.pass(.seconds(2))
    #expect(isCancelled())
    rig.send(.operation("w1", .migrate, .failed(reason: "it was given up")))
    rig.pass(.milliseconds(100))
    #expect(rig.stops() == [.seconds(2)])
  }

  @Test func `what cannot move and is not to be stopped runs on, and its node says so`() {
    var rig = source()
    let rules = PoliciesRecord(files: [PolicyText(file: "p.yaml", text: "otherwise w1 stay")])
    rig.write([.put(.policies, .policies(rules)), .put(.node("n2"), .node(Rig.node))])
    rig.place("w1", on: "n2")
    rig.pass(.seconds(5))
    #expect(rig.stops().isEmpty && rig.claim("w1")?.migration == nil)
    #expect(rig.controller.view.whyKept("w1")?.contains("otherwise: stay") == true)
    // n2 can take migrations now.
    rig.write([.put(.node("n2"), .node(source().controller.view.nodes["n2"]?.value ?? Rig.node))])
    rig.place("w1", on: "n2")
    rig.pass(.seconds(2))
    #expect(rig.claim("w1")?.migration?.step == .offered)
    #expect(rig.controller.view.whyKept("w1") == nil)
  }

  @Test func `the target that is lost is not given the claim`() {
    var rig = source()
    rig.place("w1", on: "n2")
    ready(&rig)
    rig.renewed = [:]
    rig.write([.delete(.session("i2"))])
    rig.send(.operation("w1", .migrate, .unknown(reason: "time-out")))
    rig.gone("w1")
    rig.pass(.milliseconds(500))
    #expect(rig.claim("w1")?.holder?.node != "n2")
  }

  @Test func `what leaves protection while it moves goes on here first`() throws {
    var rig = source()
    var domain = try pausedHere(&rig)
    rig.want("w1", .unprotected)
    #expect(rig.actions.contains { if case .cancelMigration = $0 { true } else { false } })
    rig.send(.operation("w1", .migrate, .failed(reason: "it was called off")))
    #expect(resumes(rig) == 1 && rig.processes["w1"]?.mark != nil)
    domain.state = .running
    rig.sees(domain)
    rig.send(.operation("w1", .resume, .done))
    rig.pass(.seconds(1))
    #expect(rig.processes["w1"]?.mark == nil && rig.stops().isEmpty)
    #expect(rig.claim("w1")?.releasedTo?.node == "n1" && rig.claim("w1")?.migration == nil)
  }

  // MARK: the target

  /// n2 holds w1 at epoch 3 and offers it to n1.
  private func target() throws -> Rig {
    var rig = Rig.follower()
    let own = try #require(rig.sessions().first)
    rig.write([
      .put(
        .claim("w1"),
        .claim(
          ClaimRecord(
            epoch: Epoch(3), holder: .init(node: "n2", incarnation: "i2"), activity: .running,
            migration: .init(.offered, target: .init(node: "n1", incarnation: own)))))
    ])
    rig.apply("w1")
    rig.place("w1", on: "n1")
    return rig
  }

  private func arriving(_ state: DomainObservation.State = .arriving, epoch: Int64 = 3) -> DomainObservation {
    var domain = Rig.domain("w1", epoch: epoch)
    domain.state = state
    return domain
  }

  private func resumes(_ rig: Rig) -> Int { rig.actions.count { if case .resume = $0 { true } else { false } } }

  @Test func `the target is ready when its guard covers what may arrive`() throws {
    var rig = try target()
    #expect(rig.commands().contains { if case .protect(let guarded) = $0 { guarded.name == "w1" } else { false } })
    #expect(rig.claim("w1")?.migration?.step == .offered)
    rig.send(rig.armed(["w1"]))
    rig.pass(.milliseconds(100))
    #expect(rig.claim("w1")?.migration?.step == .ready)
  }

  @Test func `what arrives is let be, and goes on when the claim has come`() throws {
    var rig = try target()
    rig.send(rig.armed(["w1"]))
    rig.pass(.milliseconds(50))
    rig.sees(arriving())
    rig.sees(arriving(.paused))
    rig.pass(.milliseconds(300))
    #expect(rig.stops().isEmpty && resumes(rig) == 0, "it is not ours yet")
    let own = try #require(rig.sessions().first)
    let holder = ClaimRecord.Holder(node: "n1", incarnation: own)
    rig.write([
      .put(
        .claim("w1"),
        .claim(ClaimRecord(epoch: Epoch(4), holder: holder, activity: .starting, migration: .init(.arrived, target: holder))))
    ])
    #expect(resumes(rig) == 1)
    rig.sees(arriving(.running))
    rig.send(.operation("w1", .resume, .done))
    rig.sees(Rig.domain("w1", epoch: 4))
    rig.send(.operation("w1", .mark, .done))
    rig.pass(.milliseconds(300))
    #expect(rig.claim("w1")?.activity == .running && rig.claim("w1")?.migration == nil)
    #expect(rig.starts().isEmpty)
  }

  @Test func `what arrives and is to leave protection goes on first`() throws {
    var rig = try target()
    rig.domainsObey = true
    rig.send(rig.armed(["w1"]))
    rig.pass(.milliseconds(50))
    rig.sees(arriving(.paused))
    rig.want("w1", .unprotected)
    let holder = ClaimRecord.Holder(node: "n1", incarnation: try #require(rig.sessions().first))
    rig.write([
      .put(
        .claim("w1"),
        .claim(ClaimRecord(epoch: Epoch(4), holder: holder, activity: .starting, migration: .init(.arrived, target: holder))))
    ])
    #expect(resumes(rig) == 1 && rig.processes["w1"]?.mark != nil)
    rig.sees(arriving(.running))
    rig.send(.operation("w1", .resume, .done))
    rig.pass(.seconds(1))
    #expect(rig.processes["w1"]?.mark == nil && rig.stops().isEmpty)
    #expect(rig.claim("w1")?.releasedTo?.node == "n1")
  }

  @Test func `a copy from before is not what arrives`() throws {
    var rig = try target()
    rig.send(rig.armed(["w1"]))
    rig.sees(arriving(.paused, epoch: 1))
    rig.pass(.milliseconds(100))
    #expect(rig.commands().contains(.kill(workload: "w1")))
  }

  @Test func `what was let go on by somebody else is an intruder`() throws {
    var rig = try target()
    rig.send(rig.armed(["w1"]))
    rig.sees(arriving(.running))
    #expect(rig.commands().contains(.kill(workload: "w1")))
  }

  @Test func `when the source is lost before it gave the claim away, what arrived is ended and it is started anew`() throws {
    var rig = try target()
    rig.domainsObey = true
    rig.send(rig.armed(["w1"]))
    rig.sees(arriving(.paused))
    rig.renewed = [:]
    rig.write([.delete(.session("i2"))])
    rig.pass(.seconds(1))
    #expect(resumes(rig) == 0)
    #expect(rig.starts().count == 1 && rig.claim("w1")?.epoch == Epoch(4))
  }
}
