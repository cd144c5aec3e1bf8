import HoldfastModel
import HoldfastTime

/// What is said about workloads, once each.
extension Controller {
  /// Says something until it changes.
  mutating func noteOnce(
    _ kind: Note.Kind, _ text: String, severity: Note.Severity = .warning, workload: WorkloadName? = nil,
    connection: String? = nil
  ) {
    let slot = workload?.text ?? connection ?? ""
    guard said["\(kind.rawValue)/\(slot)"] != text else { return }
    said["\(kind.rawValue)/\(slot)"] = text
    note(kind, text, severity: severity, workload: workload)
  }

  /// Forgets what was said; true when something was.
  @discardableResult
  mutating func unsay(_ kind: Note.Kind, workload: WorkloadName? = nil, connection: String? = nil) -> Bool {
    said.removeValue(forKey: "\(kind.rawValue)/\(workload?.text ?? connection ?? "")") != nil
  }

  mutating func noteStarted(_ workload: WorkloadName) {
    var agent = agents[workload] ?? Agent()
    if let since = agent.runningSince {
      if agent.failedStarts > 0, now - since > Self.ranWell { agent.failedStarts = 0 }
    } else {
      agent.runningSince = now
      agent.giveUp = nil
      unsay(.killed, workload: workload)
      note(.started, "\(workload) runs on \(me)", workload: workload)
    }
    agents[workload] = agent
  }

  /// What ran for so long has its earlier failures forgiven.
  private static let ranWell: Duration = .seconds(60)

  mutating func noteStopped(_ workload: WorkloadName) {
    agents[workload]?.runningSince = nil
    note(.stopped, "\(workload) has stopped on \(me)", workload: workload)
  }

  /// It ran and was not told to stop: it ended by itself or was ended by somebody. It is started again here, later each time.
  mutating func noteVanished(_ workload: WorkloadName) {
    guard var agent = agents[workload], agent.runningSince != nil else { return }
    if let since = agent.runningSince, now - since > Self.ranWell { agent.restarts = 0 }
    agent.runningSince = nil
    agent.restarts = min(agent.restarts + 1, 5)
    if agent.restarts > 1 {
      agent.retryAt = now + .seconds(1 << (agent.restarts - 2))
      retry(workload, at: now + .seconds(1 << (agent.restarts - 2)))
    }
    agents[workload] = agent
    note(.vanished, "\(workload) ended on \(me) without being told to", severity: .warning, workload: workload)
  }
}
