import GuardCore
import HoldfastModel
import HoldfastNode
import HoldfastPorts
import HoldfastTime
import Synchronization
import Testing

/// What a node does about definitions that are left beside the protected domains, round by round.
@Suite struct `The watch for leftovers` {
  private static let lxc = "lxc:///system"

  /// A node's libvirt: what is left in it, and what became of it.
  private final class Host: LeftoverSearch {
    struct State {
      /// By connection; what is missing does not answer.
      var leftovers: [String: [LeftoverDefinition]] = [lxc: []]
      var outcome = LeftoverRemoval.done
      var looks = 0
      var asked: Set<ProtectedDomain> = []
      var removed: [String] = []
      var reports: [[LeftoverDefinition]] = []
      var notes: [Note] = []
      var view = ClusterView()
    }
    let connections = [lxc]
    private let state = Mutex(State())

    func change(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
    func get<Value: Sendable>(_ get: (State) -> Value) -> Value { state.withLock { get($0) } }

    func leftovers(of domains: [ProtectedDomain]) async -> [String: [LeftoverDefinition]] {
      state.withLock { state in
        state.looks += 1
        state.asked = Set(domains)
        return state.leftovers
      }
    }

    func removeLeftover(_ id: DomainID, uuid: String) async -> LeftoverRemoval {
      state.withLock { state in
        state.removed.append("\(id) \(uuid)")
        if state.outcome == .done { state.leftovers[id.connection]?.removeAll { $0.name == id.name } }
        return state.outcome
      }
    }

    var watch: LeftoverWatch {
      LeftoverWatch(
        node: "n1", search: self, view: { self.get(\.view) },
        report: { found in self.change { $0.reports.append(found) } }, tell: { note in self.change { $0.notes.append(note) } })
    }
  }

  private static func listing(
    _ intents: [WorkloadName: IntentRecord], isUp: Bool = true, besides: [Write<RecordKey, Record>] = []
  ) -> ClusterListing {
    var writes = besides
    for (name, intent) in intents {
      let spec = SpecRecord(
        connection: lxc, uuid: "UUID-\(name)", xml: "<domain/>", demand: .none, labels: [:], priority: 0, isolation: .freeze,
        stopTimeout: 1)
      writes += [.put(.spec(name), .spec(spec)), .put(.intent(name), .intent(intent))]
    }
    if isUp {
      writes.append(.put(.session("n1-1"), .session(SessionRecord(node: "n1", counter: 1, ttl: 3000, phase: .active))))
    }
    var store = StoreModel<RecordKey, Record>()
    _ = store.apply(ClusterTransaction(if: [], write: writes))
    return store.list { _ in true }
  }

  private static func at(_ seconds: Double) -> BootInstant {
    BootInstant(nanoseconds: 1_000_000_000_000) + .seconds(seconds)
  }

  @Test func `a look is due after a while, at once when a workload is new, and before the first listing never`() async {
    let host = Host(), watch = host.watch
    var memory = LeftoverWatch.Memory()
    await watch.round(&memory, now: Self.at(0))
    #expect(host.get(\.looks) == 0)
    host.change { $0.view.load(Self.listing(["w1": IntentRecord(desired: .running)])) }
    for (second, looks) in [(2.0, 1), (4, 1), (30, 1), (33, 2)] {
      await watch.round(&memory, now: Self.at(second))
      #expect(host.get(\.looks) == looks, "after \(second) s")
    }
    #expect(host.get(\.asked) == [ProtectedDomain("w1", connection: Self.lxc, uuid: "uuid-w1")])
    host.change { $0.view.load(Self.listing(["w1": IntentRecord(desired: .running), "w2": IntentRecord(desired: .running)])) }
    await watch.round(&memory, now: Self.at(35))
    #expect(host.get(\.looks) == 3)
    #expect(host.get(\.reports).isEmpty, "there is nothing to tell")
  }

  @Test func `what is found is reported when it changes, sooner when it may be gone`() async {
    let host = Host(), watch = host.watch
    var memory = LeftoverWatch.Memory()
    let left = [LeftoverDefinition(of: "w1", autostart: true), LeftoverDefinition(of: "w2", otherUUID: "u7")]
    host.change {
      $0.view.load(Self.listing(["w1": IntentRecord(desired: .running), "w2": IntentRecord(desired: .stopped)]))
      $0.leftovers = [Self.lxc: left.reversed()]
    }
    for second in [0.0, 11, 22] { await watch.round(&memory, now: Self.at(second)) }
    #expect(host.get(\.looks) == 3 && host.get(\.reports) == [left])
    // A connection that does not answer tells of nothing that is gone.
    host.change { $0.leftovers = [:] }
    await watch.round(&memory, now: Self.at(33))
    #expect(host.get(\.reports).count == 1)
    host.change { $0.leftovers = [Self.lxc: []] }
    // It is asked again soon.
    await watch.round(&memory, now: Self.at(38))
    #expect(host.get(\.reports) == [left, []])
    #expect(host.get(\.removed).isEmpty)
  }

  @Test func `with the operator's word what is the workload itself is removed, and nothing else`() async {
    let host = Host(), watch = host.watch
    var memory = LeftoverWatch.Memory()
    let others = [
      LeftoverDefinition(of: "w1", otherName: "old"), LeftoverDefinition(of: "w2", otherUUID: "u7"),
      LeftoverDefinition(of: "w3", isRunning: true), LeftoverDefinition(of: "w4")
    ]
    let agreed = IntentRecord(desired: .running, removesLeftovers: true)
    host.change {
      $0.view.load(Self.listing(["w1": agreed, "w2": agreed, "w3": agreed, "w4": IntentRecord(desired: .running)]))
      $0.leftovers = [Self.lxc: others + [LeftoverDefinition(of: "w1", autostart: true)]]
    }
    await watch.round(&memory, now: Self.at(0))
    #expect(host.get(\.removed) == ["lxc:///system/w1 uuid-w1"])
    #expect(host.get(\.reports).first?.contains(LeftoverDefinition(of: "w1", autostart: true)) == false)
    #expect(host.get(\.reports).first?.count == others.count)
    #expect(
      host.get(\.notes).map(\.text) == [
        "the definition of w1 that was left on n1 is removed, as the operator agreed; it would have started by itself at the next boot"
      ])
  }

  @Test func `one that cannot be removed is told once, with why, and is tried again`() async {
    let host = Host(), watch = host.watch
    var memory = LeftoverWatch.Memory()
    host.change {
      $0.view.load(Self.listing(["w1": IntentRecord(desired: .running, removesLeftovers: true)]))
      $0.leftovers = [Self.lxc: [LeftoverDefinition(of: "w1")]]
      $0.outcome = .untouched("it has 2 snapshots")
    }
    for second in [0.0, 11, 22] { await watch.round(&memory, now: Self.at(second)) }
    #expect(host.get(\.removed).count == 3)
    #expect(host.get(\.notes).map(\.severity) == [.warning])
    #expect(
      host.get(\.notes).first?.text.contains("it has 2 snapshots. Remove it there with `virsh -c lxc:///system undefine w1`")
        == true)
    #expect(host.get(\.reports) == [[LeftoverDefinition(of: "w1")]])
    host.change { $0.outcome = .done }
    await watch.round(&memory, now: Self.at(33))
    #expect(host.get(\.reports).last == [] && host.get(\.notes).count == 2)
  }

  static let refusals: [(outcome: LeftoverRemoval, autostart: Bool, words: String)] = [
    (
      .refused(reason: "it has 2 snapshots", isAutostartOff: true), true,
      "it has 2 snapshots. Its autostart is off by now, so libvirt does not start it at the next boot. Remove it there with"
    ),
    (.untouched("it is active"), true, "it is active. Its autostart is still on: libvirt starts it at the next boot. Remove"),
    (.unknown(reason: "no answer"), true, "no answer. Whether its autostart is off by now is not known. Remove it there with"),
    (.refused(reason: "it has 2 snapshots", isAutostartOff: true), false, "it has 2 snapshots. Remove it there with")
  ]

  @Test(arguments: refusals.indices) func `one that cannot be removed says whether libvirt starts it`(_ index: Int) async {
    let (outcome, autostart, words) = Self.refusals[index]
    let host = Host(), watch = host.watch
    var memory = LeftoverWatch.Memory()
    host.change {
      $0.view.load(Self.listing(["w1": IntentRecord(desired: .running, removesLeftovers: true)]))
      $0.leftovers = [Self.lxc: [LeftoverDefinition(of: "w1", autostart: autostart)]]
      $0.outcome = outcome
    }
    await watch.round(&memory, now: Self.at(0))
    // As it is found when the next look comes: the reason is the same, and is told once.
    host.change { $0.leftovers = [Self.lxc: [LeftoverDefinition(of: "w1")]] }
    await watch.round(&memory, now: Self.at(11))
    #expect(host.get(\.notes).count == 1 && host.get(\.notes)[0].text.contains(words), "\(host.get(\.notes))")
  }

  static let reluctances: [(String, ClusterListing)] = {
    let agreed = IntentRecord(desired: .running, removesLeftovers: true)
    return [
      ("no session", listing(["w1": agreed], isUp: false)),
      ("adopted there", listing(["w1": IntentRecord(desired: .adopting, adopter: "n1", removesLeftovers: true)])),
      ("leaves protection", listing(["w1": IntentRecord(desired: .unprotected, removesLeftovers: true)])),
      ("disarmed", listing(["w1": agreed], besides: [.put(.disarm, .disarm(DisarmRecord(since: 1)))]))
    ]
  }()

  @Test(arguments: reluctances.indices)
  func `nothing is removed when nothing is to change, or the definition is the workload's own`(
    _ index: Int
  ) async {
    let host = Host(), watch = host.watch
    var memory = LeftoverWatch.Memory()
    host.change {
      $0.view.load(Self.reluctances[index].1)
      $0.leftovers = [Self.lxc: [LeftoverDefinition(of: "w1")]]
    }
    await watch.round(&memory, now: Self.at(0))
    #expect(host.get(\.removed).isEmpty, "\(Self.reluctances[index].0)")
    #expect(host.get(\.reports) == [[LeftoverDefinition(of: "w1")]])
  }

  @Test func `a report stays one record`() async {
    let host = Host(), watch = host.watch
    var memory = LeftoverWatch.Memory()
    let names = (0...LeftoverWatch.most).map { WorkloadName("w\($0)") }
    host.change {
      $0.view.load(Self.listing(Dictionary(uniqueKeysWithValues: names.map { ($0, IntentRecord(desired: .running)) })))
      $0.leftovers = [Self.lxc: names.map { LeftoverDefinition(of: $0) }]
    }
    await watch.round(&memory, now: Self.at(0))
    #expect(host.get(\.reports).map(\.count) == [LeftoverWatch.most])
    await watch.round(&memory, now: Self.at(11))
    #expect(host.get(\.looks) == 1, "many are looked at seldom")
  }
}
