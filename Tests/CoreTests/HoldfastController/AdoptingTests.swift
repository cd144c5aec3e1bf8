import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// A running domain comes under protection: in what order, and what is left when it breaks off.
@Suite struct AdoptingTests {
  private func adopting(_ mark: Int64? = nil) -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.sees(Rig.domain("w1", epoch: mark, persistent: true))
    rig.actions = []
    rig.write([
      .put(.spec("w1"), .spec(Rig.spec())), .put(.intent("w1"), .intent(IntentRecord(desired: .adopting, adopter: "n1")))
    ])
    return rig
  }

  @Test func `the guard knows it, then its definition goes, then it is claimed`() throws {
    var rig = adopting()
    #expect(rig.commands().contains { if case .protect(let w) = $0 { w.name == "w1" && w.cgroup == "/cg/w1" } else { false } })
    #expect(rig.processes["w1"]?.persistent == true && rig.claim("w1") == nil, "not before the guard has said so")
    rig.send(rig.armed(["w1"]))
    rig.pass(.milliseconds(100))
    #expect(rig.processes["w1"]?.mark?.epoch == Epoch(1) && rig.processes["w1"]?.persistent == false)
    #expect(rig.claim("w1")?.holder?.node == "n1" && rig.claim("w1")?.epoch == Epoch(1))
    #expect(rig.placement("w1")?.node == "n1")
    if case .intent(let intent)? = rig.store.entries[.intent("w1")]?.value { #expect(intent.desired == .running) }
    #expect(rig.notes().count { $0 == .adopted } == 1)
    #expect(rig.starts().isEmpty && rig.stops().isEmpty && rig.commands().allSatisfy { $0 != .kill(workload: "w1") })
  }

  @Test func `the epoch goes on above a released claim`() {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.write([.put(.claim("w1"), .claim(ClaimRecord(epoch: Epoch(8), holder: nil)))])
    rig.sees(Rig.domain("w1", epoch: nil, persistent: true))
    rig.write([
      .put(.spec("w1"), .spec(Rig.spec())), .put(.intent("w1"), .intent(IntentRecord(desired: .adopting, adopter: "n1")))
    ])
    rig.send(rig.armed(["w1"]))
    rig.pass(.milliseconds(100))
    #expect(rig.claim("w1")?.epoch == Epoch(9) && rig.processes["w1"]?.mark?.epoch == Epoch(9))
  }

  @Test func `broken off by an outage it goes on where it was, and is not killed`() {
    var rig = adopting()
    rig.storeIsAway = true
    rig.pass(.seconds(2))
    rig.send(rig.isolated(["w1"]))
    rig.storeIsAway = false
    rig.pass(.seconds(2))
    #expect(rig.resumes > 0)
    #expect(!rig.commands().contains(.kill(workload: "w1")) && rig.stops().isEmpty)
    rig.send(rig.armed(["w1"]))
    rig.pass(.milliseconds(500))
    #expect(rig.claim("w1")?.holder?.node == "n1")
  }

  @Test func `nobody starts it elsewhere meanwhile, nor takes its place`() {
    var rig = Rig.running()
    rig.apply("w1")
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .adopting, adopter: "n2")))])
    var other = Rig.running()
    other.write([
      .put(.spec("w1"), .spec(Rig.spec())), .put(.intent("w1"), .intent(IntentRecord(desired: .adopting, adopter: "n2")))
    ])
    other.pass(.seconds(5))
    #expect(other.placement("w1") == nil && other.starts().isEmpty)
  }

  @Test func `taken back halfway, the mark goes and the domain stays`() {
    var rig = adopting(5)
    rig.write([.put(.intent("w1"), .intent(IntentRecord(desired: .unprotected)))])
    rig.pass(.seconds(1))
    #expect(rig.processes["w1"] != nil && rig.processes["w1"]?.mark == nil)
    #expect(rig.store.entries[.spec("w1")] == nil)
    #expect(rig.stops().isEmpty && !rig.commands().contains(.kill(workload: "w1")))
  }

  // MARK: what only looks like the workload

  @Test func `a domain with the workload's UUID that never was under protection is reported and not touched`() {
    var rig = Rig.running()
    rig.join("n2", incarnation: "i2")
    rig.sees(Rig.domain("w1", epoch: nil, persistent: true))
    rig.apply("w1")
    rig.pass(.seconds(3))
    #expect(rig.report()?.unmanagedUUIDs == ["u1"])
    #expect(rig.placement("w1")?.node == nil)
    #expect(rig.placement("w1")?.others["n2"]?.description.contains("runs on n1 outside protection") == true)
    #expect(rig.stops().isEmpty && rig.starts().isEmpty && !rig.commands().contains(.kill(workload: "w1")))
    rig.gone("w1")
    rig.pass(.seconds(3))
    #expect(rig.placement("w1")?.node != nil)
  }

  @Test func `what left protection elsewhere is killed here when it is not the last copy`() {
    var rig = Rig.running()
    rig.write([.put(.claim("w1"), .claim(ClaimRecord(epoch: Epoch(3), holder: nil)))])
    rig.sees(Rig.domain("w1", epoch: 2))
    rig.pass(.milliseconds(100))
    #expect(rig.stops() == [.zero] && rig.commands().contains(.kill(workload: "w1")))
    var last = Rig.running()
    last.write([.put(.claim("w1"), .claim(ClaimRecord(epoch: Epoch(3), holder: nil)))])
    last.sees(Rig.domain("w1", epoch: 3))
    last.pass(.milliseconds(100))
    #expect(last.stops().isEmpty && !last.commands().contains(.kill(workload: "w1")))
  }

  // MARK: starts that may still come

  @Test func `what an earlier life may have asked for is barred before the thaw`() throws {
    var rig = Rig()
    rig.join("n2", incarnation: "i2")
    rig.apply("w1")
    rig.hold("w1", by: "n2", "i2", epoch: 4)
    rig.send(
      .fromGuard(
        .connected(GuardState(phase: .isolated(since: rig.now, confirmed: true), workloads: ["w1"], starting: ["w1"]))))
    rig.inventory([])
    rig.list()
    rig.pass(.milliseconds(300))
    let bar = try #require(rig.actions.firstIndex { if case .bar("w1", _, _, _) = $0 { true } else { false } })
    let resume = try #require(rig.actions.firstIndex { if case .tellGuard(.resume) = $0 { true } else { false } })
    #expect(bar < resume)
  }

  /// Bars that were asked for, and starts, in order.
  private func barsAndStarts(_ rig: Rig) -> [String] {
    rig.actions.compactMap {
      switch $0 {
      case .bar: "bar"
      case .start(_, let request): request.overBar ? "start over the bar" : "start"
      default: nil
      }
    }
  }

  @Test func `a start from before outlives the claim: the next run here takes its bar away, and ends with another`() {
    var rig = Rig.running()
    rig.apply("w1")
    rig.pass(.milliseconds(100))
    rig.send(.operation("w1", .start, .unknown(reason: "no answer within 10 s")))
    rig.want("w1", .stopped)
    for _ in 1...3 {
      rig.pass(.seconds(2))
      rig.inventory([])
    }
    #expect(rig.claim("w1")?.holder == nil)
    rig.domainsObey = true
    rig.want("w1", .running)
    rig.pass(.seconds(3))
    rig.want("w1", .stopped)
    rig.pass(.seconds(3))
    #expect(rig.claim("w1")?.holder == nil)
    #expect(barsAndStarts(rig) == ["start", "bar", "start over the bar", "bar"])
  }

  @Test func `what an earlier life barred is started over the bar, and barred again before it is given up`() {
    var rig = Rig.running()
    rig.apply("w1")
    rig.pass(.milliseconds(100))
    rig.send(.operation("w1", .start, .barred))
    rig.domainsObey = true
    rig.pass(.milliseconds(100))
    rig.sees(Rig.domain("w1", epoch: 1))
    rig.send(.operation("w1", .start, .done))
    rig.want("w1", .stopped)
    rig.pass(.seconds(3))
    #expect(rig.claim("w1")?.holder == nil)
    #expect(barsAndStarts(rig).filter { $0 != "start over the bar" } == ["start", "bar"])
    #expect(barsAndStarts(rig).contains("start over the bar"))
  }

  /// What an earlier life asked for here, of a workload that has left protection since.
  private func leftBehind(by node: NodeName?) -> Rig {
    var rig = Rig()
    let left = ClaimRecord.ReleasedTo(node: node, connection: Rig.connection, uuid: "u1")
    rig.write([.put(.claim("w1"), .claim(ClaimRecord(epoch: Epoch(4), holder: nil, releasedTo: left)))])
    rig.send(
      .fromGuard(
        .connected(GuardState(phase: .isolated(since: rig.now, confirmed: true), workloads: ["w1"], starting: ["w1"]))))
    rig.list()
    return rig
  }

  @Test(arguments: ["n2", nil] as [NodeName?])
  func `it left protection elsewhere: a start of it here is killed and barred before the thaw`(_ node: NodeName?) throws {
    var rig = leftBehind(by: node)
    rig.inventory([])
    rig.pass(.milliseconds(300))
    let kill = try #require(rig.actions.firstIndex { $0 == .tellGuard(.kill(workload: "w1")) })
    let bar = try #require(
      rig.actions.firstIndex {
        if case .bar("w1", let id, "u1", _) = $0 { id.connection == Rig.connection } else { false }
      })
    let resume = try #require(rig.actions.firstIndex { if case .tellGuard(.resume) = $0 { true } else { false } })
    #expect(kill < resume && bar < resume)
  }

  @Test func `a bar that nobody answers lets libvirt be asked whether it does, and nothing is thawed`() {
    var rig = leftBehind(by: "n2")
    rig.barOutcome = .unknown(reason: "no answer within 5 s")
    rig.inventory([])
    rig.pass(.milliseconds(300))
    #expect(rig.actions.contains(.refresh) && rig.resumes == 0)
  }

  @Test func `it left protection elsewhere, and libvirt does not answer: its start is killed, and nothing is thawed`() {
    var rig = leftBehind(by: "n2")
    rig.pass(.seconds(3))
    #expect(rig.commands().contains(.kill(workload: "w1")) && rig.resumes == 0)
  }

  @Test func `it left protection here in the middle of its start: it stays the guard's until everything goes on`() throws {
    var rig = leftBehind(by: "n1")
    var domain = Rig.domain("w1", epoch: 4)
    domain.cgroup = "/c/w1"
    rig.inventory([domain])
    let lettingGo = GuardCommand.release(workload: "w1", cgroup: "/c/w1")
    let said = rig.commands()
    #expect(!said.contains(lettingGo))
    rig.pass(.milliseconds(300))
    #expect(rig.resumes > 0 && !rig.commands().contains(lettingGo))
    let deadline = try #require(rig.deadlineTold)
    rig.send(
      .fromGuard(.report(.state(GuardState(phase: .armed(deadline: deadline), workloads: ["w1"], starting: ["w1"])))))
    rig.pass(.milliseconds(100))
    #expect(rig.commands().contains(lettingGo))
  }

  @Test func `it left protection here: what runs of it is nobody's business, and a start that shows nothing is a stale one`() {
    var rig = leftBehind(by: "n1")
    rig.inventory([Rig.domain("w1", epoch: nil, persistent: true)])
    rig.pass(.milliseconds(300))
    #expect(!rig.commands().contains(.kill(workload: "w1")) && rig.resumes > 0)
    rig = leftBehind(by: "n1")
    rig.inventory([])
    rig.pass(.milliseconds(300))
    #expect(rig.commands().contains(.kill(workload: "w1")) && rig.resumes > 0)
  }

  @Test func `what leaves protection here before its mark is up to date is no stale copy`() {
    var rig = Rig.running()
    let left = ClaimRecord.ReleasedTo(node: "n1", connection: Rig.connection, uuid: "u1")
    rig.write([.put(.claim("w1"), .claim(ClaimRecord(epoch: Epoch(3), holder: nil, releasedTo: left)))])
    rig.sees(Rig.domain("w1", epoch: 2))
    rig.pass(.milliseconds(300))
    #expect(rig.stops().isEmpty && !rig.commands().contains(.kill(workload: "w1")))
  }

  @Test func `a copy on the connection that the workload had before is ended, a clone of it is not`() {
    var record = Rig.node
    record.connections = [Rig.connection, "qemu:///system"]
    var rig = Rig(record: record)
    rig.join("n2", incarnation: "i2", isPlanner: true)
    rig.begin()
    rig.write([
      .put(.spec("w1"), .spec(Rig.spec("u2", connection: "qemu:///system"))),
      .put(.intent("w1"), .intent(IntentRecord(desired: .running))),
      .put(.placement("w1"), .placement(PlacementRecord(node: "n2", reason: "test")))
    ])
    rig.hold("w1", by: "n2", "i2", epoch: 3)
    var clone = Rig.domain("w1-clone", uuid: "u7", epoch: 2)
    clone.mark?.workload = "w1"
    rig.sees(clone)
    rig.pass(.milliseconds(100))
    #expect(rig.stops().isEmpty)
    rig.sees(Rig.domain("w1", epoch: 2))
    rig.pass(.milliseconds(100))
    #expect(rig.stops() == [.zero] && rig.commands().contains(.kill(workload: "w1")))
    #expect(!rig.commands().contains(.forget(workload: "w1")))
  }

  @Test func `a stranger of its name does not keep the planner from forgetting what leaves protection`() {
    var rig = Rig.running()
    rig.write([.put(.claim("w1"), .claim(ClaimRecord(epoch: Epoch(3), holder: nil)))])
    rig.sees(Rig.domain("w1", uuid: "u9", epoch: nil))
    rig.write([
      .put(.spec("w1"), .spec(Rig.spec())), .put(.intent("w1"), .intent(IntentRecord(desired: .unprotected)))
    ])
    rig.pass(.seconds(1))
    #expect(rig.store.entries[.spec("w1")] == nil && rig.stops().isEmpty)
  }

  @Test func `a frozen start that keeps libvirt from answering is killed`() {
    var rig = Rig()
    for name in ["w1", "w2"] {
      rig.apply(.init(name), uuid: name)
      rig.place(.init(name), on: "n1")
      rig.hold(.init(name), by: "n1", "old")
    }
    rig.send(
      .fromGuard(
        .connected(GuardState(phase: .isolated(since: rig.now, confirmed: true), workloads: ["w1", "w2"], starting: ["w2"]))))
    rig.list()
    rig.pass(.seconds(2))
    #expect(rig.commands().contains(.kill(workload: "w2")) && !rig.commands().contains(.kill(workload: "w1")))
    #expect(rig.resumes == 0)
  }
}
