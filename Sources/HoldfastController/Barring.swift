import HoldfastModel
import HoldfastTime

/// A start that libvirt was asked for may succeed long after the call was given up, and even after the controller that made it died.
/// Before anybody else may run the workload, it is made certain that it cannot.
extension Controller {
  private static let betweenBars: Duration = .milliseconds(500)

  /// A start that was asked of libvirt before may still succeed: of this life's, one whose call has not told its end; of an earlier
  /// life's, any that the guard was told of. That the workload is seen to run does not settle it: two lives may have asked, and the
  /// second start waits for the end of what the first began.
  func mayStillAppear(_ workload: WorkloadName) -> Bool {
    let agent = agents[workload]
    if agent?.bar == .done { return false }
    return agent?.operation?.kind == .start || agent?.lateStart == true
  }

  /// The guard's first word in this life: what it was told of may be about to run.
  mutating func inheritStarts(_ starting: [String]) {
    for name in starting { agents[WorkloadName(name), default: Agent()].lateStart = true }
  }

  /// The workload is not this node's any more. A start from before outlives that: the next one here takes its bar away.
  mutating func retire(_ workload: WorkloadName) {
    let before = agents.removeValue(forKey: workload)
    guard let before, before.lateStart else { return }
    agents[workload, default: Agent()].lateStart = true
    agents[workload]?.bar = before.bar
  }

  /// An earlier start may still succeed, and it is not certain yet that it cannot: that is asked for here.
  mutating func awaitsBar(_ workload: WorkloadName) -> Bool { mayStillAppear(workload) && !isBarred(workload) }

  /// Whether no earlier start can succeed any more. Asks for it where that is not known.
  mutating func isBarred(_ workload: WorkloadName) -> Bool {
    switch agents[workload]?.bar ?? .none {
    case .done: return true
    case .asked: return false
    case .refused(let until) where now < until:
      retry(workload, at: until)
      return false
    case .refused, .none: break
    }
    // Where libvirt does not answer it is asked when it does.
    guard let domain = view.identity(of: workload), local.unreachable[domain.connection] == nil else { return false }
    agents[workload, default: Agent()].bar = .asked
    let mark = ClaimMark(cluster: configuration.cluster, workload: workload.text, epoch: .none)
    out.append(.bar(workload, DomainID(connection: domain.connection, name: workload.text), uuid: domain.uuid, mark))
    return false
  }

  mutating func barEnded(_ workload: WorkloadName, _ outcome: OperationOutcome) {
    guard agents[workload]?.bar == .asked else { return }
    agents[workload]?.bar = outcome == .done ? .done : .refused(until: now + Self.betweenBars)
    if case .failed(let reason) = outcome, observation(of: workload) == nil {
      noteOnce(
        .unreadable, "a start of \(workload) may still come on \(me), and everything that depends on it waits: \(reason)",
        severity: .warning, workload: workload)
    }
    guard case .unknown = outcome else { return }
    // libvirt may be waiting for that very start, which began after it was condemned and stands still; or for another that does. Whether it
    // answers at all is asked, so that such starts are ended.
    agents[workload]?.condemned = nil
    out.append(.refresh)
  }
}
