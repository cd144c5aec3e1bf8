import HoldfastModel
import HoldfastOperator
import Testing

@Suite struct `Operator removes a node` {
  private func refusal(_ node: NodeName, _ fixture: OperatorFixture) -> OperatorError? {
    do throws(OperatorError) {
      _ = try ClusterCommand.remove(node).prepare(in: fixture.view)
      return nil
    } catch { return error }
  }

  @Test func `all that is left of it goes, and nothing of the others`() throws {
    let fixture = OperatorFixture.withDeparted()
    fixture.run("web1", on: "a")
    let prepared = try ClusterCommand.remove("c").prepare(in: fixture.view)
    for transaction in try NodeRemoval("c", in: fixture.view).historyTransactions(slots: 256) {
      #expect(transaction.operations <= 128 && fixture.commit(transaction))
    }
    #expect(fixture.commit(prepared.transaction))
    let view = fixture.view
    #expect(view.nodes.keys.sorted() == ["a", "b"] && view.reports.isEmpty && view.losses.isEmpty && view.maintenance.isEmpty)
    #expect(view.sessions.count == 2 && view.claims["web1"] != nil)
    #expect(refusal("c", fixture)?.kind == .unknown)
  }

  @Test func `a node that is up, or may be, is not`() throws {
    let fixture = OperatorFixture.withDeparted()
    #expect(refusal("a", fixture)?.reason == "it is up: it has a session")
    #expect(refusal("d", fixture)?.kind == .unknown)
    fixture.put(.session(Incarnation("c-9")), .unreadable(reason: "from the future"))
    #expect(refusal("c", fixture)?.reason.contains("a session that may be its own") == true)
  }

  @Test func `a workload that it may still run keeps it, one that it ran does not`() throws {
    let fixture = OperatorFixture.withDeparted()
    fixture.run("web1", on: "c")
    #expect(refusal("c", fixture) == nil, "its session is gone, so the claim stands no more")
    // Its session's record is there and cannot be read; its name is not the node's.
    let odd = ClaimRecord.Holder(node: "c", incarnation: "x-1")
    fixture.put(.session("x-1"), .unreadable(reason: "from the future"))
    fixture.put(.claim("web1"), .claim(ClaimRecord(epoch: Epoch(4), holder: odd, activity: .running)))
    #expect(refusal("c", fixture)?.reason == "it still holds web1")
  }

  @Test func `of a removal and a node that comes back only one is committed`() throws {
    let fixture = OperatorFixture.withDeparted()
    let prepared = try ClusterCommand.remove("c").prepare(in: fixture.view)
    let history = try NodeRemoval("c", in: fixture.view).historyTransactions(slots: 256)
    let record = try #require(fixture.view.nodes["c"])
    // As a session is opened: the node's record is written with it, guarded on what it was.
    let opening = ClusterTransaction(
      if: [.unchanged(.node("c"), modified: record.modified)],
      write: [
        .put(.session("c-2"), .session(SessionRecord(node: "c", counter: 1, ttl: 3000, phase: .active))),
        .put(.node("c"), .node(record.value))
      ])
    let other = fixture.copy()
    #expect(fixture.commit(opening) && !fixture.commit(prepared.transaction))
    #expect(history.allSatisfy { !fixture.commit($0) })
    #expect(other.commit(prepared.transaction) && !other.commit(opening))
  }
}
