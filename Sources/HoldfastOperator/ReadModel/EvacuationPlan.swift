import HoldfastModel
import HoldfastPlanning

/// The plan of a drain: what would happen if the node were drained now, once every move has ended.
public struct EvacuationPlan: Hashable, Sendable, Codable {
  /// A workload that moves off the node.
  public struct Move: Hashable, Sendable, Codable {
    public var workload: String
    public var to: String
    public var method: MoveMethod
    /// Why that node.
    public var reason: String
    public var demand: Resources
    /// An estimate from the memory size.
    public var seconds: Double
  }
  /// A workload that goes down with the node.
  public struct Staying: Hashable, Sendable, Codable {
    public var workload: String
    public var reason: String
  }
  /// A workload that runs on the node and that no other node can take.
  public struct Unplaceable: Hashable, Sendable, Codable {
    public var workload: String
    public var reason: String
    /// By node: the reason against it; and the same as codes, for programs.
    public var others: [String: String]
    public var otherCodes: [String: String]
    public var demand: Resources
    /// How much room is missing; absent when room is not the reason.
    public var shortfall: Shortfall?
  }
  /// A workload of another node that is moved to make room.
  public struct RoomMove: Hashable, Sendable, Codable {
    public var workload: String
    /// Absent: the workload does not run now.
    public var from: String?
    public var to: String
    public var reason: String
  }
  /// In the order in which they will probably move.
  public var moves: [Move]
  /// Workloads that stay by policy, or that cannot be moved live and must not be restarted.
  public var stays: [Staying]
  public var unplaceable: [Unplaceable]
  public var makeRoom: [RoomMove]
  /// Warnings of the plan with the node empty.
  public var warnings: [String]
  /// An estimate for the whole drain.
  public var seconds: Double

  /// - Parameters:
  ///   - record: the request.
  ///   - planning: the planner's snapshot.
  public init(
    of node: NodeName, _ record: MaintenanceRecord, in view: ClusterView, planning: PlanningSnapshot, policies: PolicySet
  ) {
    let answer = Self.supposing(node, leavesPending: record.leavesPending, planning, policies)
    let moving = Set(answer.moves.map(\.workload)), victims = Set(answer.victims.map(\.workload))
    // What is placed on a node that is down went down with it.
    let isUp = planning.nodes.contains { $0.name == node && ($0.unavailable == nil || $0.isDraining) }
    let gone = moving.union(victims)
    let remaining = planning.workloads.filter {
      isUp && $0.desired == .running && ($0.running ?? $0.placed?.node) == node && !gone.contains($0.name)
    }
    func staysByPolicy(_ name: WorkloadName, _ labels: [String: String]) -> Bool {
      policies.settings(of: name, labels: labels).evacuation.method == .stay
    }
    stays = remaining.filter { staysByPolicy($0.name, $0.labels) }.map {
      Staying(workload: $0.name.text, reason: "'evacuation: stay'")
    }
    let stuck = Set(remaining.filter { !staysByPolicy($0.name, $0.labels) }.map(\.name))
    var pending = answer.victims
    if !stuck.isEmpty {
      // Why not, only the plan in which they stop tells.
      let stopped = Self.supposing(node, leavesPending: true, planning, policies)
      pending += stopped.victims.filter { stuck.contains($0.workload) }
    }
    unplaceable = pending.map(Unplaceable.init)
    let told = Set(pending.map(\.workload))
    unplaceable += stuck.subtracting(told).sorted().map {
      Unplaceable(
        workload: $0.text, reason: "it stays with what cannot leave", others: [:], otherCodes: [:],
        demand: view.specs[$0]?.value.demand ?? .none)
    }
    unplaceable += Self.leftAlone(on: node, in: view)
    moves = answer.moves.filter { $0.from == node }.compactMap { Self.move($0, record, policies, view) }
    stays += moves.filter { $0.method.how == .stay }.map { move in
      let lead = move.method.isTriedAllTheSame ? "unless its live move to \(move.to) succeeds: " : ""
      return Staying(workload: move.workload, reason: lead + (move.method.why ?? ""))
    }
    moves.removeAll { $0.method.how == .stay }
    moves.sort {
      (view.priority(of: $1), $1.demand.memory, $0.workload) < (view.priority(of: $0), $0.demand.memory, $1.workload)
    }
    makeRoom = answer.moves.filter { $0.from != node }.map {
      RoomMove(workload: $0.workload.text, from: $0.from?.text, to: $0.to.text, reason: "\($0.reason)")
    }
    let said = stuck.union(remaining.map(\.name))
    warnings = answer.warnings.filter { $0.workload.map { !said.contains($0) } ?? true }.map { warning in
      warning.workload.map { "\($0): \(warning.text)" } ?? warning.text
    }
    let lanes = Double(record.parallel ?? MaintenanceRecord.defaultParallel)
    seconds = max(moves.map(\.seconds).max() ?? 0, moves.reduce(0) { $0 + $1.seconds } / lanes)
  }

  /// What nobody moves, whatever room there is.
  private static func leftAlone(on node: NodeName, in view: ClusterView) -> [Unplaceable] {
    view.specs.sorted { $0.key < $1.key }.compactMap { name, spec in
      guard let why = view.whyLeftAlone(name), view.seat(ofLeftAlone: name) == node else { return nil }
      return Unplaceable(workload: name.text, reason: why, others: [:], otherCodes: [:], demand: spec.value.demand)
    }
  }

  private static func supposing(
    _ node: NodeName, leavesPending: Bool, _ planning: PlanningSnapshot, _ policies: PolicySet
  ) -> WhatIf {
    var snapshot = planning
    for index in snapshot.nodes.indices where snapshot.nodes[index].name == node {
      // As it was before, where it is being drained already.
      if snapshot.nodes[index].isDraining {
        (snapshot.nodes[index].isDraining, snapshot.nodes[index].unavailable) = (false, nil)
      }
      snapshot.nodes[index].maintenance = .init(atOnce: nil, leavesPending: leavesPending)
    }
    return WhatIf(Supposition(drained: [node]), in: snapshot, policies: policies)
  }

  private static func move(
    _ move: WhatIf.Move, _ record: MaintenanceRecord, _ policies: PolicySet, _ view: ClusterView
  ) -> Move? {
    guard let spec = view.specs[move.workload]?.value else { return nil }
    let evacuation = policies.settings(of: move.workload, labels: spec.labels).evacuation
    let method = view.method(of: move.workload, spec, to: move.to, method: record.method, evacuation)
    return Move(
      workload: move.workload.text, to: move.to.text, method: method, reason: "\(move.reason)", demand: spec.demand,
      seconds: method.seconds(spec, evacuation))
  }
}

extension EvacuationPlan {
  private static let namesInSentence = 5

  /// Why the node is not drained by this plan; nil: it may be. What no other node can take is stopped only when that was asked for.
  public func refusal(of node: NodeName, _ record: MaintenanceRecord) -> OperatorError? {
    guard !record.leavesPending, !unplaceable.isEmpty else { return nil }
    return OperatorError(
      .conflict, thing: "node \(node)",
      reason: "no other node can take \(InWords.list(unplaceable.map(\.workload), most: Self.namesInSentence))",
      remedy: "Make room first: `holdfast maintenance enter \(node) --dry-run` shows what is missing; "
        + "or use --leave-pending, and they are stopped until there is room.")
  }
}

extension EvacuationPlan.Unplaceable {
  init(_ pending: WhatIf.Pending) {
    self.init(
      workload: pending.workload.text, reason: "\(pending.reason)", others: pending.others.texts,
      otherCodes: pending.others.codes, demand: pending.demand, shortfall: pending.shortfall)
  }
}

extension ClusterView {
  fileprivate func priority(of move: EvacuationPlan.Move) -> Int {
    specs[WorkloadName(move.workload)]?.value.priority ?? 0
  }

  /// The method that the node would use now, as far as can be told beforehand: a workload that does not run is not migrated.
  func method(
    of name: WorkloadName, _ spec: SpecRecord, to target: NodeName, method: Evacuation.Method?, _ evacuation: Evacuation
  ) -> MoveMethod {
    guard claims[name]?.value.activity == .running else { return MoveMethod(.restart, .notRunning) }
    return MoveMethod(name, spec, to: target, method: method, evacuation, in: self)
      .foreseen(name, spec, to: target, evacuation, in: self).unlessLagging(claims[name]?.value)
  }

  /// Why a workload that runs would probably not be moved while it runs, to none of the nodes that others of its kind are moved to so; nil: nothing is
  /// known against it, or its policy has it stopped, or stay, anyway.
  public func notLive(_ name: WorkloadName, by policies: PolicySet) -> String? {
    guard let spec = specs[name]?.value, let claim = claims[name]?.value, claim.activity == .running,
      nodes.keys.contains(where: { $0 != claim.holder?.node && migrationURI(of: $0, for: spec.connection) != nil })
    else { return nil }
    let evacuation = policies.settings(of: name, labels: spec.labels).evacuation
    guard evacuation.method ?? .live == .live, let obstacle = liveObstacle(of: name, spec, to: nil, evacuation) else {
      return nil
    }
    return MoveMethod(evacuation.otherwise == .stay ? .stay : .restart, obstacle).why
  }
}
