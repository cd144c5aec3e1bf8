import HoldfastController
import HoldfastModel
import HoldfastNode
import HoldfastPlanning
import HoldfastPolicies
import HoldfastPorts
import Housekeeping
import LinuxBasics
import Synchronization

/// The daemon behind the API, as far as the API sees it: a store's model, a list of domains, a history.
final class TestAccess: ClusterAccess {
  struct State {
    var cluster: MadeUpCluster
    var storeError: StoreError?
    var silence: Double? = 0.4
    var picture: StorePicture?
    /// By bridge or link: what is said of it.
    var networkWarnings: [String: String] = [:]
    /// What is defined on this node beside workloads' domains.
    var leftovers: [LeftoverDefinition] = []
    /// What libvirt on this node cannot run.
    var incompatible: [WorkloadName: Incompatibility] = [:]
    /// The XML of active domains, where it is not a bare container's.
    var descriptions: [String: String] = [:]
    /// By domain: what lies under its disks.
    var underneath: [String: [String: [String]]] = [:]
    /// By domain: what libvirt keeps of it.
    var kept: [String: KeptState] = [:]
    /// What is on this host alone.
    var ownFiles: Set<String> = []
    /// The planner's snapshot tells who is down, who is kept empty, and what runs where; else only what there is.
    var plansInFull = false
    /// Carries out what operators move; nil: nobody does.
    var moves: MadeUpMoves?
    /// Done once before the next commit: what somebody else was faster with.
    var rival: ClusterTransaction?
    /// The mirror stays behind the store.
    var staleView: ClusterView?
    /// What this node sees of itself.
    var own: OwnSight?
    var followers: [Int: AsyncStream<HistoryRecord>.Continuation] = [:]
    var lastFollower = 0
  }
  let cluster = "prod"
  let node: NodeName = "n1"
  private let state: Mutex<State>

  init(_ cluster: MadeUpCluster) { state = Mutex(State(cluster: cluster)) }

  func change(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
  var moves: MadeUpMoves? { state.withLock { $0.moves } }
  var followers: Int { state.withLock { $0.followers.count } }

  private func entries(_ state: borrowing State) -> ClusterView {
    var view = ClusterView()
    view.load(state.cluster.store.list { _ in true })
    return view
  }

  /// The store itself, not the mirror.
  var truth: ClusterView { state.withLock { entries($0) } }

  func picture() async -> ClusterPicture {
    state.withLock { state in
      let own = state.own
      state.moves?.look(at: &state.cluster)
      let view = state.staleView ?? entries(state), isFull = state.plansInFull
      let policies = try? view.policies.map { try PolicyFileReader().read($0.value.files) }
      return ClusterPicture(
        version: UInt64(view.revision.value), instant: BootClock.now, time: APIHarness.now(), view: view,
        observations: Dictionary(uniqueKeysWithValues: state.cluster.domains.map { ($0.id, $0) }),
        session: view.session(of: node).map { OwnSession.Saved(incarnation: $0.incarnation, created: $0.record.created) },
        storeSilence: state.silence, planner: PolicyPlanner(policies ?? .none), policyFlaw: nil,
        own: { own }, planning: { Self.planning(view, isFull: isFull) })
    }
  }

  private static func planning(_ view: ClusterView, isFull: Bool) -> PlanningSnapshot {
    let nodes = view.nodes.sorted { $0.key < $1.key }.map { name, node in
      var planned = PlanningSnapshot.Node(
        name: name, capacity: node.value.capacity, labels: node.value.labels, connections: Set(node.value.connections))
      if isFull { complete(&planned, view) }
      return planned
    }
    let workloads = view.specs.sorted { $0.key < $1.key }.map { name, spec in
      var planned = PlanningSnapshot.Workload(
        name: name, connection: spec.value.connection, demand: spec.value.demand, labels: spec.value.labels,
        placed: view.placements[name]?.value)
      if isFull {
        (planned.priority, planned.running) = (spec.value.priority, view.holder(of: name))
        planned.desired = view.intents[name]?.value.desired ?? .running
      }
      return planned
    }
    return PlanningSnapshot(nodes: nodes, workloads: workloads)
  }

  private static func complete(_ planned: inout PlanningSnapshot.Node, _ view: ClusterView) {
    let maintenance = view.maintenance[planned.name]?.value
    let isUp = view.session(of: planned.name) != nil, isEmptied = maintenance?.phase == .empty
    planned.unmanaged = view.reports[planned.name]?.value.unmanaged ?? .none
    planned.unavailable = !isUp ? "is down" : isEmptied ? "is in maintenance" : nil
    planned.isDraining = isUp && isEmptied
    planned.maintenance = maintenance.map {
      .init(
        failback: $0.phase == .over ? $0.failback : nil, atOnce: $0.parallel ?? MaintenanceRecord.defaultParallel,
        leavesPending: $0.leavesPending)
    }
  }

  func describe(_ id: DomainID) async throws(HypervisorError) -> DomainDescription {
    guard let domain = await picture().observations[id] else {
      throw HypervisorError(domain: id, reason: "no such domain", remedy: "Look with virsh.")
    }
    let bare = "<domain type='lxc'><name>\(id.name)</name><uuid>\(domain.uuid)</uuid></domain>"
    return state.withLock {
      DomainDescription(xml: $0.descriptions[id.name] ?? bare, underneath: $0.underneath[id.name] ?? [:])
    }
  }

  func keptState(of id: DomainID) async throws(HypervisorError) -> KeptState { state.withLock { $0.kept[id.name] } ?? .none }

  func ownFiles(among paths: [String]) -> Set<String> { state.withLock { $0.ownFiles }.intersection(paths) }

  func commit(_ transaction: ClusterTransaction, telling note: Note?) async throws(StoreError) -> ClusterVerdict {
    let verdict = try state.withLock { state throws(StoreError) in
      if let error = state.storeError { throw error }
      if let rival = state.rival {
        state.rival = nil
        _ = state.cluster.store.apply(rival)
      }
      let verdict = state.cluster.store.apply(transaction)
      state.moves?.begin(in: state.cluster)
      return verdict
    }
    if let note, case .committed = verdict { await tell(note) }
    return verdict
  }

  func history(limit: Int, workload: WorkloadName?) async -> [HistoryRecord] {
    state.withLock { state in
      state.cluster.history.compactMap { line in workload.map { line.told(of: $0) } ?? line }.suffix(limit)
    }
  }

  func followHistory() -> AsyncStream<HistoryRecord> {
    let (stream, continuation) = AsyncStream.makeStream(of: HistoryRecord.self)
    let number = state.withLock { state in
      state.lastFollower += 1
      state.followers[state.lastFollower] = continuation
      return state.lastFollower
    }
    continuation.onTermination = { [weak self] _ in self?.change { $0.followers[number] = nil } }
    return stream
  }

  /// Writes a line of history, as the daemon does.
  func tell(_ note: Note, at time: Int64) {
    let (line, followers) = state.withLock { state in
      let line = HistoryRecord(time: time, node: "n1", serial: Int64(state.cluster.history.count), note: note)
      state.cluster.history.append(line)
      return (line, Array(state.followers.values))
    }
    for follower in followers { follower.yield(line) }
  }

  func tell(_ note: Note) async { tell(note, at: APIHarness.now()) }

  func leftovers(of domains: [ProtectedDomain]) async -> [LeftoverDefinition] {
    let names = Set(domains.map(\.workload))
    return state.withLock { state in state.leftovers.filter { names.contains($0.workload) } }
  }

  func incompatibilities(of definitions: [StoredDefinition]) async -> [WorkloadName: Incompatibility] {
    let names = Set(definitions.map(\.workload))
    return state.withLock { state in state.incompatible.filter { names.contains($0.key) } }
  }

  func storePicture() async -> StorePicture? { state.withLock { $0.picture } }
  func networkWarnings(links: [String], bridges: [String]) -> [String] {
    state.withLock { state in (links + bridges).compactMap { state.networkWarnings[$0] } }
  }
}
