import GuardCore
import HoldfastModel

/// The port to the hosts beside this node on its links, for the addresses of workloads. No claim depends on it: that two nodes do not have one address at
/// once is the claim's matter and the guard's. It finds who was given an address by mistake, and spares the network's hosts a search.
public protocol Addresses: Sendable {
  /// Who has the address, which this node has not. It answers within some seconds, whatever hangs; at once when the caller is cancelled.
  ///
  /// - Parameter link: its name.
  func owner(of address: IPAddress, on link: String) async -> AddressAnswer
  /// Tells the hosts of the link that this node has the address now, some times within some seconds, and ends when that is done, or the address is gone. It
  /// tells nobody of an address that this node has not.
  ///
  /// - Throws: why nobody was told, as an error for people; `CancellationError`.
  func announce(_ address: IPAddress, on link: String) async throws
}
