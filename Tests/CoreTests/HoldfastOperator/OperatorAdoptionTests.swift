import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastOperator
import Testing

@Suite struct `Operator adopts domains` {
  @Test func `the spec comes into the store, and the wish; the claim is the node's to take`() throws {
    let fixture = OperatorFixture()
    let options = Adoption.Options(labels: ["tier": "gold"], priority: 7, isolation: .stop, stopTimeout: 5)
    let adoption = fixture.adoption(OperatorFixture.domain("web1"), options: options)
    let prepared = try OperatorCommand.adopt(adoption).prepare(in: fixture.view)
    #expect(prepared.effect == .adopted)
    let session = try #require(fixture.session("a"))
    #expect(prepared.transaction?.conditions.contains(.stands(.session(session.incarnation), created: session.created)) == true)
    #expect(fixture.commit(prepared.transaction))

    let view = fixture.view
    let spec = try #require(view.specs["web1"]?.value)
    #expect(spec.demand == Resources(memory: 512, cpus: 2))
    #expect(spec.uuid == adoption.domain.uuid && spec.xml == OperatorFixture.xml)
    #expect(spec.priority == 7 && spec.isolation == .stop && spec.stopTimeout == 5 && spec.labels == ["tier": "gold"])
    #expect(view.intents["web1"]?.value == IntentRecord(desired: .adopting, adopter: "a"))
    #expect(view.placements["web1"] == nil && view.claims["web1"] == nil)
    for command in [OperatorCommand.start("web1"), .stop("web1"), .move("web1", to: "b")] {
      #expect(fixture.refusal(of: command)?.reason.contains("a is still adopting it") == true)
    }
  }

  @Test func `without the session nothing is claimed`() throws {
    let fixture = OperatorFixture()
    let adoption = fixture.adoption(OperatorFixture.domain("web1"))
    let prepared = try OperatorCommand.adopt(adoption).prepare(in: fixture.view)
    // Declared expired and opened anew: the same key, another life.
    fixture.delete(.session(OperatorFixture.incarnation("a")))
    fixture.open("a")
    #expect(!fixture.commit(prepared.transaction))

    var alone = adoption
    alone.session = nil
    #expect(fixture.refusal(of: .adopt(alone))?.kind == .unavailable)

    fixture.open("a", .leaving)
    #expect(fixture.refusal(of: .adopt(adoption))?.kind == .conflict)
  }

  @Test func `a claim of a dead session is taken over only while it is dead`() throws {
    let fixture = OperatorFixture()
    let holder = ClaimRecord.Holder(node: "c", incarnation: OperatorFixture.incarnation("c"))
    fixture.put(.claim("web1"), .claim(ClaimRecord(epoch: Epoch(2), holder: holder, activity: .running)))
    let command = OperatorCommand.adopt(fixture.adoption(OperatorFixture.domain("web1")))
    let prepared = try command.prepare(in: fixture.view)
    #expect(prepared.transaction?.conditions.contains(.absent(.session(holder.incarnation))) == true)

    fixture.open("c")
    #expect(!fixture.commit(prepared.transaction))
    let refusal = try #require(fixture.refusal(of: command))
    #expect(refusal.kind == .conflict && refusal.reason.contains("c still holds"))
  }

  @Test func `somebody who was faster wins`() throws {
    let fixture = OperatorFixture()
    let prepared = try OperatorCommand.adopt(fixture.adoption(OperatorFixture.domain("web1"))).prepare(in: fixture.view)
    fixture.put(.intent("web1"), .intent(IntentRecord(desired: .running)))
    #expect(!fixture.commit(prepared.transaction))
  }

  static let refused: [(DomainObservation, OperatorError.Kind, String)] = [
    (OperatorFixture.domain("web 1"), .invalid, "libvirt cannot rename a domain that runs"),
    (
      OperatorFixture.domain("x", mark: .init(cluster: "other", workload: "x", epoch: Epoch(1))), .conflict,
      "Release it there first"
    ),
    (
      OperatorFixture.domain("x", mark: .init(cluster: "other", workload: "x", epoch: Epoch(1))), .conflict,
      "virsh -c lxc:///system metadata x https://holdfast.dev/domain/1 --remove"
    ),
    (
      OperatorFixture.domain("x", mark: .init(cluster: "t", workload: "known", epoch: Epoch(1))), .conflict,
      "virsh -c lxc:///system metadata x https://holdfast.dev/domain/1 --remove"
    ),
    (OperatorFixture.domain("known", uuid: OperatorFixture.spec("known").uuid), .conflict, "holdfast workload known"),
    (OperatorFixture.domain("known"), .conflict, "dumpxml 11111111-2222-4333-8444-555555555555"),
    (OperatorFixture.domain("copy", uuid: OperatorFixture.spec("known").uuid), .conflict, "another <uuid>"),
    (OperatorFixture.domain("x", state: .paused), .conflict, "virsh -c lxc:///system resume x"),
    (
      OperatorFixture.domain("x", state: .arriving), .conflict, "when `virsh -c lxc:///system domstate --reason x` says running"
    ),
    (OperatorFixture.domain("x", state: .stopping), .conflict, "start it again"),
    (OperatorFixture.domain("x", state: .crashed), .conflict, "virsh -c lxc:///system destroy x"),
    (OperatorFixture.domain("x", state: .unclear), .conflict, "virsh -c lxc:///system domstate --reason x")
  ]

  @Test(arguments: refused.indices) func `what cannot be adopted is refused with a remedy`(_ index: Int) throws {
    let (domain, kind, remedy) = Self.refused[index]
    let fixture = OperatorFixture()
    fixture.run("known", on: "b")
    let refusal = try #require(fixture.refusal(of: .adopt(fixture.adoption(domain))))
    #expect(refusal.kind == kind)
    #expect(refusal.remedy.contains(remedy), "\(refusal)")
    // It renames nothing that is active.
    #expect(!refusal.remedy.contains("domrename"))
  }

  @Test(arguments: [(0.05, "512 MiB, 0.05 cpus"), (1, "512 MiB, 1 cpu"), (2, "512 MiB, 2 cpus")])
  func `an adoption says what is reckoned with`(_ cpus: Double, _ words: String) throws {
    let fixture = OperatorFixture()
    let adoption = fixture.adoption(
      OperatorFixture.domain("web1"), options: .init(demand: Resources(memory: 512, cpus: cpus)))
    let prepared = try OperatorCommand.adopt(adoption).prepare(in: fixture.view)
    #expect(prepared.text.contains("(\(words))"), "\(prepared.text)")
  }

  @Test func `a copy from before it ran outside protection elsewhere is refused`() throws {
    let fixture = OperatorFixture()
    var claim = ClaimRecord(epoch: Epoch(2), holder: nil)
    let uuid = OperatorFixture.domain("web1").uuid
    claim.releasedTo = .init(node: "b", connection: OperatorFixture.connection, uuid: uuid)
    fixture.put(.claim("web1"), .claim(claim))
    let stale = OperatorFixture.domain("web1", mark: ClaimMark(cluster: "t", workload: "web1", epoch: Epoch(1)))
    let refusal = try #require(fixture.refusal(of: .adopt(fixture.adoption(stale))))
    #expect(
      refusal.kind == .conflict && refusal.reason.contains("ran outside protection on b") && refusal.remedy.contains("destroy"))
    // Where it ran since it carries the claim's mark, or none.
    for mark in [nil, ClaimMark(cluster: "t", workload: "web1", epoch: Epoch(2))] {
      let domain = OperatorFixture.domain("web1", mark: mark)
      #expect(fixture.refusal(of: .adopt(fixture.adoption(domain, on: "b"))) == nil)
    }
  }

  @Test func `a domain whose UUID runs elsewhere as well is refused`() throws {
    let fixture = OperatorFixture()
    let domain = OperatorFixture.domain("web1")
    func report(_ node: NodeName, _ uuids: [String]) {
      var record = ReportRecord(
        unmanaged: .none, unmanagedDomains: uuids.count, unreachable: [:], guardPhase: .armed, strays: [])
      record.unmanagedUUIDs = uuids
      fixture.put(.report(node), .report(record))
    }
    report("a", [domain.uuid])
    #expect(fixture.refusal(of: .adopt(fixture.adoption(domain))) == nil)
    report("b", [domain.uuid])
    #expect(fixture.refusal(of: .adopt(fixture.adoption(domain)))?.reason.contains("runs on b outside protection") == true)
  }
}
