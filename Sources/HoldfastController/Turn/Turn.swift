import HoldfastTime

/// One turn: what holds for the whole of it, made when it begins. It cannot be copied, so that nothing in it outlives the turn: neither the
/// session's permit nor the guard's word.
struct Turn: ~Copyable {
  let now: BootInstant
  let session: SessionPermit
  let guardWord: GuardWord
  let stance: Stance

  /// `Machines` makes it: the session's permit and the guard's word come from the machines that own them alone.
  init(at now: BootInstant, _ session: consuming SessionPermit, _ guardWord: consuming GuardWord, _ stance: Stance) {
    self.now = now
    self.session = session
    self.guardWord = guardWord
    self.stance = stance
  }

  /// This node may begin something under a claim now.
  var mayAct: Bool { session.isValid && guardWord.isArmed && !stance.decidesNothing }
}
