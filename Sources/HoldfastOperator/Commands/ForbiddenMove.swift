import HoldfastModel
import HoldfastPlanning

extension OperatorError {
  /// Why a move is refused at once although the node is up: a rule is against it, libvirt there cannot run it, or a definition there is in its way, so
  /// the planner would refuse it a moment later. nil: nothing is.
  public static func forbiddenMove(
    of name: WorkloadName, to node: NodeName, in snapshot: PlanningSnapshot, _ planner: PolicyPlanner
  ) -> OperatorError? {
    planner.prohibition(of: name, on: node, in: snapshot).map {
      let others = "`holdfast explain \(name)` tells which nodes may"
      let (verb, remedy) =
        switch $0 {
        case .incompatible, .leftover: ("cannot", "\(others).")
        default: ("may not", "\(others); `holdfast policy show` prints the rule.")
        }
      return OperatorError(.conflict, thing: "workload \(name)", reason: "\(node) \(verb) take it: \($0)", remedy: remedy)
    }
  }
}
