import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// Clean departure: nobody waits for a TTL, and nothing keeps a node from ever leaving.
@Suite struct DepartureTests {
  private func running() -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.actions = []
    return rig
  }
  private func finished(_ rig: Rig) -> Bool { rig.actions.contains(.finished) }
  private func planner(_ rig: Rig) -> NodeName? {
    if case .planner(let record)? = rig.store.entries[.planner]?.value { record.node } else { nil }
  }

  @Test func `one node only, which is the planner: stops, releases, ends its session and role`() {
    var rig = running()
    rig.send(.leave(fast: false))
    rig.pass(.milliseconds(500))
    #expect(finished(rig))
    #expect(rig.stops() == [.seconds(2)])
    #expect(rig.claim("w1")?.holder == nil)
    #expect(rig.sessions().isEmpty && planner(rig) == nil)
    #expect(rig.actions.contains(.save(nil)) && rig.commands().last == .disarm)
    rig.actions = []
    rig.send(.tick)
    #expect(rig.actions.isEmpty, "what has finished asks for nothing")
  }

  @Test func `the planner hands its workloads over and gets none`() {
    var rig = running()
    rig.join("n2", incarnation: "i2")
    rig.send(.leave(fast: false))
    #expect(rig.placement("w1")?.node == "n2")
    rig.pass(.milliseconds(500))
    #expect(finished(rig))
    #expect(rig.sessions().isEmpty && rig.sessions(of: "n2") == ["i2"])
  }

  @Test func `who is not the planner waits for it to place its workloads elsewhere`() {
    var rig = Rig.follower()
    rig.domainsObey = true
    rig.apply("w1")
    rig.place("w1", on: "n1")
    rig.send(.leave(fast: false))
    rig.pass(.seconds(1))
    #expect(!finished(rig) && rig.stops().isEmpty)
    if case .session(let record)? = rig.store.entries[.session(rig.sessions().first ?? "none")]?.value {
      #expect(record.phase == .leaving, "the planner sees it")
    }
    rig.place("w1", on: "n2")
    rig.pass(.milliseconds(500))
    #expect(finished(rig))
  }

  /// All nodes of a cluster stop at once: whoever is last has nobody to hand over to.
  @Test func `the planner has left before it saw us leave: we leave all the same`() {
    var rig = Rig.follower()
    rig.domainsObey = true
    rig.apply("w1")
    rig.place("w1", on: "n1")
    rig.send(.leave(fast: false))
    rig.write([.delete(.session("i2")), .delete(.planner)])
    rig.pass(.seconds(2))
    #expect(finished(rig))
    #expect(rig.claim("w1")?.holder == nil)
    #expect(rig.sessions().isEmpty)
  }

  @Test func `all leave, and the planner dies on the way`() {
    var rig = Rig.follower()
    rig.domainsObey = true
    rig.apply("w1")
    rig.place("w1", on: "n1")
    rig.pass(.seconds(1))
    rig.write([Rig.session("i2", of: "n2", counter: 999, phase: .leaving)])
    rig.send(.leave(fast: false))
    rig.pass(.seconds(4))
    #expect(finished(rig))
  }

  @Test func `the last to leave keeps its place for what it ran`() {
    var rig = running()
    rig.join("n2", incarnation: "i2")
    rig.write([Rig.session("i2", of: "n2", counter: 999, phase: .leaving)])
    rig.send(.leave(fast: false))
    rig.pass(.milliseconds(500))
    #expect(finished(rig))
    #expect(rig.placement("w1")?.node == "n1" && rig.claim("w1")?.holder == nil)
  }

  @Test func `one that waits for a plan keeps its place when it turns out to be the last`() {
    var rig = Rig.follower()
    rig.domainsObey = true
    rig.apply("w1")
    rig.place("w1", on: "n1")
    rig.send(.leave(fast: false))
    rig.pass(.milliseconds(200))
    #expect(!finished(rig) && rig.stops().isEmpty)
    rig.write([Rig.session("i2", of: "n2", counter: 999, phase: .leaving)])
    rig.pass(.milliseconds(500))
    #expect(finished(rig))
    #expect(rig.placement("w1")?.node == "n1" && rig.claim("w1")?.holder == nil)
  }

  /// n2 has handed w2 over to n1, which is told to leave before it has it.
  private func handedOver() -> Rig {
    var rig = running()
    rig.join("n2", incarnation: "i2")
    rig.apply("w2", uuid: "u2")
    rig.hold("w2", by: "n2", "i2")
    rig.place("w2", on: "n2")
    rig.write([Rig.session("i2", of: "n2", counter: 999, phase: .leaving)])
    return rig
  }

  @Test func `what was handed over goes back when the node that was to take it leaves, too`() {
    var rig = handedOver()
    #expect(rig.placement("w2")?.node == "n1" && rig.placement("w2")?.handedOver?.from == "n2")
    rig.send(.leave(fast: false))
    rig.pass(.milliseconds(500))
    #expect(finished(rig) && rig.sessions().isEmpty)
    #expect(rig.placement("w2")?.node == "n2" && rig.placement("w2")?.handedOver == nil)
    #expect(rig.placement("w1")?.node == "n1")
  }

  @Test func `the last plan is waited for, and made by whoever is left`() {
    var rig = Rig.follower()
    // Before the placement: n1 would take a claim that is free.
    rig.hold("w2", by: "n2", "i2")
    rig.write([
      .put(.spec("w2"), .spec(Rig.spec("u2"))), .put(.intent("w2"), .intent(IntentRecord(desired: .running))),
      .put(.placement("w2"), .placement(PlacementRecord(node: "n1", reason: "test", handedOver: .init(from: "n2")))),
      Rig.session("i2", of: "n2", counter: 999, phase: .leaving)
    ])
    rig.send(.leave(fast: false))
    rig.pass(.milliseconds(500))
    #expect(!finished(rig), "n2 has the role, and has not planned")
    rig.pass(.seconds(4))
    #expect(finished(rig))
    #expect(rig.placement("w2")?.node == "n2" && rig.placement("w2")?.handedOver == nil)
  }

  @Test func `while another node may take the role, a leaving one does not`() {
    var rig = Rig.follower()
    rig.join("n3", incarnation: "i3")
    rig.send(.leave(fast: false))
    rig.write([.delete(.session("i2")), .delete(.planner)])
    #expect(planner(rig) == nil)
  }

  @Test func `the store is away: the claims are held until it is back`() {
    var rig = running()
    rig.storeIsAway = true
    rig.send(.leave(fast: false))
    rig.pass(.seconds(2))
    rig.send(rig.isolated(["w1"]))
    rig.pass(.seconds(20))
    // Nobody is there to take it over: it is stopped here, and the claim waits for the store.
    #expect(!finished(rig) && rig.stops().count == 1)
    #expect(rig.claim("w1")?.holder != nil)
    rig.storeIsAway = false
    rig.pass(.seconds(1))
    rig.send(rig.armed(["w1"]))
    rig.pass(.seconds(1))
    #expect(finished(rig))
    #expect(rig.claim("w1")?.holder == nil && rig.sessions().isEmpty)
  }

  @Test func `the last word is lost or refused: said again, not hammered`() {
    for mood in [Rig.Mood.refuses, .losesAnswers] {
      var rig = Rig.running()
      rig.send(.leave(fast: false))
      rig = Rig.running()
      rig.mood = .holds
      rig.send(.leave(fast: false))
      rig.answerHeld()
      rig.mood = mood
      rig.answerHeld()
      rig.pass(.milliseconds(600))
      #expect(rig.transactions().count < 60)
      rig.mood = .answers
      rig.pass(.seconds(1))
      #expect(finished(rig))
      #expect(rig.sessions().isEmpty)
    }
  }

  @Test func `asked to leave before it took its session up: it takes it up to hand over`() throws {
    let first = running()
    let session = try #require(first.controller.session.standing)
    var rig = Rig(saved: .init(incarnation: session.incarnation, created: session.created), seed: 2)
    rig.store = first.store
    rig.now = first.now
    rig.domainsObey = true
    rig.send(.leave(fast: false))
    #expect(!finished(rig))
    rig.begin(domains: [Rig.domain("w1")], guardPhase: .armed(deadline: rig.now + .milliseconds(500)))
    rig.pass(.seconds(1))
    #expect(finished(rig))
    #expect(rig.stops() == [.seconds(2)])
    #expect(rig.sessions().isEmpty)
  }

  @Test func `without any session there is nothing to hand over`() {
    var rig = Rig()
    rig.send(.leave(fast: false))
    #expect(finished(rig))
  }

  @Test func `its session is lost while it leaves: it stays until everything is seen frozen`() throws {
    var rig = Rig.running()
    rig.apply("w1")
    #expect(rig.starts().count == 1, "on its way, and nobody answers")
    rig.send(.hypervisor(.unreachable(connection: Rig.connection, reason: "down")))
    rig.mood = .holds
    rig.send(.leave(fast: false))
    rig.write([.delete(.session(try #require(rig.controller.session.incarnation)))])
    rig.pass(.seconds(1))
    #expect(rig.commands().contains(.isolate) && !finished(rig))
    rig.send(rig.isolated(["w1"]))
    #expect(finished(rig))
    #expect(!rig.commands().contains(.disarm), "what still comes up is to find everything frozen")
  }

  @Test func `its session is lost while it leaves, and the guard with it: it stops everything and goes`() throws {
    var rig = running()
    rig.mood = .holds
    rig.send(.leave(fast: false))
    rig.write([.delete(.session(try #require(rig.controller.session.incarnation)))])
    rig.pass(.milliseconds(100))
    #expect(!finished(rig))
    rig.send(.fromGuard(.lost(reason: "test")))
    #expect(finished(rig))
    #expect(rig.actions.contains { if case .isolateDirectly = $0 { true } else { false } })
  }

  @Test func `what leaves takes nothing up`() {
    var rig = Rig()
    rig.mood = .holds
    rig.begin()
    rig.send(.leave(fast: false))
    #expect(!finished(rig), "the opening is on its way")
    rig.mood = .answers
    rig.answerHeld()
    rig.pass(.seconds(1))
    #expect(finished(rig))
    #expect(rig.sessions().isEmpty)
  }

  @Test func `a libvirt that does not answer keeps the claims: it cannot tell`() {
    var rig = running()
    rig.send(.hypervisor(.unreachable(connection: Rig.connection, reason: "down")))
    rig.send(.leave(fast: false))
    rig.pass(.seconds(20))
    #expect(!finished(rig))
    #expect(rig.claim("w1")?.holder?.node == "n1")
  }
}
