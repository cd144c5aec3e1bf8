import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastPlanning
import HoldfastTime
import Testing

/// The controller as the planner, and as the one who finds others dead.
@Suite struct PlannerRoleTests {
  private func planning(other memory: Int = 4096) -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.join("n2", incarnation: "i2", memory: memory)
    rig.actions = []
    return rig
  }

  // MARK: other nodes' sessions

  @Test func `a node that is silent for TTL, drift and margin is declared expired; its workloads go on elsewhere`() {
    var rig = planning()
    rig.apply("w1", memory: 1000)
    rig.place("w1", on: "n2")
    rig.hold("w1", by: "n2", "i2", epoch: 5)
    rig.pass(.seconds(5))
    #expect(rig.claim("w1")?.holder?.node == "n2")
    rig.renewed = [:]
    rig.actions = []
    rig.pass(.milliseconds(900))
    #expect(rig.sessions(of: "n2") == ["i2"])
    rig.pass(.milliseconds(500))
    #expect(rig.sessions(of: "n2").isEmpty)
    #expect(rig.claim("w1")?.holder?.node == "n1")
    #expect(rig.starts().map(\.mark.epoch) == [Epoch(6)])
    #expect(rig.notes().count { $0 == .nodeLost } == 1)
    #expect(!rig.notes().contains(.plannerTaken), "it was the planner before")
  }

  @Test func `the planner dies: expired and succeeded in one transaction`() throws {
    var rig = Rig.follower()
    rig.pass(.seconds(3))
    rig.renewed = [:]
    rig.actions = []
    rig.pass(.milliseconds(1500))
    let expiry = try #require(rig.transactions().first { $0.writes.contains(.delete(.session("i2"))) })
    #expect(expiry.writes.contains { $0.key == .planner })
    #expect(rig.notes().contains(.plannerTaken))
  }

  @Test func `who is not the planner leaves it the first word, and then speaks`() {
    var rig = Rig.follower()
    rig.join("n3", incarnation: "i3")
    rig.pass(.seconds(3))
    rig.renewed["i3"] = nil
    let silentSince = rig.now
    var expired: Duration?
    while expired == nil, rig.now - silentSince < .seconds(5) {
      rig.pass(.milliseconds(20))
      if rig.sessions(of: "n3").isEmpty { expired = rig.now - silentSince }
    }
    #expect(expired.map { $0 > .milliseconds(1080) && $0 < .milliseconds(1600) } == true, "\(String(describing: expired))")
    if case .planner(let record)? = rig.store.entries[.planner]?.value { #expect(record.node == "n2") }
  }

  /// A store that is full refuses whatever puts something, and still takes what only deletes.
  @Test(arguments: [false, true], [false, true])
  func `an expiry always puts something, so that a full store refuses all of it`(knowsTime: Bool, isKeptEmpty: Bool) throws {
    var rig = planning()
    if knowsTime { rig.send(.wallTime(WeekTime(minute: 1), 1_000_000)) }
    if isKeptEmpty { rig.write([.put(.maintenance("n2"), .maintenance(MaintenanceRecord(since: 0)))]) }
    rig.pass(.seconds(2))
    let before = try #require(rig.store.entries[.node("n1")]).value
    rig.renewed = [:]
    rig.actions = []
    rig.pass(.milliseconds(1500))
    let expiry = try #require(rig.transactions().first { $0.writes.contains(.delete(.session("i2"))) })
    #expect(expiry.writes.contains { if case .put = $0 { true } else { false } })
    #expect(expiry.writes.contains { $0.key == .losses("n2") } == (knowsTime && !isKeptEmpty))
    #expect(rig.sessions(of: "n2").isEmpty)
    #expect(rig.store.entries[.node("n1")]?.value == before, "what it puts for this is as it was")
  }

  @Test func `renewed in the last moment: the declaration fails and nothing happened`() {
    var rig = planning()
    rig.pass(.seconds(2))
    rig.renewed = [:]
    rig.watchIsDeaf = true
    rig.pass(.milliseconds(900))
    rig.write([Rig.session("i2", of: "n2", counter: 99)])
    rig.pass(.milliseconds(600))
    #expect(rig.sessions(of: "n2") == ["i2"])
    #expect(!rig.notes().contains(.nodeLost))
  }

  @Test func `the store was away for everybody: nobody is declared expired who renews soon after`() {
    var rig = planning()
    rig.pass(.seconds(2))
    let others = rig.renewed
    rig.renewed = [:]
    rig.storeIsAway = true
    rig.pass(.seconds(30))
    rig.storeIsAway = false
    rig.pass(.milliseconds(300))
    rig.renewed = others
    rig.send(rig.isolated())
    rig.pass(.seconds(5))
    #expect(rig.sessions(of: "n2") == ["i2"])
    #expect(!rig.notes().contains(.nodeLost))
  }

  @Test func `a planner's record whose session is gone is taken`() {
    var rig = Rig()
    _ = rig.store.apply(
      ClusterTransaction(if: [], write: [.put(.planner, .planner(PlannerRecord(node: "n9", incarnation: "i9")))]))
    rig.begin()
    if case .planner(let record)? = rig.store.entries[.planner]?.value { #expect(record.node == "n1") }
    #expect(rig.notes().contains(.plannerTaken))
  }

  // MARK: planning

  @Test func `what found no place gets one when another stops, and when a node joins`() {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1", uuid: "u1", memory: 4000)
    rig.apply("w2", uuid: "u2", memory: 4000)
    rig.apply("w3", uuid: "u3", memory: 4000)
    #expect(rig.placement("w1")?.node == "n1" && rig.placement("w2")?.node == nil && rig.placement("w3")?.node == nil)
    #expect(rig.placement("w2")?.others["n1"] == "has 96 MiB of memory free, and it needs 3.9 GiB")
    #expect(rig.notes().contains(.pending))
    rig.want("w1", .stopped)
    #expect(rig.placement("w2")?.node == "n1")
    #expect(rig.starts().map(\.id.name) == ["w1", "w2"])
    rig.join("n2", incarnation: "i2")
    #expect(rig.placement("w3")?.node == "n2")
  }

  /// Woken only when it asked for it: time passing must be enough.
  @Test func `where it failed to start it is tried again later, later each time`() {
    var rig = Rig.running()
    rig.apply("w1")
    var pauses: [Double] = []
    for _ in 1...3 {
      for _ in 1...2 {
        rig.send(.operation("w1", .start, .failed(reason: "no")))
        _ = rig.sleep(.milliseconds(1100))
      }
      #expect(rig.claim("w1")?.holder == nil)
      let since = rig.now
      rig.actions = []
      while rig.starts().isEmpty, rig.now - since < .seconds(700) { _ = rig.sleep(.seconds(1)) }
      pauses.append((rig.now - since).inSeconds)
    }
    #expect(zip(pauses, [60.0, 120, 180]).allSatisfy { abs($0 - $1) < 5 }, "\(pauses)")
  }

  @Test func `a new cluster waits a little for nodes that are only late`() {
    var rig = Rig()
    _ = rig.store.apply(ClusterTransaction(if: [], write: [.put(.node("n2"), .node(Rig.node))]))
    rig.begin()
    rig.apply("w1")
    rig.pass(.milliseconds(1800))
    #expect(rig.placement("w1") == nil)
    rig.pass(.milliseconds(400))
    #expect(rig.placement("w1")?.node == "n1")
  }

  @Test func `more placements than one transaction takes are written one after the other`() {
    var rig = Rig.running()
    let all = (1...130).map { WorkloadName("w\($0)") }
    rig.write(
      all.flatMap { name -> [Write<RecordKey, Record>] in
        [
          .put(.spec(name), .spec(Rig.spec(name.text, memory: 1))),
          .put(.intent(name), .intent(IntentRecord(desired: .running)))
        ]
      })
    #expect(all.allSatisfy { rig.placement($0) != nil })
    #expect(rig.transactions().allSatisfy { $0.operations <= 128 })
  }

  @Test func `a move is served once; the source stops before the target starts`() {
    var rig = planning()
    rig.apply("w1")
    rig.place("w1", on: "n1")
    rig.pass(.milliseconds(100))
    #expect(rig.starts().count == 1)
    rig.want("w1", .running, move: .init(to: "n2", serial: 1))
    #expect(rig.placement("w1")?.node == "n2")
    #expect(rig.placement("w1")?.servedMove == 1)
    #expect(rig.stops().count == 1)
    #expect(rig.claim("w1")?.holder == nil)
    rig.hold("w1", by: "n2", "i2", epoch: 2)
    let placements = rig.transactions().count { $0.writes.contains { $0.key == .placement("w1") } }
    rig.pass(.seconds(5))
    #expect(rig.transactions().count { $0.writes.contains { $0.key == .placement("w1") } } == placements)
  }

  // MARK: nodes that live and cannot

  private func report(unreachable: [String: String]) -> Write<RecordKey, Record> {
    .put(
      .report("n2"),
      .report(
        ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: unreachable, guardPhase: .armed, strays: [])))
  }

  @Test func `what nobody holds does not wait for a node whose libvirt does not answer`() {
    var rig = planning(other: 100_000)
    rig.apply("w1")
    #expect(rig.placement("w1")?.node == "n2", "least loaded")
    rig.write([report(unreachable: [Rig.connection: "libvirtd is down"])])
    #expect(rig.placement("w1")?.node == "n1")
    #expect(rig.starts().count == 1)
    rig.apply("w2", uuid: "u2")
    #expect(rig.placement("w2")?.node == "n1")
    #expect(rig.placement("w2")?.others["n2"]?.description.contains("libvirtd is down") == true)
  }

  @Test func `what a node holds stays there while its libvirt does not answer: it may run`() {
    var rig = planning()
    rig.apply("w1", memory: 5000)
    rig.place("w1", on: "n2")
    rig.hold("w1", by: "n2", "i2")
    rig.write([report(unreachable: [Rig.connection: "libvirtd is down"])])
    rig.pass(.seconds(3))
    #expect(rig.placement("w1")?.node == "n2")
  }

  @Test func `unreadable records of a workload are not planned over`() {
    var rig = planning()
    rig.write([.put(.claim("w1"), .unreadable(reason: "?"))])
    rig.apply("w1")
    rig.pass(.seconds(2))
    #expect(rig.placement("w1") == nil)
    #expect(rig.starts().isEmpty)
  }

  // MARK: out of protection

  @Test func `what leaves protection goes on running and is forgotten; its epoch stays`() {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.actions = []
    rig.want("w1", .unprotected)
    rig.pass(.milliseconds(100))
    #expect(rig.stops().isEmpty)
    #expect(rig.processes["w1"]?.mark == nil)
    #expect(rig.store.entries[.spec("w1")] == nil && rig.store.entries[.intent("w1")] == nil && rig.placement("w1") == nil)
    let left = ClaimRecord.ReleasedTo(node: "n1", connection: Rig.connection, uuid: "u1")
    #expect(rig.claim("w1") == ClaimRecord(epoch: Epoch(1), holder: nil, releasedTo: left))
    #expect(rig.commands().contains(.release(workload: "w1", cgroup: "/cg/w1")))
    rig.pass(.seconds(3))
    #expect(rig.stops().isEmpty && rig.starts().isEmpty)
  }

  @Test func `it leaves protection on a dead node: the planner forgets it, whatever that connection is here`() {
    var rig = planning()
    rig.hold("w1", by: "n2", "i2")
    rig.write([
      .put(.spec("w1"), .spec(Rig.spec(connection: "qemu:///system"))),
      .put(.intent("w1"), .intent(IntentRecord(desired: .unprotected))),
      .put(.placement("w1"), .placement(PlacementRecord(node: "n2", reason: "test")))
    ])
    rig.pass(.seconds(3))
    #expect(rig.store.entries[.spec("w1")] != nil, "n2 still holds it")
    rig.renewed = [:]
    rig.pass(.seconds(2))
    #expect(rig.store.entries[.spec("w1")] == nil)
    #expect(rig.claim("w1")?.holder == nil)
    #expect(rig.claim("w1")?.releasedTo == .init(node: "n2", connection: "qemu:///system", uuid: "u1"))
  }

  @Test func `it leaves protection and was never claimed: forgotten, whatever its connection is here`() {
    var rig = planning()
    rig.write([
      .put(.spec("w1"), .spec(Rig.spec(connection: "qemu:///system"))),
      .put(.intent("w1"), .intent(IntentRecord(desired: .unprotected)))
    ])
    #expect(rig.store.entries[.spec("w1")] == nil && rig.store.entries[.intent("w1")] == nil)
  }

  @Test func `the session is lost while it leaves protection: claimed again, not killed`() throws {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.domainsObey = false
    rig.actions = []
    rig.want("w1", .unprotected)
    let own = try #require(rig.controller.session.incarnation)
    rig.write([.delete(.session(own))])
    rig.pass(.milliseconds(300))
    rig.send(.operation("w1", .unmark, .failed(reason: "frozen")))
    rig.send(rig.isolated(["w1"]))
    rig.pass(.seconds(2))
    rig.send(rig.armed(["w1"]))
    rig.domainsObey = true
    rig.pass(.seconds(4))
    #expect(!rig.commands().contains(.kill(workload: "w1")) && rig.stops().isEmpty)
    #expect(rig.resumes > 0)
    rig.send(.operation("w1", .unmark, .failed(reason: "again")))
    rig.pass(.seconds(3))
    #expect(rig.store.entries[.spec("w1")] == nil)
    #expect(rig.processes["w1"] != nil)
  }
}
