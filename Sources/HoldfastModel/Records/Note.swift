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
    case addressTaken, addressDown, addressUp
    /// Of the cluster as a whole; the severity tells how bad it is.
    case degraded, recovered
    case nodeAiling, nodeWell, nodeCheck
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

extension Note.Kind {
  /// What notes about several workloads must have in common after the workload's name, so that one line tells all of them. Of what is no trouble only what
  /// happened, not why, and not at which epoch: a placement and a claim have records that say that.
  public func brief(_ rest: Substring, _ severity: Note.Severity) -> Substring {
    guard severity == .info else { return rest }
    // The colon of `web1: every process is gone` is no beginning of a reason.
    let said = rest.hasPrefix(": ") ? rest.dropFirst(2) : rest
    let end = said.firstRange(of: self == .claimed ? " at epoch " : ": ")?.lowerBound
    return rest[..<(end ?? rest.endIndex)]
  }
}
