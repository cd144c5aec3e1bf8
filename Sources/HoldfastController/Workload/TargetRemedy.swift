import HoldfastModel

/// What else there is to do about a target of live moves that cannot be used, after "or": for the whole node where that is emptied, for the workload alone
/// where the move is its own.
enum TargetRemedy {
  static func words(_ own: WorkloadFacts, _ facts: Facts) -> String {
    if Maintenances(facts).contains(facts.me) {
      return "stop and start them instead: `holdfast maintenance enter \(facts.me) --method restart`"
    }
    let isAsked = own.intent?.value.move.map { $0.serial == own.placement?.value.servedMove } ?? false
    let stay = isAsked ? "let it stay: `holdfast move \(own.name) --to \(facts.me)`; or " : ""
    return stay + "stop it and start it anew: `holdfast stop \(own.name)`, then `holdfast start \(own.name)`"
  }
}
