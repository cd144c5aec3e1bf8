import GuardCore
import HoldfastModel

/// What a workload's addresses hang on besides themselves: its claim, its run, and the guard.
enum AddressGrants {
  /// Why a start here would be one without its addresses; nil: it would not.
  static func refusal(_ own: WorkloadFacts, _ facts: Facts, _ guardWord: borrowing GuardWord) -> StartFailure? {
    guard let spec = own.spec?.value, spec.addresses != nil, guardWord.isConnected, !guardWord.knowsAddresses,
      facts.rules.isExclusive(own.name, spec)
    else { return nil }
    return .guardTooOld(facts.me)
  }

  /// The workload's addresses here. What is another's, or nobody's, has none.
  private static func defined(_ own: WorkloadFacts) -> [WorkloadAddress] {
    own.namesThisNode ? own.spec?.value.addresses ?? [] : []
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
    // Of what was killed for want of its claim the guard was told under an earlier one.
    let mayRaise = parts.line.isMine(own) && !parts.isKilled
    parts.addresses.follow(
      own.name, defined, mayAsk: mayAsk, mayRaise: mayRaise, told: parts.protection.told, turn.guardWord, on: facts.me, &effects
    )
  }

  /// What the guard holds of them from an earlier life of this controller is this workload's.
  static func inherit(_ held: [GuardedAddress], _ parts: inout WorkloadParts, _ own: WorkloadFacts) {
    guard own.namesThisNode else { return }
    let found = Self.held(of: own.spec?.value.addresses ?? [], held)
    parts.protection.inherit(found.compactMap(\.guarded))
    parts.addresses.inherit(found)
  }

  private static func held(of defined: [WorkloadAddress], _ held: [GuardedAddress]) -> [WorkloadAddress] {
    defined.filter { $0.guarded.map(held.contains) ?? false }
  }
}
