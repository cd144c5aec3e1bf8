import HoldfastModel
import HoldfastPlanning

/// A workload that moves, or has moved, off a node in maintenance or back to it.
public struct EvacuationMove: Hashable, Sendable, Codable {
  public enum State: String, Hashable, Sendable, Codable, CaseIterable {
    /// A live migration is in progress.
    case migrating
    case stopping
    case starting
    /// The node cannot tell whether it runs.
    case unclear
    /// The move waits for others to end.
    case waiting
    /// The workload still runs on the node, because no other node can take it.
    case stuck
    /// The workload goes down with the node: its policy says so, or it cannot be moved live and must not be restarted.
    case stays
    /// The workload was stopped, and no node can take it.
    case pending
    /// The workload runs on another node.
    case arrived
  }
  public var workload: String
  public var state: State
  /// The node that it is on; for one that has arrived, the node that it has left.
  public var from: String?
  /// The target.
  public var to: String?
  /// The method; absent while it does not move.
  public var how: MoveMethod.How?
  /// A clause: why it has not moved yet.
  public var why: String?
  /// Progress of its live migration, as its node reported last.
  public var progress: MigrationProgress?
  /// MiB.
  public var memory: Int
}

extension EvacuationMove {
  /// By node in maintenance: every workload that it concerns.
  ///
  /// - Parameter planning: the planner's snapshot, asked for when there is a node in maintenance; nil: a workload that is stuck is reported as
  ///   waiting.
  /// - Parameter waitingMoves: as the planner's outlook says, asked for when workloads move back.
  public static func all(
    in view: ClusterView, planning: () -> PlanningSnapshot?, waitingMoves: () -> [WaitingMove] = { [] }, policies: PolicySet
  ) -> [NodeName: [EvacuationMove]] {
    guard !view.maintenance.isEmpty else { return [:] }
    let planning = planning()
    let waiting = view.maintenance.values.contains { $0.value.phase == .over } ? waitingMoves() : []
    return Dictionary(
      uniqueKeysWithValues: view.maintenance.map {
        ($0.key, of($0.key, $0.value.value, in: view, planning: planning, waiting: waiting, policies: policies))
      })
  }

  /// Moves in motion first, then those that wait, then those that have arrived; each group by name.
  private static func of(
    _ node: NodeName, _ record: MaintenanceRecord, in view: ClusterView, planning: PlanningSnapshot?, waiting: [WaitingMove],
    policies: PolicySet
  ) -> [EvacuationMove] {
    var census = MoveCensus(node: node, record: record, view: view, policies: policies)
    census.turns = Dictionary(waiting.map { ($0.workload, $0.why) }) { first, _ in first }
    if let planning, record.phase == .empty, census.hasSomethingPlaced {
      let plan = EvacuationPlan(of: node, record, in: view, planning: planning, policies: policies)
      census.unplaceable = Dictionary(plan.unplaceable.map { (WorkloadName($0.workload), $0.reason) }) { first, _ in first }
    }
    let order = Dictionary(uniqueKeysWithValues: State.allCases.enumerated().map { ($1, $0) })
    return view.specs.keys.compactMap { census.move($0) }.sorted {
      (order[$0.state] ?? 0, $0.workload) < (order[$1.state] ?? 0, $1.workload)
    }
  }
}

/// The state of each workload, one by one.
private struct MoveCensus {
  let node: NodeName
  let record: MaintenanceRecord
  let view: ClusterView
  let policies: PolicySet
  /// Workloads that no other node can take, and why.
  var unplaceable: [WorkloadName: String] = [:]
  /// What those wait for whose turn to move has not come.
  var turns: [WorkloadName: WaitingMove.Why] = [:]

  init(node: NodeName, record: MaintenanceRecord, view: ClusterView, policies: PolicySet) {
    (self.node, self.record, self.view, self.policies) = (node, record, view, policies)
  }

  /// Whether a workload could be unplaceable at all.
  var hasSomethingPlaced: Bool {
    view.placements.contains { $0.value.value.node == node && view.specs[$0.key] != nil && !staysByPolicy($0.key) }
  }

  func move(_ name: WorkloadName) -> EvacuationMove? {
    guard let spec = view.specs[name]?.value else { return nil }
    let desired = view.intents[name]?.value.desired ?? .running
    guard desired == .running || desired == .stopped else { return nil }
    let holder = view.holder(of: name), placement = view.placements[name]?.value
    if record.phase == .empty, let reason = view.whyLeftAlone(name), view.seat(ofLeftAlone: name) == node {
      return made(name, spec, .stuck, to: nil, why: reason)
    }
    if holder == node { return record.phase == .empty ? leaving(name, spec, desired, placement) : arriving(name, spec) }
    guard desired == .running, let placement else { return nil }
    if record.phase == .over {
      guard placement.home == node || placement.node == node else { return nil }
      return placement.node == node ? arriving(name, spec) : away(name, spec, placement)
    }
    if placement.node == node { return notHere(name, spec) }
    // It was only to go there, and never left where it runs: there is nothing to empty of it.
    if placement.reason.isOfTurningBack, holder == placement.node { return nil }
    return placement.home == node ? left(name, spec, placement) : nil
  }

  private func staysByPolicy(_ name: WorkloadName) -> Bool {
    let labels = view.specs[name]?.value.labels ?? [:]
    return policies.settings(of: name, labels: labels).evacuation.method == .stay
  }

  private func made(
    _ name: WorkloadName, _ spec: SpecRecord, _ state: EvacuationMove.State, to target: NodeName?, why: String? = nil,
    how: MoveMethod.How? = nil
  ) -> EvacuationMove {
    let holder = view.holder(of: name)
    return EvacuationMove(
      workload: name.text, state: state, from: holder?.text, to: target?.text, how: how, why: why,
      progress: state == .migrating ? holder.flatMap { view.reports[$0]?.value.migrations?[name] } : nil,
      memory: spec.demand.memory)
  }

  /// It leaves the node that holds it for another one.
  private func inProgress(_ name: WorkloadName, _ spec: SpecRecord, from source: NodeName, to target: NodeName)
    -> EvacuationMove
  {
    let claim = view.claims[name]?.value
    if let migration = claim?.migration, migration.step != .arrived {
      let why = migration.step == .offered ? "\(migration.target.node) is getting ready for it" : nil
      return made(name, spec, .migrating, to: migration.target.node, why: why, how: .live)
    }
    if let why = view.whyKept(name) { return made(name, spec, .stays, to: nil, why: why) }
    let method = source == node ? record.method : nil
    let evacuation = policies.settings(of: name, labels: spec.labels).evacuation
    let how = view.method(of: name, spec, to: target, method: method, evacuation).how
    return switch claim?.activity {
    case .stopping: made(name, spec, .stopping, to: target, how: .restart)
    case .unclear where view.hasCrashed(name, on: source): made(name, spec, .stopping, to: target, how: .restart)
    case .unclear: made(name, spec, .unclear, to: target, why: "\(source) cannot tell whether it runs")
    case .starting, .running, nil: made(name, spec, how == .live ? .migrating : .stopping, to: target, how: how)
    }
  }

  private func leaving(
    _ name: WorkloadName, _ spec: SpecRecord, _ desired: IntentRecord.Desired, _ placement: PlacementRecord?
  ) -> EvacuationMove {
    guard desired == .running else { return made(name, spec, .stopping, to: nil, why: "an operator stopped it") }
    guard let placement else { return made(name, spec, .waiting, to: nil, why: "the planner has not placed it yet") }
    guard let target = placement.node else { return made(name, spec, .stopping, to: nil, why: "\(placement.reason)") }
    if target != node { return inProgress(name, spec, from: node, to: target) }
    if staysByPolicy(name) { return made(name, spec, .stays, to: nil, why: "'evacuation: stay'") }
    if let reason = unplaceable[name], !record.leavesPending { return made(name, spec, .stuck, to: nil, why: reason) }
    let parallel = record.parallel ?? MaintenanceRecord.defaultParallel
    return made(name, spec, .waiting, to: nil, why: "\(parallel) workload\(parallel == 1 ? "" : "s") at a time")
  }

  /// It is placed on the node, and is not there.
  private func notHere(_ name: WorkloadName, _ spec: SpecRecord) -> EvacuationMove {
    if staysByPolicy(name) { return made(name, spec, .stays, to: nil, why: "'evacuation: stay', so it is down with the node") }
    return made(name, spec, .waiting, to: nil, why: Situation(name, in: view).why)
  }

  /// It left the node.
  private func left(_ name: WorkloadName, _ spec: SpecRecord, _ placement: PlacementRecord) -> EvacuationMove {
    guard let target = placement.node else { return made(name, spec, .pending, to: nil, why: "\(placement.reason)") }
    let claim = view.claims[name]?.value, holder = view.holder(of: name)
    if holder == target, claim?.activity == .running {
      var arrived = made(name, spec, .arrived, to: target)
      arrived.from = node.text
      return arrived
    }
    if let holder, holder != target { return inProgress(name, spec, from: holder, to: target) }
    if holder == target, claim?.migration?.step == .arrived {
      let next = claim?.migration?.staysPaused == true ? "stays paused" : "is about to be resumed"
      return made(name, spec, .migrating, to: target, why: "it has arrived and \(next)", how: .live)
    }
    return starting(name, spec, target)
  }

  /// It belongs on the node, and comes; nil when it is there.
  private func arriving(_ name: WorkloadName, _ spec: SpecRecord) -> EvacuationMove? {
    let claim = view.claims[name]?.value, holder = view.holder(of: name)
    if holder == node {
      guard view.placements[name]?.value.node == node, claim?.activity == .starting else { return nil }
      if claim?.migration?.step == .arrived { return made(name, spec, .migrating, to: node, how: .live) }
    }
    if let holder, holder != node { return inProgress(name, spec, from: holder, to: node) }
    return starting(name, spec, node)
  }

  private func starting(_ name: WorkloadName, _ spec: SpecRecord, _ target: NodeName) -> EvacuationMove {
    let failed = view.claims[name]?.value.failures.isEmpty == false
    return made(name, spec, .starting, to: target, why: failed ? Situation(name, in: view).why : nil, how: .restart)
  }

  /// It is elsewhere, and may come home.
  private func away(_ name: WorkloadName, _ spec: SpecRecord, _ placement: PlacementRecord) -> EvacuationMove {
    if placement.node == nil { return made(name, spec, .waiting, to: node, why: "\(placement.reason)") }
    let why = view.areMovesOff ? "moves are off; `holdfast moves on` lets it move back" : turns[name]?.cause
    return made(name, spec, .waiting, to: node, why: why)
  }
}

extension ClusterView {
  /// Why nobody moves the workload; nil: it is moved like any other, or will be in a moment.
  func whyLeftAlone(_ workload: WorkloadName) -> String? {
    if lacksIntent(workload) {
      return isProvenWanted(workload) ? nil : "the record of what is wanted of it is missing: `holdfast store check`"
    }
    return isUnreadable(workload) ? "a record of it cannot be read: `holdfast store check`" : nil
  }
}
