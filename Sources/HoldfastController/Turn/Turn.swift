import HoldfastTime

/// What holds for the whole of one turn, made when it begins. It cannot be copied, so that nothing in it outlives the turn: neither the
/// session's permit nor the guard's word.
struct Turn: ~Copyable {
  let now: BootInstant
  let session: SessionPermit
  let guardWord: GuardWord
  let stance: Stance

  /// Made from the machines alone: nobody can make up what they say.
  init(_ facts: Facts, _ machines: borrowing Machines) {
    now = facts.now
    session = machines.lease.session.permit(at: facts.now)
    guardWord = machines.guardLink.word(within: machines.lease.session.deadline)
    stance = machines.stance(facts)
  }

  /// This node may begin something under a claim now.
  var mayAct: Bool { session.isValid && guardWord.isArmed && !stance.decidesNothing }
}

/// How this node stands in the cluster.
struct Stance: Hashable, Sendable {
  /// A clean departure is under way; its host goes down soon when it is fast, and nothing is moved while it runs.
  var departure: Departure.Pace?
  /// The time to empty this node is over: nothing that is on its way while it runs is waited for any more.
  var isPastDeadline = false
  var isPlanner = false
  /// The store's layout is a later build's.
  var isOutdated = false

  var isLeaving: Bool { departure != nil }
  var leavesFast: Bool { departure == .fast }
  /// Nothing is begun and nothing decided: what runs here runs on. It may leave all the same.
  var decidesNothing: Bool { isOutdated && !isLeaving }
}
