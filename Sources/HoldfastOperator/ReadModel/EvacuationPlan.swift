import HoldfastModel
import HoldfastPlanning

/// What would happen if a node were emptied now, when everything has arrived.
public struct EvacuationPlan: Hashable, Sendable, Codable {
  public struct Leaving: Hashable, Sendable, Codable {
    public var workload: String
    public var to: String
    public var passage: Passage
    /// Why there.
    public var reason: String
    public var demand: Resources
    /// Guessed.
    public var seconds: Double
  }
  public struct Staying: Hashable, Sendable, Codable {
    public var workload: String
    public var reason: String
  }
  /// It runs there, and no other node can take it.
  public struct Homeless: Hashable, Sendable, Codable {
    public var workload: String
    public var reason: String
    /// By node: why not there; and the same as codes, for programs.
    public var others: [String: String]
    public var otherCodes: [String: String]
    public var demand: Resources
    /// What is missing, where it is room.
    public var shortfall: Shortfall?
  }
  /// It runs elsewhere, and is moved so that others find room.
  public struct Shift: Hashable, Sendable, Codable {
    public var workload: String
    /// Absent: it runs nowhere now.
    public var from: String?
    public var to: String
    public var reason: String
  }
  /// In the order in which they leave, as far as that is known.
  public var leaves: [Leaving]
  /// Their policy says so, always or because they cannot be moved while they run: they go down with the node.
  public var stays: [Staying]
  public var homeless: [Homeless]
  public var shifts: [Shift]
  /// What else holds only with the node empty.
  public var warnings: [String]
  /// How long all of it takes, guessed.
  public var seconds: Double

  /// - Parameters:
  ///   - record: what is asked for.
  ///   - planning: what the planner would plan on.
  public init(
    of node: NodeName, _ record: MaintenanceRecord, in view: ClusterView, planning: PlanningSnapshot, policies: PolicySet
  ) {
    let answer = Self.supposing(node, leavesPending: record.leavesPending, planning, policies)
    let movers = Set(answer.moves.map(\.workload)), victims = Set(answer.victims.map(\.workload))
    // What is placed on a node that is down went down with it.
    let isUp = planning.nodes.contains { $0.name == node && ($0.unavailable == nil || $0.isDraining) }
    let left = planning.workloads.filter {
      isUp && $0.desired == .running && $0.placed?.node == node && !movers.contains($0.name) && !victims.contains($0.name)
    }
    func staysByPolicy(_ name: WorkloadName, _ labels: [String: String]) -> Bool {
      policies.settings(of: name, labels: labels).evacuation.method == .stay
    }
    stays = left.filter { staysByPolicy($0.name, $0.labels) }.map {
      Staying(workload: $0.name.text, reason: "'evacuation: stay'")
    }
    let stranded = Set(left.filter { !staysByPolicy($0.name, $0.labels) }.map(\.name))
    var pending = answer.victims
    if !stranded.isEmpty {
      // Why not, only the plan in which they stop tells.
      let stopped = Self.supposing(node, leavesPending: true, planning, policies)
      pending += stopped.victims.filter { stranded.contains($0.workload) }
    }
    homeless = pending.map(Homeless.init)
    let told = Set(pending.map(\.workload))
    homeless += stranded.subtracting(told).sorted().map {
      Homeless(
        workload: $0.text, reason: "it stays with what cannot leave", others: [:], otherCodes: [:],
        demand: view.specs[$0]?.value.demand ?? .none)
    }
    leaves = answer.moves.filter { $0.from == node }.compactMap { Self.leaving($0, record, policies, view) }
    stays += leaves.filter { $0.passage.how == .stay }.map { Staying(workload: $0.workload, reason: $0.passage.why ?? "") }
    leaves.removeAll { $0.passage.how == .stay }
    leaves.sort {
      (view.priority(of: $1), $1.demand.memory, $0.workload) < (view.priority(of: $0), $0.demand.memory, $1.workload)
    }
    shifts = answer.moves.filter { $0.from != node }.map {
      Shift(workload: $0.workload.text, from: $0.from?.text, to: $0.to.text, reason: "\($0.reason)")
    }
    let said = stranded.union(left.map(\.name))
    warnings = answer.warnings.filter { $0.workload.map { !said.contains($0) } ?? true }.map { warning in
      warning.workload.map { "\($0): \(warning.text)" } ?? warning.text
    }
    let lanes = Double(record.parallel ?? MaintenanceRecord.defaultParallel)
    seconds = max(leaves.map(\.seconds).max() ?? 0, leaves.reduce(0) { $0 + $1.seconds } / lanes)
  }

  private static func supposing(
    _ node: NodeName, leavesPending: Bool, _ planning: PlanningSnapshot, _ policies: PolicySet
  ) -> WhatIf {
    var snapshot = planning
    for index in snapshot.nodes.indices where snapshot.nodes[index].name == node {
      // As it was before, where it is being emptied already.
      if snapshot.nodes[index].isDraining {
        (snapshot.nodes[index].isDraining, snapshot.nodes[index].unavailable) = (false, nil)
      }
      snapshot.nodes[index].maintenance = .init(atOnce: nil, leavesPending: leavesPending)
    }
    return WhatIf(Supposition(drained: [node]), in: snapshot, policies: policies)
  }

  private static func leaving(
    _ move: WhatIf.Move, _ record: MaintenanceRecord, _ policies: PolicySet, _ view: ClusterView
  ) -> Leaving? {
    guard let spec = view.specs[move.workload]?.value else { return nil }
    let evacuation = policies.settings(of: move.workload, labels: spec.labels).evacuation
    let passage = view.passage(of: move.workload, spec, to: move.to, method: record.method, evacuation)
    return Leaving(
      workload: move.workload.text, to: move.to.text, passage: passage, reason: "\(move.reason)", demand: spec.demand,
      seconds: passage.seconds(spec, evacuation))
  }
}

extension EvacuationPlan {
  private static let namesInSentence = 5

  /// Why the node is not emptied by this plan; nil: it may be. What no other node can take is stopped only when that was asked for.
  public func refusal(of node: NodeName, _ record: MaintenanceRecord) -> OperatorError? {
    guard !record.leavesPending, !homeless.isEmpty else { return nil }
    return OperatorError(
      .conflict, thing: "node \(node)",
      reason: "no other node can take \(InWords.list(homeless.map(\.workload), most: Self.namesInSentence))",
      remedy: "Make room first: `holdfast maintenance enter \(node) --dry-run` tells what is missing; "
        + "or use --leave-pending, and they are stopped until there is room.")
  }
}

extension EvacuationPlan.Homeless {
  init(_ pending: WhatIf.Pending) {
    self.init(
      workload: pending.workload.text, reason: "\(pending.reason)", others: pending.others.texts,
      otherCodes: pending.others.codes, demand: pending.demand, shortfall: pending.shortfall)
  }
}

extension ClusterView {
  fileprivate func priority(of leaving: EvacuationPlan.Leaving) -> Int {
    specs[WorkloadName(leaving.workload)]?.value.priority ?? 0
  }

  /// As its node would do it now: what does not run is not moved while it runs.
  func passage(
    of name: WorkloadName, _ spec: SpecRecord, to target: NodeName, method: Evacuation.Method?, _ evacuation: Evacuation
  ) -> Passage {
    guard claims[name]?.value.activity == .running else { return Passage(.restart, "it does not run") }
    return Passage(spec, to: target, method: method, evacuation, in: self)
  }
}
