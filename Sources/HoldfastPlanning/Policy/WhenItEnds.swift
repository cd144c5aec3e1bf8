import HoldfastModel

/// What becomes of a workload that ended, or crashed and was kept, without being told to.
public enum WhenItEnds: String, Sendable, Codable, CaseIterable {
  /// It is started again, later each time.
  case restart
  /// It stays down until an operator starts it.
  case stayDown = "stay-down"
  /// It stays down where its guest powered itself off; after any other end, and one that nobody saw, it is started again.
  case restartOnFailure = "restart-on-failure"

  /// An end after which it stays down.
  public func staysDown(after end: DomainEnd) -> Bool {
    // It runs on: that it left this host is no end of it.
    guard end != .migrated else { return false }
    return switch self {
    case .restart: false
    case .stayDown: true
    case .restartOnFailure: end == .poweredOff
    }
  }
}
