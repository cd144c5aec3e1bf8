import CLibvirt

/// What is said to people about what libvirt did.
enum Words {
  static func of(_ failure: CallFailure) -> String {
    switch failure {
    case .notBegun(let reason): reason
    case .timedOut(let limit): "libvirt has not answered within \(limit)"
    case .abandoned(let reason): reason
    case .libvirt(let error): error.explained
    }
  }

  static func isStart(_ event: Int32) -> Bool { virDomainEventType(UInt32(bitPattern: event)) == VIR_DOMAIN_EVENT_STARTED }

  /// Why a domain stopped; nil when the event is another.
  static func ofStop(_ event: Int32, _ detail: Int32) -> String? {
    guard virDomainEventType(UInt32(bitPattern: event)) == VIR_DOMAIN_EVENT_STOPPED else { return nil }
    return switch virDomainEventStoppedDetailType(UInt32(bitPattern: detail)) {
    case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN: "it shut down"
    case VIR_DOMAIN_EVENT_STOPPED_DESTROYED: "it was destroyed"
    case VIR_DOMAIN_EVENT_STOPPED_CRASHED: "it crashed"
    case VIR_DOMAIN_EVENT_STOPPED_MIGRATED: "it was migrated away"
    case VIR_DOMAIN_EVENT_STOPPED_SAVED: "it was saved to a file"
    case VIR_DOMAIN_EVENT_STOPPED_FAILED: "its process failed"
    default: "it stopped"
    }
  }
}
