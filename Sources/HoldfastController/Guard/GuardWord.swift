import GuardCore
import HoldfastModel
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
  /// The guard is there: what follows is its own word, and not what its successor may do.
  let isConnected: Bool
  /// Addresses that may be on the host's links by the guard's doing, and up to which number it has acknowledged what it was told
  /// (`Effects.askToAcknowledge`).
  let held: [HeldAddress]
  let acknowledged: Int
  /// It raises addresses, and removes them.
  let knowsAddresses: Bool

  /// - Parameter deadline: the session's.
  init(_ standing: GuardStanding, _ lists: GuardLists, within deadline: BootInstant?) {
    switch standing {
    case .absent(let absence): (isConnected, isArmed, isFrozen) = (false, false, absence.freeze.isWanted)
    case .present(let presence):
      let isTooLate = if let deadline, case .armed(let told) = presence.phase { told > deadline } else { false }
      (isConnected, isArmed, isFrozen) = (true, presence.isArmed && !isTooLate, presence.isolation != nil)
    }
    workloads = lists.workloads
    starting = lists.starting
    (held, acknowledged) = (lists.held, lists.acknowledged)
    knowsAddresses = lists.knowsAddresses
  }

  /// Addresses that may be on the host's links for that workload.
  func held(for workload: WorkloadName) -> [GuardedAddress] { held.filter { $0.workload == workload.text }.map(\.address) }
}
