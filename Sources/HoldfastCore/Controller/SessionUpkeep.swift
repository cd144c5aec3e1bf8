import GuardProtocol

/// Keeps this node's session: takes it up, opens it, renews it, notices its loss.
extension Controller {
  mutating func keepSession() {
    if session.phase == .none { takeUpOrOpen() }
    guard session.isStanding else { return }
    armWhenTimeIsOver()
    if session.isRenewalDue(now: now, leaving: isLeaving), guardKnowsDeadline(for: ttl),
      let transaction = session.renewal(now: now, leaving: isLeaving, ttl: ttl)
    {
      transact(.renew(sent: now), transaction, timeout: timing.renewTimeout)
    }
    describeMyself()
    if let deadline = session.deadline, now >= deadline, !saidStoreLost {
      saidStoreLost = true
      note(
        .storeLost, "the store did not take a renewal in time: the guard stops this node's workloads until it does",
        severity: .error)
    }
  }

  // MARK: taking up and opening

  private mutating func takeUpOrOpen() {
    guard guardian.isConnected else { return }
    if let own = ownStandingSession() {
      session.takeUp(own.incarnation, own.entry, now: now)
      save(own.incarnation, own.entry.created)
      makeEveryWorkloadDirty()
      note(.sessionOpened, "went on with session \(own.incarnation)")
      return
    }
    guard !isLeaving, isFormatKnown() else { return }
    // Opening frees the claims of every earlier session of this node: nothing may execute under them any more.
    guard nothingExecutes(), earlierSessionsAreOver(), now >= pauseUntil, mayComeBackFromWithdrawal() else { return }
    open()
  }

  /// A session in the store that an earlier life of this controller, or an unanswered attempt of ours, left there.
  func ownStandingSession() -> (incarnation: Incarnation, entry: Stored<SessionRecord>)? {
    if let saved, let entry = view.sessions[saved.incarnation], entry.created == saved.created, entry.value.node == me {
      return (saved.incarnation, entry)
    }
    for incarnation in attempted.sorted() {
      if let entry = view.sessions[incarnation] { return (incarnation, entry) }
    }
    return nil
  }

  private mutating func isFormatKnown() -> Bool {
    if let format = view.format?.value, format.version > FormatRecord.current {
      noteOnce(
        .unreadable,
        "the store has format \(format.version), this build knows up to \(FormatRecord.current): upgrade holdfastd on \(me)")
      return false
    }
    return view.unreadable[.format] == nil
  }

  /// The guard confirms it: no deadline and nothing protected, or everything frozen.
  private mutating func nothingExecutes() -> Bool {
    switch guardian.phase {
    // One that knows of nothing is believed only when nothing is seen.
    case .disarmed: if !seesProtectedDomain { return true }
    case .isolated(_, let confirmed): return confirmed
    case .armed: break
    case nil: return false
    }
    if !guardian.isolating {
      guardian.isolating = true
      tellGuard(.isolate)
    }
    return false
  }

  var seesProtectedDomain: Bool { local.domains.values.contains { $0.mark?.cluster == configuration.cluster } }

  /// An unknown session under this node's name may be another host's: it is over only when it has not changed for long enough.
  private mutating func earlierSessionsAreOver() -> Bool {
    for (incarnation, entry) in view.sessions where entry.value.node == me {
      guard let due = expiry.due(incarnation) else { return false }
      if now < due {
        lookAgain(at: due)
        if entry.value.counter > 1, saidForeign != incarnation, expiry.changes(of: incarnation) > 3 {
          saidForeign = incarnation
          note(
            .sessionLost, "another host renews a session under the name \(me): give every node its own name", severity: .error)
        }
        return false
      }
    }
    return view.unreadable.keys.allSatisfy { if case .session = $0 { false } else { true } }
  }

  private mutating func open() {
    let incarnation = freshIncarnation()
    attempted.insert(incarnation)
    session.opens(as: incarnation, now: now)
    var conditions: [Condition<RecordKey>] = [.absent(.session(incarnation))]
    var writes: [Write<RecordKey, Record>] = [
      .put(.session(incarnation), .session(session.record(1, leaving: false))),
      .put(.node(me), .node(configuration.record))
    ]
    // Every opening writes it: of two hosts under one name, one fails here.
    if view.unreadable[.node(me)] == nil {
      conditions.append(view.nodes[me].map { .unchanged(.node(me), modified: $0.modified) } ?? .absent(.node(me)))
    }
    for (old, entry) in view.sessions.sorted(by: { $0.key < $1.key }) where entry.value.node == me {
      conditions.append(.unchanged(.session(old), modified: entry.modified))
      writes.append(.delete(.session(old)))
    }
    if view.format == nil {
      conditions.append(.absent(.format))
      writes.append(.put(.format, .format(FormatRecord())))
    }
    transact(.open(incarnation, sent: now), ClusterTransaction(if: conditions, write: writes))
  }

  private mutating func freshIncarnation() -> Incarnation {
    let bits = (random.next(), random.next())
    func hex(_ value: UInt64) -> String {
      let digits = String(value, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    return Incarnation("\(me)-\(hex(bits.0))\(hex(bits.1))")
  }

  mutating func sessionOpened(_ incarnation: Incarnation, sent: BootInstant, at revision: Revision) {
    session.opened(at: revision)
    attempted.removeAll()
    role.sessionOpened(at: now)
    expiry.answered(sent: sent, now: now)
    save(incarnation, revision)
    note(.sessionOpened, "opened session \(incarnation)")
    extendGuard()
    makeEveryWorkloadDirty()
  }

  mutating func openingFailed() {
    session.openingFailed()
    pause()
  }

  private mutating func save(_ incarnation: Incarnation, _ created: Revision) {
    let state = OwnSession.Saved(incarnation: incarnation, created: created)
    if saved != state {
      saved = state
      out.append(.save(state))
    }
  }

  // MARK: renewing

  mutating func renewed(sent: BootInstant, at revision: Revision) {
    let wasValid = session.isValid(at: now)
    // Where all is well, a renewal changes nothing but the deadline.
    if !wasValid || !guardian.isArmed || isLeaving || now >= session.nextRenewal { isNews = true }
    defer { if !wasValid, session.isValid(at: now) { makeEveryWorkloadDirty() } }
    guard session.renewalEnded(sent: sent, committed: revision) == .renewed else { return }
    let silence = expiry.lastAnswer.map { now - $0 }
    if silence.map({ $0 > timing.gap }) ?? true { isNews = true }
    expiry.answered(sent: sent, now: now)
    lag.wrote(revision, seen: view.revision, at: now)
    if saidStoreLost {
      saidStoreLost = false
      note(.storeBack, "the store answers again after \(Self.seconds(silence)) s")
    }
    extendGuard()
  }

  mutating func renewalFailed(refusedWith current: [RecordKey: Stored<Record>]?) {
    guard let current, let incarnation = session.incarnation else { return session.renewalUnanswered(now: now) }
    var entry: Stored<SessionRecord>?
    if let found = current[.session(incarnation)], case .session(let record) = found.value {
      entry = Stored(value: record, created: found.created, modified: found.modified)
    }
    if session.renewalRefused(current: entry, now: now) == .lost { sessionLost() }
  }

  mutating func sessionLost() {
    let name = session.incarnation?.text ?? "none"
    note(
      .sessionLost,
      "session \(name) is gone: another controller declared it expired. Everything here stops; what nobody took goes on afterwards",
      severity: .error)
    session.lost()
    saved = nil
    out.append(.save(nil))
    guardian.validating = false
    stopEverything()
    makeEveryWorkloadDirty()
  }

  // MARK: the node's own record

  /// A node that was taken up with another configuration says so.
  private mutating func describeMyself() {
    guard session.isValid(at: now), let own = session.acting else { return }
    // An answer that was lost is no failure any more: nothing is looked at again for its sake.
    guard view.nodes[me]?.value != configuration.record else { return describing.succeeded() }
    guard describing.begins(at: now) else { return }
    transact(
      .describe,
      ClusterTransaction(
        if: [.stands(.session(own.incarnation), created: own.created)], write: [.put(.node(me), .node(configuration.record))]))
  }

  static func seconds(_ duration: Duration?) -> String { duration.map { InWords.tenths($0.inSeconds) } ?? "?" }
}
