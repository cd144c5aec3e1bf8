import HoldfastController
import HoldfastModel
import Testing

/// Many workloads of a node fail their checks at once.
@Suite struct `What fails its checks with most others` {
  private static let names: [WorkloadName] = ["w1", "w2", "w3", "w4", "w5", "w6"]
  private static let failing = WorkloadHealth(
    .failing, [.init("web", "is not to be reached", isUnknown: false, reaction: .restart)])

  /// n1 runs six workloads; all but the last are asked for by that host.
  private func running(host: String?) -> (Rig, [WorkloadName: Int]) {
    var rig = Rig.running()
    rig.domainsObey = true
    for (index, name) in Self.names.enumerated() {
      var spec = Rig.spec("u\(index + 1)")
      let host = name == "w6" ? nil : host
      spec.checks = [HealthCheck(name: "web", probe: .tcp(TCPProbe(host: host, port: 80)), interval: .seconds(1))]
      rig.write([.put(.spec(name), .spec(spec)), .put(.intent(name), .intent(IntentRecord(desired: .running)))])
    }
    rig.pass(.seconds(2))
    var runs: [WorkloadName: Int] = [:]
    for case .check(let subject) in rig.actions { runs[subject.workload] = subject.run }
    rig.actions = []
    return (rig, runs)
  }

  private func tell(_ names: ArraySlice<WorkloadName>, _ health: WorkloadHealth, _ runs: [WorkloadName: Int], _ rig: inout Rig)
  {
    for name in names { rig.send(.health(name, run: runs[name] ?? 0, health)) }
  }

  private func stopped(_ rig: Rig) -> Set<WorkloadName> {
    Set(rig.actions.compactMap { if case .stop(let name, _, _, _) = $0 { name } else { nil } })
  }

  /// Nobody may act before all have failed.
  private func failTogether(_ names: ArraySlice<WorkloadName>, _ runs: [WorkloadName: Int], _ rig: inout Rig) {
    rig.write([.put(.disarm, .disarm(DisarmRecord(since: 0)))])
    tell(Self.names[...], WorkloadHealth(.healthy), runs, &rig)
    tell(names, Self.failing, runs, &rig)
    rig.write([.delete(.disarm)])
    rig.pass(.seconds(2))
  }

  @Test func `over the node's network is not ended for five minutes, and then it is`() {
    var (rig, runs) = running(host: "10.0.0.9")
    #expect(runs.count == 6)
    failTogether(Self.names[...], runs, &rig)
    #expect(stopped(rig) == ["w6"], "who is asked within it has nothing to do with the network")
    #expect(rig.report()?.health?["w1"]?.held?.contains("over n1's network") == true)
    rig.pass(.seconds(290), step: .milliseconds(200))
    #expect(stopped(rig) == ["w6"])
    #expect(rig.claim("w1")?.ends == nil, "nothing is counted")
    rig.pass(.seconds(15), step: .milliseconds(200))
    #expect(stopped(rig) == Set(Self.names))
  }

  @Test func `within itself is ended at once`() {
    var (rig, runs) = running(host: nil)
    failTogether(Self.names[...], runs, &rig)
    #expect(stopped(rig) == Set(Self.names))
  }

  @Test func `in small numbers is ended at once`() {
    var (rig, runs) = running(host: "10.0.0.9")
    failTogether(Self.names[..<3], runs, &rig)
    #expect(stopped(rig) == ["w1", "w2", "w3"])
  }

  @Test func `is not ended as most others are well again, before its own check had the time to see it well`() {
    var (rig, runs) = running(host: "10.0.0.9")
    failTogether(Self.names[..<5], runs, &rig)
    #expect(stopped(rig) == [])
    // The network is back. One after the other is seen well again; each time the rest is looked at anew.
    for name in Self.names[..<4] {
      tell([name], WorkloadHealth(.healthy), runs, &rig)
      rig.pass(.seconds(1))
      #expect(stopped(rig) == [])
    }
    #expect(rig.report()?.health?["w5"]?.held?.contains("over n1's network") == true)
    tell(["w5"], WorkloadHealth(.healthy), runs, &rig)
    rig.pass(.seconds(60), step: .milliseconds(200))
    #expect(stopped(rig) == [])
    // What fails alone afterwards is ended at once.
    tell(["w5"], Self.failing, runs, &rig)
    rig.pass(.milliseconds(100))
    #expect(stopped(rig) == ["w5"])
  }

  @Test func `is ended when it had that time and is not well`() throws {
    var (rig, runs) = running(host: "10.0.0.9")
    failTogether(Self.names[..<5], runs, &rig)
    tell(Self.names[2..<4], WorkloadHealth(.healthy), runs, &rig)
    let check = try #require(rig.controller.view.specs["w1"]?.value.checks?.first)
    let time = check.interval * check.up + check.timeout
    rig.pass(time, step: .milliseconds(100))
    #expect(stopped(rig) == [])
    rig.pass(.milliseconds(2100), step: .milliseconds(100))
    #expect(stopped(rig) == ["w1", "w2", "w5"])
  }
}
