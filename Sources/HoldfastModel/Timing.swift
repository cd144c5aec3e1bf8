import HoldfastTime

/// The times that safety and speed hang on. All nodes of a cluster should use the same; safety does not need it, because a
/// session's TTL stands in its record.
public struct Timing: Hashable, Sendable {
  /// How long a session stands without renewal.
  public var ttl: Duration
  /// What an observer waits besides, before it declares a session expired.
  public var margin: Duration
  /// The greatest rate difference of two hosts' clocks, in parts per million.
  public var drift: Int64
  /// What the guard needs from its timer to "everything is frozen".
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

  /// What others get to renew in after the store's return, before anyone is declared expired.
  public var renewalGrace: Duration { renewInterval + renewInterval }

  /// A planner that finds a cluster without one waits this long for nodes that are just starting too.
  public var settle: Duration { ttl * 2 }

  /// A node on which everything stays frozen for so long, while its session stands, gives the session up. A guard that is only restarted is
  /// back much sooner.
  public var frozenPatience: Duration { ttl * 5 }

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
