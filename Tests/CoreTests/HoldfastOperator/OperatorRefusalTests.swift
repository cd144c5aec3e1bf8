import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import Testing

@Suite struct `Operator is told at once` {
  // MARK: moves

  @Test func `that a node in maintenance takes nothing`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.put(.maintenance("b"), .maintenance(MaintenanceRecord(since: 1)))
    let refusal = try #require(fixture.refusal(of: .move("web1", to: "b")))
    #expect(refusal.kind == .conflict && refusal.remedy.contains("holdfast maintenance exit b"))
    fixture.put(.maintenance("b"), .maintenance(MaintenanceRecord(phase: .over, since: 1)))
    #expect(fixture.refusal(of: .move("web1", to: "b")) == nil)
  }

  private func snapshot(_ change: (inout PlanningSnapshot) -> Void = { _ in }) -> PlanningSnapshot {
    var snapshot = PlanningSnapshot(
      nodes: ["a", "b"].map {
        .init(name: $0, capacity: Resources(memory: 4096, cpus: 4), labels: ["rack": $0.text], connections: ["lxc:///system"])
      },
      workloads: [("web1", "a"), ("web2", "b")].map { name, node in
        .init(
          name: WorkloadName(name), connection: "lxc:///system", demand: Resources(memory: 512, cpus: 1),
          placed: PlacementRecord(node: NodeName(node), reason: "least loaded"))
      })
    change(&snapshot)
    return snapshot
  }

  private func refusal(_ snapshot: PlanningSnapshot, _ rule: WorkloadPolicy? = nil) -> OperatorError? {
    let planner = PolicyPlanner(PolicySet(workloads: rule.map { [$0] } ?? []))
    return .forbiddenMove(of: "web1", to: "b", in: snapshot, planner)
  }

  @Test func `that a rule forbids it, but not that there is no room`() throws {
    let never = WorkloadPolicy(name: "never", selection: .all, neverOn: try Selection(parsing: "b"))
    let forbidden = try #require(refusal(snapshot(), never))
    #expect(forbidden.kind == .conflict && forbidden.reason == "b may not take it: 'never' forbids it", "\(forbidden)")
    let apart = WorkloadPolicy(name: "apart", selection: .all, keepApart: [KeepApart(over: "node")])
    #expect(refusal(snapshot(), apart)?.reason == "b may not take it: 'apart' keeps it apart from web2")
    // Where it is already, nothing forbids anything.
    let planner = PolicyPlanner(PolicySet(workloads: [apart]))
    #expect(OperatorError.forbiddenMove(of: "web1", to: "a", in: snapshot(), planner) == nil)
    #expect(refusal(snapshot()) == nil)
    #expect(refusal(snapshot { $0.nodes[1].capacity.memory = 600 }) == nil)
    #expect(refusal(snapshot { $0.nodes[1].unavailable = .down }) == nil)
  }

  @Test func `that what may not be stopped does not move where it cannot while it runs, and what helps`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    func refusal(_ otherwise: Evacuation.Otherwise?, to node: NodeName = "b") -> OperatorError? {
      let rule = WorkloadPolicy(name: "stays", selection: .all, evacuation: Evacuation(otherwise: otherwise))
      return .stayingMove(of: "web1", to: node, in: fixture.view, PolicySet(workloads: [rule]))
    }
    #expect(refusal(nil) == nil && refusal(.restart) == nil && refusal(.stay, to: "a") == nil)
    let refused = try #require(refusal(.stay))
    #expect(
      refused.kind == .conflict
        && refused.reason
          == "it cannot be moved to b while it runs, and is not stopped for a move: a container, and 'otherwise: stay'",
      "\(refused)")
    #expect(refused.remedy.contains("`evacuation: {otherwise: restart}`"))
    // Whatever its policy: its disk would be an older one.
    var claim = try #require(fixture.view.claims["web1"]?.value)
    claim.newerDisks = ["vda": OtherDisk(stored: "/a", running: "/b")]
    fixture.put(.claim("web1"), .claim(claim))
    #expect(refusal(nil)?.remedy.contains("`holdfast accept web1 --running`") == true)
    // It runs nowhere: nothing has to be stopped for it.
    claim.holder = nil
    fixture.put(.claim("web1"), .claim(claim))
    #expect(refusal(.stay) == nil)
  }

  @Test(
    arguments: [
      .leftover(LeftoverDefinition(of: "web1")), .incompatible(Incompatibility(.machine, "pc-q35-9.0"))
    ] as [Exclusion])
  func `that the node cannot run it, whatever the rules say`(exclusion: Exclusion) throws {
    let refused = try #require(refusal(snapshot { $0.workloads[0].excluded = ["b": exclusion] }))
    #expect(refused.kind == .conflict && refused.reason == "b cannot take it: \(exclusion)")
    #expect(!refused.remedy.contains("policy"))
    // What may pass is no reason to refuse.
    #expect(refusal(snapshot { $0.workloads[0].excluded = ["b": .endsAgain(times: 3)] }) == nil)
  }

  // MARK: a corrected definition

  @Test func `a definition that changes is tried where it failed to start, when nobody holds it`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    let failures: [NodeName: ClaimRecord.Failure] = ["a": .init(count: 3, reason: "no such file")]
    fixture.put(.claim("web1"), .claim(ClaimRecord(epoch: Epoch(7), holder: nil, failures: failures)))
    let same = try OperatorCommand.define("web1", OperatorFixture.spec("web1")).prepare(in: fixture.view)
    #expect(same.effect == .unchanged)
    let changed = OperatorFixture.spec("web1", memory: 2048)
    let prepared = try OperatorCommand.define("web1", changed).prepare(in: fixture.view)
    #expect(prepared.text == "changes demand.memory; its failed starts are cleared")
    let other = fixture.copy()
    #expect(fixture.commit(prepared.transaction))
    #expect(fixture.view.claims["web1"]?.value == ClaimRecord(epoch: Epoch(7), holder: nil))

    // Somebody claims it in between: its failures are that node's to tell.
    let holder = ClaimRecord.Holder(node: "b", incarnation: OperatorFixture.incarnation("b"))
    other.put(.claim("web1"), .claim(ClaimRecord(epoch: Epoch(8), holder: holder, failures: failures)))
    #expect(!other.commit(prepared.transaction))
    let held = try OperatorCommand.define("web1", changed).prepare(in: other.view)
    #expect(held.text == "changes demand.memory" && other.commit(held.transaction))
    #expect(other.view.claims["web1"]?.value.failures == failures)
  }

  @Test func `a UUID of a protected domain is told as a workload's, not as one outside protection`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    let uuid = OperatorFixture.spec("web1").uuid, twin = OperatorFixture.spec("web2", uuid: uuid)
    try refuseRunning("web2", twin, among: [OperatorFixture.domain("web1", uuid: uuid)], in: fixture.view)
    #expect(fixture.refusal(of: .define("web2", twin))?.reason.contains("the workload web1 has the same UUID") == true)
  }

  // MARK: history

  @Test func `what changes a definition is news, what changes nothing is not`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    func note(_ command: OperatorCommand, files: String? = nil) throws -> String? {
      try command.prepare(in: fixture.view).note(askedBy: "user 0", files: files)?.text
    }
    #expect(try note(.define("web2", OperatorFixture.spec("web2")), files: "w.yaml") == "web2 is defined (user 0, from w.yaml)")
    #expect(try note(.define("web1", OperatorFixture.spec("web1"))) == nil)
    #expect(
      try note(.define("web1", OperatorFixture.spec("web1", memory: 9)))
        == "web1 has a changed definition: demand.memory (user 0)")
    #expect(try note(.release("web1")) == "web1 is released while it runs on a (user 0)")
    fixture.put(.claim("web1"), .claim(ClaimRecord(epoch: Epoch(4), holder: nil)))
    #expect(try note(.release("web1")) == "web1 is released while it runs nowhere: its definition is deleted (user 0)")
    #expect(try note(.stop("web1")) == "web1 is to be stopped (user 0)")
    let adoption = fixture.adoption(OperatorFixture.domain("web3"))
    #expect(try note(.adopt(adoption)) == "web3 is defined as it runs on a, and adopted there (user 0)")
  }

  // MARK: a disarmed cluster

  @Test func `what a disarmed cluster does not do yet is said so`() throws {
    let fixture = OperatorFixture()
    fixture.run("web1", on: "a")
    fixture.put(.disarm, .disarm(DisarmRecord(since: 1)))
    let words = "the cluster is disarmed, so that begins when it is armed"
    func text(_ command: OperatorCommand) throws -> String { try command.prepare(in: fixture.view).text }
    #expect(try text(.move("web1", to: "b")).contains(words))
    #expect(try text(.define("web2", OperatorFixture.spec("web2"))).contains(words))
    #expect(try !text(.stop("web1")).contains(words), "it is carried out")
    fixture.put(.intent("web1"), .intent(IntentRecord(desired: .stopped)))
    fixture.put(.placement("web1"), .placement(PlacementRecord(node: nil, reason: "stopped")))
    #expect(try text(.start("web1")).contains(words))
    fixture.delete(.disarm)
    #expect(try !text(.start("web1")).contains(words))
  }

  @Test func `a second disarm keeps the end and the reason that it does not name, and says what changes`() throws {
    let fixture = OperatorFixture()
    func disarm(_ record: DisarmRecord) throws -> PreparedClusterCommand {
      try ClusterCommand.disarm(record).prepare(in: fixture.view)
    }
    #expect(fixture.commit(try disarm(DisarmRecord(reason: "switch", since: 1000, until: 60_000)).transaction))
    let same = try disarm(DisarmRecord(since: 5000))
    #expect(same.transaction == nil && same.text == "is disarmed already, until 1970-01-01T00:01:00.000Z")
    let longer = try disarm(DisarmRecord(since: 5000, until: 120_000))
    #expect(longer.text == "stays disarmed, until 1970-01-01T00:02:00.000Z in place of until 1970-01-01T00:01:00.000Z")
    #expect(fixture.commit(longer.transaction))
    #expect(fixture.view.disarm?.value == DisarmRecord(reason: "switch", since: 1000, until: 120_000))
    let renamed = try disarm(DisarmRecord(reason: "cables", since: 5000))
    #expect(renamed.text.hasSuffix("for another reason") && fixture.commit(renamed.transaction))
    #expect(fixture.view.disarm?.value == DisarmRecord(reason: "cables", since: 1000, until: 120_000))
  }
}
