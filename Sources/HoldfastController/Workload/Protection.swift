import GuardCore
import HoldfastModel

/// One workload's protection: what the guard is told, and what this controller may take for granted of that.
///
/// The states are `ProtectionStanding`'s. Beside them, in any of them: a kill that stays commanded until the guard is another one or the workload starts
/// anew.
struct Protection: Hashable, Sendable {
  /// A kill that the guard was told to make, because the claim is lost.
  private struct Kill: Hashable, Sendable {
    /// The cgroup that was known then: what shows up in another is to be killed as well.
    var cgroup: String?
  }

  private var standing = ProtectionStanding()
  /// Addresses that the guard was told to raise, or holds from an earlier life, and that are not known to be gone. Beside the states, as they outlast them.
  private(set) var lent: Set<GuardedAddress> = []
  /// The guard's word tells of what it was told last about them when it has acknowledged that number.
  private var asked = 0
  /// Its claim is this node's, and its definition has addresses.
  private(set) var mayHaveAddresses = false
  private var kill: Kill?

  var isBlank: Bool { self == Protection() }
  var breach: String? { standing.breach }
  /// The workload as the guard was told to protect it.
  var told: GuardedWorkload? { standing.told }
  /// The guard lists it still, and was told to forget it.
  var isForgotten: Bool { standing.isForgetting }
  var isKillPending: Bool { kill != nil }
  var isToldOfStart: Bool { told?.isStarting == true }

  // MARK: questions

  /// The guard has said that it protects the workload.
  func isAcknowledged(_ name: WorkloadName, _ guardWord: borrowing GuardWord) -> Bool {
    standing.isAcknowledged(name, guardWord)
  }

  /// The guard has said that it knows of a start of it.
  func isStartKnown(_ name: WorkloadName, _ guardWord: borrowing GuardWord) -> Bool { standing.isStartKnown(name, guardWord) }

  /// The workload is in the guard's hands, as far as either of the two knows.
  func holds(_ name: WorkloadName, _ guardWord: borrowing GuardWord) -> Bool { told != nil || isAcknowledged(name, guardWord) }

  /// The guard's word that it knows of the start that is about to be made; nil: not yet.
  func receipt(for own: WorkloadFacts, _ facts: Facts, _ guardWord: borrowing GuardWord) -> GuardReceipt? {
    standing.receipt(for: own, facts, guardWord)
  }

  /// A kill was ordered of the workload in the cgroup where it was protected last.
  var isKillOrdered: Bool { kill == Kill(cgroup: told?.cgroup) }

  // MARK: addresses

  /// The guard may hold an address of it.
  var hasLent: Bool { !lent.isEmpty }
  /// What the guard says of addresses, or acknowledges, may be news of it.
  var followsAddresses: Bool { hasLent || asked > 0 }

  /// The guard's own word, which is no older than what it was told about the workload, that it holds no address of it: neither one that it raised for it,
  /// in whichever life, nor one of its definition. Without any of these nothing is asked of the guard.
  func holdsNoAddress(_ own: WorkloadFacts, _ guardWord: borrowing GuardWord) -> Bool {
    let defined = (own.spec?.value.addresses ?? []).compactMap(\.guarded)
    guard !defined.isEmpty || hasLent || !guardWord.held(for: own.name).isEmpty else { return true }
    guard told?.addresses.isEmpty ?? true, isCurrent(guardWord) else { return false }
    // What it protects of an earlier life, or of a connection before, it may raise again.
    if told == nil, isAcknowledged(own.name, guardWord) { return false }
    let known = lent.union(defined), name = own.name.text
    return !guardWord.held.contains { held in held.workload == name || known.contains { $0.isSame(as: held.address) } }
  }

  /// The guard's own word, which is no older than what it was told about the workload. A guard of an earlier release acknowledges nothing. It raises nothing
  /// either, but knows nothing of what one before it was told to raise.
  private func isCurrent(_ guardWord: borrowing GuardWord) -> Bool {
    guardWord.isConnected && (guardWord.knowsAddresses ? guardWord.acknowledged >= asked : !hasLent)
  }

  /// Its claim is this node's, and its definition has addresses; or not.
  mutating func heed(mayHaveAddresses: Bool) { self.mayHaveAddresses = mayHaveAddresses }

  /// Forgets those that the guard's word shows to be gone.
  mutating func seesAddresses(_ guardWord: borrowing GuardWord) {
    guard hasLent, isCurrent(guardWord) else { return }
    let kept = Set(told?.addresses ?? []).union(guardWord.held.map(\.address))
    lent.formIntersection(kept)
  }

  /// The guard holds these of an earlier life of this controller.
  mutating func inherit(_ addresses: [GuardedAddress]) {
    guard var workload = told, workload.addresses.isEmpty, !addresses.isEmpty else { return }
    workload.addresses = addresses
    standing.protects(workload)
    lent.formUnion(addresses)
  }

  // MARK: what the guard is told

  mutating func protect(_ workload: GuardedWorkload, _ effects: inout Effects) {
    guard told != workload else { return }
    standing.protects(workload)
    effects.tellGuard(.protect(workload))
    lent.formUnion(workload.addresses)
    if lent.count > workload.addresses.count { asked = effects.askToAcknowledge() }
  }

  /// The guard is told that the workload is to have no address any more.
  mutating func takeAddresses(_ effects: inout Effects) {
    guard var workload = told, !workload.addresses.isEmpty else { return }
    workload.addresses = []
    protect(workload, &effects)
  }

  /// Nothing is taken for known of its addresses before the guard has heard what it was told by now.
  mutating func awaitWord(_ effects: inout Effects) { asked = effects.askToAcknowledge() }

  /// Tells a guard that may not know what it is to protect.
  func protectAnew(_ effects: inout Effects) { if let told { effects.tellGuard(.protect(told)) } }

  /// The guard, where it protects the workload, is told by this command that it no longer does.
  mutating func end(_ name: WorkloadName, _ command: GuardCommand, _ guardWord: borrowing GuardWord, _ effects: inout Effects) {
    guard holds(name, guardWord) else { return }
    standing.ends(isListed: guardWord.workloads.contains(name.text))
    effects.tellGuard(command)
    if hasLent || mayHaveAddresses { asked = effects.askToAcknowledge() }
  }

  /// The guard is told to kill it, in the cgroup where it was protected last. Its claim is another's, and so are its addresses: whatever the guard is told
  /// about it again names none.
  mutating func orderKill(_ name: WorkloadName, _ effects: inout Effects) {
    takeAddresses(&effects)
    kill = Kill(cgroup: told?.cgroup)
    effects.tellGuard(.kill(workload: name.text))
  }

  /// The processes in that cgroup are to be killed.
  mutating func killIsOrdered(in cgroup: String?) { kill = Kill(cgroup: cgroup) }

  /// What was killed was another run, or is gone; or the guard that was told is another one.
  mutating func clearKill() { kill = nil }

  /// The guard has said that it does not list the workload.
  mutating func guardDropped() { standing.dropped() }

  /// The workload is not this node's any more.
  mutating func retire() {
    standing.retire()
    kill = nil
    (lent, asked, mayHaveAddresses) = ([], 0, false)
  }
}
