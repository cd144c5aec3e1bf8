import HoldfastModel
import HoldfastOperator
import Testing

/// What people read of workloads whose checks fail, or cannot be made.
@Suite struct OperatorHealthTests {
  private static let name: WorkloadName = "w"

  /// It runs on node a, which reports this of it.
  private func status(_ health: HealthReport?, _ change: (inout ClaimRecord) -> Void = { _ in }) -> ClusterStatus {
    let fixture = OperatorFixture()
    fixture.put(.spec(Self.name), .spec(OperatorFixture.spec(Self.name)))
    fixture.put(.intent(Self.name), .intent(IntentRecord(desired: .running)))
    fixture.put(.placement(Self.name), .placement(PlacementRecord(node: "a", reason: "test")))
    var claim = ClaimRecord(
      epoch: Epoch(3), holder: .init(node: "a", incarnation: OperatorFixture.incarnation("a")), activity: .running)
    change(&claim)
    fixture.put(.claim(Self.name), .claim(claim))
    var report = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
    report.health = health.map { [Self.name: $0] }
    fixture.put(.report("a"), .report(report))
    return ClusterStatus(fixture.view, cluster: "t", node: "a", storeSilence: 0, history: [], now: 0)
  }

  private func why(_ status: ClusterStatus) -> String { status.misplaced.first { $0.name == Self.name.text }?.why ?? "" }

  @Test func `what fails a check runs, and is not as it should be`() throws {
    let status = status(HealthReport(isFailing: true, check: "web", reason: "refused", since: 5, others: ["db"])) {
      $0.ends = 2
    }
    #expect(status.counts.running == 1 && status.counts.unhealthy == 1 && status.counts.ofUnknownHealth == nil)
    let workload = try #require(status.misplaced.first { $0.name == Self.name.text })
    #expect(workload.state == .running && workload.isUnhealthy && !workload.isInPlace && workload.endsInARow == 2)
    #expect(workload.health?.since == WallInstant(5))
    #expect(workload.why == "it fails its check 'web': refused; 'db' is not well either; 2 times in a row")
    #expect(status.health != .ok && status.reasons.contains("w fails a check (w: refused)"), "\(status.reasons)")
    #expect(status.next.contains { $0.command == "holdfast workload w" })
  }

  @Test func `why nothing is done about it is told`() {
    let text = why(
      status(HealthReport(isFailing: true, check: "web", reason: "refused", since: nil, held: "the cluster is disarmed")))
    #expect(text == "it fails its check 'web': refused. It is not restarted for that: the cluster is disarmed")
  }

  @Test func `what cannot be asked is as it should be, and told all the same`() {
    let status = status(HealthReport(isFailing: false, check: "web", reason: "no such command", since: nil))
    #expect(status.ofUnknownHealth == ["w"] && status.counts.ofUnknownHealth == 1 && status.counts.unhealthy == nil)
    #expect(!status.misplaced.contains { $0.name == "w" })
    #expect(status.reasons.contains { $0.hasPrefix("Nobody knows whether w is well") }, "\(status.reasons)")
    #expect(status.health != .ok)
  }

  @Test func `what is well has nothing to tell`() {
    let status = status(nil)
    #expect(status.counts.unhealthy == nil && status.ofUnknownHealth == nil)
    #expect(!status.misplaced.contains { $0.name == "w" })
  }

  @Test(arguments: [
    (ClaimRecord.Activity.starting, "a is starting it; it failed its check 'web', 2 times in a row: refused"),
    (.stopping, "a is restarting it: it failed its check 'web', 2 times in a row: refused")
  ])
  func `while it is started anew the reason is told`(activity: ClaimRecord.Activity, words: String) {
    let status = status(nil) {
      ($0.activity, $0.ends, $0.unwell) = (activity, 2, Unwell(check: "web", reason: "refused"))
    }
    #expect(why(status) == words)
  }
}
