import HoldfastModel

/// A workload's definition in the store, for whoever is asked whether it could run.
public struct StoredDefinition: Hashable, Sendable {
  public var workload: WorkloadName
  /// libvirt's URI.
  public var connection: String
  /// Of the domain.
  public var xml: String
  /// The domain runs here as it is defined. That is proof that it can, and what asks for the same can, too.
  public var isRunningHere: Bool

  public init(_ workload: WorkloadName, connection: String, xml: String, isRunningHere: Bool = false) {
    self.workload = workload
    self.connection = connection
    self.xml = xml
    self.isRunningHere = isRunningHere
  }
}

/// The port by which a hypervisor tells beforehand of domains that it could not run, where it can. No start, stop or claim depends on it.
public protocol CompatibilityCheck: Sendable {
  /// The connections' URIs.
  var connections: [String] { get }

  /// Which of these this node cannot run, and why, by connection. What cannot be told counts as able. A connection that does not answer is missing.
  func incompatibilities(of definitions: [StoredDefinition]) async -> [String: [WorkloadName: Incompatibility]]
}
