import HoldfastModel

/// A workload's domain as the store knows it.
public struct ProtectedDomain: Hashable, Sendable {
  /// The domain has the same name.
  public var workload: WorkloadName
  /// libvirt's URI.
  public var connection: String
  /// Lower case with dashes.
  public var uuid: String

  public init(_ workload: WorkloadName, connection: String, uuid: String) {
    self.workload = workload
    self.connection = connection
    self.uuid = uuid.lowercased()
  }
}

/// The outcome of the removal of a leftover.
public enum LeftoverRemoval: Hashable, Sendable {
  /// The leftover is not there any more.
  case done
  /// The leftover is there still, and why; whether its autostart was switched off before that was found out.
  case refused(reason: String, isAutostartOff: Bool)
  /// A time-out or a lost connection: it may be gone, or its autostart off.
  case unknown(reason: String)

  /// Nothing was done to it.
  public static func untouched(_ reason: String) -> LeftoverRemoval { .refused(reason: reason, isAutostartOff: false) }
}

/// The port by which a hypervisor tells of domains that were defined beside the protected ones, where it can. No start, stop or claim depends on it.
public protocol LeftoverSearch: Sendable {
  /// The connections' URIs.
  var connections: [String] { get }

  /// The domains on this node that are defined under the name or the UUID of one of these and do not carry its mark, sorted, by connection. A connection
  /// that does not answer is missing.
  func leftovers(of domains: [ProtectedDomain]) async -> [String: [LeftoverDefinition]]

  /// Switches the autostart of a shut-off domain of this name and UUID off, and removes its definition; firmware variables and TPM state stay. Done
  /// also when there is none. A domain that is active, or that carries the workload's mark, is not touched.
  func removeLeftover(_ id: DomainID, uuid: String) async -> LeftoverRemoval
}
