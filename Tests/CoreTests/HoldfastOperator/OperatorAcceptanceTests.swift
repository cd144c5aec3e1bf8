import HoldfastModel
import HoldfastOperator
import Testing

/// Which holds where a workload differs from its definition.
@Suite struct OperatorAcceptanceTests {
  private static let name: WorkloadName = "w"
  private static let disks = ["vda": OtherDisk(stored: "/vm/w", running: "/vm/w.snap")]

  /// It runs on node a, on a newer disk than it is defined with.
  private func fixture(heldBy holder: NodeName? = "a") -> OperatorFixture {
    let fixture = OperatorFixture()
    fixture.put(.spec(Self.name), .spec(OperatorFixture.spec(Self.name)))
    fixture.put(.intent(Self.name), .intent(IntentRecord(desired: .running)))
    var claim = ClaimRecord(
      epoch: Epoch(3), holder: holder.map { .init(node: $0, incarnation: OperatorFixture.incarnation($0)) }, activity: .running,
      failures: ["b": .init(count: 1, reason: "its definition is older than its data")])
    claim.newerDisks = Self.disks
    fixture.put(.claim(Self.name), .claim(claim))
    return fixture
  }

  private func acceptance(_ change: (inout Acceptance) -> Void = { _ in }) -> Acceptance {
    let domain = DomainObservation(
      id: DomainID(connection: OperatorFixture.connection, name: Self.name.text), uuid: OperatorFixture.spec(Self.name).uuid,
      state: .running, mark: ClaimMark(cluster: "t", workload: Self.name.text, epoch: Epoch(3), definition: "d1"), memory: 2048,
      vcpus: 2, persistent: false, pid: 1, cgroup: nil, links: [])
    var acceptance = Acceptance(
      workload: Self.name, node: "a", domain: domain, xml: "<domain type='lxc'><name>w</name><memory>2</memory></domain>",
      stored: DomainHardware(disks: [.init(target: "vda", source: "/vm/w")], memory: 1024, processors: "1"),
      running: DomainHardware(disks: [.init(target: "vda", source: "/vm/w.snap")], memory: 2048, processors: "2"))
    change(&acceptance)
    return acceptance
  }

  private func reason(_ command: OperatorCommand, _ fixture: OperatorFixture) -> String {
    let error = #expect(throws: OperatorError.self) { try command.prepare(in: fixture.view) }
    return error.map { "\($0.reason). \($0.remedy)" } ?? ""
  }

  @Test func `what runs becomes the definition, and the rest of it stays`() throws {
    let fixture = fixture(), acceptance = acceptance()
    let prepared = try OperatorCommand.acceptRunning(acceptance).prepare(in: fixture.view)
    #expect(prepared.effect == .changed(["xml", "demand.memory", "demand.cpus"]))
    #expect(prepared.text.contains("disk vda: /vm/w.snap now, /vm/w in the definition"), "\(prepared.text)")
    let rival = fixture.copy()
    #expect(fixture.commit(prepared.transaction))
    let spec = try #require(fixture.view.specs[Self.name]?.value)
    #expect(spec.xml == acceptance.xml && spec.takenFrom == "d1" && spec.demand == Resources(memory: 2048, cpus: 2))
    #expect(spec.stopTimeout == 30)
    #expect(try OperatorCommand.acceptRunning(acceptance).prepare(in: fixture.view).effect == .unchanged)

    var other = OperatorFixture.spec(Self.name)
    other.priority = 5
    rival.put(.spec(Self.name), .spec(other))
    #expect(!rival.commit(prepared.transaction), "somebody else changed the definition meanwhile")
  }

  @Test func `a demand that is not the domain's own stays`() throws {
    let fixture = fixture()
    let acceptance = acceptance { $0.stored?.memory = 4096 }
    let prepared = try OperatorCommand.acceptRunning(acceptance).prepare(in: fixture.view)
    #expect(prepared.effect == .changed(["xml", "demand.cpus"]))
  }

  @Test func `it is said where it has to be done, and when it cannot be`() {
    let command = OperatorCommand.acceptRunning(acceptance())
    #expect(reason(command, fixture(heldBy: "b")).contains("On b: `holdfast accept w --running`"))
    #expect(reason(command, fixture(heldBy: nil)).contains("holdfast accept w --stored"))
    #expect(reason(.acceptRunning(acceptance { $0.domain.persistent = true }), fixture()).contains("in a moment"))
    #expect(reason(.acceptRunning(acceptance { $0.domain.state = .stopping }), fixture()).contains("stopping"))
    #expect(reason(.acceptRunning(acceptance { $0.domain.uuid = "x" }), fixture()).contains("is not the one"))
    let releasing = fixture()
    releasing.put(.intent(Self.name), .intent(IntentRecord(desired: .unprotected)))
    #expect(!reason(command, releasing).isEmpty)
  }

  @Test func `it may be started from the older disk when somebody says so, and nobody holds it`() throws {
    #expect(reason(.acceptStored(Self.name), fixture()).contains("a holds it"))
    let fixture = fixture(heldBy: nil)
    let prepared = try OperatorCommand.acceptStored(Self.name).prepare(in: fixture.view)
    #expect(prepared.text.contains("disk vda from /vm/w, not /vm/w.snap"), "\(prepared.text)")
    #expect(fixture.commit(prepared.transaction))
    let claim = try #require(fixture.view.claims[Self.name]?.value)
    #expect(claim.newerDisks == nil && claim.failures.isEmpty && claim.epoch == Epoch(3) && claim.holder == nil)
    #expect(try OperatorCommand.acceptStored(Self.name).prepare(in: fixture.view).effect == .unchanged)
  }

  @Test func `what would not be started again is not restarted, and a stop says so`() throws {
    #expect(reason(.errand(.restart, Self.name), fixture()).contains("it would not be started again: disk vda is /vm/w.snap"))
    let text = try OperatorCommand.stop(Self.name).prepare(in: fixture().view).text
    #expect(text.contains("and its definition names /vm/w"), "\(text)")
  }

  @Test func `the status says what would not be started again, and where to settle it`() {
    let status = ClusterStatus(fixture().view, cluster: "t", node: "b", storeSilence: 0, history: [], now: 0)
    #expect(status.lagging == ["w"] && status.health != .ok)
    #expect(status.reasons.contains { $0.hasPrefix("The definition of w names an older disk") }, "\(status.reasons)")
    #expect(status.next.contains { $0.command == "holdfast accept w --running" && $0.on == "a" }, "\(status.next)")
  }
}
