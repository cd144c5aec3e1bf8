import GuardProtocol
import HoldfastCore

/// One controller, a real store model, and hands that carry out its actions at once: time passes only when the test says so.
struct Rig {
  var controller: Controller
  var store = StoreModel<RecordKey, Record>()
  var now = BootInstant(nanoseconds: 1_000_000_000_000)
  /// Everything that was asked for since it was last looked at.
  var actions: [Action] = []
  /// The store does not answer.
  var storeIsAway = false
  private var seen = Revision.zero

  static let connection = "lxc:///system"
  static let timing = Timing(ttl: .seconds(1))
  static let node = NodeRecord(
    capacity: Resources(memory: 4096, cpus: 8), labels: [:], connections: [connection], version: "test")

  init(saved: OwnSession.Saved? = nil, seed: UInt64 = 1) {
    controller = Controller(
      Controller.Configuration(
        cluster: "c", node: "n1", record: Self.node, timing: Self.timing, partition: "/holdfast", seed: seed), saved: saved)
  }

  /// A node that is up: listed, observed, guarded, with a session and the planner's role.
  static func running(domains: [DomainObservation] = []) -> Rig {
    var rig = Rig()
    rig.begin(domains: domains)
    return rig
  }

  mutating func begin(domains: [DomainObservation] = [], guardian: GuardState.Phase = .disarmed) {
    send(.guardian(.connected(GuardState(phase: guardian, workloads: []))))
    send(.hypervisor(.inventory(connection: Self.connection, domains: domains)))
    list()
  }

  mutating func list() {
    seen = store.revision
    send(.store(.listed(store.list { _ in true })))
  }

  mutating func send(_ event: Event) {
    let asked = controller.receive(event, now: now)
    actions += asked
    for action in asked { carryOut(action) }
    deliver()
  }

  private mutating func carryOut(_ action: Action) {
    switch action {
    case .transact(let id, let transaction, _):
      if storeIsAway {
        send(.transaction(id, .unknown(reason: "away")))
      } else {
        send(.transaction(id, .verdict(store.apply(transaction))))
      }
    case .tellGuard(.extend(let deadline)):
      send(.guardian(.report(.state(GuardState(phase: .armed(deadline: deadline), workloads: [])))))
    default: break
    }
  }

  /// What others changed in the store.
  private mutating func deliver() {
    guard !storeIsAway, controller.view.isLoaded, let changes = store.changes(after: seen), !changes.isEmpty else { return }
    seen = store.revision
    send(.store(.changed(Array(changes))))
  }

  /// Somebody else's write.
  mutating func write(_ writes: [Write<RecordKey, Record>]) {
    _ = store.apply(ClusterTransaction(if: [], write: writes))
    deliver()
  }

  /// Time passes in steps, so that what is due happens on its way.
  mutating func pass(_ duration: Duration, step: Duration = .milliseconds(20)) {
    let end = now + duration
    while now < end {
      now = min(now + step, end)
      send(.tick)
    }
  }

  mutating func takeActions() -> [Action] {
    defer { actions = [] }
    return actions
  }

  // MARK: what tests put in and look for

  static func spec(_ uuid: String = "u1", isolation: Isolation = .freeze) -> SpecRecord {
    SpecRecord(
      connection: connection, uuid: uuid, xml: "<domain/>", demand: Resources(memory: 100, cpus: 1), labels: [:], priority: 0,
      isolation: isolation, stopTimeout: 2)
  }

  mutating func apply(_ workload: WorkloadName, uuid: String = "u1") {
    write([.put(.spec(workload), .spec(Self.spec(uuid))), .put(.intent(workload), .intent(IntentRecord(desired: .running)))])
  }

  static func domain(
    _ name: String, uuid: String = "u1", epoch: Int64? = 1, cluster: String = "c", persistent: Bool = false
  ) -> DomainObservation {
    DomainObservation(
      id: DomainID(connection: connection, name: name), uuid: uuid, state: .running,
      mark: epoch.map { ClaimMark(cluster: cluster, workload: name, epoch: Epoch($0)) }, memory: 100, vcpus: 1,
      persistent: persistent, pid: 100, cgroup: "/cg/\(name)", links: ["hf0"])
  }

  mutating func sees(_ domain: DomainObservation) { send(.hypervisor(.changed(domain))) }
  mutating func gone(_ name: String) {
    send(.hypervisor(.gone(DomainID(connection: Self.connection, name: name), reason: "test")))
  }

  var claim: (WorkloadName) -> ClaimRecord? { { controller.view.claims[$0]?.value } }
  func starts() -> [StartRequest] { actions.compactMap { if case .start(_, let request) = $0 { request } else { nil } } }
  func stops() -> [Duration] { actions.compactMap { if case .stop(_, _, _, let grace) = $0 { grace } else { nil } } }
  func commands() -> [GuardCommand] { actions.compactMap { if case .tellGuard(let command) = $0 { command } else { nil } } }
  func notes() -> [Note.Kind] { actions.compactMap { if case .note(let note) = $0 { note.kind } else { nil } } }
}
