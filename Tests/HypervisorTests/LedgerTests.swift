import DomainXML
import HoldfastModel
import LibvirtHypervisor
import Testing

/// Looks that overlap are told as if each had been made in an instant.
@Suite struct LedgerTests {
  private var ledger = Ledger()

  private func sighting(_ name: String, _ state: DomainObservation.State = .running) throws -> Sighting {
    let run = Run(uuid: "u-\(name)", number: 1, xml: try DomainDocument("<domain/>"))
    let observation = DomainObservation(
      id: DomainID(connection: "c", name: name), uuid: run.uuid, state: state, mark: nil, memory: 1, vcpus: 1,
      persistent: false,
      pid: nil, cgroup: nil, links: [])
    return .active(observation, run)
  }

  private func words(_ consequence: Ledger.Consequence) -> String {
    switch consequence {
    case .nothing: "nothing"
    case .changed(let observation): "\(observation.id.name) \(observation.state)"
    case .gone: "gone"
    }
  }

  private func names(_ told: (domains: [DomainObservation], news: Bool)) -> String {
    "\(told.domains.map(\.id.name).joined(separator: ","))\(told.news ? " new" : "")"
  }

  @Test mutating func `only what is new is told`() throws {
    #expect(try words(ledger.take(sighting("a"), of: "a", asOf: ledger.begin())) == "a running")
    #expect(try words(ledger.take(sighting("a"), of: "a", asOf: ledger.begin())) == "nothing")
    #expect(try words(ledger.take(sighting("a", .paused), of: "a", asOf: ledger.begin())) == "a paused")
    #expect(words(ledger.take(.absent, of: "a", asOf: ledger.begin())) == "gone")
    #expect(words(ledger.take(.absent, of: "a", asOf: ledger.begin())) == "nothing")
  }

  @Test mutating func `what began earlier and ends later is old`() throws {
    let (early, later) = (ledger.begin(), ledger.begin())
    #expect(try words(ledger.take(sighting("a"), of: "a", asOf: later)) == "a running")
    #expect(words(ledger.take(.absent, of: "a", asOf: early)) == "nothing")
    #expect(ledger.sighting(of: "a").told != nil)
  }

  @Test mutating func `an inventory does not undo what was told while it was taken`() throws {
    #expect(try words(ledger.take(sighting("old"), of: "old", asOf: ledger.begin())) == "old running")
    let inventory = ledger.begin()
    #expect(try words(ledger.take(sighting("born"), of: "born", asOf: ledger.begin())) == "born running")
    #expect(words(ledger.take(.absent, of: "old", asOf: ledger.begin())) == "gone")
    let seen = ["old": try sighting("old"), "other": try sighting("other")]
    #expect(names(ledger.take(seen, asOf: inventory)) == "born,other new")
    #expect(
      try names(ledger.take(["born": sighting("born"), "other": sighting("other")], asOf: ledger.begin())) == "born,other")
  }

  @Test mutating func `what was altered during a look is asked for again`() throws {
    _ = try ledger.take(sighting("a"), of: "a", asOf: ledger.begin())
    #expect(ledger.sighting(of: "a").told?.run.isStale == false)
    let look = ledger.begin()
    ledger.forget("a")
    #expect(ledger.sighting(of: "a").told?.run.isStale == true)
    _ = try ledger.take(sighting("a"), of: "a", asOf: look)
    #expect(ledger.sighting(of: "a").told?.run.isStale == true, "the look may have asked before the change")
    _ = try ledger.take(sighting("a"), of: "a", asOf: ledger.begin())
    #expect(ledger.sighting(of: "a").told?.run.isStale == false)
  }

  @Test mutating func `a look from before an inventory is old`() throws {
    let early = ledger.begin()
    _ = ledger.take([:], asOf: ledger.begin())
    #expect(try words(ledger.take(sighting("a"), of: "a", asOf: early)) == "nothing")
  }

  @Test mutating func `the end of a start that was never seen running is told`() {
    ledger.expect("a")
    _ = ledger.take([:], asOf: ledger.begin())
    #expect(words(ledger.take(.absent, of: "a", asOf: ledger.begin())) == "gone")
    ledger.expect("b")
    ledger.forgetExpectations()
    #expect(words(ledger.take(.absent, of: "b", asOf: ledger.begin())) == "nothing")
  }
}
