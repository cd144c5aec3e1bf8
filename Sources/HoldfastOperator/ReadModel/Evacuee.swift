import HoldfastModel
import HoldfastPlanning

/// A workload that leaves a node in maintenance, has left it, or comes home to it.
public struct Evacuee: Hashable, Sendable, Codable {
  public enum State: String, Hashable, Sendable, Codable, CaseIterable {
    /// It is moved while it runs.
    case migrating
    case stopping
    case starting
    /// Nobody can tell whether it runs: its node cannot see.
    case unclear
    /// Its turn comes when others have left, or have come.
    case waiting
    /// It runs on there, as no other node can take it.
    case stranded
    /// Its policy leaves it there, or it cannot be moved while it runs and is not to be stopped: it goes down with the node.
    case stays
    /// It left and runs nowhere: no node can take it.
    case pending
    /// It left and runs elsewhere.
    case arrived
  }
  public var workload: String
  public var state: State
  /// Where it is; of one that has arrived elsewhere, the node that it left.
  public var from: String?
  /// Where it goes, or went.
  public var to: String?
  /// How it goes; absent where it does not.
  public var how: Passage.How?
  /// A clause: why it is not further.
  public var why: String?
  /// How far its live migration is, as its node last told.
  public var progress: MigrationProgress?
  /// MiB.
  public var memory: Int
}

extension Evacuee {
  /// By node in maintenance: everything that it concerns.
  ///
  /// - Parameter planning: what the planner would plan on, asked for when there is a node in maintenance; nil: not known, and what finds no room is told
  ///   as what waits.
  public static func all(
    in view: ClusterView, planning: () -> PlanningSnapshot?, policies: PolicySet
  ) -> [NodeName: [Evacuee]] {
    guard !view.maintenance.isEmpty else { return [:] }
    let planning = planning()
    return Dictionary(
      uniqueKeysWithValues: view.maintenance.map {
        ($0.key, of($0.key, $0.value.value, in: view, planning: planning, policies: policies))
      })
  }

  /// What moves first, then what waits, then what has arrived; each by name.
  private static func of(
    _ node: NodeName, _ record: MaintenanceRecord, in view: ClusterView, planning: PlanningSnapshot?, policies: PolicySet
  ) -> [Evacuee] {
    var census = Census(node: node, record: record, view: view, policies: policies)
    if let planning, record.phase == .empty, census.hasSomethingPlaced {
      let plan = EvacuationPlan(of: node, record, in: view, planning: planning, policies: policies)
      census.homeless = Dictionary(plan.homeless.map { (WorkloadName($0.workload), $0.reason) }) { first, _ in first }
    }
    let order = Dictionary(uniqueKeysWithValues: State.allCases.enumerated().map { ($1, $0) })
    return view.specs.keys.compactMap { census.evacuee($0) }.sorted {
      (order[$0.state] ?? 0, $0.workload) < (order[$1.state] ?? 0, $1.workload)
    }
  }
}

/// Looks at workloads one by one.
private struct Census {
  let node: NodeName
  let record: MaintenanceRecord
  let view: ClusterView
  let policies: PolicySet
  /// Those that no other node can take, and why.
  var homeless: [WorkloadName: String] = [:]

  init(node: NodeName, record: MaintenanceRecord, view: ClusterView, policies: PolicySet) {
    (self.node, self.record, self.view, self.policies) = (node, record, view, policies)
  }

  /// Otherwise nobody can be left without room.
  var hasSomethingPlaced: Bool {
    view.placements.contains { $0.value.value.node == node && view.specs[$0.key] != nil && !staysByPolicy($0.key) }
  }

  func evacuee(_ name: WorkloadName) -> Evacuee? {
    guard let spec = view.specs[name]?.value else { return nil }
    let desired = view.intents[name]?.value.desired ?? .running
    guard desired == .running || desired == .stopped else { return nil }
    let holder = view.holder(of: name), placement = view.placements[name]?.value
    if holder == node { return record.phase == .empty ? leaving(name, spec, desired, placement) : arriving(name, spec) }
    guard desired == .running, let placement else { return nil }
    if record.phase == .over {
      guard placement.home == node || placement.node == node else { return nil }
      return placement.node == node ? arriving(name, spec) : away(name, spec, placement)
    }
    if placement.node == node { return notHere(name, spec) }
    return placement.home == node ? left(name, spec, placement) : nil
  }

  private func staysByPolicy(_ name: WorkloadName) -> Bool {
    let labels = view.specs[name]?.value.labels ?? [:]
    return policies.settings(of: name, labels: labels).evacuation.method == .stay
  }

  private func made(
    _ name: WorkloadName, _ spec: SpecRecord, _ state: Evacuee.State, to target: NodeName?, why: String? = nil,
    how: Passage.How? = nil
  ) -> Evacuee {
    let holder = view.holder(of: name)
    return Evacuee(
      workload: name.text, state: state, from: holder?.text, to: target?.text, how: how, why: why,
      progress: state == .migrating ? holder.flatMap { view.reports[$0]?.value.migrations?[name] } : nil,
      memory: spec.demand.memory)
  }

  /// It leaves the node that holds it for another one.
  private func underWay(_ name: WorkloadName, _ spec: SpecRecord, from source: NodeName, to target: NodeName) -> Evacuee {
    let claim = view.claims[name]?.value
    if let migration = claim?.migration, migration.step != .arrived {
      let why = migration.step == .offered ? "\(migration.target.node) gets ready for it" : nil
      return made(name, spec, .migrating, to: migration.target.node, why: why, how: .live)
    }
    if let why = view.whyKept(name) { return made(name, spec, .stays, to: nil, why: why) }
    let method = source == node ? record.method : nil
    let evacuation = policies.settings(of: name, labels: spec.labels).evacuation
    let how = view.passage(of: name, spec, to: target, method: method, evacuation).how
    return switch claim?.activity {
    case .stopping: made(name, spec, .stopping, to: target, how: .restart)
    case .unclear: made(name, spec, .unclear, to: target, why: "\(source) cannot tell whether it runs")
    case .starting, .running, nil: made(name, spec, how == .live ? .migrating : .stopping, to: target, how: how)
    }
  }

  private func leaving(
    _ name: WorkloadName, _ spec: SpecRecord, _ desired: IntentRecord.Desired, _ placement: PlacementRecord?
  ) -> Evacuee {
    guard desired == .running else { return made(name, spec, .stopping, to: nil, why: "an operator stopped it") }
    guard let placement else { return made(name, spec, .waiting, to: nil, why: "the planner has not placed it yet") }
    guard let target = placement.node else { return made(name, spec, .stopping, to: nil, why: "\(placement.reason)") }
    if target != node { return underWay(name, spec, from: node, to: target) }
    if staysByPolicy(name) { return made(name, spec, .stays, to: nil, why: "'evacuation: stay'") }
    if let reason = homeless[name], !record.leavesPending { return made(name, spec, .stranded, to: nil, why: reason) }
    let parallel = record.parallel ?? MaintenanceRecord.defaultParallel
    return made(name, spec, .waiting, to: nil, why: "\(parallel) at a time leave")
  }

  /// It is placed on the node, and is not there.
  private func notHere(_ name: WorkloadName, _ spec: SpecRecord) -> Evacuee {
    if staysByPolicy(name) { return made(name, spec, .stays, to: nil, why: "'evacuation: stay'; it is down with the node") }
    return made(name, spec, .waiting, to: nil, why: Situation(name, in: view).why)
  }

  /// It left the node.
  private func left(_ name: WorkloadName, _ spec: SpecRecord, _ placement: PlacementRecord) -> Evacuee {
    guard let target = placement.node else { return made(name, spec, .pending, to: nil, why: "\(placement.reason)") }
    let claim = view.claims[name]?.value, holder = view.holder(of: name)
    if holder == target, claim?.activity == .running {
      var arrived = made(name, spec, .arrived, to: target)
      arrived.from = node.text
      return arrived
    }
    if let holder, holder != target { return underWay(name, spec, from: holder, to: target) }
    if holder == target, claim?.migration?.step == .arrived {
      return made(name, spec, .migrating, to: target, why: "it has arrived, and is about to go on", how: .live)
    }
    return starting(name, spec, target)
  }

  /// It belongs on the node, and comes; nil when it is there.
  private func arriving(_ name: WorkloadName, _ spec: SpecRecord) -> Evacuee? {
    let claim = view.claims[name]?.value, holder = view.holder(of: name)
    if holder == node {
      guard view.placements[name]?.value.node == node, claim?.activity == .starting else { return nil }
      if claim?.migration?.step == .arrived { return made(name, spec, .migrating, to: node, how: .live) }
    }
    if let holder, holder != node { return underWay(name, spec, from: holder, to: node) }
    return starting(name, spec, node)
  }

  private func starting(_ name: WorkloadName, _ spec: SpecRecord, _ target: NodeName) -> Evacuee {
    let failed = view.claims[name]?.value.failures.isEmpty == false
    return made(name, spec, .starting, to: target, why: failed ? Situation(name, in: view).why : nil, how: .restart)
  }

  /// It is elsewhere, and may come home.
  private func away(_ name: WorkloadName, _ spec: SpecRecord, _ placement: PlacementRecord) -> Evacuee {
    made(name, spec, .waiting, to: node, why: placement.node == nil ? "\(placement.reason)" : nil)
  }
}
