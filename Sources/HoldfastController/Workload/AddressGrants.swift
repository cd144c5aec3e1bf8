import GuardCore
import HoldfastModel

/// What a workload's addresses hang on besides themselves: its claim, its run, and the guard.
enum AddressGrants {
  /// The addresses that the guard is to raise for what runs here: under a claim that is held, as with a resume, for a restart of the controller ends nothing;
  /// while it executes or is paused, and is to do so. While nobody can tell one of these for a moment, what is up stays up: the deadline ends it, as it ends what executes.
  static func of(
    _ parts: borrowing WorkloadParts, _ domain: DomainObservation, _ spec: SpecRecord, _ guardWord: borrowing GuardWord,
    _ own: WorkloadFacts
  ) -> [GuardedAddress] {
    guard let defined = spec.addresses, guardWord.knowsAddresses, isThisNodes(own), own.isCopy(domain, spec),
      own.desired == .running, !own.goesDown, !own.hasArrived, !parts.isKilled, parts.run.operation != .stop,
      parts.run.operation != .unmark
    else { return [] }
    let free = parts.addresses.free(of: defined, lent: parts.protection.lent, held: guardWord.held.map(\.address))
    switch domain.state {
    case .running, .paused: if parts.line.isMine(own) { return free }
    case .unclear: break
    case .arriving, .stopping, .crashed: return []
    }
    let present = Set(parts.protection.told?.addresses ?? guardWord.held(for: own.name))
    return free.filter(present.contains)
  }

  /// The claim says so, if not for a session that stands.
  private static func isThisNodes(_ own: WorkloadFacts) -> Bool { own.claim != nil && !own.isAnothers }

  /// Why a start here would be one without its addresses; nil: it would not.
  static func refusal(_ own: WorkloadFacts, _ facts: Facts, _ guardWord: borrowing GuardWord) -> StartFailure? {
    guard let spec = own.spec?.value, spec.addresses != nil, guardWord.isConnected, !guardWord.knowsAddresses,
      facts.rules.isExclusive(own.name, spec)
    else { return nil }
    return .guardTooOld(facts.me)
  }

  /// The workload's addresses here. What is another's, or nobody's, has none.
  private static func defined(_ own: WorkloadFacts) -> [WorkloadAddress] {
    isThisNodes(own) ? own.spec?.value.addresses ?? [] : []
  }

  /// Before anything is decided about the workload: what the guard shows to be gone, and what it holds of it from an earlier life of this controller.
  static func look(_ parts: inout WorkloadParts, _ turn: borrowing Turn, _ own: WorkloadFacts) {
    let defined = defined(own)
    guard !defined.isEmpty || parts.protection.hasLent || parts.protection.mayHaveAddresses else { return }
    parts.protection.heed(mayHaveAddresses: !defined.isEmpty)
    parts.protection.seesAddresses(turn.guardWord)
    if parts.protection.told == nil, parts.protection.isAcknowledged(own.name, turn.guardWord) {
      parts.addresses.inherit(held(of: defined, turn.guardWord.held(for: own.name)))
    }
  }

  /// After everything is decided: asks the neighbours, tells them, and takes note of how far the guard is.
  static func follow(
    _ parts: inout WorkloadParts, _ turn: borrowing Turn, _ facts: Facts, _ own: WorkloadFacts, _ effects: inout Effects
  ) {
    let spec = own.spec?.value, defined = defined(own)
    guard !defined.isEmpty || !parts.addresses.isBlank else { return }
    let isExclusive = spec.map { facts.rules.isExclusive(own.name, $0) || parts.protection.holds(own.name, turn.guardWord) }
    let isToBeHere = own.desired == .running && !own.goesDown && (own.isWantedHere || own.isSeen)
    let mayAsk = isExclusive ?? false && isToBeHere && parts.line.isMine(own) && turn.guardWord.knowsAddresses
    parts.addresses.follow(
      own.name, defined, mayAsk: mayAsk, told: parts.protection.told, turn.guardWord, on: facts.me, &effects)
  }

  /// What the guard holds of them from an earlier life of this controller is this workload's.
  static func inherit(_ held: [GuardedAddress], _ parts: inout WorkloadParts, _ own: WorkloadFacts) {
    guard isThisNodes(own) else { return }
    let found = Self.held(of: own.spec?.value.addresses ?? [], held)
    parts.protection.inherit(found.compactMap(\.guarded))
    parts.addresses.inherit(found)
  }

  private static func held(of defined: [WorkloadAddress], _ held: [GuardedAddress]) -> [WorkloadAddress] {
    defined.filter { $0.guarded.map(held.contains) ?? false }
  }
}
