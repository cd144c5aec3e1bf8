extension DomainObservation {
  /// Why a domain is in its state, as far as that can be told. What runs needs no reason.
  public enum Reason: String, Hashable, Sendable, Codable, CaseIterable {
    // Of a paused one.
    case suspended
    case ioError = "io-error"
    case watchdog
    case powerManagement = "power-management"
    case migration
    case postCopy = "post-copy"
    case saving
    case snapshot
    // Of one that is on its way down.
    case shuttingDown = "shutting-down"
    case processEnded = "process-ended"
    // Of one that crashed and is kept.
    case crashed
    // Of one whose state is unclear.
    case startingUp = "starting-up"
    case noAnswer = "no-answer"
    case processesLeft = "processes-left"

    /// As a clause whose subject is the domain.
    public var words: String {
      switch self {
      case .suspended: "somebody suspended it"
      case .ioError: "a disk of it has an I/O error"
      case .watchdog: "its watchdog device paused it"
      case .powerManagement: "its guest went to sleep"
      case .migration: "a live migration paused it"
      case .postCopy: "part of its memory is still on the node that it came from"
      case .saving: "libvirt writes its memory to a file"
      case .snapshot: "libvirt takes or restores a snapshot of it"
      case .shuttingDown: "its guest has shut down"
      case .processEnded: "its process has ended"
      case .crashed: "its guest crashed, and its definition says that it is kept like that (on_crash)"
      case .startingUp: "its start is not complete"
      case .noAnswer: "libvirt does not answer about it"
      case .processesLeft: "libvirt no longer runs it, and processes of it are left"
      }
    }
  }
}
