import HoldfastTime

/// What the guard's side says for one turn. Only `GuardLink` makes it, from the state that it owns, and it cannot be kept.
struct GuardWord: ~Copyable {
  let isArmed: Bool
  /// Everything under protection is frozen, by the guard or without it.
  let isFrozen: Bool
  /// Names that the guard protects, and those of them that may be starting.
  let workloads: Set<String>
  let starting: Set<String>

  /// - Parameter deadline: the session's. A guard that would stop later counts as none.
  init(_ standing: GuardStanding, _ lists: GuardLists, within deadline: BootInstant?) {
    switch standing {
    case .absent(let absence): (isArmed, isFrozen) = (false, absence.freeze.isWanted)
    case .present(let presence):
      let isTooLate = if let deadline, case .armed(let told) = presence.phase { told > deadline } else { false }
      (isArmed, isFrozen) = (presence.isArmed && !isTooLate, presence.isolation != nil)
    }
    workloads = lists.workloads
    starting = lists.starting
  }
}
