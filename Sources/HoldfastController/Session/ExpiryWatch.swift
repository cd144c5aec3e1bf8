import HoldfastModel
import HoldfastTime

/// One session as this node judges it.
///
///     watched ──due, the transaction is sent──▶ declaring ──committed──▶ gone with its record
///        ▲                                          │
///        └───────────refused, unanswered────────────┘
///
/// *Due* is no state: it is *watched* when its time is over, which the store's silence may put off (`ExpiryWatch.due`).
package enum PeerStanding: StateList {
  /// Its record, as it was seen last.
  package struct Seen: Hashable, Sendable {
    package var modified: Revision
    /// When it may be declared expired, if nothing changes and the store was not silent.
    package var due: BootInstant
    /// Changes seen since it was first heard of.
    package var changes = 0

    package init(modified: Revision, due: BootInstant, changes: Int = 0) {
      (self.modified, self.due, self.changes) = (modified, due, changes)
    }
  }

  case watched(Seen)
  /// A transaction that declares it expired is on its way. When the record changes meanwhile, that one will be refused.
  case declaring(Seen)

  package func mayBecome(_ next: PeerStanding) -> Bool {
    switch (self, next) {
    case (.watched(let before), .watched(let after)), (.declaring(let before), .declaring(let after)):
      // Only a later record starts the count anew.
      before.modified < after.modified && after.changes == before.changes + 1
    case (.watched(let before), .declaring(let after)), (.declaring(let before), .watched(let after)): before == after
    }
  }

  var seen: Seen {
    switch self {
    case .watched(let seen), .declaring(let seen): seen
    }
  }

  /// The same with another record.
  fileprivate func seeing(_ seen: Seen) -> PeerStanding {
    switch self {
    case .watched: .watched(seen)
    case .declaring: .declaring(seen)
    }
  }
}

/// Watches the other nodes' sessions and says which may be declared expired.
///
/// Expiry is an observation on this node's own clock: no change seen for TTL, drift and margin, counted from when the last
/// change was *received*; and after the store was silent, not before the others had the renewal grace to renew.
public struct ExpiryWatch: Hashable, Sendable {
  /// The store's last answer to a renewal of ours.
  private struct Answer: Hashable, Sendable {
    var received: BootInstant
    /// The latest of those that were answered was sent then: until then, at least, the store is known to have served. An answer that lay unread says
    /// nothing newer.
    var sent: BootInstant
  }

  private var sessions: [Incarnation: StateCourse<PeerStanding>] = [:]
  private var answer: Answer?
  /// The instant before which no session is declared expired.
  private var notBefore: BootInstant = .zero
  /// No session is due before this instant. It may be earlier than need be: renewals move what is due away from it.
  private var nothingBefore: BootInstant = .zero
  private let timing: Timing
  /// The first transition that was not legal, of any session; nil: all were.
  package private(set) var breach: String?

  package init(timing: Timing) { self.timing = timing }

  // MARK: questions

  /// When the store last answered a renewal of ours.
  public var lastAnswer: BootInstant? { answer?.received }

  /// How often the session was seen to change: somebody renews it.
  package func changes(of incarnation: Incarnation) -> Int { sessions[incarnation]?.state.seen.changes ?? 0 }

  package func isDeclaring(_ incarnation: Incarnation) -> Bool {
    if case .declaring? = sessions[incarnation]?.state { true } else { false }
  }

  /// Nothing was heard of it for most of its TTL: when two more renewals do not come it may be declared expired.
  package func isSilent(_ incarnation: Incarnation, at now: BootInstant) -> Bool {
    sessions[incarnation].map { now + timing.silentBefore >= $0.state.seen.due } ?? false
  }

  /// The earliest instant at which a session may be declared expired, if nothing changes.
  package func due(_ incarnation: Incarnation) -> BootInstant? {
    sessions[incarnation].map { max($0.state.seen.due, notBefore) }
  }

  /// Sessions that may be declared expired now, sorted.
  package func expired(now: BootInstant) -> [Incarnation] {
    // A store that does not answer us cannot have been answering the others. One answer that lay unread is never enough: it is as old as
    // the renewal grace that it begins when that is over.
    guard let lastAnswer, now - lastAnswer < timing.gap, now >= nothingBefore else { return [] }
    return sessions.filter { now >= max($0.value.state.seen.due, notBefore) }.keys.sorted()
  }

  /// When to look again.
  package func nextDue(after now: BootInstant) -> BootInstant? {
    if nothingBefore > now { return nothingBefore }
    return sessions.values.lazy.map { max($0.state.seen.due, notBefore) }.filter { $0 > now }.min()
  }

  // MARK: what is seen

  package mutating func observe(_ incarnation: Incarnation, _ entry: Stored<SessionRecord>?, now: BootInstant) {
    guard let entry else {
      sessions[incarnation] = nil
      return
    }
    var known = sessions[incarnation]?.state
    if let known, known.seen.modified == entry.modified { return }
    // The store is an earlier one than it was. Its owner has renewed since what was seen of it, and is heard of from now on.
    if let seen = known?.seen, seen.modified > entry.modified { known = nil }
    // A TTL that is shorter than ours could only come from a node that is configured otherwise: it knows its own deadline.
    let due = timing.expiry(received: now, ttl: .milliseconds(entry.value.ttl))
    let seen = PeerStanding.Seen(modified: entry.modified, due: due, changes: known.map { $0.seen.changes + 1 } ?? 0)
    if let known {
      move(incarnation, to: known.seeing(seen))
    } else {
      sessions[incarnation] = StateCourse(.watched(seen))
    }
    nothingBefore = min(nothingBefore, max(due, notBefore))
  }

  /// Starts anew from a listing: what was seen unchanged across it keeps its clock.
  package mutating func reload(_ listed: [Incarnation: Stored<SessionRecord>], now: BootInstant) {
    for incarnation in sessions.keys where listed[incarnation] == nil { sessions[incarnation] = nil }
    for (incarnation, entry) in listed { observe(incarnation, entry, now: now) }
  }

  /// The store answered a renewal. After a silence everybody gets the renewal grace first.
  package mutating func answered(sent: BootInstant, now: BootInstant) {
    let wasSilent = answer.map { now - $0.received > timing.gap } ?? true
    let mayHaveBeenSilent = answer.map { sent - $0.sent > timing.gap } ?? true
    if wasSilent || mayHaveBeenSilent { notBefore = now + timing.renewalGrace }
    answer = Answer(received: now, sent: max(answer?.sent ?? sent, sent))
  }

  /// Time has passed: how long nothing is due is worked out anew.
  package mutating func lookAgain(at now: BootInstant) {
    guard now >= nothingBefore else { return }
    nothingBefore = sessions.values.lazy.map { [notBefore] in max($0.state.seen.due, notBefore) }.min() ?? now
  }

  // MARK: the declaring

  /// The transaction that declares it expired was sent.
  package mutating func declares(_ incarnation: Incarnation) {
    if let known = sessions[incarnation]?.state { move(incarnation, to: .declaring(known.seen)) }
  }

  /// That was refused, or nobody knows. Where the session has ended meanwhile, there is nothing left to watch.
  package mutating func declaringFailed(_ incarnation: Incarnation) {
    if case .declaring(let seen)? = sessions[incarnation]?.state { move(incarnation, to: .watched(seen)) }
  }

  private mutating func move(_ incarnation: Incarnation, to next: PeerStanding) {
    sessions[incarnation]?.move(to: next)
    if breach == nil { breach = sessions[incarnation]?.breach }
  }
}
