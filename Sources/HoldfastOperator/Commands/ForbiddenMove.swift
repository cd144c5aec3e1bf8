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

  /// Why a move is refused at once although the workload could be placed there: it cannot be moved there while it runs, and is not to be stopped for it, so
  /// it would stay. nil: it moves, or is tried.
  public static func stayingMove(
    of name: WorkloadName, to node: NodeName, in view: ClusterView, _ policies: PolicySet
  ) -> OperatorError? {
    guard let spec = view.specs[name]?.value, let holder = view.holder(of: name), holder != node else { return nil }
    let method = MoveMethod(
      name, spec, to: node, method: view.maintenance[holder]?.value.method,
      policies.settings(of: name, labels: spec.labels).evacuation, in: view
    ).unlessLagging(view.claims[name]?.value)
    guard method.how == .stay, let why = method.why else { return nil }
    return OperatorError(
      .conflict, thing: "workload \(name)",
      reason: "it cannot be moved to \(node) while it runs, and is not stopped for a move: \(why)",
      remedy: remedy(for: method.obstacle, name, on: holder, node))
  }

  private static func remedy(
    for obstacle: MoveMethod.Obstacle?, _ name: WorkloadName, on holder: NodeName, _ node: NodeName
  ) -> String {
    let mayStop =
      "`evacuation: {otherwise: restart}` in its policy has it stopped and started there (`holdfast policy show` prints the rule); then repeat."
    return switch obstacle {
    case .olderDisks: "On \(holder), `holdfast accept \(name) --running` takes what runs as its definition; then repeat."
    case .noURI(_, let connection):
      "Give \(node) a 'migration' URI for \(connection) in its configuration, so that it is moved while it runs. Or: \(mayStop)"
    case .incompatible: "`holdfast explain \(name)` tells which nodes may take it."
    default: mayStop
    }
  }
}
