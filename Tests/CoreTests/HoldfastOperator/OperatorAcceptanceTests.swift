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

  /// Each is what runs when it is taken over, after the one before: snapshots, commits, and an image that takes in what lies under it.
  @Test func `what lies under the disks that run is known of the definition, until it is gone`() throws {
    let steps: [(disk: String, images: [String], fields: [String], underneath: [String: [String]]?)] = [
      ("/vm/w", [], ["xml"], nil), ("/vm/w.snap", ["/vm/w", "/vm/base"], ["xml"], ["/vm/w.snap": ["/vm/w", "/vm/base"]]),
      ("/vm/w.snap", ["/vm/base"], ["underneath"], ["/vm/w.snap": ["/vm/base"]]),
      ("/vm/w.snap", [], ["underneath"], nil), ("/vm/w.snap", [], [], nil),
      ("/vm/w.next", ["/vm/w.snap"], ["xml"], ["/vm/w.next": ["/vm/w.snap"]]), ("/vm/w.snap", [], ["xml"], nil)
    ]
    let fixture = fixture()
    for (disk, images, fields, underneath) in steps {
      let now = DomainHardware(disks: [.init(target: "vda", source: disk, backing: images)])
      let acceptance = acceptance {
        $0.xml = "<domain><devices><disk><source file='\(disk)'/><target dev='vda'/></disk></devices></domain>"
        ($0.stored, $0.running, $0.underneath) = (nil, nil, now.underneath)
      }
      let prepared = try OperatorCommand.acceptRunning(acceptance).prepare(in: fixture.view)
      #expect(prepared.effect == (fields.isEmpty ? .unchanged : .changed(fields)), "\(disk) over \(images)")
      #expect(prepared.changesBelongings != fields.isEmpty)
      #expect(prepared.text.contains("only what lies under its disks was known otherwise") == (fields == ["underneath"]))
      if prepared.transaction != nil { #expect(fixture.commit(prepared.transaction)) }
      let spec = fixture.view.specs[Self.name]?.value
      #expect(spec?.underneath == underneath && spec?.xml.contains("'\(disk)'") == true, "\(disk) over \(images)")
    }
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
    #expect(
      reason(.errand(.restart, Self.name), fixture()).contains(
        "it would not be started again: its definition names /vm/w for disk vda, which last ran on /vm/w.snap"))
    let text = try OperatorCommand.stop(Self.name).prepare(in: fixture().view).text
    #expect(text.contains("it is not started again as long as its definition names /vm/w for disk vda"), "\(text)")
    let start = try OperatorCommand.start(Self.name).prepare(in: fixture(heldBy: nil).view).text
    #expect(start.contains("that is refused as long as its definition names /vm/w for disk vda"), "\(start)")
  }

  // MARK: released meanwhile

  /// It is released, the nodes have let go, and what `ClaimLine.forget` leaves is there; nil: the claim is gone too.
  private func releasedFixture(heldBy holder: NodeName?, _ left: ClaimRecord?) throws -> OperatorFixture {
    let fixture = fixture(heldBy: holder)
    #expect(fixture.commit(try OperatorCommand.release(Self.name, at: 7).prepare(in: fixture.view).transaction))
    #expect(fixture.view.released[Self.name]?.value.newerDisks == Self.disks)
    for key: RecordKey in [.spec(Self.name), .intent(Self.name), .placement(Self.name), .claim(Self.name)] {
      fixture.delete(key)
    }
    if let left { fixture.put(.claim(Self.name), .claim(left)) }
    return fixture
  }

  private static func left(on node: NodeName?) -> ClaimRecord {
    ClaimRecord(
      epoch: Epoch(3), holder: nil,
      releasedTo: .init(node: node, connection: OperatorFixture.connection, uuid: OperatorFixture.spec(name).uuid))
  }

  @Test(arguments: [(nil, left(on: nil)), ("a", left(on: "a")), (nil, nil)] as [(NodeName?, ClaimRecord?)])
  func `what is brought back is not started from the older disk either`(holder: NodeName?, claim: ClaimRecord?) throws {
    let fixture = try releasedFixture(heldBy: holder, claim)
    let prepared = try OperatorCommand.restore(Self.name, nil).prepare(in: fixture.view)
    #expect(prepared.effect == .created)
    let lag = "its definition names /vm/w for disk vda, which last ran on /vm/w.snap"
    #expect(prepared.text.contains("that is refused as long as \(lag)"), "\(prepared.text)")
    let rival = fixture.copy()
    #expect(fixture.commit(prepared.transaction))
    let now = try #require(fixture.view.claims[Self.name]?.value)
    #expect(now.newerDisks == Self.disks && now.holder == nil && now.epoch == claim?.epoch ?? Epoch(0))
    #expect(now.releasedTo?.node == claim?.releasedTo?.node && fixture.view.released.isEmpty)
    let status = ClusterStatus(fixture.view, cluster: "t", node: "b", storeSilence: 0, history: [], now: 0)
    #expect(status.lagging == [Self.name.text])
    // Both ways out are open.
    var corrected = OperatorFixture.spec(Self.name)
    corrected.xml = "<domain type='lxc'><name>w</name><memory>2</memory></domain>"
    #expect(try OperatorCommand.define(Self.name, corrected).prepare(in: fixture.view).effect == .changed(["xml"]))
    #expect(reason(.acceptRunning(acceptance()), fixture).contains("holdfast accept w --stored"))
    #expect(fixture.commit(try OperatorCommand.acceptStored(Self.name).prepare(in: fixture.view).transaction))
    #expect(fixture.view.claims[Self.name]?.value.newerDisks == nil)

    rival.put(.claim(Self.name), .claim(ClaimRecord(epoch: Epoch(9), holder: nil)))
    #expect(!rival.commit(prepared.transaction), "its claim is another one by now")
  }

  @Test func `a definition that is left where it ran is not removed unseen`() throws {
    let fixture = try releasedFixture(heldBy: "a", Self.left(on: "a"))
    var kept = try #require(fixture.view.released[Self.name]?.value)
    kept.spec.xml = "<domain><devices><disk><source file='/vm/w'/><target dev='vda'/></disk></devices></domain>"
    let same = LeftoverDefinition(of: Self.name, disks: ["vda": "/vm/w"])
    let newer = LeftoverDefinition(of: Self.name, disks: ["vda": "/vm/w.snap"])
    func warning(_ node: NodeName, _ now: [LeftoverDefinition]?) -> String? {
      kept.warnings(Self.name, on: node, now: now, in: fixture.view).first
    }
    #expect(warning("a", []) == nil)
    let removal = "virsh -c lxc:///system undefine w"
    #expect(warning("a", [same])?.hasSuffix("is left, so it does not start there: `\(removal)`") == true)
    let other = try #require(warning("a", [newer]))
    #expect(other.contains("disk vda is /vm/w.snap there, and /vm/w in the workload's definition. Keep it until"), "\(other)")
    for unseen in [warning("b", [newer]), warning("a", nil)] {
      #expect(unseen?.contains("dumpxml --inactive w") == true && unseen?.contains("only where they are the same") == true)
    }
  }

  @Test func `the status says what would not be started again, and where to settle it`() {
    let status = ClusterStatus(fixture().view, cluster: "t", node: "b", storeSilence: 0, history: [], now: 0)
    #expect(status.lagging == ["w"] && status.health != .ok)
    #expect(status.reasons.contains { $0.hasPrefix("The definition of w names an older disk") }, "\(status.reasons)")
    #expect(status.next.contains { $0.command == "holdfast accept w --running" && $0.on == "a" }, "\(status.next)")
  }
}
