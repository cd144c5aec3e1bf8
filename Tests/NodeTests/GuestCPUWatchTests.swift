import GuardCore
import HoldfastModel
import HoldfastNode
import HoldfastPorts
import HoldfastTime
import Synchronization
import Testing

/// How a node comes to know with what CPUs virtual machines run here and elsewhere, round by round.
@Suite struct `The watch for guests' CPUs` {
  private static let qemu = "qemu:///system", lxc = "lxc:///system"
  private static let why = Incompatibility(.cpu, "no avx512f")

  private static func cpu(_ model: String) -> GuestCPU {
    GuestCPU(connection: qemu, type: "kvm", architecture: "x86_64", xml: "<cpu><model>\(model)</model></cpu>")
  }

  /// A node's libvirt.
  private final class Host: GuestCPUCheck {
    struct State {
      var view = ClusterView()
      var domains: [DomainID: DomainObservation] = [:]
      var running: [DomainID: GuestCPU] = [:]
      /// By connection; what is missing does not answer.
      var lacking: [String: [GuestCPU: Incompatibility]] = [qemu: [:], lxc: [:]]
      var read: [[DomainID]] = []
      var asked: [[GuestCPU]] = []
      var reports: [GuestCPUs] = []
    }
    let connections = [qemu, lxc]
    private let state = Mutex(State())

    func change(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    func get<Value: Sendable>(_ get: (State) -> Value) -> Value { state.withLock { get($0) } }

    func runningCPUs(of domains: [DomainID]) async -> [DomainID: GuestCPU] {
      state.withLock { state in
        state.read.append(domains)
        return state.running.filter { domains.contains($0.key) }
      }
    }

    func lacking(_ cpus: [GuestCPU]) async -> [String: [GuestCPU: Incompatibility]] {
      state.withLock { state in
        state.asked.append(cpus)
        return state.lacking
      }
    }

    var watch: GuestCPUWatch {
      GuestCPUWatch(
        node: "n1", check: self, view: { self.get(\.view) }, domains: { self.get(\.domains) },
        report: { known in self.change { $0.reports.append(known) } })
    }
  }

  private static func id(_ name: String) -> DomainID { DomainID(connection: qemu, name: name) }

  private static func domain(_ name: String, pid: Int32 = 1, _ state: DomainObservation.State = .running) -> DomainObservation {
    DomainObservation(
      id: id(name), uuid: "uuid-\(name)", state: state, mark: nil, memory: 1, vcpus: 1, persistent: false, pid: pid,
      cgroup: nil,
      links: [])
  }

  private static func all(_ domains: [DomainObservation]) -> [DomainID: DomainObservation] {
    Dictionary(uniqueKeysWithValues: domains.map { ($0.id, $0) })
  }

  /// Definitions by their CPU modes, and what n2 reports.
  private static func view(_ modes: [WorkloadName: String], elsewhere: [RunningCPU]? = nil, own: [RunningCPU]? = nil)
    -> ClusterView
  {
    var store = StoreModel<RecordKey, Record>(), view = ClusterView()
    for (name, mode) in modes.sorted(by: { $0.key < $1.key }) {
      let spec = SpecRecord(
        connection: qemu, uuid: "UUID-\(name)",
        xml: "<domain type='kvm'><os><type arch='x86_64'>hvm</type></os><cpu mode='\(mode)'/></domain>", demand: .none,
        labels: [:],
        priority: 0, isolation: .freeze, stopTimeout: 1)
      _ = store.apply(ClusterTransaction(if: [], write: [.put(.spec(name), .spec(spec))]))
    }
    for (node, running) in [("n1", own), ("n2", elsewhere)] as [(NodeName, [RunningCPU]?)] {
      var report = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
      report.runningCPUs = running
      _ = store.apply(ClusterTransaction(if: [], write: [.put(.report(node), .report(report))]))
    }
    view.load(store.list { _ in true })
    return view
  }

  private static func at(_ seconds: Double) -> BootInstant {
    BootInstant(nanoseconds: 1_000_000_000_000) + .seconds(seconds)
  }

  @Test func `those that run here and leave the CPU to the host are asked about once for each run`() async {
    let host = Host(), watch = host.watch
    var memory = GuestCPUWatch.Memory()
    await watch.round(&memory, now: Self.at(0))
    #expect(host.get(\.read).isEmpty, "nothing was listed yet")
    host.change {
      $0.view = Self.view(["w1": "host-model", "w2": "host-passthrough", "w3": "host-model", "w4": "host-model"])
      $0.domains = Self.all([Self.domain("w1"), Self.domain("w2"), Self.domain("w3", .paused)])
      $0.running = [Self.id("w1"): Self.cpu("EPYC"), Self.id("w2"): Self.cpu("EPYC")]
    }
    for second in [5.0, 10, 100] { await watch.round(&memory, now: Self.at(second)) }
    #expect(host.get(\.read) == [[Self.id("w1")]])
    #expect(host.get(\.reports) == [GuestCPUs(running: [RunningCPU(Self.cpu("EPYC"), ["w1"])])])
    // Started anew it may have another one.
    host.change {
      $0.domains = Self.all([Self.domain("w1", pid: 2)])
      $0.running = [Self.id("w1"): Self.cpu("EPYC-Rome")]
    }
    await watch.round(&memory, now: Self.at(105))
    #expect(host.get(\.reports).last == GuestCPUs(running: [RunningCPU(Self.cpu("EPYC-Rome"), ["w1"])]))
    host.change { $0.domains = [:] }
    await watch.round(&memory, now: Self.at(110))
    #expect(host.get(\.reports).last == GuestCPUs() && host.get(\.read).count == 2)
  }

  @Test func `what libvirt did not say is asked about again after a while`() async {
    let host = Host(), watch = host.watch
    var memory = GuestCPUWatch.Memory()
    host.change {
      $0.view = Self.view(["w1": "host-model"])
      $0.domains = Self.all([Self.domain("w1")])
    }
    for second in [0.0, 5, 10] { await watch.round(&memory, now: Self.at(second)) }
    #expect(host.get(\.read).count == 1 && host.get(\.reports).isEmpty)
    host.change { $0.running = [Self.id("w1"): Self.cpu("EPYC")] }
    await watch.round(&memory, now: Self.at(61))
    #expect(host.get(\.read).count == 2 && host.get(\.reports).count == 1)
  }

  @Test func `what others report is asked about when it is new, and now and then`() async {
    let host = Host(), watch = host.watch
    var memory = GuestCPUWatch.Memory()
    let (rome, xen) = (Self.cpu("EPYC-Rome"), GuestCPU(connection: "xen:///", type: "xen", architecture: nil, xml: "<cpu/>"))
    host.change {
      // Its own it has, and the third is none of its connections'.
      $0.view = Self.view(
        [:], elsewhere: [RunningCPU(rome, ["w1", "w2"]), RunningCPU(xen, ["w3"])], own: [RunningCPU(Self.cpu("EPYC"), ["w4"])])
      $0.lacking[Self.qemu] = [rome: Self.why]
    }
    for (second, asked) in [(0.0, 1), (5, 1), (55, 1), (61, 2)] {
      await watch.round(&memory, now: Self.at(second))
      #expect(host.get(\.asked).count == asked, "after \(second) s")
    }
    #expect(host.get(\.asked).first == [rome])
    #expect(host.get(\.reports) == [GuestCPUs(lacking: [IncompatibleWorkloads(Self.why, ["w1", "w2"])])])
    // A libvirt that does not answer takes nothing back, and is asked again soon.
    host.change { $0.lacking[Self.qemu] = nil }
    for (second, asked) in [(122.0, 3), (127, 4)] {
      await watch.round(&memory, now: Self.at(second))
      #expect(host.get(\.asked).count == asked && host.get(\.reports).count == 1, "after \(second) s")
    }
    host.change { $0.lacking[Self.qemu] = [:] }
    await watch.round(&memory, now: Self.at(132))
    #expect(host.get(\.reports).last == GuestCPUs())
    // Another one is asked about at once.
    host.change { $0.view = Self.view([:], elsewhere: [RunningCPU(Self.cpu("EPYC-Milan"), ["w1"])]) }
    await watch.round(&memory, now: Self.at(133))
    #expect(host.get(\.asked).last == [Self.cpu("EPYC-Milan")])
  }
}
