import GuardCore
import HoldfastModel
import HoldfastOperator
import Testing

@Suite struct `Operator defines workloads` {
  @Test func `a new workload gets a spec and the intent to run, if nobody else made it`() throws {
    let fixture = OperatorFixture()
    let spec = OperatorFixture.spec("web1")
    let prepared = try OperatorCommand.define("web1", spec).prepare(in: fixture.view)
    #expect(prepared.effect == .created)
    #expect(prepared.transaction?.conditions.contains(.absent(.spec("web1"))) == true)
    #expect(prepared.transaction?.conditions.contains(.absent(.intent("web1"))) == true)

    let other = fixture.copy()
    #expect(fixture.commit(prepared.transaction))
    #expect(fixture.view.specs["web1"]?.value == spec)
    #expect(fixture.view.intents["web1"]?.value == IntentRecord(desired: .running))
    #expect(fixture.view.claims["web1"] == nil)

    other.put(.spec("web1"), .spec(spec))
    #expect(!other.commit(prepared.transaction))
  }

  @Test func `the same definition again changes nothing`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    let prepared = try OperatorCommand.define("web1", OperatorFixture.spec("web1")).prepare(in: fixture.view)
    #expect(prepared.effect == .unchanged)
    #expect(prepared.transaction == nil)
  }

  @Test func `what changes is named, and guarded on what was seen`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    var spec = OperatorFixture.spec("web1", memory: 2048)
    spec.priority = 5
    spec.labels = ["tier": "gold"]
    spec.isolation = .stop
    let prepared = try OperatorCommand.define("web1", spec).prepare(in: fixture.view)
    #expect(prepared.effect == .changed(["demand.memory", "labels", "priority", "isolation"]))

    let other = fixture.copy()
    other.put(.spec("web1"), .spec(OperatorFixture.spec("web1", memory: 99)))
    #expect(!other.commit(prepared.transaction))
    #expect(fixture.commit(prepared.transaction))
    #expect(fixture.view.specs["web1"]?.value == spec)
  }

  @Test func `a held workload keeps its UUID and connection`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    let moved = OperatorFixture.spec("web1", uuid: "99999999-2222-4333-8444-555555555555")
    let refusal = try #require(fixture.refusal(of: .define("web1", moved)))
    #expect(refusal.kind == .conflict && refusal.remedy.contains("holdfast stop web1"))

    // A node that was lost with it may still run it, and no command stops it there.
    let lost = fixture.copy()
    lost.delete(.session(OperatorFixture.incarnation("a")))
    let held = try #require(lost.refusal(of: .define("web1", moved)))
    #expect(held.remedy.contains("a is down and may still run it") && !held.remedy.contains("holdfast stop"), "\(held)")

    // Released, it may: and nobody may have claimed it in between.
    fixture.put(.claim("web1"), .claim(ClaimRecord(epoch: Epoch(4), holder: nil)))
    let prepared = try OperatorCommand.define("web1", moved).prepare(in: fixture.view)
    fixture.put(
      .claim("web1"),
      .claim(ClaimRecord(epoch: Epoch(5), holder: .init(node: "b", incarnation: OperatorFixture.incarnation("b")))))
    #expect(!fixture.commit(prepared.transaction))
  }

  @Test func `two workloads cannot be one domain`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    let uuid = OperatorFixture.spec("web1").uuid
    let refusal = try #require(fixture.refusal(of: .define("web2", OperatorFixture.spec("web2", uuid: uuid))))
    #expect(refusal.reason.contains("web1"))

    #expect(throws: OperatorError.self) {
      try checkTogether([("x", OperatorFixture.spec("x", uuid: uuid)), ("y", OperatorFixture.spec("y", uuid: uuid))])
    }
    #expect(throws: OperatorError.self) {
      try checkTogether([("x", OperatorFixture.spec("x")), ("x", OperatorFixture.spec("x"))])
    }
    try checkTogether([("x", OperatorFixture.spec("x")), ("y", OperatorFixture.spec("y"))])
  }

  @Test func `a domain that runs outside protection is to be adopted, not defined`() throws {
    let fixture = OperatorFixture()
    let spec = OperatorFixture.spec("web1"), view = fixture.view
    for domain in [OperatorFixture.domain("web1"), OperatorFixture.domain("other", uuid: spec.uuid)] {
      let refusal = #expect(throws: OperatorError.self) { try refuseRunning("web1", spec, among: [domain], in: view) }
      #expect(refusal?.remedy.contains("holdfast adopt lxc:///system/\(domain.id.name)") == true)
    }
    try refuseRunning("web1", spec, among: [OperatorFixture.domain("web2")], in: view)
    let known = fixture.copy()
    known.run("web1", on: "a")
    try refuseRunning("web1", spec, among: [OperatorFixture.domain("web1")], in: known.view)
  }

  @Test func `a UUID of what runs here under protection is that workload's, not a domain to adopt`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    let uuid = OperatorFixture.spec("web1").uuid, spec = OperatorFixture.spec("web2", uuid: uuid)
    try refuseRunning("web2", spec, among: [OperatorFixture.domain("web1", uuid: uuid)], in: fixture.view)
    let refusal = try #require(fixture.refusal(of: .define("web2", spec)))
    #expect(refusal.reason == "the workload web1 has the same UUID \(uuid) on lxc:///system")
  }

  @Test func `a domain that runs elsewhere outside protection is found there by its UUID`() throws {
    let fixture = OperatorFixture()
    let spec = OperatorFixture.spec("web1")
    var report = ReportRecord(
      unmanaged: .none, unmanagedDomains: 1, unreachable: [:], guardPhase: .armed, strays: [])
    report.unmanagedUUIDs = [spec.uuid]
    fixture.put(.report("b"), .report(report))
    let refusal = try #require(fixture.refusal(of: .define("web1", spec)))
    #expect(refusal.remedy.contains("On b, `virsh -c lxc:///system domname \(spec.uuid)`"), "\(refusal)")
  }

  @Test func `a connection that no node serves is a mistake, with the one that was meant`() throws {
    let refusal = try #require(
      OperatorFixture().refusal(of: .define("web1", OperatorFixture.spec("web1", connection: "lxc:///sytem"))))
    #expect(refusal.kind == .invalid && refusal.remedy.contains("Did you mean lxc:///system?"))
  }

  @Test func `what leaves protection is not defined anew`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.put(.intent("web1"), .intent(IntentRecord(desired: .unprotected)))
    #expect(fixture.refusal(of: .define("web1", OperatorFixture.spec("web1")))?.kind == .conflict)
  }

  static let flaws: [(String, @Sendable (inout SpecRecord) -> Void)] = [
    ("not a libvirt URI", { $0.connection = "lxc" }),
    ("is not a UUID", { $0.uuid = "123" }),
    ("is not a UUID", { $0.uuid = $0.uuid.uppercased() }),
    ("memory is 0 MiB", { $0.demand.memory = 0 }),
    ("processors are nan", { $0.demand.cpus = .nan }),
    ("processors are -1", { $0.demand.cpus = -1 }),
    ("stop timeout", { $0.stopTimeout = .infinity }),
    ("the mask ********", { $0.xml = "<domain type='kvm'><graphics passwd='********'/></domain>" }),
    ("bytes", { $0.xml = String(repeating: "x", count: SpecRecord.greatestXML + 1) })
  ]

  @Test(arguments: flaws.indices) func `a spec that cannot be is refused`(_ index: Int) throws {
    let (words, change) = Self.flaws[index]
    var spec = OperatorFixture.spec("web1")
    change(&spec)
    let refusal = try #require(OperatorFixture().refusal(of: .define("web1", spec)))
    #expect(refusal.kind == .invalid)
    #expect(refusal.reason.contains(words), "\(refusal)")
    #expect(!refusal.remedy.isEmpty)
  }

  @Test(arguments: ["", "-web", "web/1", "wéb", "a b", String(repeating: "x", count: 64)])
  func `a name that cannot be a key is refused`(_ name: String) throws {
    #expect(OperatorFixture().refusal(of: .define(WorkloadName(name), OperatorFixture.spec("web1")))?.kind == .invalid)
  }

  private func excluding(_ command: OperatorCommand, in view: ClusterView) throws -> PreparedCommand {
    var prepared = try command.prepare(in: view)
    prepared.excludeOtherDefinitions(in: view)
    return prepared
  }

  @Test func `of two that give workloads something to themselves at the same moment one has to look again`() throws {
    let fixture = OperatorFixture()
    fixture.run("web3", on: "a")
    var xml = OperatorFixture.spec("web3"), priority = OperatorFixture.spec("web3")
    (xml.xml, priority.priority) = ("<domain type='lxc'><name>web3</name></domain>", 7)
    let view = fixture.view
    let first = try excluding(.define("web1", OperatorFixture.spec("web1")), in: view)
    let others = try [OperatorCommand.define("web2", OperatorFixture.spec("web2")), .define("web3", xml)].map {
      try excluding($0, in: view)
    }
    let adoption = try excluding(.adopt(fixture.adoption(OperatorFixture.domain("wiki"))), in: view)
    let harmless = try excluding(.define("web3", priority), in: view)
    #expect(harmless.transaction?.writes.contains { $0.key == .definitions } == false)
    // Who hears of the record has heard of the definition.
    #expect(first.transaction?.writes.last == .put(.definitions, .definitions(DefinitionsRecord(last: "web1"))))
    #expect(fixture.commit(first.transaction))
    for other in others + [adoption] { #expect(!fixture.commit(other.transaction)) }
    #expect(fixture.commit(harmless.transaction))
    let again = try excluding(.define("web2", OperatorFixture.spec("web2")), in: fixture.view)
    #expect(fixture.commit(again.transaction) && fixture.view.definitions?.value.last == "web2")
  }

  @Test func `which definition came last excludes nobody when it cannot be read`() throws {
    let fixture = OperatorFixture()
    fixture.put(.definitions, .unreadable(reason: "from the future"))
    let prepared = try excluding(.define("web1", OperatorFixture.spec("web1")), in: fixture.view)
    #expect(fixture.commit(prepared.transaction) && fixture.view.definitions?.value.last == "web1")
  }
}
