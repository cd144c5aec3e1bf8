import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastOperator
import HoldfastTime
import Testing

/// Claims from the node's side: taken, used, given up; and what a lost answer must never lead to.
@Suite struct ClaimTests {
  private func running(_ workload: WorkloadName = "w1") -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply(workload)
    rig.actions = []
    return rig
  }

  /// The node has released w1, and does not know.
  private func releasedUnknowingly() -> Rig {
    var rig = running()
    rig.domainsObey = false
    commit(.put(.intent("w1"), .intent(IntentRecord(desired: .stopped))), &rig)
    rig.watchIsDeaf = true
    rig.mood = .losesAnswers
    rig.domainsObey = true
    rig.gone("w1")
    rig.send(.operation("w1", .stop, .done))
    return rig
  }

  /// An operator's command on this node: its effects come ahead of the watch.
  private func commit(_ write: Write<RecordKey, Record>, _ rig: inout Rig) {
    guard case .committed(let revision) = rig.store.apply(ClusterTransaction(if: [], write: [write])) else { return }
    rig.send(.committed([write], revision))
  }

  @Test func `a release whose answer was lost is never followed by a start under the same claim`() {
    var rig = releasedUnknowingly()
    #expect(rig.stops().count == 1)
    #expect(rig.claim("w1")?.holder == nil, "it was applied")
    #expect(rig.controller.view.claims["w1"]?.value.holder != nil, "and nobody told")
    // Somebody else may take it from here on.
    commit(.put(.intent("w1"), .intent(IntentRecord(desired: .running))), &rig)
    rig.pass(.milliseconds(500))
    #expect(rig.starts().isEmpty)
    // The store answers: released indeed, so it is claimed anew before it is started.
    rig.mood = .answers
    rig.watchIsDeaf = false
    rig.pass(.milliseconds(300))
    #expect(rig.starts().map(\.mark.epoch) == [Epoch(2)])
  }

  @Test func `a domain that appears after a release of unknown outcome is killed at once`() {
    var rig = releasedUnknowingly()
    rig.actions = []
    rig.domainsObey = false
    rig.sees(Rig.domain("w1"))
    rig.pass(.milliseconds(300))
    #expect(rig.commands().contains(.kill(workload: "w1")))
    #expect(rig.stops() == [.zero])
  }

  @Test func `a claim of unknown outcome is found in the store and used once`() {
    var rig = Rig.follower()
    rig.domainsObey = true
    rig.apply("w1")
    rig.mood = .losesAnswers
    rig.place("w1", on: "n1")
    rig.mood = .answers
    rig.pass(.seconds(1))
    #expect(rig.claim("w1")?.epoch == Epoch(1))
    #expect(rig.starts().count == 1)
  }

  @Test func `one claim that somebody else has taken does not hold the others up`() {
    var rig = Rig.follower()
    rig.domainsObey = true
    for name in ["w1", "w2", "w3"] { rig.apply(.init(name), uuid: name) }
    rig.watchIsDeaf = true
    rig.hold("w2", by: "n2", "i2")
    for name in ["w1", "w2", "w3"] {
      commit(.put(.placement(.init(name)), .placement(PlacementRecord(node: "n1", reason: "test"))), &rig)
    }
    rig.pass(.milliseconds(500))
    #expect(Set(rig.starts().map(\.id.name)) == ["w1", "w3"])
    #expect(rig.claim("w2")?.holder?.node == "n2")
  }

  @Test func `a store that refuses at once is not asked for the same claim without end`() {
    var rig = Rig.follower()
    rig.apply("w1")
    rig.mood = .refuses
    rig.place("w1", on: "n1")
    rig.pass(.milliseconds(900))
    let claims = rig.transactions().filter { $0.writes.contains { $0.key == .claim("w1") } }
    #expect((1...10).contains(claims.count))
    rig.mood = .answers
    rig.send(rig.isolated())
    rig.pass(.seconds(1))
    rig.send(rig.armed())
    rig.pass(.seconds(1))
    #expect(rig.starts().count == 1)
  }

  // MARK: failures

  /// n2 plans: what n1 does between its failure and the planner's answer is its own.
  private func givenUp() -> Rig {
    var rig = Rig.follower()
    rig.apply("w1")
    rig.place("w1", on: "n1")
    for _ in 1...2 {
      rig.send(.operation("w1", .start, .failed(reason: "no such bridge")))
      rig.pass(.milliseconds(1500))
    }
    return rig
  }

  @Test func `given up, it is not taken again before the planner has thought anew`() {
    var rig = givenUp()
    #expect(rig.starts().count == 2)
    #expect(rig.claim("w1")?.holder == nil)
    #expect(rig.claim("w1")?.failures["n1"] == .init(count: 2, reason: "no such bridge"))
    rig.pass(.seconds(5))
    #expect(rig.claim("w1")?.epoch == Epoch(1), "not claimed again")
    rig.place("w1", on: nil)
    rig.place("w1", on: "n1")
    #expect(rig.claim("w1")?.epoch == Epoch(2))
    #expect(rig.starts().count == 3)
  }

  @Test func `given up, and the answer to that was lost: placed here again, it is tried again`() {
    var rig = Rig.follower()
    rig.apply("w1")
    rig.place("w1", on: "n1")
    rig.send(.operation("w1", .start, .failed(reason: "no such bridge")))
    rig.pass(.milliseconds(1500))
    rig.mood = .losesAnswers
    rig.send(.operation("w1", .start, .failed(reason: "no such bridge")))
    #expect(rig.claim("w1")?.holder == nil, "it was applied, and nobody told")
    rig.mood = .answers
    rig.place("w1", on: nil)
    rig.pass(.seconds(1))
    rig.place("w1", on: "n1")
    rig.pass(.seconds(1))
    #expect(rig.claim("w1")?.holder?.node == "n1")
    #expect(rig.starts().count == 3)
  }

  @Test func `given up, and the operator says start: taken again`() throws {
    var rig = givenUp()
    let command = try OperatorCommand.start("w1").prepare(in: rig.controller.view)
    _ = rig.store.apply(try #require(command.transaction))
    rig.deliver()
    #expect(rig.starts().count == 3)
    #expect(rig.starts().last?.mark.epoch == Epoch(2))
  }

  @Test func `the workload's name is taken by a domain that is not under protection: given up, the domain untouched`() {
    var rig = Rig.follower()
    rig.domainsObey = true
    rig.sees(Rig.domain("w1", uuid: "theirs", epoch: nil, persistent: true))
    rig.apply("w1")
    rig.place("w1", on: "n1")
    rig.pass(.seconds(5))
    #expect(rig.claim("w1")?.epoch == Epoch(1))
    #expect(rig.claim("w1")?.holder == nil)
    #expect(rig.claim("w1")?.failures["n1"]?.reason.contains("theirs") == true)
    #expect(rig.starts().isEmpty && rig.stops().isEmpty)
    #expect(rig.commands().allSatisfy { if case .extend = $0 { true } else { false } })
    #expect(!rig.actions.contains { if case .mark = $0 { true } else { false } })
  }

  @Test func `started under another UUID before the spec changed: it is the workload all the same`() {
    var rig = running()
    rig.domainsObey = false
    rig.write([.put(.spec("w1"), .spec(Rig.spec("new")))])
    rig.pass(.milliseconds(100))
    #expect(rig.claim("w1")?.holder?.node == "n1", "not released while the old one executes")
    #expect(rig.stops() == [.seconds(2)])
    rig.gone("w1")
    rig.send(.operation("w1", .stop, .done))
    #expect(rig.starts().last?.uuid == "new")
  }

  @Test func `a copy under an earlier UUID without a claim is killed as well`() {
    var rig = Rig.follower()
    rig.apply("w1", uuid: "new")
    rig.place("w1", on: "n2")
    rig.hold("w1", by: "n2", "i2", epoch: 2)
    rig.sees(Rig.domain("w1", uuid: "old", epoch: 1))
    #expect(rig.stops() == [.zero])
    #expect(rig.commands().contains(.kill(workload: "w1")))
  }

  // MARK: operations

  @Test func `a start is under way until its call has returned, whatever is seen meanwhile`() {
    var rig = Rig.running()
    rig.apply("w1")
    rig.sees(Rig.domain("w1"))
    rig.gone("w1")
    rig.pass(.seconds(3))
    #expect(rig.starts().count == 1)
    #expect(rig.claim("w1")?.holder != nil)
    rig.send(.operation("w1", .start, .failed(reason: "it died")))
    rig.pass(.seconds(2))
    #expect(rig.starts().count == 2)
  }

  @Test func `what ends right after each start is given up`() {
    var rig = Rig.running()
    rig.apply("w1")
    for _ in 1...2 {
      rig.sees(Rig.domain("w1"))
      rig.gone("w1")
      rig.send(.operation("w1", .start, .done))
      rig.pass(.milliseconds(1200))
      rig.inventory([])
      rig.pass(.milliseconds(1200))
    }
    #expect(rig.claim("w1")?.holder == nil)
    #expect(rig.claim("w1")?.failures["n1"]?.reason.contains("ended right after its start") == true)
  }

  @Test func `no more than four starts at once`() {
    var rig = Rig.running()
    for index in 1...6 { rig.apply(.init("w\(index)"), uuid: "u\(index)") }
    #expect(rig.starts().count == 4)
    rig.sees(Rig.domain("w1"))
    rig.send(.operation("w1", .start, .done))
    #expect(rig.starts().count == 5)
    rig.send(.operation("w2", .start, .failed(reason: "no")))
    #expect(rig.starts().count == 6)
  }

  @Test func `what ran well for long has its earlier ends forgiven`() {
    var rig = running()
    for _ in 1...4 {
      rig.pass(.seconds(120), step: .milliseconds(190))
      rig.actions = []
      rig.gone("w1")
      #expect(rig.starts().count == 1, "at once")
    }
  }

  @Test func `what is paused does not run well, and its ends are not forgiven`() throws {
    var rig = running()
    rig.gone("w1")
    var domain = try #require(rig.processes["w1"])
    domain.state = .paused
    rig.sees(domain)
    rig.pass(.seconds(180), step: .milliseconds(190))
    #expect(rig.claim("w1")?.ends == 1)
    domain.state = .running
    rig.sees(domain)
    rig.pass(.seconds(50), step: .milliseconds(190))
    #expect(rig.claim("w1")?.ends == 1, "the time before it went on does not count")
    rig.pass(.seconds(20), step: .milliseconds(190))
    #expect(rig.claim("w1")?.ends == nil)
  }

  @Test func `a mark that cannot be written does not keep the workload from being stopped`() {
    var rig = Rig.running()
    rig.apply("w1")
    rig.send(.operation("w1", .start, .done))
    rig.sees(Rig.domain("w1", epoch: nil))
    for _ in 1...3 {
      rig.send(.operation("w1", .mark, .failed(reason: "metadata is read-only")))
      rig.pass(.seconds(1))
    }
    rig.send(.operation("w1", .mark, .failed(reason: "metadata is read-only")))
    rig.want("w1", .stopped)
    rig.pass(.seconds(2))
    #expect(rig.stops().count == 1)
  }

  @Test func `a stop of unknown outcome is tried again after everything was observed anew`() {
    var rig = running()
    rig.domainsObey = false
    rig.want("w1", .stopped)
    rig.send(.operation("w1", .stop, .unknown(reason: "time-out")))
    rig.actions = []
    rig.pass(.seconds(3))
    #expect(rig.stops().isEmpty && rig.actions.contains(.refresh))
    rig.inventory([Rig.domain("w1")])
    rig.pass(.seconds(2))
    #expect(rig.stops().count == 1)
    #expect(rig.claim("w1")?.holder != nil)
  }

  @Test func `a domain of another cluster is not ours, whatever its name`() {
    var rig = Rig.follower()
    rig.sees(Rig.domain("w9", uuid: "u9", epoch: 3, cluster: "other"))
    rig.pass(.seconds(1))
    #expect(rig.stops().isEmpty)
    #expect(!rig.notes().contains(.stray))
    #expect(rig.report()?.strays == [])
  }

  @Test func `a stray is reported and left alone, also by the guard's kills`() {
    var rig = Rig.running()
    rig.sees(Rig.domain("w9", uuid: "u9", epoch: 3))
    rig.pass(.seconds(2))
    #expect(rig.report()?.strays == ["lxc:///system/w9"])
    #expect(rig.notes().count { $0 == .stray } == 1)
    rig.storeIsAway = true
    rig.pass(.seconds(2))
    rig.send(rig.isolated())
    rig.storeIsAway = false
    rig.pass(.seconds(2))
    #expect(rig.resumes > 0)
    #expect(!rig.commands().contains(.kill(workload: "w9")) && rig.stops().isEmpty)
  }

  @Test func `a report whose answer was lost is written again, also where all is as it was before`() {
    var rig = Rig.running()
    rig.pass(.seconds(2))
    rig.mood = .losesAnswers
    rig.send(.hypervisor(.unreachable(connection: Rig.connection, reason: "libvirtd is down")))
    #expect(rig.report()?.unreachable.isEmpty == false, "it was applied, and nobody told")
    rig.mood = .answers
    rig.send(.hypervisor(.inventory(connection: Rig.connection, domains: [])))
    rig.pass(.seconds(3))
    #expect(rig.report()?.unreachable.isEmpty == true)
  }

  @Test func `a connection that is lost is told once, and told as back only when it was lost`() {
    var rig = Rig(
      record: NodeRecord(capacity: Rig.node.capacity, labels: [:], connections: [Rig.connection, "qemu:///system"], version: "")
    )
    rig.begin()
    rig.send(.hypervisor(.inventory(connection: "qemu:///system", domains: [])))
    rig.actions = []
    for _ in 1...3 {
      rig.send(.hypervisor(.unreachable(connection: Rig.connection, reason: "a")))
      rig.send(.hypervisor(.unreachable(connection: "qemu:///system", reason: "b")))
    }
    #expect(rig.notes().count { $0 == .hypervisorLost } == 2)
    rig.inventory([])
    rig.inventory([])
    #expect(rig.notes().count { $0 == .hypervisorBack } == 1)
    rig.send(.hypervisor(.inventory(connection: "qemu:///system", domains: [])))
    #expect(rig.notes().count { $0 == .hypervisorBack } == 2)
  }
}
