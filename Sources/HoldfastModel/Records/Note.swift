/// An event, told to people: the daemon's log, `holdfast events`, a workload's history.
public struct Note: Hashable, Sendable, Codable {
  public enum Severity: String, Sendable, Codable {
    case info, warning, error
  }
  public enum Kind: String, Sendable, Codable {
    case sessionOpened, sessionLost, sessionEnded, storeLost, storeBack
    case nodeLost, nodeRemoved, plannerTaken, placed, pending, policies, maintenance, disarmed, armed, quarantine
    case defined, claimed, released, migrating, migrated, started, startFailed, stopping, stopped, vanished, killed, adopted,
      unprotected
    case isolated, resumed, guardLost, guardBack, guardRefused, guardFlawed
    case hypervisorLost, hypervisorBack, intruder, stray, unreadable, unsound, leaving
    case clock
    case health
  }
  public var severity: Severity
  public var kind: Kind
  public var workload: WorkloadName?
  /// The node it is about, where that is not the writer.
  public var subject: NodeName?
  /// A sentence: the thing, the reason.
  public var text: String

  public init(
    _ kind: Kind, _ text: String, severity: Severity = .info, workload: WorkloadName? = nil, subject: NodeName? = nil
  ) {
    self.kind = kind
    self.text = text
    self.severity = severity
    self.workload = workload
    self.subject = subject
  }
}
