import GuardProtocol

/// A node that cannot serve does not keep its session. Where everything under protection stays frozen, since the guard is gone for good or
/// libvirt does not answer, the node gives its session up, so that other nodes may take its workloads over, as their policies say
/// (`failover: wait`). Nothing executes here meanwhile: that is the condition, and it was seen.
extension Controller {
  mutating func withdrawIfFrozen() {
    guard let own = session.acting, session.isValid(at: now), !isHandsOff, let frozen = guardian.frozenSince,
      let valid = session.validSince
    else { return }
    let due = max(max(frozen, valid) + timing.frozenPatience, pauseUntil)
    guard now >= due else { return lookAgain(at: due) }
    // A thaw may be on its way.
    guard !guardian.resuming else { return }
    guard let isAsSeen = session.asksToEnd() else { return lookAgain(at: now + timing.renewInterval / 4) }
    transact(.withdraw, end(of: own, if: [isAsSeen]))
  }

  mutating func withdrew() {
    session.lost()
    saved = nil
    out.append(.save(nil))
    guardian.validating = false
    withdrewAt = now
    let cause = guardian.isConnected ? "could not be thawed" : "have no guard"
    note(
      .sessionEnded,
      "the workloads of \(me) \(cause) for \(Self.seconds(timing.frozenPatience)) s: \(me) gave its session up, other nodes may take them over",
      severity: .error, subject: me)
    makeEveryWorkloadDirty()
  }

  mutating func withdrawalFailed(refusedWith current: [RecordKey: Stored<Record>]?) {
    guard let incarnation = session.incarnation else { return }
    if let current, current[.session(incarnation)] == nil { return withdrew() }
    session.endRefused()
    pause()
  }

  /// After a withdrawal a session is opened when what was missing is back, or after a while: some of it may be of use.
  mutating func mayComeBackFromWithdrawal() -> Bool {
    guard let withdrewAt, !local.unreachable.isEmpty else { return true }
    let until = withdrewAt + timing.frozenPatience * 2
    if now < until { lookAgain(at: until) }
    return now >= until
  }
}
