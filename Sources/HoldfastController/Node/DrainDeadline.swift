import HoldfastModel

/// The end of the time in which this node is to be emptied: after it nothing that is on its way while it runs is waited for any more.
///
///     ahead, or none ◀──▶ past
struct DrainDeadline: Sendable {
  private(set) var isPast = false

  mutating func step(_ facts: Facts, _ effects: inout Effects) {
    guard isPast || facts.view.maintenance[facts.me] != nil else { return }
    let maintenances = Maintenances(facts)
    let isOver = maintenances.isOverdue(facts.me)
    if isOver != isPast {
      isPast = isOver
      effects.agenda.note(.departure)
    }
    if !isOver, let due = maintenances.dueTime(on: facts.me) { effects.agenda.look(at: due) }
  }
}
