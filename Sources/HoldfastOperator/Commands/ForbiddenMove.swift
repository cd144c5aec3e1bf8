import HoldfastModel
import HoldfastPlanning

extension OperatorError {
  /// Why a move is refused at once although the node is up: a rule is against it, so the planner would refuse it a moment later. nil: none is.
  public static func forbiddenMove(
    of name: WorkloadName, to node: NodeName, in snapshot: PlanningSnapshot, _ planner: PolicyPlanner
  ) -> OperatorError? {
    planner.prohibition(of: name, on: node, in: snapshot).map {
      OperatorError(
        .conflict, thing: "workload \(name)", reason: "\(node) may not take it: \($0)",
        remedy: "`holdfast explain \(name)` tells which nodes may; `holdfast policy show` prints the rule.")
    }
  }
}
