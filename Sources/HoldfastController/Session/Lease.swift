import HoldfastModel
import HoldfastTime

/// This node's lease: takes its session up, opens it, renews it, ends it, and notices its loss. The session itself, and the deadline that follows
/// from it, are `OwnSession`'s.
struct Lease: Sendable {
  private(set) var session: OwnSession
  private var saved: OwnSession.Saved?
  /// Incarnations whose opening was not answered: if one shows up in the store, it is ours.
  private var attempted: Set<Incarnation> = []
  /// A transaction that failed at once is not repeated before this instant: opening, validating, ending, arming.
  private(set) var pauseUntil: BootInstant = .zero
  private var random: SeededGenerator
  /// Writing the node's own record.
  private var describing = Attempt()
  private var lag = WatchLag()
  /// When this node last gave its session up because everything on it stayed frozen; nil: not in this life.
  private var withdrewAt: BootInstant?
  private var hasToldSilence = false
  private var hasToldFormat = false
  /// The session of another host under this node's name, of which people were told.
  private var toldForeign: Incarnation?

  init(_ configuration: ControllerConfiguration, saved: OwnSession.Saved?) {
    self.saved = saved
    session = OwnSession(node: configuration.node, timing: configuration.timing)
    random = SeededGenerator(seed: configuration.seed)
  }

  // MARK: questions

  var breach: String? { session.breach ?? describing.breach }

  /// When something about it is to be looked at again.
  func nextLook(at now: BootInstant, isShortening: Bool, _ timing: Timing) -> BootInstant? {
    var next: BootInstant?
    // While a renewal is on its way, the next is due at that time all the same if it succeeds.
    let waitsForGuard = isShortening && session.nextRenewal <= now
    if session.isStanding, !waitsForGuard, !session.isRenewing || session.nextRenewal > now { next = session.nextRenewal }
    if waitsForGuard { next = BootInstant.earlier(next, now + timing.retryPause) }
    // When it passes, people are told.
    if !hasToldSilence, let deadline = session.deadline { next = BootInstant.earlier(next, deadline) }
    return BootInstant.earlier(next, lag.deafAt(patience: timing.watchPatience))
  }

  var nextDescription: BootInstant? { describing.nextLook }

  /// A session in the store that an earlier life of this controller, or an unanswered attempt of ours, left there.
  func standing(in facts: Facts) -> (incarnation: Incarnation, entry: Stored<SessionRecord>)? {
    if let saved, let entry = facts.view.sessions[saved.incarnation], entry.created == saved.created,
      entry.value.node == facts.me
    {
      return (saved.incarnation, entry)
    }
    for incarnation in attempted.sorted() { if let entry = facts.view.sessions[incarnation] { return (incarnation, entry) } }
    return nil
  }

  /// Why there is none, in the order in which `takeUpOrOpen` waits; nil: one stands.
  func absence(_ facts: Facts, _ peers: PeerExpiry, _ stance: Stance, _ guardLink: GuardLink) -> SessionAbsence? {
    guard !session.isStanding else { return nil }
    guard facts.view.isLoaded else { return .unread }
    guard guardLink.isConnected else { return .noGuard(hasWithdrawn: withdrewAt != nil) }
    guard !stance.isLeaving else { return .leaving }
    if let flaw = facts.formatFlaw { return .format("\(flaw)") }
    if case .opening = session.phase { return .opening }
    guard guardLink.rest(seesProtected: facts.seesProtectedDomain) == .certain else { return .notFrozen }
    switch earlierSessions(facts, peers) {
    case .over: break
    case .unclear: return .earlier(isForeign: false)
    case .standing(_, let foreign): return .earlier(isForeign: foreign != nil)
    }
    if let until = backAfterWithdrawal(facts), facts.now < until { return .noHypervisor(facts.local.unreachable.keys.sorted()) }
    return .opening
  }

  /// An earlier life left a session, as far as is known without the store.
  var mayHaveLeftOne: Bool { saved != nil }

  // MARK: a turn

  /// - Parameters:
  ///   - peers: tell when an earlier session of this node is over.
  ///   - guardLink: is asked, and told, what has to hold before a session is opened or shortened.
  mutating func step(
    _ facts: Facts, _ peers: PeerExpiry, _ stance: Stance, _ workloads: WorkloadTable, _ guardLink: inout GuardLink,
    _ effects: inout Effects
  ) {
    if session.phase == .none { takeUpOrOpen(facts, peers, stance, &guardLink, &effects) }
    guard session.isStanding else { return }
    tellFormat(facts, &effects)
    if facts.formatFlaw == nil { armWhenTimeIsOver(facts, &effects) }
    renew(facts, stance, workloads, &guardLink, &effects)
    if facts.formatFlaw == nil { describe(facts, &effects) }
    if let deadline = session.deadline, facts.now >= deadline, !hasToldSilence {
      hasToldSilence = true
      effects.note(
        .storeLost, "the store did not take a renewal in time: the guard freezes this node's workloads until it does",
        severity: .error)
    }
  }

  private mutating func renew(
    _ facts: Facts, _ stance: Stance, _ workloads: WorkloadTable, _ guardLink: inout GuardLink, _ effects: inout Effects
  ) {
    let now = facts.now
    guard session.isRenewalDue(now: now, leaving: stance.isLeaving) else { return }
    let ttl = stance.isLeaving ? nil : Self.disarmedTTL(facts)
    let deadline = facts.timing.deadline(sent: now, ttl: ttl)
    let assurance = guardLink.assurance(of: deadline, mayExecute: workloads.mayExecute(facts), at: now)
    guardLink.act(on: assurance, &effects)
    guard assurance.isCertain, let incarnation = session.incarnation,
      let transaction = session.renewal(now: now, leaving: stance.isLeaving, ttl: ttl, clock: facts.wallTime)
    else { return }
    effects.transact(.renew(incarnation, sent: now), transaction, timeout: facts.timing.renewTimeout)
  }

  /// In a disarmed cluster automatic recovery is off. Its safety is the usual one, with longer times: every node's session stands for as long as nothing is to be
  /// done, the guard's deadline is as far, and nobody may declare the session expired before that is over.
  ///
  /// - Returns: how long this node's session is to stand from its next renewal on; nil: as usual.
  private static func disarmedTTL(_ facts: Facts) -> Duration? {
    guard let disarm = facts.view.disarm?.value else { return nil }
    guard let until = disarm.until else { return Limits.disarmedTTL }
    guard let end = facts.terms.end(of: .disarm, until: until), end > facts.now else { return nil }
    let left = min(end - facts.now, Limits.longestDisarmedTTL)
    return left > facts.timing.ttl ? left : nil
  }

  // MARK: taking up and opening

  private mutating func takeUpOrOpen(
    _ facts: Facts, _ peers: PeerExpiry, _ stance: Stance, _ guardLink: inout GuardLink, _ effects: inout Effects
  ) {
    guard guardLink.isConnected else { return }
    if let own = standing(in: facts) {
      session.takeUp(own.incarnation, own.entry, now: facts.now)
      save(own.incarnation, own.entry.created, &effects)
      effects.agenda.note(.ownSession)
      return effects.note(
        .sessionOpened, "continues session \(own.incarnation)\(Self.wordsOfRuns(under: own.incarnation, facts))")
    }
    guard !stance.isLeaving else { return }
    tellFormat(facts, &effects)
    guard facts.formatFlaw == nil else { return }
    // Opening frees the claims of every earlier session of this node: nothing may execute under them any more.
    switch guardLink.rest(seesProtected: facts.seesProtectedDomain) {
    case .certain: break
    case .awaited: return
    case .toBeFrozen: return guardLink.isolate(&effects)
    }
    switch earlierSessions(facts, peers) {
    case .over: break
    case .unclear: return
    case .standing(let until, let foreign):
      effects.agenda.look(at: until)
      return tellForeign(foreign, facts.me, &effects)
    }
    guard facts.now >= pauseUntil else { return }
    if let until = backAfterWithdrawal(facts), facts.now < until { return effects.agenda.look(at: until) }
    open(facts, &effects)
  }

  /// What ran under it: people are told of all of that together, as it was told of each when it began.
  private static func wordsOfRuns(under incarnation: Incarnation, _ facts: Facts) -> String {
    let count = facts.view.claims.values.count {
      $0.value.activity == .running && facts.holds($0.value, under: incarnation)
    }
    return count == 0 ? "" : ": \(count) workload\(count == 1 ? "" : "s") ran under it"
  }

  /// A controller of an older build opens no session. One whose session stands when the format changes keeps it, so that what runs here runs on, and
  /// begins nothing more (`Stance.decidesNothing`).
  private mutating func tellFormat(_ facts: Facts, _ effects: inout Effects) {
    guard let flaw = facts.formatFlaw else {
      if hasToldFormat { effects.unsay(.unreadable) }
      hasToldFormat = false
      return
    }
    hasToldFormat = true
    let consequence =
      session.isStanding
      ? "what runs on \(facts.me) runs on, and \(facts.me) starts, moves and decides nothing" : "\(facts.me) does not join"
    effects.noteOnce(.unreadable, "\(flaw): \(consequence). Upgrade holdfastd on \(facts.me)", severity: .error)
  }

  /// How it stands with sessions under this node's name that are none of this life's.
  private enum EarlierSessions {
    case over
    /// One may stand so long; where another host renews it, that is its incarnation.
    case standing(until: BootInstant, foreign: Incarnation?)
    /// A record cannot be read, or was not watched yet.
    case unclear
  }

  /// An unknown session under this node's name may be another host's: it is over only when it has not changed for long enough.
  private func earlierSessions(_ facts: Facts, _ peers: PeerExpiry) -> EarlierSessions {
    for (incarnation, entry) in facts.view.sessions where entry.value.node == facts.me {
      guard let due = peers.due(incarnation) else { return .unclear }
      guard facts.now < due else { continue }
      let isForeign = entry.value.counter > 1 && peers.changes(of: incarnation) > Limits.lateRenewals
      return .standing(until: due, foreign: isForeign ? incarnation : nil)
    }
    let isReadable = facts.view.unreadable.keys.allSatisfy { if case .session = $0 { false } else { true } }
    return isReadable ? .over : .unclear
  }

  private mutating func tellForeign(_ incarnation: Incarnation?, _ me: NodeName, _ effects: inout Effects) {
    guard let incarnation, toldForeign != incarnation else { return }
    toldForeign = incarnation
    effects.note(
      .sessionLost, "another host renews a session under the name \(me): give every node its own name", severity: .error)
  }

  /// After a withdrawal a session is opened when libvirt is back, or at that instant: some of what is frozen may be of use. nil: at once.
  private func backAfterWithdrawal(_ facts: Facts) -> BootInstant? {
    facts.local.unreachable.isEmpty ? nil : withdrewAt.map { $0 + facts.timing.withdrawalPause }
  }

  private mutating func open(_ facts: Facts, _ effects: inout Effects) {
    let view = facts.view, me = facts.me
    let earlier = view.sessions.filter { $0.value.value.node == me }.sorted { $0.key < $1.key }
    let incarnation = freshIncarnation(me)
    attempted.insert(incarnation)
    session.opens(as: incarnation, now: facts.now)
    var conditions: [Condition<RecordKey>] = []
    var writes: [Write<RecordKey, Record>] = [.put(.node(me), .node(facts.configuration.record))]
    // Every opening writes it: of two hosts under one name, one fails here.
    if view.unreadable[.node(me)] == nil {
      conditions.append(view.nodes[me].map { .unchanged(.node(me), modified: $0.modified) } ?? .absent(.node(me)))
    }
    for (old, entry) in earlier.prefix(Limits.sessionsAtOnce) {
      conditions.append(.unchanged(.session(old), modified: entry.modified))
      writes.append(.delete(.session(old)))
    }
    if view.format == nil {
      conditions.append(.absent(.format))
      writes.append(.put(.format, .format(FormatRecord())))
    }
    guard let transaction = session.opening(if: conditions, write: writes, clock: facts.wallTime) else { return }
    effects.transact(.open(incarnation, sent: facts.now), transaction)
  }

  private mutating func freshIncarnation(_ me: NodeName) -> Incarnation {
    let bits = (random.next(), random.next())
    func hex(_ value: UInt64) -> String {
      let digits = String(value, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    return Incarnation("\(me)-\(hex(bits.0))\(hex(bits.1))")
  }

  /// - Parameter silence: for how long the store had not answered before; nil: ever.
  mutating func opened(
    _ incarnation: Incarnation, at revision: Revision, silence: Duration?, _ facts: Facts, _ effects: inout Effects
  ) {
    session.opened(at: revision)
    attempted.removeAll()
    withdrewAt = nil
    checkWritten(at: revision, facts, &effects)
    save(incarnation, revision, &effects)
    storeAnswered(after: silence, &effects)
    effects.note(.sessionOpened, "opened session \(incarnation)")
  }

  mutating func openingFailed(_ timing: Timing, _ effects: inout Effects) {
    session.openingFailed()
    pause(timing, &effects)
  }

  private mutating func save(_ incarnation: Incarnation, _ created: Revision, _ effects: inout Effects) {
    let state = OwnSession.Saved(incarnation: incarnation, created: created)
    guard saved != state else { return }
    saved = state
    effects.save(state)
  }

  /// A transaction that just failed is not repeated for a moment.
  mutating func pause(_ timing: Timing, _ effects: inout Effects) {
    pauseUntil = effects.now + timing.retryPause
  }

  // MARK: renewing

  mutating func renewNow(at now: BootInstant) { session.renewNow(at: now) }

  /// - Parameter silence: for how long the store had not answered before; nil: ever.
  mutating func renewed(
    sent: BootInstant, at revision: Revision, silence: Duration?, _ facts: Facts, _ effects: inout Effects
  ) -> OwnSession.RenewalEnd {
    let end = session.renewalEnded(sent: sent, committed: revision)
    guard end == .renewed else { return end }
    checkWritten(at: revision, facts, &effects)
    if silence.map({ $0 > facts.timing.gap }) ?? true { effects.agenda.note(.other) }
    lag.wrote(revision, seen: facts.view.revision, at: facts.now)
    storeAnswered(after: silence, &effects)
    return end
  }

  /// The first answer after a silence that people were told of, whatever it says.
  ///
  /// - Parameter silence: its length; nil: the store had never answered.
  mutating func storeAnswered(after silence: Duration?, _ effects: inout Effects) {
    guard hasToldSilence else { return }
    hasToldSilence = false
    effects.note(.storeBack, "the store answers again after \(InWords.seconds(silence)) s")
  }

  mutating func renewalFailed(
    refusedWith current: [RecordKey: Stored<Record>]?, at now: BootInstant
  ) -> OwnSession.RenewalEnd {
    guard let current, let incarnation = session.incarnation else {
      session.renewalUnanswered(now: now)
      return .again
    }
    var entry: Stored<SessionRecord>?
    if let found = current[.session(incarnation)], case .session(let record) = found.value {
      entry = Stored(value: record, created: found.created, modified: found.modified)
    }
    return session.renewalRefused(current: entry, now: now)
  }

  // MARK: what was written, and what is read back

  /// This node's session was written so: what the store has of it must be that, and the deadline must come before what others wait for.
  private func checkWritten(at revision: Revision, _ facts: Facts, _ effects: inout Effects) {
    guard let standing = session.standing, let sent = standing.confirmedSent, let deadline = session.deadline,
      let written = facts.view.sessions[standing.incarnation], written.modified == revision
    else { return }
    effects.check(
      written.value.counter == standing.counter && written.created == standing.created,
      "\(standing.incarnation) was written with the counter \(written.value.counter), not \(standing.counter)")
    effects.check(
      deadline <= sent + .milliseconds(written.value.ttl),
      "the deadline of \(standing.incarnation) is later than the TTL in its record")
  }

  /// A session's record was read. This node writes its own, one renewal at a time, each on what the one before left: so at most one is ahead of what it
  /// knows.
  func checkRead(_ incarnation: Incarnation, _ facts: Facts, _ effects: inout Effects) {
    guard let standing = session.standing, standing.incarnation == incarnation,
      let read = facts.view.sessions[incarnation], read.created == standing.created
    else { return }
    effects.check(
      read.value.node == facts.me && read.value.counter <= standing.counter + 1,
      "\(incarnation) has the counter \(read.value.counter) in the store, and this node has written \(standing.counter)")
  }

  // MARK: ending

  /// Asks for the session's end, where that may be (`OwnSession.mayEnd`).
  mutating func end(
    _ reason: EndReason, if conditions: [Condition<RecordKey>], _ facts: Facts, isPlanner: Bool, _ effects: inout Effects
  ) {
    guard let incarnation = session.incarnation,
      let transaction = session.end(if: conditions, with: isPlanner ? facts.view.planner : nil)
    else { return }
    effects.transact(.end(incarnation, reason), transaction)
  }

  mutating func endUnanswered() { session.endUnanswered() }

  mutating func endFailed(_ timing: Timing, _ effects: inout Effects) {
    session.endRefused()
    pause(timing, &effects)
  }

  /// The session is gone: expired by another node, or ended by this one.
  mutating func ended() { session.lost() }

  mutating func forgetSaved(_ effects: inout Effects) {
    saved = nil
    effects.save(nil)
  }

  mutating func withdrew(at now: BootInstant) { withdrewAt = now }

  // MARK: the watch, the node's own record, a disarmed cluster's end

  mutating func saw(_ revision: Revision) { lag.seen(revision) }

  mutating func watchTheWatch(_ facts: Facts, _ effects: inout Effects) {
    guard let deafAt = lag.deafAt(patience: facts.timing.watchPatience), facts.now >= deafAt else { return }
    lag.restarts(at: facts.now)
    effects.restartWatch()
  }

  /// A node that was taken up with another configuration says so.
  private mutating func describe(_ facts: Facts, _ effects: inout Effects) {
    let permit = session.permit(facts), record = facts.configuration.record
    guard permit.isValid, permit.mayWrite else { return }
    // An answer that was lost is no failure any more: nothing is looked at again for its sake.
    guard facts.view.nodes[facts.me]?.value != record else { return describing.succeeded() }
    guard describing.mayBegin(at: facts.now),
      let transaction = permit.transaction(write: [.put(.node(facts.me), .node(record))])
    else { return }
    describing.begins()
    effects.transact(.describe, transaction)
  }

  mutating func described() { describing.succeeded() }
  mutating func describingFailed(at now: BootInstant, _ timing: Timing) { describing.failed(until: now + timing.renewInterval) }

  /// A disarmed cluster is armed by whoever notices first that its time is over: the planner may be gone.
  private func armWhenTimeIsOver(_ facts: Facts, _ effects: inout Effects) {
    guard let disarm = facts.view.disarm, let end = facts.terms.end(of: .disarm, until: disarm.value.until) else { return }
    guard facts.now >= end else { return effects.agenda.look(at: end) }
    guard facts.now >= pauseUntil, !effects.isUnderWay({ $0 == .arm }) else { return }
    effects.transact(.arm, .arming(disarm))
  }
}
