import HoldfastModel

/// Trials of the loss of every single node, one after the other.
public struct LossTrials: Hashable, Sendable, Codable {
  public struct Trial: Hashable, Sendable, Codable {
    public var node: NodeName
    /// Workloads that run there.
    public var workloads: Int
    /// Workloads that would run nowhere, and do run now or are new.
    public var pending: [WhatIf.Pending]
    /// Their demand together.
    public var demand: Resources

    public var survives: Bool { pending.isEmpty }
  }
  /// By node; those that are away already are left out.
  public private(set) var trials: [Trial] = []
  /// Workloads that would run nowhere even before.
  public private(set) var pendingBefore: [WorkloadName]

  public var survivesAll: Bool { trials.allSatisfy(\.survives) }

  /// - Parameters:
  ///   - supposition: what changes besides, before the loss.
  ///   - policies: those that are in force then.
  ///   - areNew: they are not in force yet: what they move has moved before the loss.
  ///   - progress: told before each trial how many are done, of how many.
  public init(
    _ supposition: Supposition, in snapshot: PlanningSnapshot, policies: PolicySet, areNew: Bool = false,
    progress: (Int, Int) -> Void = { _, _ in }
  ) {
    let planner = PolicyPlanner(policies)
    let changed = (areNew ? snapshot : snapshot.holdingStill(by: planner)).supposing(supposition)
    let baseline = WhatIf.Baseline(changed, planner)
    pendingBefore = changed.workloads.filter { $0.desired == .running && baseline.seats[$0.name] == nil }.map(\.name).sorted()
    let load = Dictionary(grouping: baseline.seats.values) { $0 }.mapValues(\.count)
    let standing = changed.nodes.filter { $0.unavailable == nil }.map(\.name).sorted()
    for (number, node) in standing.enumerated() {
      progress(number, standing.count)
      let answer = WhatIf(Supposition(lost: [node]), baseline, planner)
      let pending = answer.victims
      trials.append(
        Trial(
          node: node, workloads: load[node] ?? 0, pending: pending, demand: pending.reduce(.none) { $0 + $1.demand }))
    }
    progress(standing.count, standing.count)
  }
}
