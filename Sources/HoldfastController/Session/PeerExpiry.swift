import HoldfastModel
import HoldfastTime

/// The other nodes' sessions: which may be declared expired, and the declaring. Safe whoever does it: the transaction is guarded on the
/// session's record as it was seen.
struct PeerExpiry: Sendable {
  private var watch: ExpiryWatch

  init(timing: Timing) { watch = ExpiryWatch(timing: timing) }

  var breach: String? { watch.breach }

  // MARK: what is seen

  mutating func reload(_ sessions: [Incarnation: Stored<SessionRecord>], now: BootInstant) { watch.reload(sessions, now: now) }

  mutating func observe(_ incarnation: Incarnation, _ entry: Stored<SessionRecord>?, now: BootInstant) {
    watch.observe(incarnation, entry, now: now)
  }

  /// How long the store has not answered a renewal of this node's; nil: it never has.
  func silence(at now: BootInstant) -> Duration? { watch.lastAnswer.map { now - $0 } }

  /// The store answered a renewal of this node's.
  mutating func answered(sent: BootInstant, now: BootInstant) { watch.answered(sent: sent, now: now) }

  func due(_ incarnation: Incarnation) -> BootInstant? { watch.due(incarnation) }
  func changes(of incarnation: Incarnation) -> Int { watch.changes(of: incarnation) }

  /// Other nodes of which nothing was heard for most of their TTL: they may be about to be lost.
  func silentNodes(_ facts: Facts) -> Set<NodeName> {
    var silent: Set<NodeName> = []
    for (incarnation, entry) in facts.view.sessions where entry.value.node != facts.me {
      if watch.isSilent(incarnation, at: facts.now) { silent.insert(entry.value.node) }
    }
    return silent
  }

  func nextDue(after now: BootInstant) -> BootInstant? { watch.nextDue(after: now) }

  // MARK: a turn

  /// Declares expired what may be. The planner does; the others only when the session was the planner's, or it did not.
  ///
  /// - Parameter mayDeclare: no request of the planner's failed just now.
  mutating func step(_ turn: borrowing Turn, _ facts: Facts, mayDeclare: Bool, _ effects: inout Effects) {
    guard turn.session.isValid, turn.session.mayWrite, !facts.isDisarmed, !turn.stance.decidesNothing else { return }
    watch.lookAgain(at: facts.now)
    for incarnation in watch.expired(now: facts.now) where incarnation != turn.session.incarnation {
      guard let entry = facts.view.sessions[incarnation], let due = watch.due(incarnation) else { continue }
      let wasPlanner = facts.view.planner?.value.incarnation == incarnation
      guard turn.stance.isPlanner || wasPlanner || facts.now >= due + facts.timing.plannersLead else {
        effects.agenda.look(at: due + facts.timing.plannersLead)
        continue
      }
      let takesRole = wasPlanner && turn.stance.mayPlanForOthers(facts) && facts.rules.mayPlan
      if mayDeclare { declare(incarnation, entry, takesRole: takesRole, turn, facts, &effects) }
    }
  }

  private mutating func declare(
    _ incarnation: Incarnation, _ entry: Stored<SessionRecord>, takesRole: Bool, _ turn: borrowing Turn, _ facts: Facts,
    _ effects: inout Effects
  ) {
    let node = entry.value.node
    guard !watch.isDeclaring(incarnation), let holder = turn.session.holder(on: facts.me) else { return }
    effects.check(
      watch.due(incarnation).map { facts.now >= $0 } ?? false, "the session \(incarnation) is declared expired before its time")
    var conditions: [Condition<RecordKey>] = [.unchanged(.session(incarnation), modified: entry.modified)]
    var writes: [Write<RecordKey, Record>] = [.delete(.session(incarnation))]
    if let losses = Maintenances(facts).losses(withAnother: node) { writes.append(.put(.losses(node), .losses(losses))) }
    if takesRole, let record = facts.view.planner {
      conditions.append(.unchanged(.planner, modified: record.modified))
      writes.append(.put(.planner, .planner(PlannerRecord(node: facts.me, incarnation: holder.incarnation))))
    }
    // A store that is full still takes a transaction that only deletes. The session would be gone, and nobody could take its claims.
    // This node's own record, put again as it is, changes nothing and makes the store take all of an expiry or nothing.
    if writes.count == 1 { writes.append(.put(.node(facts.me), .node(facts.configuration.record))) }
    guard let transaction = turn.session.transaction(if: conditions, write: writes) else { return }
    watch.declares(incarnation)
    effects.transact(.expire(incarnation, node, takesRole: takesRole), transaction)
  }

  /// The transaction was refused, or nobody knows.
  mutating func declaringFailed(_ incarnation: Incarnation) { watch.declaringFailed(incarnation) }

  /// The transaction was committed: the session has gone with its record.
  func declared(_ node: NodeName, tookRole: Bool, _ facts: Facts, _ effects: inout Effects) {
    effects.note(
      .nodeLost,
      "\(node) has not renewed its session for \(InWords.seconds(facts.timing.ttl)) s and more: its workloads go to other nodes",
      severity: .error, subject: node)
    if tookRole { effects.note(.plannerTaken, "\(facts.me) is the planner now") }
  }
}
