import HoldfastModel
import HoldfastPlanning

/// The planner's word on the cluster as it is. Costly, and the same until something changes.
public struct ClusterOutlook: Sendable {
  /// Warnings of what is not as the policies want it, and is left so.
  public let warnings: [PlanWarning]
  /// Moves by the policies whose turn has not come.
  public let waiting: [WaitingMove]
  /// The nodes whose loss the others could not absorb.
  public let losses: [LossRehearsal.Loss]
  /// Seconds after which the same cluster would be planned otherwise; nil: not by itself.
  public let lookAgainAfter: Double?

  /// - Parameters:
  ///   - planner: by the policies in force.
  ///   - planning: what the planner would plan on; nil: not known.
  public init(_ view: ClusterView, planner: PolicyPlanner = PolicyPlanner(), planning: PlanningSnapshot? = nil) {
    // As the planner itself plans.
    var paced = planning
    paced?.pace = view.areMovesOff ? .off : .kept
    let outcome = paced.map(planner.outcome)
    warnings = outcome?.warnings ?? []
    waiting = outcome?.waiting ?? []
    lookAgainAfter = outcome?.lookAgainAfter
    losses = LossRehearsal(view, load: ClusterLoad(view, planner: planner), planner: planner, planning: planning).losses
  }
}
