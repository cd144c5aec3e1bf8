import GuardCore
import HoldfastModel
import HoldfastTime

/// A cluster that is disarmed is hands-off. Its safety is the usual one, with longer times: every node's session stands for as long as
/// nothing is to be done, the guard's deadline is as far, and nobody may declare the session expired before that is over.
extension Controller {
  /// For a session when nobody said for how long: so long the store may be away.
  private static let longTTL: Duration = .seconds(600)
  /// The longest that a record may say.
  private static let longestTTL: Duration = .seconds(86_400)

  var isHandsOff: Bool { view.disarm != nil || view.unreadable[.disarm] != nil }

  /// How long this node's session is to stand from its next renewal on; nil: as usual.
  var ttl: Duration? {
    guard let disarm = view.disarm?.value, !isLeaving else { return nil }
    guard let until = disarm.until else { return Self.longTTL }
    guard let time = memory.wallTime(now: now), until > time else { return nil }
    let left = Duration.milliseconds(min(until - time, Int64(Self.longestTTL.inSeconds) * 1000))
    return left > timing.ttl ? left : nil
  }

  /// The guard must not have a later deadline than the session that is about to be written says. It is told before, and believed only when it
  /// confirms.
  mutating func guardKnowsDeadline(for ttl: Duration?) -> Bool {
    let deadline = timing.deadline(sent: now, ttl: ttl)
    var known = guardian.toldDeadline
    if case .armed(let told)? = guardian.phase { known = max(told, known ?? told) }
    if guardian.shortening {
      // Answers come in order: what it says after the command is the command's.
      guard guardian.hasAnsweredShorten, known.map({ $0 <= deadline }) ?? true else { return false }
      guardian.shortening = false
      return true
    }
    switch guardian.phase {
    case .armed where known.map({ $0 > deadline }) ?? false:
      guard now >= guardian.quietUntil else { return false }
      guardian.shortening = true
      guardian.hasAnsweredShorten = false
      guardian.toldDeadline = nil
      tellGuard(.shorten(deadline: deadline))
      return false
    // A thaw is on its way, with a deadline that is too late.
    case .isolated where guardian.resuming && known.map { $0 > deadline } ?? false: return false
    // The next guard takes up what the last one was told. What runs stands still before, or nothing does.
    case nil where known.map({ $0 > deadline }) ?? true:
      return guardian.frozenWithoutIt || local.isComplete && !seesProtectedDomain
    default: return true
    }
  }

  mutating func disarmChanged() {
    role.planIsDue = true
    makeEveryWorkloadDirty()
    if let disarm = view.disarm?.value {
      let reason = disarm.reason.map { " (\($0))" } ?? ""
      note(.disarmed, "the cluster is disarmed\(reason): nothing is failed over, stopped or moved", severity: .warning)
    } else if view.unreadable[.disarm] == nil {
      note(.armed, "the cluster is armed")
    }
    session.renewNow(at: now)
  }

  /// Whoever notices first: the planner may be gone.
  mutating func armWhenTimeIsOver() {
    guard let disarm = view.disarm, let until = disarm.value.until, let time = memory.wallTime(now: now) else { return }
    guard time >= until else { return lookAgain(at: now + .milliseconds(min(until - time, 60_000) + 1)) }
    guard now >= pauseUntil, !isUnderWay({ $0 == .arm }) else { return }
    transact(.arm, ClusterTransaction(if: [.unchanged(.disarm, modified: disarm.modified)], write: [.delete(.disarm)]))
  }
}
