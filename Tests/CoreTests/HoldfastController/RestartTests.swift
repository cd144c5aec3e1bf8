import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// An operator asked for what runs to be restarted where it runs.
@Suite struct `A restart` {
  private func running() -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    #expect(rig.processes["w1"] != nil)
    rig.actions = []
    return rig
  }

  private func errand(_ rig: Rig) -> IntentRecord.Errand? {
    if case .intent(let intent)? = rig.store.entries[.intent("w1")]?.value { intent.errand } else { nil }
  }

  private func ask(_ rig: inout Rig) {
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running, errand: .restart)))])
  }

  @Test func `is one stop and one start under the same claim, and over with the start`() {
    var rig = running()
    let epoch = rig.claim("w1")?.epoch
    ask(&rig)
    #expect(rig.stops() == [.seconds(2)] && rig.starts().count == 1)
    #expect(errand(rig) == nil && rig.claim("w1")?.epoch == epoch)
    #expect(!rig.notes().contains(.vanished) && rig.notes().contains(.started))
    rig.actions = []
    rig.pass(.seconds(5))
    #expect(rig.stops().isEmpty && rig.starts().isEmpty, "it is done once")
  }

  /// The wish goes before the start, in the write that every start of such a workload waits for.
  @Test func `is taken away before the start`() throws {
    var rig = running()
    rig.domainsObey = false
    ask(&rig)
    #expect(rig.stops().count == 1)
    rig.mood = .holds
    rig.gone("w1")
    rig.send(.operation("w1", .stop, .done))
    #expect(rig.starts().isEmpty)
    let write = try #require(rig.held.first { $0.transaction.writes.contains { $0.key == .intent("w1") } })
    #expect(write.transaction.writes.contains { $0.key == .claim("w1") })
    rig.mood = .answers
    rig.answerHeld()
    #expect(rig.starts().count == 1 && errand(rig) == nil)
  }

  @Test func `that an operator's stop has overtaken starts nothing`() {
    var rig = running()
    rig.domainsObey = false
    ask(&rig)
    rig.want("w1", .stopped)
    rig.gone("w1")
    rig.send(.operation("w1", .stop, .done))
    rig.pass(.seconds(3))
    #expect(rig.starts().isEmpty && rig.claim("w1")?.holder == nil)
  }

  enum Death: CaseIterable { case beforeTheStop, beforeTheEnd, afterTheEnd }

  /// The next life finds the wish in the store, and the workload here or not.
  @Test(arguments: Death.allCases) func `goes on where the controller before died`(_ death: Death) throws {
    var rig = running()
    rig.domainsObey = false
    if death == .beforeTheStop { rig.storeIsAway = true }
    ask(&rig)
    if death == .afterTheEnd {
      rig.mood = .away
      rig.gone("w1")
    }
    let session = try #require(rig.controller.session.standing)
    var next = Rig(saved: .init(incarnation: session.incarnation, created: session.created), seed: 2)
    next.store = rig.store
    next.now = rig.now
    next.domainsObey = true
    let domains = rig.processes.values.map { $0 }
    next.begin(domains: domains, guardPhase: .armed(deadline: next.now + .seconds(1)))
    next.pass(.milliseconds(600))
    #expect(next.starts().count == 1 && next.stops().count == (death == .afterTheEnd ? 0 : 1))
    #expect(errand(next) == nil)
  }

  @Test func `that libvirt refuses is tried again, and told once; the next is told anew`() {
    var rig = running()
    rig.domainsObey = false
    ask(&rig)
    for _ in 0..<3 {
      rig.send(.operation("w1", .stop, .failed(reason: "busy")))
      rig.pass(.milliseconds(1100))
    }
    func told() -> Int {
      rig.actions.count { if case .note(let note) = $0 { note.text.contains("it stops first") } else { false } }
    }
    #expect(rig.stops().count == 4 && told() == 1)
    rig.domainsObey = true
    rig.gone("w1")
    rig.send(.operation("w1", .stop, .done))
    rig.pass(.milliseconds(200))
    #expect(errand(rig) == nil && rig.starts().count == 1)
    ask(&rig)
    #expect(told() == 2)
  }

  @Test func `waits while everything here is frozen`() {
    var rig = running()
    rig.resumeIsRefused = true
    rig.send(rig.isolated(["w1"]))
    ask(&rig)
    #expect(rig.stops().isEmpty)
    rig.resumeIsRefused = false
    rig.send(rig.armed(["w1"]))
    rig.pass(.milliseconds(100))
    #expect(rig.stops().count == 1 && rig.starts().count == 1 && errand(rig) == nil)
  }

  @Test func `without a shutdown is a reset, and so is one of what is paused`() {
    for (errand, isPaused) in [(IntentRecord.Errand.reset, false), (.restart, true)] {
      var rig = running()
      if isPaused {
        var domain = rig.processes["w1"] ?? Rig.domain("w1")
        domain.state = .paused
        rig.sees(domain)
      }
      rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running, errand: errand)))])
      #expect(rig.stops() == [.zero] && rig.starts().count == 1)
    }
  }

  // MARK: a shutdown that is cut short

  enum Shutdown: CaseIterable { case restart, move, stop }

  @Test(arguments: Shutdown.allCases)
  func `and a reset cuts a shutdown short, once, with what follows it as it was`(_ why: Shutdown) {
    var rig = Rig.follower()
    rig.domainsObey = true
    rig.apply("w1")
    rig.place("w1", on: "n1")
    rig.actions = []
    rig.domainsObey = false
    switch why {
    case .restart: ask(&rig)
    case .move: rig.place("w1", on: "n2")
    case .stop: rig.want("w1", .stopped)
    }
    #expect(rig.stops() == [.seconds(2)])
    let desired: IntentRecord.Desired = why == .stop ? .stopped : .running
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: desired, errand: .reset)))])
    #expect(rig.stops() == [.seconds(2), .zero])
    rig.pass(.seconds(1))
    #expect(rig.stops().count == 2)
    rig.gone("w1")
    rig.send(.operation("w1", .stop, .done))
    rig.send(.operation("w1", .stop, .done))
    rig.pass(.milliseconds(300))
    #expect(rig.starts().count == (why == .restart ? 1 : 0))
    #expect((rig.claim("w1")?.holder?.node == "n1") == (why == .restart))
  }

  @Test func `and what is to stop at once has no time to shut down`() {
    var rig = running()
    rig.domainsObey = false
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .stopped, errand: .reset)))])
    #expect(rig.stops() == [.zero])
    rig.pass(.seconds(1))
    rig.gone("w1")
    rig.send(.operation("w1", .stop, .done))
    rig.pass(.seconds(3))
    #expect(rig.starts().isEmpty && rig.claim("w1")?.holder == nil && rig.stops() == [.zero])
  }
}

/// An operator asked for what runs to be paused where it runs.
@Suite struct `A pause` {
  private func running() -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.actions = []
    return rig
  }

  private func ask(_ rig: inout Rig, _ errand: IntentRecord.Errand) {
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .running, errand: errand)))])
  }

  private func errand(_ rig: Rig) -> IntentRecord.Errand? {
    if case .intent(let intent)? = rig.store.entries[.intent("w1")]?.value { intent.errand } else { nil }
  }

  private func suspensions(_ rig: Rig) -> Int {
    rig.actions.count { if case .suspend = $0 { true } else { false } }
  }

  /// libvirt does as it was asked, and the domain is in that state then.
  private func becomes(_ state: DomainObservation.State, after kind: DomainOperation, _ rig: inout Rig) {
    var domain = rig.processes["w1"] ?? Rig.domain("w1")
    domain.state = state
    rig.sees(domain)
    rig.send(.operation("w1", kind, .done))
  }

  @Test func `stands until it is resumed, and is no end and no failure`() {
    var rig = running()
    ask(&rig, .pause)
    #expect(suspensions(rig) == 1)
    becomes(.paused, after: .suspend, &rig)
    rig.pass(.seconds(3))
    #expect(suspensions(rig) == 1 && rig.stops().isEmpty && rig.starts().isEmpty && errand(rig) == .pause)
    #expect(rig.claim("w1")?.activity == .running && rig.report()?.paused?["w1"] != nil)
    rig.actions = []
    ask(&rig, .resume)
    #expect(rig.actions.contains { if case .resume("w1", _, _, _) = $0 { true } else { false } })
    #expect(errand(rig) == .resume)
    becomes(.running, after: .resume, &rig)
    #expect(errand(rig) == nil)
    rig.actions = []
    rig.pass(.seconds(3))
    #expect(suspensions(rig) == 0 && rig.starts().isEmpty && rig.stops().isEmpty)
    #expect(rig.report()?.paused == nil)
  }

  @Test func `that libvirt refuses is tried again, and told once`() {
    var rig = running()
    ask(&rig, .pause)
    for _ in 0..<3 {
      rig.send(.operation("w1", .suspend, .failed(reason: "busy")))
      rig.pass(.milliseconds(1100))
    }
    #expect(suspensions(rig) == 4)
    let told = rig.actions.count { if case .note(let note) = $0 { note.text.contains("suspend failed: busy") } else { false } }
    #expect(told == 1)
  }

  @Test func `whose end libvirt refuses is ended again and again, and told once`() {
    var rig = running()
    ask(&rig, .pause)
    becomes(.paused, after: .suspend, &rig)
    rig.actions = []
    ask(&rig, .resume)
    for _ in 0..<6 {
      rig.send(.operation("w1", .resume, .failed(reason: "the disk is gone")))
      rig.pass(.seconds(11))
    }
    #expect(rig.actions.count { if case .resume = $0 { true } else { false } } == 7)
    let told = rig.actions.count { if case .note(let note) = $0 { note.text.contains("the disk is gone") } else { false } }
    #expect(told == 1)
  }

  @Test func `does not outlive the run that it was meant for`() {
    var rig = running()
    ask(&rig, .pause)
    becomes(.paused, after: .suspend, &rig)
    rig.gone("w1")
    #expect(rig.starts().count == 1 && errand(rig) == nil)
    rig.pass(.seconds(2))
    #expect(suspensions(rig) == 1)
  }

  @Test func `of what nobody paused is over at once`() {
    var rig = running()
    ask(&rig, .resume)
    #expect(errand(rig) == nil && !rig.actions.contains { if case .resume = $0 { true } else { false } })
  }
}
