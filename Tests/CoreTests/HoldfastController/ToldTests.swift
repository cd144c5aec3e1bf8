import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import HoldfastTime
import Testing

/// The history is read by people: each thing is told once, and as what it is.
@Suite struct ToldTests {
  private func told(_ kind: Note.Kind, by rig: Rig) -> [String] {
    rig.actions.compactMap { if case .note(let note) = $0, note.kind == kind { note.text } else { nil } }
  }

  private func ask(_ rig: inout Rig, _ command: ClusterCommand) throws {
    if let transaction = try command.prepare(in: rig.controller.view).transaction { _ = rig.store.apply(transaction) }
    rig.deliver()
  }

  @Test func `what stays where a drain brought it is no news when the maintenance ends`() throws {
    var rig = Rig.running()
    rig.join("n2", incarnation: "i2")
    rig.apply("w1")
    rig.place("w1", on: "n2")
    rig.hold("w1", by: "n2", "i2")
    rig.send(.wallTime(WeekTime(minute: 0), 1_000_000))
    try ask(&rig, .enter("n2", MaintenanceRecord(since: 1)))
    rig.pass(.milliseconds(100))
    rig.write([.put(.claim("w1"), .claim(ClaimRecord(epoch: Epoch(1), holder: nil)))])
    rig.domainsObey = true
    rig.pass(.milliseconds(500))
    #expect(rig.claim("w1")?.holder?.node == "n1" && rig.placement("w1")?.home == "n2")
    #expect(told(.placed, by: rig).contains { $0.hasPrefix("w1 goes to n1: ") }, "\(told(.placed, by: rig))")
    rig.actions = []
    try ask(&rig, .exit("n2", .nothing))
    rig.pass(.milliseconds(500))
    #expect(rig.placement("w1")?.node == "n1" && rig.placement("w1")?.home == nil)
    #expect(told(.placed, by: rig).isEmpty, "\(told(.placed, by: rig))")
  }

  @Test func `what is placed where it runs goes nowhere`() {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.pass(.milliseconds(100))
    rig.actions = []
    rig.want("w1", .running, move: .init(to: "n1", serial: 1))
    #expect(rig.placement("w1")?.servedMove == 1)
    #expect(told(.placed, by: rig) == ["w1 stays on n1: the operator asked for it; it was here already"])
  }

  @Test(arguments: [("n2", "w1 was let go by n1: it moves to n2"), (nil, "w1 was let go by n1: no node is to run it now")])
  func `who lets go of a workload says why`(_ node: NodeName?, _ words: String) {
    var rig = Rig.follower()
    rig.domainsObey = true
    rig.apply("w1")
    rig.place("w1", on: "n1")
    rig.pass(.milliseconds(500))
    #expect(rig.claim("w1")?.holder?.node == "n1")
    rig.actions = []
    rig.place("w1", on: node)
    rig.pass(.milliseconds(500))
    #expect(told(.released, by: rig) == [words])
  }

  @Test func `a disarming that ends by itself is told once`() {
    var rig = Rig.guarded()
    rig.send(.wallTime(WeekTime(minute: 0), 1_000_000))
    rig.write([.put(.disarm, .disarm(DisarmRecord(since: 1_000_000, until: 1_020_000)))])
    rig.pass(.milliseconds(500))
    #expect(told(.disarmed, by: rig) == ["the cluster is disarmed: nothing is failed over, frozen or moved"])
    rig.pass(.seconds(21))
    #expect(rig.store.entries[.disarm] == nil)
    #expect(told(.armed, by: rig) == ["the cluster is armed again, as the time of its disarming is over"])
  }

  @Test func `what the guard says twice is told once`() {
    var rig = Rig.running()
    rig.domainsObey = true
    rig.apply("w1")
    rig.send(rig.isolated(["w1"]))
    rig.actions = []
    let killed = { (isConfirmed: Bool) in Event.fromGuard(.report(.killed(workload: "w1", confirmed: isConfirmed))) }
    for isConfirmed in [false, false, true, true] { rig.send(killed(isConfirmed)) }
    #expect(
      told(.killed, by: rig)
        == ["w1: its processes were killed, their end is not confirmed yet", "w1: every process is gone"])
  }
}
