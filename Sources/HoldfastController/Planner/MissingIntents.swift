import HoldfastModel

/// The intents that are missing, and that the planner writes anew: people wanted what ran under protection to run, and without the record nobody would
/// start it elsewhere when its node is lost. Where the other records prove nothing, nothing is written, and people are told.
enum MissingIntents {
  static func restore(_ turn: borrowing Turn, _ facts: Facts, _ effects: inout Effects) {
    let view = facts.view
    let names = Array(view.withoutIntent.filter(view.isProvenWanted).prefix(Limits.intentsAtOnce))
    guard !names.isEmpty, let planner = view.planner,
      !effects.isUnderWay({ if case .restoreIntents = $0 { true } else { false } })
    else { return }
    var conditions: [Condition<RecordKey>] = [.unchanged(.planner, modified: planner.modified)]
    for name in names {
      conditions += [
        view.asSeen(.spec(name), view.specs[name]), .absent(.intent(name)), view.asSeen(.claim(name), view.claims[name]),
        view.asSeen(.placement(name), view.placements[name])
      ]
    }
    let writes = names.map { Write<RecordKey, Record>.put(.intent($0), .intent(IntentRecord(desired: .running))) }
    guard let transaction = turn.session.transaction(if: conditions, write: writes) else { return }
    effects.transact(.restoreIntents(names), transaction)
  }

  static func restored(_ names: [WorkloadName], _ facts: Facts, _ effects: inout Effects) {
    for name in names {
      let proof =
        facts.view.holder(of: name).map { "as it does on \($0)" }
        ?? facts.view.claims[name]?.value.holder.map { "as it did on \($0.node)" } ?? "as it did before"
      effects.note(
        .unreadable,
        "\(name): the record of what is wanted of it was missing, and the planner has written it anew: it is to run, \(proof)",
        severity: .warning, workload: name)
    }
  }
}
