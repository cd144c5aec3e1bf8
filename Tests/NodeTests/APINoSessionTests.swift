import HoldfastController
import HoldfastModel
import HoldfastOperator
import Testing

/// What a node tells that has no session.
@Suite struct `API: a node without a session` {
  private static let now: Int64 = 1_772_330_000_000

  private static func status(
    _ absence: SessionAbsence?, formatFlaw: String? = nil, silence: Double? = 0.4,
    _ change: (inout MadeUpCluster) -> Void = { _ in }
  ) -> ClusterStatus {
    var cluster = MadeUpCluster.empty
    cluster.join("n1")
    cluster.join("n2")
    cluster.put(.planner, .planner(PlannerRecord(node: "n2", incarnation: "n2-7")))
    cluster.run("w", 1024, on: "n2")
    let report = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
    cluster.put(.report("n2"), .report(report))
    if absence != nil { cluster.delete(.session("n1-7")) }
    change(&cluster)
    var view = ClusterView()
    view.load(cluster.store.list { _ in true })
    let own = OwnSight(node: "n1", report: report, absence: absence, formatFlaw: formatFlaw)
    return ClusterStatus(
      view, cluster: "prod", node: "n1", storeSilence: silence, history: cluster.history, own: own, now: now)
  }

  private static let format = "the store has format 99, and this build knows up to 1"

  static let absences: [(SessionAbsence, String, String, String?)] = [
    (
      .noGuard(hasWithdrawn: true), "guard",
      "n1 has no session because its guard is gone, so it gave its session up and other nodes take its workloads over",
      "systemctl status holdfast-guard"
    ),
    (
      .noGuard(hasWithdrawn: false), "guard", "n1 has no session because its guard is not there",
      "systemctl status holdfast-guard"
    ),
    (.leaving, "leaving", "n1 has no session because it is leaving", nil),
    (.format(format), "format", "n1 has no session because \(format): it does not join", "holdfast nodes"),
    (
      .notFrozen, "not-frozen", "n1 has no session because its guard has not confirmed yet",
      "journalctl -u holdfast-guard -n 20"
    ),
    (
      .earlier(isForeign: true), "foreign", "n1 has no session because another host renews a session under its name",
      "editor /etc/holdfast/holdfastd.yaml"
    ),
    (.earlier(isForeign: false), "earlier", "n1 has no session because an earlier session under its name may still stand", nil),
    (
      .noHypervisor(["lxc:///system"]), "libvirt", "n1 has no session because lxc:///system does not answer",
      "systemctl status libvirtd"
    ),
    (.opening, "opening", "n1 has no session because it has not opened one yet", "journalctl -u holdfastd -n 20")
  ]

  @Test(arguments: absences.indices) func `says why, and what to do about it`(_ index: Int) throws {
    let (absence, code, sentence, command) = Self.absences[index]
    var flaw: String?
    if case .format(let words) = absence { flaw = words }
    let status = Self.status(absence, formatFlaw: flaw)
    #expect(status.store.isAnswering && status.health == .degraded, "\(status.reasons)")
    #expect(status.noSession?.code == code)
    #expect(status.reasons.count == 1 && status.reasons[0].hasPrefix(sentence), "\(status.reasons)")
    #expect(status.next.first?.command == command ?? "holdfast events --limit 20", "\(status.next)")
    #expect(status.nodes.map(\.state) == [.down, .up], "others are seen as they are")
  }

  @Test func `a store that does not answer comes before that, and others are not known`() {
    let status = Self.status(.noGuard(hasWithdrawn: true), silence: 6.4)
    #expect(!status.store.isAnswering && status.health == .critical)
    #expect(status.reasons.contains("The store has not answered n1 for 6.4 s: this status may be out of date"))
    #expect(!status.reasons.contains { $0.contains("has no session") }, "\(status.reasons)")
    #expect(status.nodes.map(\.state) == [.down, .unknown])
    #expect(status.counts.running == 0 && status.counts.unclear == 1)
  }

  @Test func `a node that is down by plan is no trouble`() {
    let status = Self.status(.noGuard(hasWithdrawn: false)) {
      $0.put(.maintenance("n1"), .maintenance(MaintenanceRecord(since: Self.now)))
    }
    #expect(!status.reasons.contains { $0.contains("has no session") }, "\(status.reasons)")
    #expect(status.noSession?.code == "guard")
  }

  @Test func `a format of a later build is told by a node whose session stands`() {
    let status = Self.status(nil, formatFlaw: Self.format)
    #expect(status.formatFlaw == Self.format && status.noSession == nil && status.health == .degraded)
    #expect(status.reasons == ["n1 begins nothing, and what runs there runs on: \(Self.format)"])
    #expect(status.next.map(\.command) == ["holdfast nodes"])
  }
}
