import HoldfastModel
import HoldfastOperator
import HostParts
import Testing

/// What people read of the parts of workloads of the host itself.
@Suite struct PartTroubleTests {
  private static let name: WorkloadName = "files"
  private static let parts = [
    HostPart(name: "data", kind: .mount(MountPart(what: "/dev/vg/files", place: "/srv/files"))),
    HostPart(
      name: "server",
      kind: .script(ScriptPart(start: ["/x/server", "start"], stop: ["/x/server", "stop"], status: ["/x/server", "status"])))
  ]

  /// Node a holds it, and reports this of its parts.
  private func view(_ troubles: [PartTrouble]?, _ activity: ClaimRecord.Activity = .running) -> ClusterView {
    let fixture = OperatorFixture()
    var spec = OperatorFixture.spec(Self.name)
    (spec.connection, spec.xml) = (SpecRecord.hostConnection, HostDefinition(parts: Self.parts).text)
    fixture.put(.spec(Self.name), .spec(spec))
    fixture.put(.intent(Self.name), .intent(IntentRecord(desired: .running)))
    fixture.put(.placement(Self.name), .placement(PlacementRecord(node: "a", reason: "test")))
    fixture.put(
      .claim(Self.name),
      .claim(
        ClaimRecord(
          epoch: Epoch(3), holder: .init(node: "a", incarnation: OperatorFixture.incarnation("a")), activity: activity)))
    var report = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
    report.partTroubles = troubles.map { [Self.name: $0] }
    fixture.put(.report("a"), .report(report))
    return fixture.view
  }

  @Test func `a part that fails, or of which nobody knows, is told by the status, and by name`() throws {
    for (trouble, clause) in [
      (PartTrouble("server", .failed, reason: "status 5"), "its part 'server' fails: status 5"),
      (PartTrouble("server", .unknown, reason: "it is frozen"), "nobody knows how its part 'server' is: it is frozen")
    ] {
      let status = ClusterStatus(view([trouble]), cluster: "t", node: "a", storeSilence: 0, history: [], now: 0)
      let workload = try #require(status.misplaced.first { $0.name == "files" })
      #expect(workload.state == .running && workload.partTroubles == [trouble])
      #expect(workload.why == clause)
      #expect(status.health != .ok && status.reasons.contains { $0.contains("(files: \(clause))") })
      #expect(status.next.contains { $0.command == "holdfast workload files" })
    }
  }

  @Test func `each part has a line with how it is`() {
    let failing = WorkloadInfo(Self.name, in: view([PartTrouble("server", .failed, reason: "status 5")]))
    #expect(
      failing.lines(of: Self.parts) == [
        "mount data: /dev/vg/files on /srv/files; up on a", "script server: /x/server; failed: status 5 on a"
      ])
    let starting = WorkloadInfo(Self.name, in: view([PartTrouble("server", .starting)], .starting))
    #expect(starting.lines(of: Self.parts).last == "script server: /x/server; starting on a")
    #expect(WorkloadInfo(Self.name, in: view(nil)).lines(of: Self.parts).allSatisfy { $0.hasSuffix("; up on a") })
  }

  @Test func `what is on its way, or up, is no trouble`() {
    for troubles in [[PartTrouble("server", .stopping)], nil] {
      let status = ClusterStatus(view(troubles), cluster: "t", node: "a", storeSilence: 0, history: [], now: 0)
      #expect(!status.misplaced.contains { $0.name == "files" })
    }
  }
}
