/// A controller's mirror of the store, kept by the watch and by its own transactions.
///
/// It may lag behind the store, never run ahead of it. Decisions taken on it become true only through transactions guarded on
/// the revisions it holds.
public struct ClusterView: Sendable {
  /// Everything up to here has been seen.
  public private(set) var revision: Revision = .zero
  /// Grows with every change but the renewal of a session and a line of history, which come all the time: while it stays the same, so does all that
  /// can be concluded from the records.
  public private(set) var version: UInt64 = 0
  /// False until the first listing.
  public private(set) var isLoaded = false

  public private(set) var format: Stored<FormatRecord>?
  public private(set) var planner: Stored<PlannerRecord>?
  public private(set) var policies: Stored<PoliciesRecord>?
  public private(set) var disarm: Stored<DisarmRecord>?
  public private(set) var movesOff: Stored<MovesOffRecord>?
  public private(set) var definitions: Stored<DefinitionsRecord>?
  public private(set) var nodes: [NodeName: Stored<NodeRecord>] = [:]
  public private(set) var maintenance: [NodeName: Stored<MaintenanceRecord>] = [:]
  public private(set) var losses: [NodeName: Stored<LossesRecord>] = [:]
  public private(set) var reports: [NodeName: Stored<ReportRecord>] = [:]
  public private(set) var sessions: [Incarnation: Stored<SessionRecord>] = [:]
  public private(set) var specs: [WorkloadName: Stored<SpecRecord>] = [:]
  public private(set) var intents: [WorkloadName: Stored<IntentRecord>] = [:]
  public private(set) var placements: [WorkloadName: Stored<PlacementRecord>] = [:]
  public private(set) var claims: [WorkloadName: Stored<ClaimRecord>] = [:]
  /// Definitions that are kept for a time of workloads that were released.
  public private(set) var released: [WorkloadName: Stored<ReleasedRecord>] = [:]
  /// Records that this build cannot read, and why.
  public private(set) var unreadable: [RecordKey: String] = [:]

  /// News that this node's own transactions told ahead of the watch, and as of when: older news about these keys is dropped.
  private var ahead: [RecordKey: Ahead] = [:]
  private struct Ahead: Sendable {
    var revision: Revision
    var entry: Stored<Record>?
  }

  public init() {}

  // MARK: questions

  /// The standing session of a node; the newest, if an attempt to open one arrived late.
  public func session(of node: NodeName) -> (incarnation: Incarnation, record: Stored<SessionRecord>)? {
    sessions.lazy.filter { $0.value.value.node == node }.max { ($0.value.created, $0.key) < ($1.value.created, $1.key) }
      .map { ($0.key, $0.value) }
  }

  /// Nodes with a standing session.
  public var standingNodes: Set<NodeName> { Set(sessions.values.map(\.value.node)) }

  /// Nothing is moved that nobody asked for. What cannot be read counts as that.
  public var areMovesOff: Bool { movesOff != nil || unreadable[.movesOff] != nil }

  /// The domains outside protection by UUID, and where each runs, as the nodes that are up last reported.
  public var unmanagedDomains: [String: NodeName] {
    var found: [String: NodeName] = [:]
    let up = standingNodes
    for (node, report) in reports where up.contains(node) {
      for uuid in report.value.unmanagedUUIDs { found[uuid] = min(found[uuid] ?? node, node) }
    }
    return found
  }

  /// A node that is up, other than this one, on which a domain with that UUID runs outside protection.
  public func otherNode(withUnmanaged uuid: String, than node: NodeName) -> NodeName? {
    let up = standingNodes
    return reports.filter { $0.key != node && up.contains($0.key) && $0.value.value.unmanagedUUIDs.contains(uuid) }.keys.min()
  }

  /// The workload's domain, as it is, or was before it left protection; nil: it never had a claim.
  public func identity(of workload: WorkloadName) -> (connection: String, uuid: String)? {
    if let spec = specs[workload]?.value { return (spec.connection, spec.uuid) }
    return claims[workload]?.value.releasedTo.map { ($0.connection, $0.uuid) }
  }

  /// Why its holder keeps it although it is to leave; nil: it does not.
  public func whyKept(_ workload: WorkloadName) -> String? {
    holder(of: workload).flatMap { reports[$0]?.value.kept?[workload] }
  }

  /// Its guest crashed on that node and is kept there, as the node says.
  public func hasCrashed(_ workload: WorkloadName, on node: NodeName) -> Bool {
    reports[node]?.value.crashed?.contains(workload) ?? false
  }

  /// Whether the claim's holder may still execute the workload, as far as the store says.
  public func isHeld(_ claim: ClaimRecord?) -> Bool {
    guard let holder = claim?.holder else { return false }
    return sessions[holder.incarnation] != nil || unreadable[.session(holder.incarnation)] != nil
  }

  /// One of the workload's records cannot be read: it is left alone.
  public func isUnreadable(_ workload: WorkloadName) -> Bool {
    guard !unreadable.isEmpty else { return false }
    let keys: [RecordKey] = [.spec(workload), .intent(workload), .placement(workload), .claim(workload)]
    return keys.contains { unreadable[$0] != nil }
  }

  /// Every workload that any record speaks of, sorted.
  public var workloads: [WorkloadName] { Set(specs.keys).union(claims.keys).sorted() }

  /// The same records, with what a node says of itself now in place of what it wrote last.
  ///
  /// - Parameter record: what its configuration says of it, for as long as the store has no record of it; nil: nothing.
  public func with(_ report: ReportRecord, _ record: NodeRecord? = nil, of node: NodeName) -> ClusterView {
    var view = self
    if let record, nodes[node] == nil { view.nodes[node] = Stored(value: record, created: .zero, modified: .zero) }
    view.reports[node] = Stored(
      value: report, created: reports[node]?.created ?? .zero, modified: reports[node]?.modified ?? .zero)
    return view
  }

  // MARK: changes

  /// Replaces everything by a listing, but for what our own transactions did after it: a claim that was released must not come back.
  public mutating func load(_ listing: ClusterListing) {
    var fresh = ClusterView()
    for (key, entry) in listing.entries { fresh.set(key, entry) }
    for (key, known) in ahead where known.revision > listing.revision {
      fresh.set(key, known.entry)
      fresh.ahead[key] = known
    }
    fresh.revision = listing.revision
    fresh.version = version + 1
    fresh.isLoaded = true
    self = fresh
  }

  /// Takes one change from the watch. Returns false when it was known already.
  @discardableResult
  public mutating func apply(_ change: ClusterChange) -> Bool {
    guard change.revision >= revision else { return false }
    if change.revision > revision {
      revision = change.revision
      if !ahead.isEmpty { ahead = ahead.filter { $0.value.revision >= revision } }
    }
    if ahead[change.key] != nil { return false }
    set(change.key, change.entry)
    return true
  }

  /// Takes what an own transaction did at `committed`, ahead of the watch.
  public mutating func apply(_ writes: [Write<RecordKey, Record>], committed: Revision) {
    for write in writes where isNews(write.key, at: committed) {
      switch write {
      case .put(let key, let record):
        learn(key, Stored(value: record, created: created(key) ?? committed, modified: committed), at: committed)
      case .delete(let key): learn(key, nil, at: committed)
      }
    }
  }

  /// Takes the present entries that came with a refused transaction; `asked` are the keys that its conditions name.
  public mutating func apply(current: [RecordKey: Stored<Record>], asked: [RecordKey], at answered: Revision) {
    for key in asked where isNews(key, at: answered) { learn(key, current[key], at: answered) }
  }

  /// The store is an earlier one than that of which this is the mirror, and counts its revisions anew from there. What it says is news from now on, and
  /// what our own transactions did to the one before holds no more; the rest stays as it is until the next listing.
  package mutating func storeWentBack() { (revision, ahead) = (.zero, [:]) }

  /// Answers may come in another order than the store gave them.
  private func isNews(_ key: RecordKey, at answered: Revision) -> Bool {
    answered > max(revision, ahead[key]?.revision ?? .zero)
  }

  private mutating func learn(_ key: RecordKey, _ entry: Stored<Record>?, at answered: Revision) {
    ahead[key] = Ahead(revision: answered, entry: entry)
    set(key, entry)
  }

  private func created(_ key: RecordKey) -> Revision? {
    switch key {
    case .format: format?.created
    case .planner: planner?.created
    case .policies: policies?.created
    case .disarm: disarm?.created
    case .movesOff: movesOff?.created
    case .definitions: definitions?.created
    case .node(let name): nodes[name]?.created
    case .maintenance(let name): maintenance[name]?.created
    case .losses(let name): losses[name]?.created
    case .report(let name): reports[name]?.created
    case .session(let incarnation): sessions[incarnation]?.created
    case .spec(let name): specs[name]?.created
    case .intent(let name): intents[name]?.created
    case .placement(let name): placements[name]?.created
    case .claim(let name): claims[name]?.created
    case .released(let name): released[name]?.created
    case .history: nil
    }
  }

  /// A change that comes all the time, and from which nothing is concluded: a line of history, a session's next counter.
  private func isRoutine(_ key: RecordKey, _ entry: Stored<Record>?) -> Bool {
    guard unreadable[key] == nil else { return false }
    switch (key, entry?.value) {
    case (.history, .unreadable): return false
    case (.history, _): return true
    case (.session(let incarnation), .session(let renewed)):
      guard var known = sessions[incarnation], known.created == entry?.created else { return false }
      (known.value.counter, known.value.clock) = (renewed.counter, renewed.clock)
      return known.value == renewed
    default: return false
    }
  }

  private mutating func set(_ key: RecordKey, _ entry: Stored<Record>?) {
    if !isRoutine(key, entry) { version += 1 }
    if !unreadable.isEmpty { unreadable[key] = nil }
    if case .unreadable(let reason)? = entry?.value { unreadable[key] = reason }
    func stored<Value>(_ value: Value, _ entry: Stored<Record>) -> Stored<Value> {
      Stored(value: value, created: entry.created, modified: entry.modified)
    }
    switch key {
    case .format: format = entry.flatMap { if case .format(let v) = $0.value { stored(v, $0) } else { nil } }
    case .planner: planner = entry.flatMap { if case .planner(let v) = $0.value { stored(v, $0) } else { nil } }
    case .policies: policies = entry.flatMap { if case .policies(let v) = $0.value { stored(v, $0) } else { nil } }
    case .disarm: disarm = entry.flatMap { if case .disarm(let v) = $0.value { stored(v, $0) } else { nil } }
    case .movesOff: movesOff = entry.flatMap { if case .movesOff(let v) = $0.value { stored(v, $0) } else { nil } }
    case .definitions:
      definitions = entry.flatMap { if case .definitions(let v) = $0.value { stored(v, $0) } else { nil } }
    case .maintenance(let n):
      maintenance[n] = entry.flatMap { if case .maintenance(let v) = $0.value { stored(v, $0) } else { nil } }
    case .losses(let n): losses[n] = entry.flatMap { if case .losses(let v) = $0.value { stored(v, $0) } else { nil } }
    case .node(let n): nodes[n] = entry.flatMap { if case .node(let v) = $0.value { stored(v, $0) } else { nil } }
    case .report(let n): reports[n] = entry.flatMap { if case .report(let v) = $0.value { stored(v, $0) } else { nil } }
    case .session(let i): sessions[i] = entry.flatMap { if case .session(let v) = $0.value { stored(v, $0) } else { nil } }
    case .spec(let w): specs[w] = entry.flatMap { if case .spec(let v) = $0.value { stored(v, $0) } else { nil } }
    case .intent(let w): intents[w] = entry.flatMap { if case .intent(let v) = $0.value { stored(v, $0) } else { nil } }
    case .placement(let w):
      placements[w] = entry.flatMap { if case .placement(let v) = $0.value { stored(v, $0) } else { nil } }
    case .claim(let w): claims[w] = entry.flatMap { if case .claim(let v) = $0.value { stored(v, $0) } else { nil } }
    case .released(let w):
      released[w] = entry.flatMap { if case .released(let v) = $0.value { stored(v, $0) } else { nil } }
    case .history: break
    }
  }
}
