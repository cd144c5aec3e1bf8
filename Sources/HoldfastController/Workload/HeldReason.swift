import HoldfastModel
import HoldfastPlanning
import HoldfastTime

/// Why a workload that fails its checks is left as it is.
enum HeldReason: Hashable, Sendable, CustomStringConvertible {
  case disarmed
  case maintenance(NodeName)
  case leaving(NodeName)
  /// It would be stopped, and not started again from its definition.
  case olderDefinition
  /// A check of the node itself fails, for which what runs there would leave: the cause is rather the node's.
  case nodeAiling(NodeName, CheckName)
  /// So do most workloads there that are asked over the node's network.
  case together(NodeName)
  /// Its restarts were in vain, and its policy says so.
  case leftRunning(times: Int)
  /// Its restarts were in vain, and no other node has taken it.
  case restartedLater(times: Int)

  /// A clause, as the node's report has it.
  var description: String {
    switch self {
    case .disarmed: "the cluster is disarmed"
    case .maintenance(let node): "\(node) is in maintenance"
    case .leaving(let node): "\(node) leaves"
    case .olderDefinition: "its definition names older disks than it runs on"
    case .nodeAiling(let node, let check):
      "\(node) fails its node check '\(check)', so the node may be at fault; it is restarted when that has lasted "
        + "\(InWords.number(Limits.unwellTogetherPause.inSeconds)) s"
    case .together(let node):
      "most of what is asked over \(node)'s network fails at once, so that may be at fault; it is restarted when it has failed for "
        + "\(InWords.number(Limits.unwellTogetherPause.inSeconds)) s"
    case .leftRunning(let times): "it failed \(times) times in a row, and its policy leaves it running then"
    case .restartedLater(let times): "it failed \(times) times in a row: it is restarted later each time"
    }
  }

  /// Why a run that fails its checks is not ended for that, whatever its policy; nil: nothing is against it. What may be
  /// the node's own trouble is told apart before (`UnwellTogether`).
  static func of(_ own: WorkloadFacts, _ turn: borrowing Turn, _ facts: Facts) -> HeldReason? {
    if facts.isDisarmed { return .disarmed }
    if turn.stance.isLeaving { return .leaving(facts.me) }
    if Maintenances(facts).contains(facts.me) { return .maintenance(facts.me) }
    // It would be stopped, and not be started again.
    if own.claim?.value.newerDisks != nil { return .olderDefinition }
    if let trouble = facts.nodeTrouble, facts.now < trouble.since + Limits.unwellTogetherPause {
      return .nodeAiling(facts.me, trouble.check)
    }
    return nil
  }
}
