import HoldfastController
import HoldfastModel
import Testing

/// What somebody suspended moves as it is, with its memory: it executes nothing on either side until somebody resumes it where its claim is.
@Suite struct `What is suspended and moves` {
  // MARK: the source

  /// n1 runs w1 under its claim, n2 can take migrations, and somebody has suspended w1.
  private func source(_ errand: IntentRecord.Errand? = nil, policy: String? = nil) throws -> Rig {
    var rig = Rig.follower()
    var node = Rig.node
    node.migration = [Rig.connection: "qemu+tls://n2/system"]
    rig.domainsObey = true
    rig.write([.put(.node("n2"), .node(node))])
    if let policy { rig.write([.put(.policies, .policies(PoliciesRecord(files: [PolicyText(file: "p.yaml", text: policy)])))]) }
    rig.apply("w1")
    rig.place("w1", on: "n1")
    if let errand { ask(errand, &rig) }
    try see(.paused, in: &rig)
    if errand == .pause { rig.send(.operation("w1", .suspend, .done)) }
    rig.actions = []
    return rig
  }

  private func ask(_ errand: IntentRecord.Errand, _ rig: inout Rig) {
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running, errand: errand)))])
  }

  private func see(_ state: DomainObservation.State, _ reason: DomainObservation.Reason? = .suspended, in rig: inout Rig) throws
  {
    var domain = try #require(rig.processes["w1"])
    (domain.state, domain.reason) = (state, state == .running ? nil : reason)
    rig.sees(domain)
  }

  /// n2 is ready for it. One of a build before it could be moved paused writes no more than it knows.
  private func ready(_ rig: inout Rig, isOlder: Bool = false) {
    guard var claim = rig.claim("w1") else { return }
    claim.migration?.step = .ready
    if isOlder { claim.migration?.staysPaused = nil }
    rig.write([.put(.claim("w1"), .claim(claim))])
  }

  private func migrations(_ rig: Rig) -> [MigrationRequest] {
    rig.actions.compactMap { if case .migrate(_, let request) = $0 { request } else { nil } }
  }

  private func resumes(_ rig: Rig) -> Int { rig.actions.count { if case .resume = $0 { true } else { false } } }

  private func texts(_ rig: Rig) -> [String] {
    rig.actions.compactMap { if case .note(let note) = $0 { note.text } else { nil } }
  }

  @Test(arguments: [nil, "otherwise w1 stay"], [nil, .pause] as [IntentRecord.Errand?])
  func `is offered as such, and given away paused, whoever suspended it and whatever its policy`(
    policy: String?, errand: IntentRecord.Errand?
  ) throws {
    var rig = try source(errand, policy: policy)
    rig.place("w1", on: "n2")
    let target = ClaimRecord.Holder(node: "n2", incarnation: "i2")
    #expect(rig.claim("w1")?.migration == ClaimRecord.Migration(.offered, target: target, staysPaused: true))
    ready(&rig)
    #expect(migrations(rig).map(\.isSuspended) == [true])
    rig.send(.operation("w1", .migrate, .done))
    rig.gone("w1")
    let arrived = ClaimRecord.Migration(.arrived, target: target, mark: Epoch(1), staysPaused: true)
    #expect(rig.claim("w1")?.holder == target && rig.claim("w1")?.migration == arrived)
    #expect(resumes(rig) == 0 && rig.stops().isEmpty)
    #expect(texts(rig).contains("w1 moves from n1 to n2 paused, with its memory"))
  }

  static let others: [DomainObservation.Reason?] = [nil, .ioError, .watchdog, .powerManagement, .postCopy, .migration]

  @Test(arguments: others) func `is nothing that is paused for another reason`(_ reason: DomainObservation.Reason?) throws {
    var rig = try source()
    try see(.paused, reason, in: &rig)
    rig.place("w1", on: "n2")
    rig.pass(.seconds(2))
    #expect(rig.claim("w1")?.migration == nil && migrations(rig).isEmpty)
  }

  @Test func `stays paused where the move fails, and is tried again`() throws {
    var rig = try source(policy: "otherwise w1 stay")
    rig.place("w1", on: "n2")
    for _ in 0..<2 {
      ready(&rig)
      rig.send(.operation("w1", .migrate, .failed(reason: "no route")))
      rig.pass(.milliseconds(100))
    }
    #expect(migrations(rig).count == 2 && resumes(rig) == 0 && rig.stops().isEmpty && rig.claim("w1")?.migration == nil)
    #expect(texts(rig).contains("w1 did not move paused: no route"))
    rig.pass(.seconds(61))
    #expect(rig.claim("w1")?.migration?.staysPaused == true)
  }

  @Test func `and is not to leave any more stays paused`() throws {
    var rig = try source()
    rig.place("w1", on: "n2")
    rig.place("w1", on: "n1")
    rig.pass(.seconds(1))
    #expect(rig.claim("w1")?.migration == nil && resumes(rig) == 0 && rig.stops().isEmpty)
  }

  /// Whether libvirt was asked for it, the next life does not know.
  @Test func `stays paused where the session is lost on the way`() throws {
    var rig = try source()
    rig.place("w1", on: "n2")
    ready(&rig)
    rig.place("w1", on: "n1")
    rig.write([.delete(.session(try #require(rig.controller.session.incarnation)))])
    rig.send(.operation("w1", .migrate, .failed(reason: "libvirtd is gone")))
    rig.pass(.milliseconds(300))
    rig.send(rig.isolated(["w1"]))
    rig.pass(.milliseconds(300))
    rig.send(rig.armed(["w1"]))
    rig.pass(.seconds(5))
    #expect(rig.claim("w1")?.epoch == Epoch(2) && rig.claim("w1")?.migration == nil)
    #expect(resumes(rig) == 0 && rig.starts().isEmpty && rig.stops().isEmpty)
  }

  @Test func `is offered anew as what runs where it was resumed meanwhile`() throws {
    var rig = try source()
    rig.place("w1", on: "n2")
    try see(.running, in: &rig)
    rig.pass(.milliseconds(100))
    #expect(rig.claim("w1")?.migration?.step == .offered && rig.claim("w1")?.migration?.staysPaused == nil)
    #expect(!texts(rig).contains { $0.contains("did not move") })
  }

  @Test func `is resumed here first where an operator asks for it before it has left`() throws {
    var rig = try source(.pause)
    rig.place("w1", on: "n2")
    ask(.resume, &rig)
    rig.pass(.milliseconds(100))
    #expect(resumes(rig) == 1 && rig.claim("w1")?.migration == nil)
    try see(.running, in: &rig)
    rig.send(.operation("w1", .resume, .done))
    rig.pass(.milliseconds(100))
    #expect(rig.claim("w1")?.migration?.step == .offered && rig.claim("w1")?.migration?.staysPaused == nil)
  }

  /// What runs was offered, and nobody asked libvirt for it yet: no migration has paused it.
  @Test func `only since it was offered is not resumed, and offered as it is`() throws {
    var rig = try source()
    try see(.running, in: &rig)
    rig.place("w1", on: "n2")
    #expect(rig.claim("w1")?.migration?.staysPaused == nil)
    // Nor is it while the offer is being taken back.
    rig.mood = .holds
    try see(.paused, in: &rig)
    rig.pass(.milliseconds(100))
    try see(.paused, in: &rig)
    #expect(resumes(rig) == 0 && rig.claim("w1")?.migration != nil)
    rig.mood = .answers
    rig.answerHeld()
    rig.pass(.milliseconds(100))
    #expect(resumes(rig) == 0 && rig.claim("w1")?.migration?.staysPaused == true)
  }

  @Test func `is not moved to a node that would resume it`() throws {
    var rig = try source(policy: "otherwise w1 stay")
    rig.place("w1", on: "n2")
    for _ in 0..<4 {
      ready(&rig, isOlder: true)
      rig.pass(.milliseconds(100))
    }
    #expect(migrations(rig).isEmpty && resumes(rig) == 0 && rig.stops().isEmpty && rig.claim("w1")?.migration == nil)
  }

  // MARK: the target

  /// n2 held w1 at epoch 3 and has given it to n1, which sees it paused.
  private func target(_ errand: IntentRecord.Errand? = nil) throws -> Rig {
    var rig = Rig.follower()
    rig.domainsObey = true
    let holder = ClaimRecord.Holder(node: "n1", incarnation: try #require(rig.sessions().first))
    let offer = ClaimRecord.Migration(.offered, target: holder, staysPaused: true)
    let before = ClaimRecord(
      epoch: Epoch(3), holder: .init(node: "n2", incarnation: "i2"), activity: .running, migration: offer)
    rig.write([.put(.claim("w1"), .claim(before))])
    rig.apply("w1")
    if let errand { ask(errand, &rig) }
    rig.place("w1", on: "n1")
    rig.send(rig.armed(["w1"]))
    rig.pass(.milliseconds(100))
    #expect(rig.claim("w1")?.migration == ClaimRecord.Migration(.ready, target: holder, staysPaused: true))
    var domain = Rig.domain("w1", epoch: 3)
    (domain.state, domain.reason) = (.paused, .suspended)
    rig.sees(domain)
    rig.pass(.milliseconds(300))
    #expect(resumes(rig) == 0 && rig.stops().isEmpty, "it is not ours yet")
    let arrived = ClaimRecord.Migration(.arrived, target: holder, mark: Epoch(3), staysPaused: true)
    let after = ClaimRecord(epoch: Epoch(4), holder: holder, activity: .starting, migration: arrived)
    rig.write([.put(.claim("w1"), .claim(after))])
    rig.pass(.milliseconds(300))
    return rig
  }

  @Test(arguments: [nil, .pause] as [IntentRecord.Errand?])
  func `has arrived when it is seen whole, and stays paused until somebody resumes it`(errand: IntentRecord.Errand?) throws {
    var rig = try target(errand)
    rig.pass(.seconds(5))
    #expect(resumes(rig) == 0 && rig.stops().isEmpty && rig.starts().isEmpty)
    #expect(rig.claim("w1")?.activity == .running && rig.claim("w1")?.migration == nil)
    #expect(rig.processes["w1"]?.mark?.epoch == Epoch(4))
    #expect(rig.report()?.paused?["w1"] != nil && rig.report()?.suspended == ["w1"])
    #expect(texts(rig).contains("w1 has moved to n1, and stays paused there"))
    let isOutside = texts(rig).contains { $0.contains("is paused on n1, and not by Holdfast") }
    #expect(isOutside == (errand == nil))
    ask(.resume, &rig)
    #expect(resumes(rig) == 1)
    try see(.running, in: &rig)
    rig.send(.operation("w1", .resume, .done))
    rig.pass(.seconds(1))
    #expect(rig.executes("w1") && rig.controller.view.intents["w1"]?.value.errand == nil)
  }

  @Test func `is resumed by its new node where that was asked for on the way`() throws {
    let rig = try target(.resume)
    #expect(resumes(rig) == 1 && rig.claim("w1")?.migration == nil)
  }
}
