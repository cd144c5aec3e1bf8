import HoldfastTime

/// The word of the guard's side for one turn, under the session of that turn. Only `GuardLink` makes it, from the state that it owns, and it cannot be
/// kept.
struct GuardWord: ~Copyable {
  /// The guard enforces a deadline, nothing is frozen, and it would not stop later than the session ends: one that would counts as none. Before a session
  /// has a deadline there is nothing to compare, and nothing that may begin (`SessionPermit.isValid`).
  let isArmed: Bool
  /// Everything under protection is frozen, by the guard or without it.
  let isFrozen: Bool
  /// Names that the guard protects, and those of them that may be starting.
  let workloads: Set<String>
  let starting: Set<String>

  /// - Parameter deadline: the session's.
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
