import HoldfastTime

/// The times that safety and speed hang on. All nodes of a cluster should use the same; safety does not need it, because a
/// session's TTL stands in its record.
public struct Timing: Hashable, Sendable {
  /// How long a session stands without renewal.
  public var ttl: Duration
  /// The margin that an observer waits besides, before it declares a session expired.
  public var margin: Duration
  /// The greatest rate difference of two hosts' clocks, in parts per million.
  public var drift: Int64
  /// The time that the guard needs from its timer to "everything is frozen".
  public var stopBudget: Duration
  /// Time that must be left to the deadline for a start to be attempted.
  public var startBudget: Duration

  public init(
    ttl: Duration = .seconds(3), margin: Duration = .milliseconds(100), drift: Int64 = 10_000,
    stopBudget: Duration = .milliseconds(50), startBudget: Duration = .milliseconds(100)
  ) {
    self.ttl = ttl
    self.margin = margin
    self.drift = drift
    self.stopBudget = stopBudget
    self.startBudget = startBudget
  }

  /// Five renewals in a TTL: one may be lost and the next still be in time, with the store's leader changing.
  public var renewInterval: Duration { Duration(wholeNanoseconds: ttl.wholeNanoseconds / 5) }

  /// A host that hangs must be reset within this time to have ended before others start its workloads: its last renewal may be one interval old,
  /// and they wait a TTL from then on.
  public var fenceLimit: Duration { ttl - renewInterval }

  /// A renewal that was not answered by then is sent again, to the next endpoint.
  public var renewTimeout: Duration { renewInterval }

  /// Any other transaction.
  public var requestTimeout: Duration { max(ttl, .seconds(1)) }

  /// A watch is deaf when one's own renewal has not come through it for this long.
  package var watchPatience: Duration { Duration(wholeNanoseconds: max(ttl.wholeNanoseconds / 2, 300_000_000)) }

  /// The store has been silent when no renewal succeeded for this long.
  public var gap: Duration { renewInterval + renewInterval }

  /// After an attempt that failed at once, before the next: so short that several fit between two renewals, and none is missed for it.
  package var retryPause: Duration { renewInterval / 4 }

  /// After the guard refused a command, before it is commanded anything again: what it waits for, such as a kill, takes its time.
  package var guardPause: Duration { renewInterval / 2 }

  /// A guard that starts together with its controller gets so long to answer; and an order that has to reach it before an instant is given so long
  /// before that. It is the time of starting and scheduling a process, which grows with no TTL; below a TTL of 1 s it would be most of the deadline.
  package var guardIsLate: Duration { min(.milliseconds(300), ttl * 3 / 10) }

  /// Everything frozen waits so long for claims that are being taken anew: a few attempts of the planner and of this node.
  package var claimPatience: Duration { ttl }

  /// While libvirt does not answer, frozen starts are killed once in so long: it may wait for them.
  package var frozenStartPause: Duration { ttl }

  /// Who is not the planner leaves the planner so long to declare a session expired.
  package var plannersLead: Duration { renewInterval }

  /// A session of which nothing is heard counts as silent when so little is left until it may be declared expired: two renewals.
  package var silentBefore: Duration { renewInterval * 2 }

  /// What too little time was left for is looked at again after so long, if no renewal has given it time before: twice in a renewal, since one of
  /// them may be on its way.
  package var deadlinePause: Duration { renewInterval / 2 }

  /// Between attempts at making certain that no earlier start succeeds. libvirt's own pace, so no longer where the TTL is; and others wait for it, so
  /// shorter where the TTL is shorter than usual.
  package var barPause: Duration { min(.milliseconds(500), ttl / 6) }

  /// The target of a live migration gets so long to get ready; what is arriving, to be complete after the claim has come. A write of the target's that
  /// nobody answered takes the whole of `requestTimeout`, and its repetition has to fit.
  package var migrationPatience: Duration { max(.seconds(5), ttl * 5 / 3) }

  /// The time that others get to renew in after the store's return, before anyone is declared expired.
  public var renewalGrace: Duration { renewInterval + renewInterval }

  /// A planner that finds a cluster without one waits this long for nodes that are just starting too.
  public var settle: Duration { ttl * 2 }

  /// A node on which everything stays frozen for so long, while its session stands, gives the session up. A guard that is only restarted is
  /// back much sooner.
  public var frozenPatience: Duration { ttl * 5 }

  /// A node that gave its session up while libvirt did not answer opens another after so long, though libvirt is still away: some of what is frozen
  /// may be of use.
  package var withdrawalPause: Duration { frozenPatience * 2 }

  /// By when a session whose renewal was sent at `sent` must have stopped executing, on its own clock. The share of the
  /// stop that is not execution (`stopBudget`) is taken off.
  ///
  /// - Parameter ttl: what the renewal wrote; nil: the usual one.
  public func deadline(sent: BootInstant, ttl: Duration? = nil) -> BootInstant {
    let ttl = (ttl ?? self.ttl).wholeNanoseconds
    return BootInstant(nanoseconds: sent.nanoseconds + ttl - share(ttl) - stopBudget.wholeNanoseconds)
  }

  /// When an observer that received a session's last change at `received` may declare it expired.
  public func expiry(received: BootInstant, ttl: Duration) -> BootInstant {
    let ttl = ttl.wholeNanoseconds
    return BootInstant(nanoseconds: received.nanoseconds + ttl + share(ttl) + margin.wholeNanoseconds)
  }

  /// By how much clocks may differ after so many nanoseconds.
  private func share(_ nanoseconds: Int64) -> Int64 { nanoseconds / 1_000_000 * drift }

  /// Why these times cannot work together; nil when they can.
  public var contradiction: String? {
    if ttl < .milliseconds(500) { return "ttl is below 0.5 s: a change of the store's leader takes longer" }
    if drift < 0 || drift > 100_000 { return "drift must be between 0 and 10 %" }
    if margin < .zero { return "margin is negative" }
    if stopBudget < .zero { return "stop-budget is negative: the deadline would come after the session's end" }
    if startBudget < .zero { return "start-budget is negative: a start could come after the deadline" }
    let usable = deadline(sent: BootInstant.zero) - BootInstant.zero
    if usable < renewInterval * 3 {
      return "after drift and stop-budget only \(usable.inSeconds) s of the ttl are left: less than three renewals"
    }
    if startBudget >= usable - renewInterval { return "start-budget leaves no time in which a workload could be started" }
    return nil
  }
}
