import GuardCore
import HoldfastModel
import HoldfastNode
import HoldfastPorts
import HoldfastTime
import Synchronization
import Testing

/// How a node comes to know what its libvirt cannot run, round by round.
@Suite struct `The watch for what cannot run` {
  private static let qemu = "qemu:///system", lxc = "lxc:///system"
  private static let why = Incompatibility(.machine, "pc-q35-9.2")

  /// A node's libvirt.
  private final class Host: CompatibilityCheck {
    struct State {
      /// By connection; what is missing does not answer.
      var answers: [String: [WorkloadName: Incompatibility]] = [qemu: [:], lxc: [:]]
      var looks = 0
      var asked: [StoredDefinition] = []
      var reports: [[IncompatibleWorkloads]] = []
      var domains: [DomainID: DomainObservation] = [:]
      var view = ClusterView()
    }
    let connections = [qemu, lxc]
    private let state = Mutex(State())

    func change(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    func get<Value: Sendable>(_ get: (State) -> Value) -> Value { state.withLock { get($0) } }

    func incompatibilities(of definitions: [StoredDefinition]) async -> [String: [WorkloadName: Incompatibility]] {
      state.withLock { state in
        state.looks += 1
        state.asked = definitions
        return state.answers
      }
    }

    var watch: CompatibilityWatch {
      CompatibilityWatch(
        check: self, view: { self.get(\.view) }, domains: { self.get(\.domains) },
        report: { found in self.change { $0.reports.append(found) } })
    }
  }

  private static func spec(_ name: String, on connection: String = qemu, xml: String = "<domain/>") -> SpecRecord {
    SpecRecord(
      connection: connection, uuid: "UUID-\(name)", xml: xml, demand: .none, labels: [:], priority: 0, isolation: .freeze,
      stopTimeout: 1)
  }

  private static func listing(_ specs: [SpecRecord], besides: [Write<RecordKey, Record>] = []) -> ClusterListing {
    var store = StoreModel<RecordKey, Record>()
    for spec in specs {
      let name = WorkloadName(String(spec.uuid.dropFirst("UUID-".count)))
      _ = store.apply(ClusterTransaction(if: [], write: [.put(.spec(name), .spec(spec))]))
    }
    _ = store.apply(ClusterTransaction(if: [], write: besides))
    return store.list { _ in true }
  }

  private static func at(_ seconds: Double) -> BootInstant {
    BootInstant(nanoseconds: 1_000_000_000_000) + .seconds(seconds)
  }

  @Test func `a look is due after a while, and at once when a definition is new or another one`() async {
    let host = Host(), watch = host.watch
    var memory = CompatibilityWatch.Memory()
    await watch.round(&memory, now: Self.at(0))
    #expect(host.get(\.looks) == 0, "nothing was listed yet")
    host.change { $0.view.load(Self.listing([Self.spec("w1"), Self.spec("w2", on: Self.lxc), Self.spec("w3", on: "xen:///")])) }
    for (second, looks) in [(2.0, 1), (4, 1), (60, 1), (63, 2)] {
      await watch.round(&memory, now: Self.at(second))
      #expect(host.get(\.looks) == looks, "after \(second) s")
    }
    #expect(host.get(\.asked).map(\.workload) == ["w1", "w2"], "the third is none of this node's")
    host.change { $0.view.load(Self.listing([Self.spec("w2", on: Self.lxc), Self.spec("w1", xml: "<domain type='kvm'/>")])) }
    await watch.round(&memory, now: Self.at(65))
    #expect(host.get(\.looks) == 3 && host.get(\.asked).first?.xml == "<domain type='kvm'/>")
  }

  @Test func `the first answer is told in any case, later ones when they are news`() async {
    let host = Host(), watch = host.watch
    var memory = CompatibilityWatch.Memory()
    host.change { $0.view.load(Self.listing([Self.spec("w1"), Self.spec("w2")])) }
    // Half of it says less than what the life before reported.
    host.change { $0.answers = [Self.lxc: [:]] }
    await watch.round(&memory, now: Self.at(0))
    #expect(host.get(\.reports).isEmpty)
    host.change { $0.answers = [Self.lxc: [:], Self.qemu: [:]] }
    // It is asked again soon.
    await watch.round(&memory, now: Self.at(4))
    #expect(host.get(\.reports) == [[]])
    host.change { $0.answers[Self.qemu] = ["w2": Self.why, "w1": Self.why, "gone": Self.why] }
    for second in [65.0, 126] { await watch.round(&memory, now: Self.at(second)) }
    let both = [IncompatibleWorkloads(Self.why, ["w1", "w2"])]
    #expect(host.get(\.looks) == 4 && host.get(\.reports) == [[], both])
    // What does not answer keeps what it had.
    host.change { $0.answers[Self.qemu] = nil }
    await watch.round(&memory, now: Self.at(187))
    #expect(host.get(\.reports).count == 2)
    host.change { $0.answers[Self.qemu] = [:] }
    await watch.round(&memory, now: Self.at(191))
    #expect(host.get(\.reports) == [[], both, []])
  }

  /// What the life before reported may be wrong: the emulator was upgraded before this one began.
  @Test func `a connection that never answers does not keep what the others say back for ever`() async {
    let host = Host(), watch = host.watch
    var memory = CompatibilityWatch.Memory()
    host.change {
      $0.view.load(Self.listing([Self.spec("w1"), Self.spec("w2", on: Self.lxc)]))
      $0.answers = [Self.qemu: ["w1": Self.why]]
    }
    for (second, reports) in [(0.0, 0), (58, 0), (62, 1), (66, 1)] {
      await watch.round(&memory, now: Self.at(second))
      #expect(host.get(\.reports).count == reports, "after \(second) s")
    }
    #expect(host.get(\.reports) == [[IncompatibleWorkloads(Self.why, ["w1"])]])
  }

  static let sights: [(String, DomainObservation.State, uuid: String, mark: String?, Bool)] = [
    ("as it is defined", .running, "uuid-w1", "<domain/>", true),
    ("an older definition", .running, "uuid-w1", "<domain type='kvm'/>", false),
    ("somebody else's", .running, "uuid-w9", "<domain/>", false),
    ("outside protection", .running, "uuid-w1", nil, false),
    ("on its way here", .arriving, "uuid-w1", "<domain/>", false)
  ]

  @Test(arguments: sights.indices) func `what runs here as it is defined is proof`(_ index: Int) async {
    let (what, state, uuid, mark, isProof) = Self.sights[index]
    let host = Host(), watch = host.watch
    var memory = CompatibilityWatch.Memory()
    let id = DomainID(connection: Self.qemu, name: "w1")
    var claim = mark.map { _ in ClaimMark(cluster: "c", workload: "w1", epoch: Epoch(1)) }
    claim?.definition = mark.map { Self.spec("w1", xml: $0).definition }
    host.change {
      $0.view.load(Self.listing([Self.spec("w1")]))
      $0.domains[id] = DomainObservation(
        id: id, uuid: uuid, state: state, mark: claim, memory: 1, vcpus: 1, persistent: false, pid: nil, cgroup: nil, links: [])
    }
    await watch.round(&memory, now: Self.at(0))
    #expect(host.get(\.asked).map(\.isRunningHere) == [isProof], "\(what)")
  }
}
