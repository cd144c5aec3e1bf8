import HoldfastModel
import HoldfastPlanning

/// The basis of a plan at one instant: the facts, and what the planner remembers besides. A value that shares its storage with the
/// controller until one of them changes: taking it costs next to nothing, making the snapshot is left to who needs it.
public struct PlanningBasis: Sendable {
  private let facts: Facts
  private let role: PlannerRole

  init(_ facts: Facts, _ role: PlannerRole) {
    self.facts = facts
    self.role = role
  }

  /// Of every node in quarantine the seconds that remain, counted on this node's boot clock from when the loss was seen.
  public var quarantines: [NodeName: Double] { Maintenances(facts).quarantines }

  /// The cluster as the planner sees it. Walks through every workload.
  public func snapshot() -> PlanningSnapshot { role.snapshot(facts) }
}
