import HoldfastModel
import HoldfastOperator
import HoldfastPlanning
import Testing

/// How a workload will probably leave its node, as its definition and its node's report tell beforehand.
@Suite struct ForeseenMoveTests {
  enum Obstacle: CaseIterable { case none, hostDevice, snapshots, suspended, paused, pausedOutside, ownDisk, lackingCPU }

  private func view(_ obstacle: Obstacle) -> (ClusterView, SpecRecord) {
    var spec = OperatorFixture.spec("vm", connection: "qemu:///system")
    if obstacle == .hostDevice {
      spec.xml = "<domain><devices><hostdev type='mdev'><source><address uuid='AB'/></source></hostdev></devices></domain>"
    }
    var report = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
    if obstacle == .snapshots { report.snapshots = ["vm": 2] }
    if obstacle == .ownDisk { report.ownDisks = ["vm": "/srv/x.img"] }
    if [.suspended, .paused, .pausedOutside].contains(obstacle) { report.paused = ["vm": "libvirt has paused it"] }
    if obstacle == .suspended { report.suspended = ["vm"] }
    let node = NodeRecord(
      capacity: Resources(memory: 4096, cpus: 4), labels: [:], connections: [spec.connection],
      migration: [spec.connection: "qemu+tls://b/system"], version: "test")
    var other = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
    if obstacle == .lackingCPU {
      report.runningCPUs = [
        RunningCPU(GuestCPU(connection: spec.connection, type: "kvm", architecture: nil, xml: "<cpu/>"), ["vm"])
      ]
      other.lackingCPUs = [IncompatibleWorkloads(Incompatibility(.cpu, "no avx512f"), ["vm"])]
    }
    func session(_ node: NodeName) -> Record { .session(SessionRecord(node: node, counter: 1, ttl: 3000, phase: .active)) }
    let records: [RecordKey: Record] = [
      .session("ia"): session("a"), .session("ib"): session("b"),
      .node("b"): .node(node), .spec("vm"): .spec(spec), .report("a"): .report(report), .report("b"): .report(other),
      .intent("vm"): .intent(IntentRecord(desired: .running, errand: obstacle == .paused ? .pause : nil)),
      .claim("vm"): .claim(ClaimRecord(epoch: Epoch(1), holder: .init(node: "a", incarnation: "ia"), activity: .running))
    ]
    var view = ClusterView()
    view.load(
      ClusterListing(
        revision: Revision(9),
        entries: records.mapValues { Stored(value: $0, created: Revision(2), modified: Revision(2)) }))
    return (view, spec)
  }

  @Test(
    arguments: [
      (.none, nil), (.hostDevice, "it has a host device (mdev ab)"), (.snapshots, "libvirt has 2 snapshots of it"),
      (.suspended, nil), (.paused, "it is paused, as an operator asked for it"), (.pausedOutside, "libvirt has paused it"),
      (.ownDisk, "its disk /srv/x.img is on a file system of a's own"),
      (.lackingCPU, "b cannot give it the CPU that it runs with (no avx512f)")
    ] as [(Obstacle, String?)])
  func `what libvirt will refuse is not promised to move while it runs`(obstacle: Obstacle, why: String?) {
    let (view, spec) = view(obstacle)
    // Another node than that one may have such a CPU.
    #expect(view.notLive("vm", by: PolicySet()) == (obstacle == .lackingCPU ? nil : why))
    for otherwise in [nil, .restart, .stay] as [Evacuation.Otherwise?] {
      let evacuation = Evacuation(otherwise: otherwise)
      let method = MoveMethod("vm", spec, to: "b", method: nil, evacuation, in: view)
      #expect(method.how == .live, "the node tries")
      let foreseen = method.foreseen("vm", spec, to: "b", evacuation, in: view)
      #expect(foreseen.how == (why == nil ? .live : otherwise == .stay ? .stay : .restart))
      #expect(foreseen.why == (otherwise == .stay ? why.map { "\($0), and 'otherwise: stay'" } : why))
    }
  }

  @Test(arguments: [(nil, false), (false, false), (true, true)] as [(Bool?, Bool)])
  func `a disk of one node alone is no obstacle where it is copied`(copiesStorage: Bool?, isLive: Bool) {
    let (view, spec) = view(.ownDisk)
    let evacuation = Evacuation(copiesStorage: copiesStorage)
    let method = MoveMethod("vm", spec, to: "b", method: nil, evacuation, in: view)
    #expect(method.how == .live, "the node tries")
    #expect(method.foreseen("vm", spec, to: "b", evacuation, in: view).how == (isLive ? .live : .restart))
  }

  @Test(
    arguments: [
      (
        .none,
        "is moved live from a to b, or stopped and started there if its policy or libvirt does not allow a live migration"
      ),
      (
        .snapshots,
        "is probably stopped on a and started on b, unless its policy says that it stays: libvirt has 2 snapshots of it"
      ),
      (
        .ownDisk,
        "is probably stopped on a and started on b, unless its policy says 'copy-storage: yes', or that it stays: "
          + "its disk /srv/x.img is on a file system of a's own"
      ),
      (
        .lackingCPU,
        "is probably stopped on a and started on b, unless its policy says that it stays: "
          + "b cannot give it the CPU that it runs with (no avx512f)"
      )
    ] as [(Obstacle, String)])
  func `a move says beforehand how it will probably go`(obstacle: Obstacle, words: String) throws {
    let (view, _) = view(obstacle)
    let prepared = try OperatorCommand.move("vm", to: "b").prepare(in: view)
    #expect(prepared.text == words)
  }
}
