import HoldfastModel
import HoldfastTime

/// This node's lease: opens it, renews it, and knows until when the node may execute exclusive workloads.
///
/// The deadline comes from the instant before a renewal was sent, never from its reply; an attempt whose outcome is unknown
/// extends nothing.
public struct OwnSession: Hashable, Sendable {
  /// The part of a session that survives a restart of the controller, in the runtime directory.
  public struct Saved: Hashable, Sendable, Codable {
    public var incarnation: Incarnation
    public var created: Revision

    public init(incarnation: Incarnation, created: Revision) {
      self.incarnation = incarnation
      self.created = created
    }
  }

  /// A session that the store has.
  public struct Standing: Hashable, Sendable {
    public var incarnation: Incarnation
    public var created: Revision
    /// Our last write, as far as we know.
    public var modified: Revision
    public var counter: Int64
    /// nil until the first renewal since we took it up: what an earlier life of this controller knew is not known.
    public var confirmedSent: BootInstant?
    /// The TTL that this renewal wrote; nil: the usual TTL. Shortened before a renewal with less is sent, as that may be applied unanswered.
    public var confirmedTTL: Duration?
    public var leaving: Bool
  }

  public enum Phase: StateList, Hashable, Sendable {
    /// None, and none may be opened yet.
    case none
    /// A transaction that opens it is on its way.
    case opening(Incarnation, sent: BootInstant)
    case standing(Standing)

    public func mayBecome(_ next: Phase) -> Bool {
      switch (self, next) {
      case (.none, .opening), (.none, .standing), (_, .none): true
      // It is the session that was asked for, or the one that stands.
      case (.opening(let asked, _), .standing(let standing)): asked == standing.incarnation
      case (.standing(let before), .standing(let standing)): before.incarnation == standing.incarnation
      case (.opening, .opening), (.standing, .opening): false
      }
    }
  }

  public enum RenewalEnd: Hashable, Sendable {
    /// The deadline moved.
    case renewed
    /// Nothing is known: the next attempt will tell.
    case again
    /// The session is gone from the store: another controller declared it expired.
    case lost
  }

  /// The request on its way about the session: a renewal, or its end, as a node that leaves asks for it; never both, as the end is asked of the record as
  /// it is.
  private enum Traffic: StateList {
    case none
    case renewal(Renewal)
    case end
    /// The end may have been applied, or may be still: nobody knows. A renewal that is committed afterwards rules it out; nil: none is on its way.
    case endInDoubt(Renewal?)

    func mayBecome(_ next: Traffic) -> Bool {
      switch (self, next) {
      case (.none, .renewal), (.none, .end), (.end, .endInDoubt(nil)), (.endInDoubt(nil), .end): true
      case (.endInDoubt(let before), .endInDoubt(let after)): (before == nil) != (after == nil)
      case (_, .none): true
      default: false
      }
    }

    var renewal: Renewal? {
      switch self {
      case .renewal(let renewal), .endInDoubt(let renewal?): renewal
      case .none, .end, .endInDoubt(nil): nil
      }
    }
  }

  /// A renewal on its way.
  private struct Renewal: Hashable, Sendable {
    /// The TTL that it writes; nil: the usual one.
    let ttl: Duration?
  }

  private var traffic = StateCourse(Traffic.none)
  private var course = StateCourse(Phase.none) {
    didSet {
      deadline = standing.flatMap { standing in
        standing.confirmedSent.map { timing.deadline(sent: $0, ttl: standing.confirmedTTL) }
      }
    }
  }
  public var phase: Phase { course.state }
  var breach: String? { course.breach ?? traffic.breach }
  /// By when execution must have stopped unless renewed; nil while no renewal of ours was confirmed.
  public private(set) var deadline: BootInstant?
  /// Since when it has been valid without a break; nil: it is not known to be.
  public private(set) var validSince: BootInstant?
  /// When the next renewal is due.
  public private(set) var nextRenewal: BootInstant = .zero
  private let node: NodeName
  private let timing: Timing

  package init(node: NodeName, timing: Timing) {
    self.node = node
    self.timing = timing
  }

  /// The session's permit in the turn of these facts. Their instant is the turn's, and never goes back: nobody can name an earlier one, at which a session
  /// that is over would still seem valid.
  func permit(_ facts: borrowing Facts) -> SessionPermit { SessionPermit(self, now: facts.now) }

  public var standing: Standing? { if case .standing(let standing) = phase { standing } else { nil } }
  /// The session under which something may be begun: its end is not on its way, and cannot come any more.
  public var acting: Standing? {
    switch traffic.state {
    case .none, .renewal: standing
    case .end, .endInDoubt: nil
    }
  }
  /// A renewal is on its way.
  public var isRenewing: Bool { traffic.state.renewal != nil }
  /// Its end may be asked for: nothing is on its way that the end would cross.
  var mayEnd: Bool { isStanding && !isRenewing && traffic.state != .end }
  public var isStanding: Bool { if case .standing = phase { true } else { false } }
  public var incarnation: Incarnation? { if case .standing(let standing) = phase { standing.incarnation } else { nil } }

  /// Whether workloads may be started, resumed or claimed now.
  public func isValid(at now: BootInstant) -> Bool { if let deadline { now < deadline } else { false } }

  package func record(_ counter: Int64, leaving: Bool, ttl: Duration? = nil, clock: Int64? = nil) -> SessionRecord {
    // Rounded up: others must not count a shorter TTL than we do.
    SessionRecord(
      node: node, counter: counter, ttl: ((ttl ?? timing.ttl).wholeNanoseconds + 999_999) / 1_000_000,
      phase: leaving ? .leaving : .active, clock: clock)
  }

  // MARK: opening

  package mutating func opens(as incarnation: Incarnation, now: BootInstant) {
    course.move(to: .opening(incarnation, sent: now))
  }

  /// The transaction that opens it. It cannot be made under a session, since it makes one: its first condition is that there is none of that name.
  ///
  /// - Parameters:
  ///   - conditions: on earlier sessions and the node's record.
  ///   - writes: what goes with it.
  ///   - clock: the node's wall clock, in milliseconds since 1970.
  func opening(
    if conditions: [Condition<RecordKey>], write writes: [Write<RecordKey, Record>], clock: Int64? = nil
  ) -> PermittedTransaction? {
    guard case .opening(let incarnation, _) = phase else { return nil }
    let key = RecordKey.session(incarnation)
    return PermittedTransaction(
      .opening,
      ClusterTransaction(
        if: [.absent(key)] + conditions, write: [.put(key, .session(record(1, leaving: false, clock: clock)))] + writes))
  }

  package mutating func opened(at revision: Revision) {
    guard case .opening(let incarnation, let sent) = phase else { return }
    course.move(
      to: .standing(
        Standing(
          incarnation: incarnation, created: revision, modified: revision, counter: 1, confirmedSent: sent, leaving: false)))
    nextRenewal = sent + timing.renewInterval
    validSince = sent
  }

  package mutating func openingFailed() { if case .opening = phase { course.move(to: .none) } }

  /// Takes up a session of an earlier life of this controller, found standing in the store.
  package mutating func takeUp(_ incarnation: Incarnation, _ entry: Stored<SessionRecord>, now: BootInstant) {
    course.move(
      to: .standing(
        Standing(
          incarnation: incarnation, created: entry.created, modified: entry.modified, counter: entry.value.counter,
          confirmedSent: nil, leaving: entry.value.phase == .leaving)))
    nextRenewal = now
  }

  // MARK: ending

  /// The transaction that ends the session, as its record is now; nil while a renewal or an earlier attempt is on its way (`mayEnd`). That the
  /// record is unchanged says more than that the session stands.
  ///
  /// - Parameters:
  ///   - conditions: what has to hold besides.
  ///   - role: the planner's record, where it is this session's: the role ends with it.
  mutating func end(if conditions: [Condition<RecordKey>], with role: Stored<PlannerRecord>?) -> PermittedTransaction? {
    guard case .standing(let standing) = phase, mayEnd else { return nil }
    traffic.move(to: .end)
    let key = RecordKey.session(standing.incarnation)
    var transaction = ClusterTransaction(if: [.unchanged(key, modified: standing.modified)] + conditions, write: [.delete(key)])
    if let role {
      transaction.conditions.append(.unchanged(.planner, modified: role.modified))
      transaction.writes.append(.delete(.planner))
    }
    return PermittedTransaction(.end, transaction)
  }

  package mutating func endRefused() { if traffic.state == .end { traffic.move(to: .none) } }

  package mutating func endUnanswered() { if traffic.state == .end { traffic.move(to: .endInDoubt(nil)) } }

  // MARK: renewing

  /// The session's record is to be written anew.
  package mutating func renewNow(at now: BootInstant) { nextRenewal = min(nextRenewal, now) }

  /// Whether a renewal is to be sent.
  package func isRenewalDue(now: BootInstant, leaving: Bool) -> Bool {
    guard case .standing(let standing) = phase, !isRenewing, traffic.state != .end else { return false }
    return now >= nextRenewal || leaving != standing.leaving
  }

  /// The transaction that renews, if one is due. `leaving` is written with it, and the TTL where it is not the usual one. That the record is unchanged
  /// says more than that the session stands.
  ///
  /// - Parameter clock: the node's wall clock, in milliseconds since 1970.
  package mutating func renewal(
    now: BootInstant, leaving: Bool, ttl: Duration? = nil, clock: Int64? = nil
  ) -> PermittedTransaction? {
    guard isRenewalDue(now: now, leaving: leaving), case .standing(var standing) = phase else { return nil }
    let renewal = Renewal(ttl: ttl)
    traffic.move(to: traffic.state == .none ? .renewal(renewal) : .endInDoubt(renewal))
    standing.leaving = leaving
    standing.confirmedTTL = shorter(standing.confirmedTTL, ttl)
    course.move(to: .standing(standing))
    nextRenewal = now + timing.renewInterval
    let key = RecordKey.session(standing.incarnation)
    return PermittedTransaction(
      .renewal,
      ClusterTransaction(
        if: [.unchanged(key, modified: standing.modified)],
        write: [.put(key, .session(record(standing.counter + 1, leaving: leaving, ttl: ttl, clock: clock)))]))
  }

  private func shorter(_ a: Duration?, _ b: Duration?) -> Duration? {
    let least = min(a ?? timing.ttl, b ?? timing.ttl)
    return least == timing.ttl ? nil : least
  }

  package mutating func renewalEnded(sent: BootInstant, committed revision: Revision) -> RenewalEnd {
    let renewal = traffic.state.renewal
    renewalAnswered()
    guard let renewal, case .standing(var standing) = phase else { return .again }
    if deadline.map({ sent >= $0 }) ?? true { validSince = sent }
    standing.modified = revision
    standing.counter += 1
    standing.confirmedSent = max(sent, standing.confirmedSent ?? sent)
    standing.confirmedTTL = renewal.ttl
    course.move(to: .standing(standing))
    if case .endInDoubt = traffic.state { traffic.move(to: .none) }
    return .renewed
  }

  /// A renewal was answered, or will not be.
  private mutating func renewalAnswered() {
    switch traffic.state {
    case .renewal: traffic.move(to: .none)
    case .endInDoubt(.some): traffic.move(to: .endInDoubt(nil))
    case .none, .end, .endInDoubt(nil): break
    }
  }

  package mutating func renewalRefused(current: Stored<SessionRecord>?, now: BootInstant) -> RenewalEnd {
    renewalAnswered()
    guard case .standing(var standing) = phase else { return .again }
    // Only we write this record. Changed but standing: an earlier attempt of ours was applied after all.
    guard let current, current.created == standing.created else { return .lost }
    standing.modified = current.modified
    standing.counter = current.value.counter
    course.move(to: .standing(standing))
    nextRenewal = now
    return .again
  }

  package mutating func renewalUnanswered(now: BootInstant) {
    renewalAnswered()
    // The attempt took its time already where it timed out; where it failed at once, do not spin.
    nextRenewal = min(nextRenewal, now + timing.retryPause)
  }

  package mutating func lost() {
    course.move(to: .none)
    traffic.move(to: .none)
    validSince = nil
  }
}

/// The session's permit for one turn. Only the session makes it, and it cannot be kept.
struct SessionPermit: ~Copyable {
  /// The session that stands, in a state in which something may be begun under it; nil: nothing may.
  private let acting: OwnSession.Standing?
  /// The session that stands, whatever is under way about it.
  let incarnation: Incarnation?
  /// By when execution must have stopped, unless it is renewed.
  let deadline: BootInstant?
  private let now: BootInstant

  fileprivate init(_ session: borrowing OwnSession, now: BootInstant) {
    acting = session.acting
    incarnation = session.incarnation
    deadline = session.deadline
    self.now = now
  }

  /// Whether workloads may be started, resumed or claimed now.
  var isValid: Bool { deadline.map { now < $0 } ?? false }

  /// Whether a transaction may be made under it.
  var mayWrite: Bool { acting != nil }

  /// The holder that claims are taken for; nil: none may be taken.
  func holder(on node: NodeName) -> ClaimRecord.Holder? { acting.map { .init(node: node, incarnation: $0.incarnation) } }

  /// A transaction that is applied only while the session stands; nil when nothing may be begun under it.
  func transaction(
    if conditions: [Condition<RecordKey>] = [], write writes: [Write<RecordKey, Record>]
  ) -> PermittedTransaction? {
    guard let acting else { return nil }
    let stands = Condition<RecordKey>.stands(.session(acting.incarnation), created: acting.created)
    return PermittedTransaction(.session, ClusterTransaction(if: [stands] + conditions, write: writes))
  }
}

/// A transaction that may be sent: made under a session that stands, by the session itself, or on the one record that it takes away.
package struct PermittedTransaction: ~Copyable {
  /// The basis of a transaction: what its first condition is about.
  enum Basis: Hashable, Sendable {
    /// A session that stands.
    case session
    /// The session's record as it is: there is none yet; it is renewed; it is ended.
    case opening, renewal, end
    /// The record by which the cluster is disarmed, as it is.
    case arming
  }

  let basis: Basis
  package let transaction: ClusterTransaction

  fileprivate init(_ basis: Basis, _ transaction: ClusterTransaction) {
    self.basis = basis
    self.transaction = transaction
  }

  /// The end of a disarmed cluster, when its time is over: whoever notices first. It needs no session by nature: it takes away the one record that it is
  /// conditional on, and nothing may execute because of it. A node whose session is ending may write it as well.
  static func arming(_ disarm: Stored<DisarmRecord>) -> PermittedTransaction {
    PermittedTransaction(
      .arming, ClusterTransaction(if: [.unchanged(.disarm, modified: disarm.modified)], write: [.delete(.disarm)]))
  }
}
