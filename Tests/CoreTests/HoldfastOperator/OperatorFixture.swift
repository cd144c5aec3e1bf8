import GuardCore
import HoldfastController
import HoldfastModel
import HoldfastOperator

/// A store with the records of a small cluster, and the view that a controller would have of it.
final class OperatorFixture {
  private(set) var store = StoreModel<RecordKey, Record>()

  static let connection = "lxc:///system"
  static let xml = "<domain type='lxc'><name>any</name><memory>1</memory></domain>"

  /// Nodes a and b with a session each; c is known and down.
  init() {
    for name: NodeName in ["a", "b", "c"] {
      put(
        .node(name),
        .node(
          NodeRecord(capacity: Resources(memory: 8192, cpus: 4), labels: [:], connections: [Self.connection], version: "1")))
    }
    open("a")
    open("b")
  }

  init(_ other: OperatorFixture) { store = other.store }

  /// c is down, with everything that a node leaves behind.
  static func withDeparted() -> OperatorFixture {
    let fixture = OperatorFixture()
    fixture.put(
      .report("c"),
      .report(ReportRecord(unmanaged: .none, unmanagedDomains: 3, unreachable: [:], guardPhase: .armed, strays: [])))
    fixture.put(.losses("c"), .losses(LossesRecord(count: 2, last: 1)))
    fixture.put(.maintenance("c"), .maintenance(MaintenanceRecord(reason: "disks", since: 1)))
    return fixture
  }

  func copy() -> OperatorFixture { OperatorFixture(self) }

  var view: ClusterView {
    var view = ClusterView()
    view.load(store.list { _ in true })
    return view
  }

  @discardableResult
  func commit(_ transaction: ClusterTransaction?) -> Bool {
    guard let transaction else { return false }
    if case .committed = store.apply(transaction) { return true }
    return false
  }

  func put(_ key: RecordKey, _ record: Record) { commit(ClusterTransaction(if: [], write: [.put(key, record)])) }
  func delete(_ key: RecordKey) { commit(ClusterTransaction(if: [], write: [.delete(key)])) }

  static func incarnation(_ node: NodeName) -> Incarnation { Incarnation("\(node)-1") }

  func open(_ node: NodeName, _ phase: SessionRecord.Phase = .active) {
    put(.session(Self.incarnation(node)), .session(SessionRecord(node: node, counter: 1, ttl: 3000, phase: phase)))
  }

  func session(_ node: NodeName) -> OwnSession.Saved? {
    view.session(of: node).map { OwnSession.Saved(incarnation: $0.incarnation, created: $0.record.created) }
  }

  static func spec(_ name: WorkloadName, memory: Int = 1024, connection: String = connection, uuid: String? = nil) -> SpecRecord
  {
    SpecRecord(
      connection: connection, uuid: uuid ?? NameUUID.derived(cluster: "t", workload: name), xml: xml,
      demand: Resources(memory: memory, cpus: 1), labels: [:], priority: 0, isolation: .freeze, stopTimeout: 30)
  }

  /// A workload that runs on a node with a session.
  func run(_ name: WorkloadName, on node: NodeName, memory: Int = 1024) {
    put(.spec(name), .spec(Self.spec(name, memory: memory)))
    put(.intent(name), .intent(IntentRecord(desired: .running)))
    put(.placement(name), .placement(PlacementRecord(node: node, reason: "least loaded")))
    put(
      .claim(name),
      .claim(ClaimRecord(epoch: Epoch(3), holder: .init(node: node, incarnation: Self.incarnation(node)), activity: .running)))
  }

  static func domain(
    _ name: String, state: DomainObservation.State = .running, uuid: String = "11111111-2222-4333-8444-555555555555",
    mark: ClaimMark? = nil
  ) -> DomainObservation {
    DomainObservation(
      id: DomainID(connection: connection, name: name), uuid: uuid, state: state, mark: mark, memory: 512, vcpus: 2,
      persistent: true, pid: 4711, cgroup: nil, links: [])
  }

  func adoption(_ domain: DomainObservation, on node: NodeName = "a", options: Adoption.Options = .init()) -> Adoption {
    Adoption(cluster: "t", node: node, session: session(node), domain: domain, xml: Self.xml, options: options)
  }

  /// The error that a command meets; nil when it meets none.
  func refusal(of command: OperatorCommand) -> OperatorError? {
    do throws(OperatorError) {
      _ = try command.prepare(in: view)
      return nil
    } catch { return error }
  }
}
