import HoldfastModel

/// The way of a running domain under protection.
enum Adoption {
  /// A running domain comes under protection in steps, each of which can be the last for a while: its XML is in the store, the guard knows it,
  /// its persistent definition is gone, and only then is there a claim. Until then nobody else may start it, and whatever breaks the adoption
  /// off leaves a domain that runs once or not at all.
  static func step(
    _ parts: inout WorkloadParts, _ domain: DomainObservation, _ spec: SpecRecord, _ turn: borrowing Turn, _ facts: Facts,
    _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    let isMarked = own.wasAdoptedHalfway(domain)
    // A node that leaves begins none; one whose claim may be on its way is completed, and handed over like the others.
    if turn.stance.isLeaving, !isMarked { return parts.letGo(turn.guardWord, facts, &effects) }
    parts.protect(domain, spec, turn, facts, own, &effects)
    let isCovered = parts.protection.isAcknowledged(parts.name, turn.guardWord) || !facts.rules.isExclusive(parts.name, spec)
    guard turn.mayAct, isCovered, parts.run.isIdle else { return }
    let epoch = isMarked ? domain.mark?.epoch ?? own.epoch.next : own.epoch.next
    guard isMarked, !domain.persistent else {
      let door = parts.run.door(at: facts.now)
      guard door.isOpen else { return effects.agenda.wait(parts.name, for: door) }
      parts.run.begin(.mark)
      return effects.mark(parts.name, domain, own.mark(at: epoch, definition: spec.definition))
    }
    parts.line.adopt(own, at: epoch, turn, facts, &effects)
  }
}
