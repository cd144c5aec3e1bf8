import GuardCore
import HoldfastModel

/// The way out of protection, and what is left of a workload that went it.
enum Unprotection {
  /// A workload of which the store knows no spec: it left protection, or a domain here carries our mark and nobody knows it.
  static func step(
    _ parts: inout WorkloadParts, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    if let domain = own.staleCopy { return endStaleCopy(&parts, domain, turn, facts, own, &effects) }
    // What was started here before it ran, and left protection, elsewhere must not come up beside that.
    if parts.mayComeBack(own, facts) { return parts.closeFence(facts, &effects) }
    if parts.mayBlockHypervisor(facts, turn.guardWord) || parts.isFrozenStarting(turn.guardWord) { return }
    // It may still come: the call's end brings this back.
    guard !parts.run.isCallingStart else { return }
    parts.fence.noLateStart()
    parts.letGo(turn.guardWord, facts, &effects)
    let marked = facts.local.domains.values.filter { $0.mark?.workload == parts.name.text && facts.isMarked($0) }
      .min { $0.id.description < $1.id.description }
    guard let marked else { return parts.retire(withoutFence: true, &effects) }
    // What has just left protection here is still seen with its mark for a moment.
    if own.claim?.value.releasedTo?.node == facts.me {
      if marked.state == .paused {
        effects.noteOnce(
          .stray,
          "\(parts.name) left protection and is paused on \(facts.me): it executes nothing until you resume it (`virsh -c \(marked.id.connection) resume \(marked.id.name)`)",
          workload: parts.name)
      }
      return parts.retire(withoutFence: true, &effects)
    }
    effects.noteOnce(
      .stray,
      "a domain on \(facts.me) carries the mark of \(parts.name), which this cluster does not know: left alone. Adopt it or destroy it",
      workload: parts.name)
  }

  /// A workload of which a record cannot be read is left alone. Where that is its definition, and another node holds the claim, what is here from
  /// before that claim is ended all the same: it would be a second copy.
  static func endUnreadableCopy(
    _ parts: inout WorkloadParts, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    guard own.spec == nil, own.isAnothers else { return }
    if let domain = own.staleCopy { return endStaleCopy(&parts, domain, turn, facts, own, &effects) }
    // It is gone.
    if parts.run.operation == .stop { parts.retire(&effects) }
  }

  static func endStaleCopy(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts,
    _ effects: inout Effects
  ) {
    parts.run.settle(own, domain.id, facts.local.sight(of: domain.id), facts, &parts.fence, &effects)
    parts.protection.protect(
      GuardedWorkload(name: parts.name.text, isolation: .freeze, cgroup: domain.cgroup, links: domain.links.sorted()), &effects)
    guard turn.session.isValid, parts.run.isIdle else { return }
    parts.endIntruder(domain, turn, facts, &effects)
  }

  /// A workload that leaves protection keeps running where it is: its mark is taken off, the guard leaves it alone, and its records go but for
  /// the claim, which says where it went on. Whatever comes up of it elsewhere after that is a stale copy.
  static func begin(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts,
    _ effects: inout Effects
  ) {
    let protection = parts.protection
    if protection.told == nil, protection.isAcknowledged(parts.name, turn.guardWord), let spec = own.spec?.value,
      !protection.holdsNoAddress(own, turn.guardWord)
    {
      // An earlier life of this controller told the guard of it, and of addresses that it may raise again.
      parts.protect(domain, spec, turn, facts, own, &effects)
      parts.protection.awaitWord(&effects)
    }
    parts.protection.takeAddresses(&effects)
    guard !parts.isBusy else { return }
    if parts.run.isUnmarked { return effects.batch.forget(parts.name) }
    let door = parts.run.door(at: facts.now)
    guard door.isOpen else { return effects.agenda.wait(parts.name, for: door) }
    parts.run.begin(.unmark)
    effects.unmark(parts.name, domain)
  }
}
