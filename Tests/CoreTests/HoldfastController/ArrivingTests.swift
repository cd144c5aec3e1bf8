import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastTime
import Testing

/// A placeholder on the target of a live migration: libvirt would refuse what arrives under its name.
@Suite struct ArrivingTests {
  /// n2 holds w1 at epoch 3 and offers it to n1, whose guard is the guard's own machine and covers it at once.
  private func target(unbars: [OperationOutcome] = []) throws -> Rig {
    var rig = Rig.guarded()
    rig.unbarOutcomes = unbars
    rig.join("n2", incarnation: "i2")
    rig.pass(.milliseconds(200))
    let own = try #require(rig.controller.session.incarnation)
    rig.write([
      .put(.spec("w1"), .spec(Rig.spec())), .put(.intent("w1"), .intent(IntentRecord(desired: .running))),
      .put(.placement("w1"), .placement(PlacementRecord(node: "n1", reason: "test"))),
      .put(
        .claim("w1"),
        .claim(
          ClaimRecord(
            epoch: Epoch(3), holder: .init(node: "n2", incarnation: "i2"), activity: .running,
            migration: .init(.offered, target: .init(node: "n1", incarnation: own)))))
    ])
    rig.pass(.milliseconds(50))
    return rig
  }

  private func isReady(_ rig: Rig) -> Bool { rig.claim("w1")?.migration?.step == .ready }

  /// What libvirt was asked for, in order.
  private func asked(_ rig: Rig) -> [String] {
    rig.actions.compactMap {
      switch $0 {
      case .bar: "bar"
      case .unbar(_, _, _, _, let overBar): overBar ? "unbar over the bar" : "unbar"
      default: nil
      }
    }
  }

  private func texts(_ rig: Rig) -> [String] {
    rig.actions.compactMap { if case .note(let note) = $0 { note.text } else { nil } }
  }

  @Test func `libvirt is asked once, and the source may begin`() throws {
    var rig = try target()
    #expect(isReady(rig) && asked(rig) == ["unbar"])
    rig.pass(.seconds(2))
    #expect(asked(rig) == ["unbar"])
  }

  /// Nobody knows how old it is: it is made anew, and stays until what it is against has been refused.
  @Test func `a placeholder of an earlier life stays until no start from before can come, and goes before the source begins`()
    throws
  {
    var rig = try target(unbars: [.barred])
    #expect(!isReady(rig) && asked(rig) == ["unbar", "bar"])
    rig.pass(.milliseconds(2800))
    #expect(!isReady(rig) && asked(rig) == ["unbar", "bar"])
    rig.pass(.milliseconds(400))
    #expect(isReady(rig) && asked(rig) == ["unbar", "bar", "unbar over the bar"])
    #expect(!texts(rig).contains { $0.contains("cannot arrive") })
  }

  @Test(arguments: [
    OperationOutcome.failed(reason: "another domain of that name is defined. Remove it"),
    .unknown(reason: "no answer within 5 s")
  ])
  func `what cannot be made room for is told with its reason, and the source does not begin`(
    outcome: OperationOutcome
  ) throws {
    var rig = try target(unbars: Array(repeating: outcome, count: 2))
    #expect(!isReady(rig))
    rig.pass(.milliseconds(100))
    let told = texts(rig).filter { $0.hasPrefix("w1 cannot arrive on n1 while it runs, and its source does not begin: ") }
    #expect(told.count == 1)
    // Somebody has mended it.
    rig.pass(.seconds(1))
    #expect(isReady(rig) && asked(rig) == ["unbar", "unbar", "unbar"])
    #expect(texts(rig).count { $0.contains("cannot arrive") } == 1)
  }

  @Test func `one that cannot be taken away once its start was refused is made anew first`() throws {
    var rig = try target(unbars: [.barred, .failed(reason: "internal error")])
    rig.pass(.milliseconds(3200))
    #expect(!isReady(rig) && asked(rig) == ["unbar", "bar", "unbar over the bar", "bar"])
    rig.pass(.milliseconds(3200))
    #expect(isReady(rig))
  }

  @Test func `what is not to arrive any more is asked about anew the next time`() throws {
    var rig = try target()
    let offer = try #require(rig.claim("w1"))
    var taken = offer
    taken.migration = nil
    rig.write([.put(.claim("w1"), .claim(taken))])
    rig.place("w1", on: "n2")
    rig.pass(.milliseconds(300))
    rig.place("w1", on: "n1")
    var again = taken
    again.migration = .init(.offered, target: try #require(offer.migration?.target))
    rig.write([.put(.claim("w1"), .claim(again))])
    rig.pass(.milliseconds(300))
    #expect(asked(rig) == ["unbar", "unbar"] && isReady(rig))
  }
}
