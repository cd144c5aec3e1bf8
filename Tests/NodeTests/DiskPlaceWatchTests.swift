import GuardCore
import HoldfastModel
import HoldfastNode
import Synchronization
import Testing

/// How a node comes to know which disks are files of its own alone, round by round.
@Suite struct `The watch for disks of the node alone` {
  private static let qemu = "qemu:///system"
  private static let mounts = """
    22 1 8:1 / / rw - ext4 /dev/sda1 rw
    23 22 0:40 / /srv/nfs rw - nfs4 server:/x rw
    """
  private static let mountedOver = mounts + "\n24 22 0:41 / /srv/own rw - ceph mon:/ rw"

  /// What a node sees.
  private final class Host: Sendable {
    struct State {
      var view = ClusterView()
      var domains: [DomainID: DomainObservation] = [:]
      var mounts = `The watch for disks of the node alone`.mounts
      var reports: [[WorkloadName: String]] = []
    }
    private let state = Mutex(State())

    func change(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    func get<Value: Sendable>(_ get: (State) -> Value) -> Value { state.withLock { get($0) } }

    var watch: DiskPlaceWatch {
      DiskPlaceWatch(
        view: { self.get(\.view) }, domains: { self.get(\.domains) }, files: { OwnFiles(mountinfo: self.get(\.mounts)) },
        report: { found in self.change { $0.reports.append(found) } })
    }
  }

  private static func domain(_ name: String, uuid: String? = nil, disk: String? = nil) -> DomainObservation {
    var domain = DomainObservation(
      id: DomainID(connection: qemu, name: name), uuid: uuid ?? "uuid-\(name)", state: .running, mark: nil, memory: 1, vcpus: 1,
      persistent: false, pid: nil, cgroup: nil, links: [])
    domain.hardware = disk.map { DomainHardware(disks: [.init(target: "vda", source: $0)]) }
    return domain
  }

  private static func view(_ disks: [WorkloadName: String]) -> ClusterView {
    var store = StoreModel<RecordKey, Record>(), view = ClusterView()
    for (name, disk) in disks.sorted(by: { $0.key < $1.key }) {
      let spec = SpecRecord(
        connection: qemu, uuid: "UUID-\(name)",
        xml: "<domain type='kvm'><devices><disk><source file='\(disk)'/><target dev='vda'/></disk></devices></domain>",
        demand: .none, labels: [:], priority: 0, isolation: .freeze, stopTimeout: 1)
      _ = store.apply(ClusterTransaction(if: [], write: [.put(.spec(name), .spec(spec))]))
    }
    view.load(store.list { _ in true })
    return view
  }

  private static func all(_ domains: [DomainObservation]) -> [DomainID: DomainObservation] {
    Dictionary(uniqueKeysWithValues: domains.map { ($0.id, $0) })
  }

  @Test func `what runs here on a file system of the node's own is told when it changes`() async {
    let host = Host(), watch = host.watch
    var memory = DiskPlaceWatch.Memory()
    host.change { $0.domains = Self.all([Self.domain("w1"), Self.domain("w2"), Self.domain("w4", uuid: "uuid-other")]) }
    await watch.round(&memory)
    #expect(host.get(\.reports).isEmpty, "nothing was listed yet")
    // The third runs elsewhere, and what has the fourth's name here is another one.
    host.change {
      $0.view = Self.view(["w1": "/srv/own/a.img", "w2": "/srv/nfs/b.img", "w3": "/srv/own/c.img", "w4": "/srv/own/d.img"])
    }
    for _ in 0..<2 { await watch.round(&memory) }
    #expect(host.get(\.reports) == [["w1": "/srv/own/a.img"]])
    host.change { $0.mounts = Self.mountedOver }
    await watch.round(&memory)
    #expect(host.get(\.reports).last == [:])
    host.change { $0.mounts = Self.mounts }
    await watch.round(&memory)
    host.change { $0.domains = [:] }
    for _ in 0..<2 { await watch.round(&memory) }
    #expect(host.get(\.reports) == [["w1": "/srv/own/a.img"], [:], ["w1": "/srv/own/a.img"], [:]])
  }

  @Test func `a disk that was replaced counts as it is now`() async {
    let host = Host(), watch = host.watch
    var memory = DiskPlaceWatch.Memory()
    host.change {
      $0.view = Self.view(["w1": "/srv/nfs/a.img"])
      $0.domains = Self.all([Self.domain("w1", disk: "/srv/own/a.snap")])
    }
    await watch.round(&memory)
    #expect(host.get(\.reports) == [["w1": "/srv/own/a.snap"]])
    host.change { $0.domains = Self.all([Self.domain("w1", disk: "/srv/nfs/a.img")]) }
    await watch.round(&memory)
    #expect(host.get(\.reports).last == [:])
  }

  @Test func `a definition that is another one now is read again`() async {
    let host = Host(), watch = host.watch
    var memory = DiskPlaceWatch.Memory()
    host.change {
      $0.view = Self.view(["w1": "/srv/nfs/a.img"])
      $0.domains = Self.all([Self.domain("w1")])
    }
    await watch.round(&memory)
    host.change { $0.view = Self.view(["w0": "/srv/nfs/z.img", "w1": "/srv/own/\(String(repeating: "a", count: 300))"]) }
    await watch.round(&memory)
    #expect(host.get(\.reports).map { $0["w1"]?.count } == [DiskPlaceWatch.longestPath])
  }
}
