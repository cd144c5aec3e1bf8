import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import Testing

@Suite struct `Operator renames a node` {
  private func refusal(
    _ old: NodeName, to new: NodeName, _ fixture: OperatorFixture, _ policies: PolicySet = .none
  ) -> OperatorError? {
    do throws(OperatorError) {
      _ = try NodeRename(old, to: new, in: fixture.view, policies: policies)
      return nil
    } catch { return error }
  }

  /// Every transaction of it, one after the other.
  private func rename(_ old: NodeName, to new: NodeName, _ fixture: OperatorFixture) throws -> NodeRename {
    let rename = try NodeRename(old, to: new, in: fixture.view, policies: .none)
    for transaction in rename.transactions(slots: 256) {
      #expect(transaction.operations <= 128 && fixture.commit(transaction))
    }
    return rename
  }

  @Test func `all that is said of it is said of the new name, and nothing of the others changes`() throws {
    let fixture = OperatorFixture.withDeparted()
    fixture.run("web1", on: "a")
    fixture.put(.history("c", slot: 7), .history(HistoryRecord(time: 1, node: "c", serial: 7, note: Note(.started, "x"))))
    let before = fixture.view
    let text = try rename("c", to: "d", fixture).text
    #expect(
      text
        == "is d from now on: its record, its maintenance and its losses go over, and its history is deleted; it comes back when "
        + "`node: d` is in its holdfastd.yaml and holdfastd is started")
    let view = fixture.view
    #expect(view.nodes.keys.sorted() == ["a", "b", "d"] && view.nodes["d"]?.value == before.nodes["c"]?.value)
    #expect(view.maintenance.mapValues(\.value) == ["d": MaintenanceRecord(reason: "disks", since: 1)])
    #expect(view.losses.mapValues(\.value) == ["d": LossesRecord(count: 2, last: 1)])
    #expect(view.reports.keys.sorted() == ["d"] && view.reports["d"]?.value.unmanagedDomains == 3)
    #expect(view.claims["web1"] == before.claims["web1"] && view.placements["web1"] == before.placements["web1"])
    #expect(view.sessions == before.sessions)
    #expect(fixture.store.entries[.history("c", slot: 7)] == nil)
    #expect(refusal("c", to: "d", fixture)?.kind == .unknown, "there is nothing left of it")
  }

  @Test func `workloads go with it: their homes, places, moves, failures, and where they went on`() throws {
    let fixture = OperatorFixture.withDeparted()
    fixture.put(
      .placement("home"),
      .placement(PlacementRecord(node: "a", reason: "least loaded", home: "c", handedOver: .init(from: "c"))))
    fixture.put(.placement("placed"), .placement(PlacementRecord(node: "c", reason: "least loaded", servedMove: 4)))
    fixture.put(.intent("asked"), .intent(IntentRecord(desired: .running, move: .init(to: "c", serial: 2))))
    fixture.put(.intent("adopted"), .intent(IntentRecord(desired: .adopting, adopter: "c")))
    fixture.put(
      .claim("failed"), .claim(ClaimRecord(epoch: Epoch(2), holder: nil, failures: ["c": .init(count: 2, reason: "no disk")])))
    let left = ClaimRecord.ReleasedTo(node: "c", connection: OperatorFixture.connection, uuid: "u")
    fixture.put(.claim("gone"), .claim(ClaimRecord(epoch: Epoch(9), holder: nil, releasedTo: left)))
    // Held elsewhere, it is its holder's to write.
    fixture.run("held", on: "a")
    var held = try #require(fixture.view.claims["held"]?.value)
    held.failures = ["c": .init(count: 1, reason: "no disk")]
    fixture.put(.claim("held"), .claim(held))

    #expect(try rename("c", to: "d", fixture).text.contains("its losses and 6 records of workloads go over"))
    let view = fixture.view
    #expect(
      view.placements["home"]?.value
        == PlacementRecord(node: "a", reason: "least loaded", home: "d", handedOver: .init(from: "d")))
    #expect(view.placements["placed"]?.value == PlacementRecord(node: "d", reason: "least loaded", servedMove: 4))
    #expect(view.intents["asked"]?.value.move == .init(to: "d", serial: 2))
    #expect(view.intents["adopted"]?.value.adopter == "d")
    #expect(view.claims["failed"]?.value.failures == ["d": .init(count: 2, reason: "no disk")])
    #expect(view.claims["gone"]?.value.releasedTo?.node == "d" && view.claims["gone"]?.value.epoch == Epoch(9))
    #expect(view.claims["held"]?.value == held)
  }

  @Test func `a large one is split, the node's own record goes last, and a part of it can be gone on with`() throws {
    let fixture = OperatorFixture.withDeparted()
    for number in 0..<70 {
      fixture.put(.placement(WorkloadName("w\(number)")), .placement(PlacementRecord(node: "c", reason: "x")))
    }
    let transactions = try NodeRename("c", to: "d", in: fixture.view, policies: .none).transactions(slots: 256)
    let keys = transactions.map { Set($0.writes.map(\.key)) }
    #expect(
      keys.count > 4 && keys.dropLast().allSatisfy { !$0.contains(.node("c")) } && keys.last?.contains(.node("c")) == true)
    for transaction in transactions.dropLast() { #expect(fixture.commit(transaction)) }
    #expect(fixture.view.nodes["c"] != nil)
    _ = try rename("c", to: "d", fixture)
    #expect(fixture.view.placements.values.allSatisfy { $0.value.node == "d" } && fixture.view.placements.count == 70)
  }

  @Test(arguments: [0, 1, 21, 22, 23, 24, 29, 30, 31, 60, 61])
  func `one of any size is committed as a whole`(count: Int) throws {
    let fixture = OperatorFixture.withDeparted()
    for number in 0..<count {
      fixture.put(.placement(WorkloadName("w\(number)")), .placement(PlacementRecord(node: "a", reason: "x", home: "c")))
    }
    _ = try rename("c", to: "d", fixture)
    #expect(fixture.view.placements.values.allSatisfy { $0.value.home == "d" } && fixture.view.placements.count == count)
    #expect(fixture.view.nodes.keys.sorted() == ["a", "b", "d"])
  }

  @Test func `a host that runs under its new name already keeps what it says of itself`() throws {
    let fixture = OperatorFixture.withDeparted()
    fixture.put(
      .node("d"), .node(NodeRecord(capacity: Resources(memory: 1, cpus: 1), labels: [:], connections: [], version: "2")))
    fixture.put(.maintenance("d"), .maintenance(MaintenanceRecord(reason: "new name", since: 5)))
    fixture.open("d")
    let text = try rename("c", to: "d", fixture).text
    #expect(text == "is d from now on: its record and its losses go over, and its history is deleted")
    let view = fixture.view
    #expect(view.nodes["d"]?.value.version == "2" && view.nodes["c"] == nil)
    #expect(view.maintenance["d"]?.value.reason == "new name" && view.losses["d"]?.value.count == 2)
  }

  @Test func `a node that is up, or that may run something, is refused, and so is a name that is another's`() throws {
    let fixture = OperatorFixture.withDeparted()
    #expect(refusal("a", to: "d", fixture)?.reason == "it is up: it has a session")
    #expect(refusal("x", to: "d", fixture)?.kind == .unknown)
    #expect(refusal("c", to: "c", fixture)?.kind == .invalid && refusal("c", to: "no good", fixture)?.kind == .invalid)
    fixture.run("web1", on: "b")
    #expect(refusal("c", to: "b", fixture)?.reason == "there is a node b, and it holds web1")
    #expect(refusal("c", to: "d", fixture) == nil)

    let lost = fixture.copy()
    lost.put(
      .claim("web2"), .claim(ClaimRecord(epoch: Epoch(2), holder: .init(node: "c", incarnation: "c-1"), activity: .running)))
    #expect(refusal("c", to: "d", lost)?.reason == "it ran web2 last, and nothing shows that what ran has ended")

    let moving = fixture.copy()
    var claim = try #require(moving.view.claims["web1"]?.value)
    claim.migration = .init(.offered, target: .init(node: "c", incarnation: "c-1"))
    moving.put(.claim("web1"), .claim(claim))
    #expect(refusal("c", to: "d", moving)?.reason == "web1 was moving there when it went down")
  }

  @Test(arguments: [
    RecordKey.node("c"), .maintenance("d"), .claim("w"), .placement("w"), .intent("w"), .policies, .session("c-9")
  ])
  func `what cannot be read may name it`(key: RecordKey) {
    let fixture = OperatorFixture.withDeparted()
    fixture.put(key, .unreadable(reason: "from the future"))
    let error = refusal("c", to: "d", fixture)
    #expect(error?.kind == .conflict && error?.reason.contains("cannot be read by this build") == true)
  }

  @Test func `policies that tell the two names apart are named`() throws {
    let rule = WorkloadPolicy(name: "databases", selection: .all, onlyOn: try Selection(parsing: "c"))
    let error = refusal("c", to: "d", .withDeparted(), PolicySet(workloads: [rule]))
    #expect(error?.reason == "policies tell it from d: 'databases'")
    #expect(error?.remedy.contains("`only-on: c or d`") == true)
    let both = WorkloadPolicy(name: "databases", selection: .all, onlyOn: try Selection(parsing: "c or d"))
    #expect(refusal("c", to: "d", .withDeparted(), PolicySet(workloads: [both])) == nil)
  }

  @Test func `of a rename and a node that comes back, or policies that come, only one is committed`() throws {
    let fixture = OperatorFixture.withDeparted()
    let transactions = try NodeRename("c", to: "d", in: fixture.view, policies: .none).transactions(slots: 256)
    let record = try #require(fixture.view.nodes["c"])
    // As a session is opened: the node's record is written with it, guarded on what it was.
    let opening = ClusterTransaction(
      if: [.unchanged(.node("c"), modified: record.modified)],
      write: [
        .put(.session("c-2"), .session(SessionRecord(node: "c", counter: 1, ttl: 3000, phase: .active))),
        .put(.node("c"), .node(record.value))
      ])
    let policed = fixture.copy(), other = fixture.copy()
    #expect(fixture.commit(opening) && transactions.allSatisfy { !fixture.commit($0) })
    policed.put(.policies, .policies(PoliciesRecord()))
    #expect(transactions.allSatisfy { !policed.commit($0) })
    #expect(transactions.allSatisfy { other.commit($0) } && !other.commit(opening))
  }
}
