import HoldfastTime

/// What holds for the whole of one turn, made when it begins. It cannot be copied, so that nothing in it outlives the turn: neither the
/// session's permit nor the guard's word.
struct Turn: ~Copyable {
  let now: BootInstant
  let session: SessionPermit
  let guardWord: GuardWord
  let stance: Stance

  /// Made from the machines alone: nobody can make up what they say.
  init(_ facts: borrowing Facts, _ machines: borrowing Machines) {
    now = facts.now
    session = machines.lease.session.permit(at: facts.now)
    guardWord = machines.guardLink.word(within: session)
    stance = machines.stance(facts)
  }

  /// This node may begin something under a claim now.
  var mayAct: Bool { session.isValid && guardWord.isArmed && !stance.decidesNothing }
}
