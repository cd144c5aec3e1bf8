import HoldfastController
import HoldfastModel
import HoldfastPlanning
import Testing

/// Policies come from the store, and the controller plans and acts by them.
@Suite struct `Policies in force` {
  private static func record(_ rules: String...) -> Write<RecordKey, Record> {
    .put(.policies, .policies(PoliciesRecord(files: rules.map { PolicyText(file: "p.yaml", text: $0) })))
  }

  /// n1 is the planner, n2 is there too.
  private func pair() -> Rig {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.join("n2", incarnation: "i2", memory: 2000)
    return rig
  }

  @Test func `a rule that comes into force moves what stands wrong, and a file taken away gives it free again`() {
    var rig = pair()
    rig.apply("w1")
    #expect(rig.placement("w1")?.node == "n1")
    rig.write([Self.record("never-on w1 n1")])
    #expect(rig.placement("w1")?.node == "n2")
    #expect(rig.placement("w1")?.others["n1"]?.description.contains("never-on w1 n1") == true)
    #expect(rig.stops().count == 1, "it stops here before it starts there")
    rig.write([.delete(.policies)])
    rig.apply("w2", uuid: "u2")
    #expect(rig.placement("w1")?.node == "n2", "nothing moves without a reason")
    #expect(rig.placement("w2")?.node == "n1")
  }

  /// libvirt of its node does not answer for a moment; or its node has just taken it over again, as it ran.
  @Test(arguments: [ClaimRecord.Activity.running, .unclear, .starting])
  func `what may run on its node stays there while moves are off`(activity: ClaimRecord.Activity) {
    var rig = pair()
    let claim = ClaimRecord(epoch: Epoch(1), holder: .init(node: "n2", incarnation: "i2"), activity: activity)
    rig.write([
      .put(.movesOff, .movesOff(MovesOffRecord(since: 1))), .put(.spec("w1"), .spec(Rig.spec())), Self.wanted("w1"),
      .put(.placement("w1"), .placement(PlacementRecord(node: "n2", reason: "test"))), .put(.claim("w1"), .claim(claim))
    ])
    rig.write([Self.record("never-on w1 n2")])
    rig.pass(.seconds(2))
    #expect(rig.placement("w1")?.node == "n2")
    rig.write([.delete(.movesOff)])
    rig.pass(.seconds(2))
    #expect(rig.placement("w1")?.node == "n1")
  }

  @Test func `what cannot be read changes nothing, and is told once`() {
    var rig = pair()
    rig.write([Self.record("never-on w1 n1")])
    rig.actions = []
    rig.write([Self.record("what is this")])
    rig.write([.put(.policies, .unreadable(reason: "garbage"))])
    rig.write([.put(.policies, .unreadable(reason: "garbage"))])
    rig.apply("w1")
    #expect(rig.placement("w1")?.node == "n2", "the rule before holds on")
    #expect(rig.notes().filter { $0 == .policies }.count == 2)
    #expect(rig.controller.policyFlaw == "garbage")
    rig.write([Self.record("never-on w1 n2")])
    #expect(rig.controller.policyFlaw == nil && rig.placement("w1")?.node == "n1")
  }

  @Test func `who could never read them does not plan, and leaves the planner's role to others`() {
    var rig = Rig()
    _ = rig.store.apply(ClusterTransaction(if: [], write: [Self.record("from a newer build")]))
    rig.begin()
    rig.apply("w1")
    rig.pass(.seconds(5))
    #expect(rig.placement("w1") == nil)
    #expect(rig.store.entries[.planner] == nil)
    rig.write([Self.record("never-on w1 n9")])
    rig.pass(.milliseconds(100))
    #expect(rig.placement("w1")?.node == "n1")
  }

  /// The plan was made by the rules before: it must not come into force under others.
  @Test func `a plan whose policies have changed meanwhile is refused by the store`() {
    var rig = pair()
    rig.watchIsDeaf = true
    _ = rig.store.apply(ClusterTransaction(if: [], write: [Self.record("never-on w1 n1")]))
    rig.send(
      .committed(
        [
          .put(.spec("w1"), .spec(Rig.spec())), .put(.intent("w1"), .intent(IntentRecord(desired: .running)))
        ], rig.store.revision))
    #expect(rig.placement("w1") == nil)
    rig.watchIsDeaf = false
    rig.write([
      .put(.spec("w1"), .spec(Rig.spec())), .put(.intent("w1"), .intent(IntentRecord(desired: .running)))
    ])
    rig.pass(.seconds(1))
    #expect(rig.placement("w1")?.node == "n2")
  }

  @Test func `isolation and restarts are those of the rules`() {
    var rig = Rig.running()
    rig.write([Self.record("isolation w1 stop", "restarts w1 3")])
    rig.apply("w1")
    #expect(rig.starts().map(\.partition) == ["/holdfast/stop"])
    for failure in 1...3 {
      #expect(rig.claim("w1")?.holder?.node == "n1", "before failure \(failure)")
      rig.send(.operation("w1", .start, .failed(reason: "no")))
      rig.pass(.milliseconds(1100))
    }
    #expect(rig.claim("w1")?.holder == nil)
    #expect(rig.claim("w1")?.failures["n1"]?.count == 3)
  }

  @Test func `a failed node is waited for as long as the rules say, and nobody has to ask again`() {
    var rig = pair()
    rig.write([Self.record("wait w1 60"), .put(.spec("w1"), .spec(Rig.spec())), Self.wanted("w1")])
    rig.want("w1", .running, move: .init(to: "n2", serial: 1))
    rig.hold("w1", by: "n2", "i2")
    rig.renewed = [:]
    _ = rig.sleep(.seconds(30))
    #expect(rig.sessions(of: "n2").isEmpty && rig.placement("w1")?.node == "n2")
    _ = rig.sleep(.seconds(40))
    #expect(rig.placement("w1")?.node == "n1")
  }

  /// Their names differ in a digit alone.
  @Test func `of two that wait for their nodes each is told, and once, however the seconds pass`() {
    var rig = pair()
    rig.join("n3", incarnation: "i3")
    rig.write([Self.record("wait shop* 60")])
    let places: [(WorkloadName, NodeName, Incarnation)] = [("shop1", "n2", "i2"), ("shop2", "n3", "i3")]
    for (workload, node, incarnation) in places {
      let intent = IntentRecord(desired: .running, move: .init(to: node, serial: 1))
      rig.write([.put(.spec(workload), .spec(Rig.spec("u-\(workload)"))), .put(.intent(workload), .intent(intent))])
      rig.hold(workload, by: node, incarnation)
    }
    func told() -> [WorkloadName] {
      rig.actions.compactMap { action in
        guard case .note(let note) = action, note.text.contains(" s more for ") else { return nil }
        return note.workload
      }
    }
    for (number, (workload, _, incarnation)) in places.enumerated() {
      rig.renewed[incarnation] = nil
      rig.pass(.seconds(10))
      #expect(rig.placement(workload)?.node == places[number].1)
      #expect(told() == places[...number].map(\.0))
    }
  }

  private static func wanted(_ workload: WorkloadName) -> Write<RecordKey, Record> {
    .put(.intent(workload), .intent(IntentRecord(desired: .running)))
  }

  @Test func `a window of the week opens by the time that was told`() {
    var rig = pair()
    rig.send(.wallTime(WeekTime(minute: 90), 0))
    rig.apply("w1")
    rig.pass(.seconds(1))
    #expect(rig.placement("w1")?.node == "n1")
    rig.write([Self.record("night w1 n2")])
    rig.pass(.seconds(29 * 60), step: .milliseconds(100))
    #expect(rig.placement("w1")?.node == "n1", "01:59")
    rig.pass(.seconds(2 * 60), step: .milliseconds(100))
    #expect(rig.placement("w1")?.node == "n2", "02:01")
  }

  /// The clock of the host was set.
  @Test func `a time that is not the expected one is planned by at once`() {
    var rig = pair()
    rig.send(.wallTime(WeekTime(minute: 600), 0))
    rig.write([Self.record("night w1 n2")])
    rig.apply("w1")
    rig.place("w1", on: "n1")
    rig.send(.wallTime(WeekTime(minute: 601), 0))
    #expect(rig.placement("w1")?.node == "n1")
    rig.send(.wallTime(WeekTime(minute: 130), 0))
    #expect(rig.placement("w1")?.node == "n2")
  }
}
