import HoldfastPlanning

/// What a plan is made from at one instant: the facts, and what the planner remembers besides. A value that shares its storage with the
/// controller until one of them changes: taking it costs next to nothing, making the snapshot is left to who needs it.
public struct PlanningBasis: Sendable {
  private let facts: Facts
  private let role: PlannerRole

  init(_ facts: Facts, _ role: PlannerRole) {
    self.facts = facts
    self.role = role
  }

  /// The cluster as the planner sees it. Walks through every workload.
  public func snapshot() -> PlanningSnapshot { role.snapshot(facts) }
}
