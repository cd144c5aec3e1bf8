import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// What the guard was told about one workload, and what this controller may take for granted of that.
///
///     unguarded ──protect──▶ told ──forget, release──▶ unguarded (the guard may list it for a moment more)
///     any ──kill──▶ the same, with a kill that stays commanded until the guard is another one or the workload starts anew
struct Protection: Hashable, Sendable {
  /// A kill that the guard was told to make, because the claim is lost.
  private struct Kill: Hashable, Sendable {
    /// The cgroup that was known then: what shows up in another is to be killed as well.
    var cgroup: String?
  }

  /// What the guard was told to protect.
  private(set) var told: GuardedWorkload?
  private var kill: Kill?
  /// It was told to forget the workload and still lists it: what it said before it took the command is no news.
  private var isForgetting = false

  var isBlank: Bool { self == Protection() }
  /// The guard lists it still, and was told to forget it.
  var isForgotten: Bool { isForgetting }
  var isCondemned: Bool { kill != nil }
  var isToldOfStart: Bool { told?.isStarting == true }

  // MARK: questions

  /// The guard has said that it protects the workload.
  func isAcknowledged(_ name: WorkloadName, _ guardian: GuardWord) -> Bool {
    !isForgetting && guardian.workloads.contains(name.text)
  }

  /// The guard has said that it knows of a start of it.
  func isStartKnown(_ name: WorkloadName, _ guardian: GuardWord) -> Bool {
    !isForgetting && guardian.starting.contains(name.text)
  }

  /// It is in the guard's hands, as far as either of the two knows.
  func holds(_ name: WorkloadName, _ guardian: GuardWord) -> Bool { told != nil || isAcknowledged(name, guardian) }

  /// The guard's word that it knows of the start that is about to be made; nil: not yet.
  func receipt(for name: WorkloadName, isExclusive: Bool, _ guardian: GuardWord) -> GuardReceipt? {
    // What may run more than once is not under the guard.
    guard !isExclusive || isToldOfStart && isStartKnown(name, guardian) else { return nil }
    return GuardReceipt(workload: name)
  }

  // MARK: what the guard is told

  mutating func protect(_ workload: GuardedWorkload, _ effects: inout Effects) {
    guard told != workload else { return }
    told = workload
    effects.tellGuard(.protect(workload))
  }

  /// Tells a guard that may not know what it is to protect.
  func protectAnew(_ effects: inout Effects) { if let told { effects.tellGuard(.protect(told)) } }

  /// The guard, where it protects the workload, is told by this command that it no longer does.
  mutating func end(_ name: WorkloadName, _ command: GuardCommand, _ guardian: GuardWord, _ effects: inout Effects) {
    guard holds(name, guardian) else { return }
    told = nil
    isForgetting = guardian.workloads.contains(name.text)
    effects.tellGuard(command)
  }

  /// - Returns: false when the guard was told already, about the same cgroup.
  mutating func condemn(_ name: WorkloadName, _ effects: inout Effects) -> Bool {
    let wanted = Kill(cgroup: told?.cgroup)
    guard kill != wanted else { return false }
    kill = wanted
    effects.tellGuard(.kill(workload: name.text))
    return true
  }

  /// - Returns: false when it was condemned before.
  mutating func condemn(in cgroup: String?) -> Bool {
    guard kill == nil else { return false }
    kill = Kill(cgroup: cgroup)
    return true
  }

  /// What was killed was another run, or is gone; or the guard that was told is another one.
  mutating func acquit() { kill = nil }

  mutating func guardDropped() { isForgetting = false }

  /// What outlives the workload's being this node's.
  var remains: Protection {
    var remains = Protection()
    remains.isForgetting = isForgetting
    return remains
  }
}

/// The guard's word that it knows of a start, so that the deadline covers it and the next life of the controller hears of it
/// (Docs/safety.md, rule 11). Only `Protection` makes it.
struct GuardReceipt: ~Copyable {
  let workload: WorkloadName

  fileprivate init(workload: WorkloadName) { self.workload = workload }
}
