import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// The node's own session, from the controller's side: opening, taking up, losing, and the store's bad days.
@Suite struct SessionRenewalTests {
  private func running() -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.actions = []
    return rig
  }

  // MARK: opening

  @Test func `an opening whose answer was lost is found in the store and gone on with`() {
    var rig = Rig()
    rig.mood = .losesAnswers
    rig.begin()
    #expect(rig.sessions().count == 1)
    rig.mood = .answers
    rig.pass(.seconds(3))
    #expect(rig.sessions().count == 1)
    #expect(rig.controller.session.isValid(at: rig.now))
    #expect(rig.controller.session.incarnation == rig.sessions().first)
  }

  /// A request that timed out may still be on its way, and arrive before or after the next one.
  @Test(arguments: [[0, 1], [1, 0]]) func `an attempt that arrives late opens no second session`(order: [Int]) throws {
    var rig = Rig()
    rig.mood = .holds
    rig.begin()
    let first = try #require(rig.held.first)
    rig.send(.transaction(first.id, .unknown(reason: "time-out")))
    rig.pass(.milliseconds(200))
    #expect(rig.held.count == 2)
    rig.mood = .answers
    rig.answerHeld(order)
    #expect(rig.sessions().count == 1)
    rig.pass(.seconds(3))
    #expect(rig.sessions().count == 1)
    #expect(rig.controller.session.incarnation == rig.sessions().first)
    #expect(!rig.notes().contains(.nodeLost))
  }

  @Test func `two hosts under one name: only one opens`() {
    var rig = Rig()
    rig.mood = .holds
    rig.begin()
    rig.mood = .answers
    // The other was faster.
    rig.write([.put(.node("n1"), .node(Rig.node)), Rig.session("other", of: "n1")])
    rig.answerHeld()
    #expect(rig.sessions() == ["other"])
    rig.renewed["other"] = "n1"
    rig.pass(.seconds(10))
    #expect(rig.sessions() == ["other"])
    #expect(rig.notes().count { $0 == .sessionLost } == 1, "said once")
    rig.renewed = [:]
    rig.pass(.seconds(2))
    #expect(rig.sessions().count == 1 && rig.sessions() != ["other"])
  }

  @Test func `no session without a guard, nor while it is not known that nothing executes`() {
    var rig = Rig()
    rig.list()
    rig.pass(.seconds(2))
    #expect(rig.sessions().isEmpty)
    rig.send(.fromGuard(.connected(GuardState(phase: .armed(deadline: rig.now + .seconds(1)), workloads: []))))
    #expect(rig.commands() == [.isolate])
    rig.send(.fromGuard(.report(.state(GuardState(phase: .isolated(since: rig.now, confirmed: false), workloads: [])))))
    rig.pass(.seconds(2))
    #expect(rig.sessions().isEmpty)
    rig.send(rig.isolated())
    #expect(rig.sessions().count == 1)
  }

  @Test func `protected domains under a guard that knows of nothing are isolated before a session frees their claims`() {
    var rig = Rig()
    rig.hold("w1", by: "n1", "old", epoch: 1)
    rig.apply("w1")
    rig.begin(domains: [Rig.domain("w1")])
    #expect(rig.commands().contains(.isolate))
    #expect(rig.sessions().isEmpty)
    rig.send(rig.isolated())
    #expect(rig.sessions().count == 1)
  }

  // MARK: a store that is away

  /// The store refuses at once, so nothing but a pause keeps the controller from turning without end.
  @Test func `a store that refuses at once is not hammered, and what it asks of the clock stays little`() {
    var rig = Rig()
    rig.mood = .refuses
    rig.begin()
    #expect(rig.sleep(.seconds(60)) < 2500)
    #expect(rig.transactions().count < 1300, "one attempt in a quarter of a renewal interval at most")
    rig.mood = .answers
    _ = rig.sleep(.seconds(1))
    #expect(rig.controller.session.isValid(at: rig.now))
  }

  @Test func `an outage costs few wake-ups and few requests`() {
    var rig = running()
    rig.mood = .refuses
    // A report that cannot be written waits too.
    rig.sees(Rig.domain("mine", uuid: "u9", epoch: nil))
    #expect(rig.sleep(.seconds(20)) < 900)
    #expect(rig.transactions().count < 500)
    rig.mood = .answers
    rig.send(rig.isolated(["w1"]))
    _ = rig.sleep(.seconds(2))
    #expect(rig.report()?.unmanagedDomains == 1)
  }

  @Test func `a quiet cluster needs few wake-ups`() {
    var rig = running()
    _ = rig.sleep(.seconds(10))
    #expect(rig.sleep(.seconds(60)) < 60 * 5 * 3)
  }

  @Test func `a lost answer about the node's own record wakes nobody for ever`() {
    var rig = running()
    var other = Rig.node
    other.version = "another"
    rig.mood = .losesAnswers
    rig.write([.put(.node("n1"), .node(other))])
    rig.mood = .answers
    _ = rig.sleep(.seconds(10))
    #expect(rig.controller.view.nodes["n1"]?.value == Rig.node)
    #expect(rig.sleep(.seconds(60)) < 60 * 5 * 3)
  }

  /// An alarm that rang a moment early must not have been the last.
  @Test func `every tick asks for the next one`() {
    var rig = running()
    rig.send(.tick)
    rig.actions = []
    rig.send(.tick)
    #expect(rig.actions.contains { if case .wake = $0 { true } else { false } })
  }

  @Test func `a deaf watch is restarted, now and then`() {
    var rig = running()
    rig.watchIsDeaf = true
    rig.pass(.seconds(5))
    #expect((5...11).contains(rig.actions.count { $0 == .restartWatch }))
    rig.watchIsDeaf = false
    rig.deliver()
    rig.actions = []
    rig.pass(.seconds(5))
    #expect(!rig.actions.contains(.restartWatch))
  }

  // MARK: taking up

  private func restarted(_ first: Rig, domains: [DomainObservation], record: NodeRecord = Rig.node) throws -> Rig {
    let session = try #require(first.controller.session.standing)
    var rig = Rig(saved: .init(incarnation: session.incarnation, created: session.created), seed: 2, record: record)
    rig.store = first.store
    rig.now = first.now
    rig.mood = .holds
    rig.begin(domains: domains, guardPhase: .armed(deadline: rig.now + .milliseconds(500)))
    return rig
  }

  @Test func `what was left undone is done as soon as the first renewal is answered`() throws {
    var rig = try restarted(running(), domains: [])
    #expect(rig.starts().isEmpty, "no deadline is known yet")
    rig.mood = .answers
    rig.answerHeld()
    #expect(rig.starts().count == 1)
  }

  @Test func `a node that came back with more memory says so`() throws {
    var record = Rig.node
    record.capacity.memory = 9999
    var rig = try restarted(running(), domains: [Rig.domain("w1")], record: record)
    rig.mood = .answers
    rig.answerHeld()
    rig.pass(.seconds(2))
    #expect(rig.store.entries[.node("n1")]?.value == .node(record))
  }

  @Test func `saved, but its session is gone: isolated, opened anew, claimed again, resumed; nothing is restarted`() throws {
    let first = running()
    let old = try #require(first.controller.session.standing)
    var rig = Rig(saved: .init(incarnation: old.incarnation, created: old.created), seed: 2)
    rig.store = first.store
    rig.now = first.now
    _ = rig.store.apply(ClusterTransaction(if: [], write: [.delete(.session(old.incarnation))]))
    rig.begin(domains: [Rig.domain("w1")], guardPhase: .armed(deadline: rig.now + .milliseconds(500)))
    #expect(rig.commands().contains(.isolate))
    #expect(rig.sessions().isEmpty, "not before everything is frozen")
    rig.send(rig.isolated(["w1"]))
    rig.pass(.milliseconds(100))
    #expect(rig.claim("w1")?.epoch == Epoch(2))
    #expect(rig.claim("w1")?.holder?.incarnation == rig.controller.session.incarnation)
    #expect(rig.resumes == 1)
    #expect(rig.starts().isEmpty && rig.stops().isEmpty && !rig.commands().contains(.kill(workload: "w1")))
    rig.send(rig.armed(["w1"]))
    let marks = rig.actions.compactMap { if case .mark(_, _, _, let mark) = $0 { mark.epoch } else { nil } }
    #expect(marks == [Epoch(2)], "the new epoch is written into the domain")
  }

  @Test func `a session that someone else's record replaced is not taken up`() throws {
    let first = running()
    let old = try #require(first.controller.session.standing)
    var rig = Rig(saved: .init(incarnation: old.incarnation, created: Revision(old.created.value + 1)), seed: 2)
    rig.store = first.store
    rig.now = first.now
    rig.begin()
    #expect(rig.controller.session.standing == nil)
  }

  // MARK: losing it

  @Test func `the session is lost: isolated at once, then a new one`() throws {
    var rig = running()
    let old = try #require(rig.controller.session.incarnation)
    rig.write([.delete(.session(old))])
    rig.pass(.milliseconds(300))
    #expect(rig.commands().contains(.isolate))
    #expect(rig.actions.contains(.save(nil)))
    rig.send(rig.isolated(["w1"]))
    rig.pass(.milliseconds(300))
    #expect(rig.sessions().count == 1)
    #expect(rig.claim("w1")?.epoch == Epoch(2))
  }

  @Test func `an unreadable session holds its claims until it is removed`() {
    var rig = Rig.running()
    rig.write([.put(.session("ix"), .unreadable(reason: "?"))])
    rig.hold("w1", by: "n2", "ix")
    rig.place("w1", on: "n1")
    rig.apply("w1")
    rig.pass(.seconds(5))
    #expect(rig.starts().isEmpty)
    rig.write([.delete(.session("ix"))])
    #expect(rig.starts().count == 1)
  }

  @Test func `an answer about the session before says nothing about the one that stands now`() throws {
    var rig = Rig.guarded()
    rig.mood = .holds
    rig.pass(.milliseconds(400))
    let late = rig.held.filter { $0.transaction.writes.contains { if case .put(.session, _) = $0 { true } else { false } } }
    let first = try #require(rig.sessions().first)
    try #require(!late.isEmpty)
    rig.held = []
    rig.mood = .answers
    rig.write([.delete(.session(first))])
    rig.pass(.seconds(1))
    let second = try #require(rig.sessions().first)
    #expect(second != first && rig.controller.session.incarnation == second)
    rig.actions = []
    for (id, transaction) in late { rig.send(.transaction(id, .verdict(rig.store.apply(transaction)))) }
    #expect(rig.controller.session.incarnation == second && !rig.notes().contains(.sessionLost))
  }
}
