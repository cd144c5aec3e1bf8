import CLibvirt
import HoldfastModel

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

  /// Why a domain stopped, for people and for what follows from it; nil when the event is another.
  static func ofStop(_ event: Int32, _ detail: Int32) -> StopReason? {
    guard virDomainEventType(UInt32(bitPattern: event)) == VIR_DOMAIN_EVENT_STOPPED else { return nil }
    return switch virDomainEventStoppedDetailType(UInt32(bitPattern: detail)) {
    // The guest's own doing, or `virsh shutdown`; of a container, whatever its init's exit status: libvirt_lxc does not tell that.
    case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN: StopReason("it shut down", .poweredOff)
    case VIR_DOMAIN_EVENT_STOPPED_DESTROYED: StopReason("it was destroyed", .destroyed)
    case VIR_DOMAIN_EVENT_STOPPED_CRASHED: StopReason("it crashed", .crashed)
    case VIR_DOMAIN_EVENT_STOPPED_MIGRATED: StopReason("it was migrated away", .migrated)
    case VIR_DOMAIN_EVENT_STOPPED_SAVED: StopReason("it was saved to a file", .destroyed)
    case VIR_DOMAIN_EVENT_STOPPED_FAILED: StopReason("its process failed", .failed)
    default: StopReason("it stopped", .unknown)
    }
  }
}

/// What libvirt said of a domain's end.
struct StopReason: Sendable {
  /// A clause.
  var text: String
  var end: DomainEnd

  init(_ text: String, _ end: DomainEnd) {
    self.text = text
    self.end = end
  }

  /// It was seen without its process, and libvirt said nothing.
  static let processEnded = StopReason("its process has ended", .unknown)
}
