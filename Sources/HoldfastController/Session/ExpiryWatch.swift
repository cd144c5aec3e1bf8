import HoldfastModel
import HoldfastTime

/// Watches the other nodes' sessions and says which may be declared expired.
///
/// Expiry is an observation on this node's own clock: no change seen for TTL, drift and margin, counted from when the last
/// change was *received*; and after the store was silent, not before the others had the renewal grace to renew.
public struct ExpiryWatch: Hashable, Sendable {
  private struct Observed: Hashable, Sendable {
    var modified: Revision
    /// When it may be declared expired, if nothing changes and the store was not silent.
    var due: BootInstant
    /// Changes seen since it was first heard of.
    var changes = 0
  }

  private var sessions: [Incarnation: Observed] = [:]
  /// When the store last answered a renewal of ours.
  public private(set) var lastAnswer: BootInstant?
  /// When that renewal was sent: until then, at least, the store is known to have served. An answer that lay unread says nothing newer.
  private var served: BootInstant?
  /// Nobody is declared expired before this instant.
  private var notBefore: BootInstant = .zero
  /// No session is due before this instant. It may be earlier than need be: renewals move what is due away from it.
  private var nothingBefore: BootInstant = .zero
  private let timing: Timing

  package init(timing: Timing) { self.timing = timing }

  package mutating func observe(_ incarnation: Incarnation, _ entry: Stored<SessionRecord>?, now: BootInstant) {
    guard let entry else {
      sessions[incarnation] = nil
      return
    }
    let known = sessions[incarnation]
    if let known, known.modified >= entry.modified { return }
    // A TTL that is shorter than ours could only come from a node that is configured otherwise: it knows its own deadline.
    let due = timing.expiry(received: now, ttl: .milliseconds(entry.value.ttl))
    sessions[incarnation] = Observed(modified: entry.modified, due: due, changes: known.map { $0.changes + 1 } ?? 0)
    nothingBefore = min(nothingBefore, max(due, notBefore))
  }

  /// How often the session was seen to change: somebody renews it.
  package func changes(of incarnation: Incarnation) -> Int { sessions[incarnation]?.changes ?? 0 }

  /// Starts anew from a listing: what was seen unchanged across it keeps its clock.
  package mutating func reload(_ listed: [Incarnation: Stored<SessionRecord>], now: BootInstant) {
    for incarnation in sessions.keys where listed[incarnation] == nil { sessions[incarnation] = nil }
    for (incarnation, entry) in listed { observe(incarnation, entry, now: now) }
  }

  /// The store answered a renewal. After a silence everybody gets the renewal grace first.
  package mutating func answered(sent: BootInstant, now: BootInstant) {
    let wasSilent = lastAnswer.map { now - $0 > timing.gap } ?? true
    let mayHaveBeenSilent = served.map { sent - $0 > timing.gap } ?? true
    if wasSilent || mayHaveBeenSilent { notBefore = now + timing.renewalGrace }
    served = max(served ?? sent, sent)
    lastAnswer = now
  }

  /// Nothing was heard of it for most of its TTL: when two more renewals do not come it may be declared expired.
  package func isSilent(_ incarnation: Incarnation, at now: BootInstant) -> Bool {
    sessions[incarnation].map { now + timing.renewInterval * 2 >= $0.due } ?? false
  }

  /// The earliest instant at which a session may be declared expired, if nothing changes.
  package func due(_ incarnation: Incarnation) -> BootInstant? { sessions[incarnation].map { max($0.due, notBefore) } }

  /// Sessions that may be declared expired now, sorted.
  package mutating func expired(now: BootInstant) -> [Incarnation] {
    guard now >= nothingBefore else { return [] }
    nothingBefore = sessions.values.lazy.map { [notBefore] in max($0.due, notBefore) }.min() ?? now
    // A store that does not answer us cannot have been answering the others. One answer that lay unread is never enough: it is as old as
    // the renewal grace that it begins when that is over.
    guard let lastAnswer, now - lastAnswer < timing.gap else { return [] }
    guard now >= nothingBefore else { return [] }
    return sessions.filter { now >= max($0.value.due, notBefore) }.keys.sorted()
  }

  /// When to look again.
  package func nextDue(after now: BootInstant) -> BootInstant? {
    if nothingBefore > now { return nothingBefore }
    return sessions.values.lazy.map { max($0.due, notBefore) }.filter { $0 > now }.min()
  }
}
