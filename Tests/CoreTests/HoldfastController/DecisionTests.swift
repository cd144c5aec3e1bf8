import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

@Suite struct DecisionTests {
  /// n1 runs w1 under epoch 1.
  private func running() -> Rig {
    var rig = Rig.running()
    rig.apply("w1")
    rig.send(.operation("w1", .start, .done))
    rig.sees(Rig.domain("w1"))
    rig.actions = []
    return rig
  }

  @Test func `a new workload is placed, claimed, then started with its epoch under the partition`() throws {
    var rig = Rig.running()
    rig.apply("w1")
    let start = try #require(rig.starts().first)
    #expect(start.mark == ClaimMark(cluster: "c", workload: "w1", epoch: Epoch(1)))
    #expect(start.partition == "/holdfast/freeze")
    #expect(start.notAfter < rig.controller.session.deadline ?? .zero)
    #expect(rig.claim("w1")?.holder?.node == "n1")
  }

  @Test func `what another standing session holds is not claimed, whatever the placement says`() {
    var rig = Rig.running()
    rig.write([.put(.session("i2"), .session(SessionRecord(node: "n2", counter: 1, ttl: 1000, phase: .active)))])
    rig.write([
      .put(
        .claim("w1"), .claim(ClaimRecord(epoch: Epoch(7), holder: .init(node: "n2", incarnation: "i2"), activity: .running))),
      .put(.placement("w1"), .placement(PlacementRecord(node: "n1", reason: "test")))
    ])
    rig.apply("w1")
    #expect(rig.starts().isEmpty)
    // Its session goes: now the claim is free, one epoch higher.
    rig.write([.delete(.session("i2"))])
    #expect(rig.claim("w1")?.epoch == Epoch(8))
    #expect(rig.starts().first?.mark.epoch == Epoch(8))
  }

  @Test func `cannot tell never means stopped`() {
    var rig = running()
    rig.send(.hypervisor(.unreachable(connection: Rig.connection, reason: "libvirtd is down")))
    rig.pass(.seconds(30))
    #expect(rig.starts().isEmpty && rig.stops().isEmpty)
    #expect(rig.claim("w1")?.holder?.node == "n1")
    #expect(rig.claim("w1")?.activity == .unclear)
  }

  @Test func `a workload whose intent is missing and that runs nowhere is not started`() {
    var rig = Rig.running()
    rig.write([
      .put(.spec("w2"), .spec(Rig.spec("u2", memory: 100))),
      .put(.placement("w2"), .placement(PlacementRecord(node: "n1", reason: "test")))
    ])
    rig.pass(.seconds(30))
    #expect(rig.starts().isEmpty && rig.claim("w2") == nil)
  }

  @Test func `stopped by the operator: the claim is released only after the domain was seen to be gone`() {
    var rig = running()
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .stopped)))])
    #expect(rig.stops() == [.seconds(2)])
    rig.send(.operation("w1", .stop, .done))
    #expect(rig.claim("w1")?.holder != nil, "a call that returned proves nothing")
    rig.gone("w1")
    #expect(rig.claim("w1")?.holder == nil)
    #expect(rig.claim("w1")?.epoch == Epoch(1), "the epoch stays")
  }

  @Test func `a start whose outcome is unknown is not repeated before everything was observed anew`() {
    var rig = Rig.running()
    rig.apply("w1")
    rig.send(.operation("w1", .start, .unknown(reason: "time-out")))
    rig.actions = []
    rig.pass(.seconds(5))
    #expect(rig.starts().isEmpty)
    #expect(rig.actions.contains(.refresh))
    rig.send(.hypervisor(.inventory(connection: Rig.connection, domains: [])))
    rig.pass(.seconds(3))
    #expect(rig.starts().count == 1)
  }

  @Test func `a start that fails twice is given up, with the reason for the planner`() {
    var rig = Rig.running()
    rig.apply("w1")
    rig.send(.operation("w1", .start, .failed(reason: "no such bridge")))
    rig.pass(.seconds(2))
    rig.send(.operation("w1", .start, .failed(reason: "no such bridge")))
    #expect(rig.claim("w1")?.holder == nil)
    #expect(rig.claim("w1")?.failures["n1"]?.reason == "no such bridge")
    rig.pass(.seconds(2))
    #expect(rig.controller.view.placements["w1"]?.value.node == nil)
    #expect(rig.controller.view.placements["w1"]?.value.others["n1"]?.description.contains("no such bridge") == true)
  }

  @Test func `a start that came too late is no failure`() {
    var rig = Rig.running()
    rig.apply("w1")
    rig.actions = []
    rig.send(.operation("w1", .start, .tooLate))
    rig.pass(.seconds(1))
    #expect(rig.starts().count == 1)
    #expect(rig.claim("w1")?.failures.isEmpty == true)
  }

  @Test func `what ends by itself is started again here, later each time`() {
    var rig = running()
    var pauses: [Duration] = []
    for _ in 1...4 {
      rig.actions = []
      let ended = rig.now
      rig.gone("w1")
      while rig.starts().isEmpty { rig.pass(.milliseconds(20)) }
      pauses.append(rig.now - ended)
      rig.send(.operation("w1", .start, .done))
      rig.sees(Rig.domain("w1"))
    }
    #expect(pauses[0] < .milliseconds(100))
    #expect(zip(pauses, pauses.dropFirst()).allSatisfy { $0 < $1 })
  }

  @Test func `a protected domain without a valid claim is killed; one that is not under protection is never touched`() {
    var rig = running()
    rig.write([.put(.session("i2"), .session(SessionRecord(node: "n2", counter: 1, ttl: 1000, phase: .active)))])
    rig.write([
      .put(.spec("w2"), .spec(Rig.spec("u2"))), .put(.intent("w2"), .intent(IntentRecord(desired: .running))),
      .put(.claim("w2"), .claim(ClaimRecord(epoch: Epoch(3), holder: .init(node: "n2", incarnation: "i2")))),
      .put(.placement("w2"), .placement(PlacementRecord(node: "n2", reason: "test")))
    ])
    rig.sees(Rig.domain("w2", uuid: "u2", epoch: 2))
    rig.sees(Rig.domain("mine", uuid: "u9", epoch: nil, persistent: true))
    rig.sees(Rig.domain("w3", uuid: "u8", epoch: 4))
    rig.pass(.milliseconds(100))
    #expect(rig.stops() == [.zero], "w2 only; w3 is of no workload that the store knows")
    #expect(rig.commands().contains(.kill(workload: "w2")))
    #expect(rig.notes().contains(.intruder) && rig.notes().contains(.stray))
  }

  // MARK: the guard

  @Test func `the store is away: nothing is started or claimed after the deadline; back: validated, then resumed`() {
    var rig = running()
    rig.storeIsAway = true
    rig.pass(.seconds(2))
    rig.send(.fromGuard(.report(.state(GuardState(phase: .isolated(since: rig.now, confirmed: true), workloads: ["w1"])))))
    rig.pass(.seconds(8))
    #expect(!rig.commands().contains { if case .resume = $0 { true } else { false } })
    rig.actions = []
    rig.storeIsAway = false
    rig.pass(.seconds(1))
    let commands = rig.commands()
    #expect(commands.contains { if case .resume(let deadline) = $0 { deadline > rig.now - .seconds(1) } else { false } })
    #expect(!commands.contains(.kill(workload: "w1")))
  }

  @Test func `the claim is lost meanwhile: killed before the thaw`() throws {
    var rig = running()
    rig.storeIsAway = true
    rig.pass(.seconds(2))
    rig.send(.fromGuard(.report(.state(GuardState(phase: .isolated(since: rig.now, confirmed: true), workloads: ["w1"])))))
    let own = try #require(rig.controller.session.incarnation)
    _ = rig.store.apply(
      ClusterTransaction(
        if: [],
        write: [
          .delete(.session(own)),
          .put(.session("i2"), .session(SessionRecord(node: "n2", counter: 1, ttl: 1000, phase: .active))),
          .put(.placement("w1"), .placement(PlacementRecord(node: "n2", reason: "test"))),
          .put(.claim("w1"), .claim(ClaimRecord(epoch: Epoch(2), holder: .init(node: "n2", incarnation: "i2"))))
        ]))
    rig.actions = []
    rig.storeIsAway = false
    rig.pass(.seconds(2))
    let commands = rig.commands()
    let kill = try #require(commands.firstIndex(of: .kill(workload: "w1")))
    let resume = try #require(commands.firstIndex { if case .resume = $0 { true } else { false } })
    #expect(kill < resume)
    #expect(rig.controller.session.incarnation != own)
  }

  @Test func `the guard is gone: frozen without it, isolated and re-validated when it is back`() throws {
    var rig = running()
    rig.send(.fromGuard(.lost(reason: "killed")))
    #expect(rig.actions.contains { if case .isolateDirectly(let all) = $0 { all.map(\.name) == ["w1"] } else { false } })
    rig.actions = []
    rig.send(.fromGuard(.connected(GuardState(phase: .armed(deadline: rig.now + .seconds(1)), workloads: ["w1"]))))
    #expect(rig.commands().contains(.isolate))
    #expect(!rig.commands().contains { if case .extend = $0 { true } else { false } })
    rig.send(.fromGuard(.report(.state(GuardState(phase: .isolated(since: rig.now, confirmed: true), workloads: ["w1"])))))
    rig.pass(.milliseconds(300))
    #expect(rig.commands().contains { if case .resume = $0 { true } else { false } })
  }

  @Test func `protected domains and no guard at all: frozen by the controller`() {
    var rig = Rig()
    rig.send(.hypervisor(.inventory(connection: Rig.connection, domains: [Rig.domain("w1")])))
    rig.list()
    rig.pass(.seconds(1))
    #expect(rig.actions.contains { if case .isolateDirectly = $0 { true } else { false } })
  }

  // MARK: lives of the controller

  @Test func `restarted, it goes on with its session and touches nothing`() throws {
    var first = running()
    let session = try #require(first.controller.session.standing)
    var rig = Rig(saved: .init(incarnation: session.incarnation, created: session.created), seed: 2)
    rig.store = first.store
    rig.now = first.now
    first.actions = []
    rig.begin(domains: [Rig.domain("w1")], guardPhase: .armed(deadline: rig.now + .milliseconds(500)))
    rig.pass(.seconds(2))
    #expect(rig.controller.session.incarnation == session.incarnation)
    #expect(rig.starts().isEmpty && rig.stops().isEmpty)
    #expect(!rig.commands().contains(.isolate))
  }

  @Test func `without its state, an earlier session of its name is waited out`() {
    let first = running()
    var rig = Rig(seed: 2)
    rig.store = first.store
    rig.now = first.now
    rig.begin()
    rig.pass(.milliseconds(1000))
    #expect(rig.controller.session.standing == nil)
    rig.pass(.milliseconds(500))
    #expect(rig.controller.session.standing != nil)
  }

  @Test func `a store of a newer format is not joined`() {
    var rig = Rig()
    _ = rig.store.apply(ClusterTransaction(if: [], write: [.put(.format, .format(FormatRecord(version: 99)))]))
    rig.begin()
    rig.pass(.seconds(5))
    #expect(rig.controller.session.phase == .none)
    #expect(rig.notes().contains(.unreadable))
  }

  /// Its guard, too, goes on guarding it: what nobody guards may run on when another node takes over.
  @Test(arguments: [.spec("w1"), .intent("w1"), .placement("w1"), .claim("w1")] as [RecordKey])
  func `an unreadable record: the workload is left alone`(key: RecordKey) {
    var rig = running()
    let stored = rig.store.entries[key]?.value
    rig.write([.put(key, .unreadable(reason: "garbage"))])
    rig.pass(.seconds(5))
    #expect(rig.starts().isEmpty && rig.stops().isEmpty)
    #expect(!rig.commands().contains(.forget(workload: "w1")) && !rig.notes().contains(.stray))
    if let stored { rig.write([.put(key, stored)]) }
    rig.pass(.seconds(5))
    #expect(rig.starts().isEmpty && rig.stops().isEmpty && rig.executes("w1"))
    #expect(rig.claim("w1")?.holder?.node == "n1")
  }

  /// Whoever holds the claim may read it.
  @Test func `a definition that cannot be read lets no copy run on that another node has replaced`() {
    var rig = running()
    rig.join("n2", incarnation: "i2")
    rig.write([.put(.spec("w1"), .unreadable(reason: "garbage"))])
    rig.pass(.milliseconds(200))
    #expect(!rig.commands().contains(.kill(workload: "w1")))
    rig.hold("w1", by: "n2", "i2", epoch: 2)
    rig.pass(.milliseconds(200))
    #expect(rig.commands().contains(.kill(workload: "w1")) && rig.stops() == [.zero])
    rig.gone("w1")
    rig.send(.operation("w1", .stop, .done))
    rig.actions = []
    rig.pass(.seconds(5))
    #expect(rig.stops().isEmpty && rig.starts().isEmpty && rig.controller.overlooked().isEmpty)
  }

  @Test func `a clean departure stops, releases, ends the session, disarms the guard`() {
    var rig = running()
    rig.send(.leave(fast: false))
    rig.pass(.milliseconds(500))
    #expect(rig.stops() == [.seconds(2)])
    rig.send(.operation("w1", .stop, .done))
    rig.gone("w1")
    rig.pass(.milliseconds(500))
    #expect(rig.store.entries.keys.allSatisfy { if case .session = $0 { false } else { true } })
    #expect(rig.commands().last == .disarm)
    #expect(rig.actions.contains(.finished))
  }
}
