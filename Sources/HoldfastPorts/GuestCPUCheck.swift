import HoldfastModel

/// The port by which a hypervisor tells with what CPU a virtual machine runs, and whether it could take over one that runs with such a CPU, where it can.
/// No start, move or claim depends on it.
public protocol GuestCPUCheck: Sendable {
  /// The connections' URIs.
  var connections: [String] { get }

  /// The CPUs of these as they run. What is not known, or what this hypervisor itself would refuse if it was asked, is missing.
  func runningCPUs(of domains: [DomainID]) async -> [DomainID: GuestCPU]

  /// Which of these no guest here can have, and why, by connection. What cannot be told counts as possible. A connection that does not answer is missing.
  func lacking(_ cpus: [GuestCPU]) async -> [String: [GuestCPU: Incompatibility]]
}
