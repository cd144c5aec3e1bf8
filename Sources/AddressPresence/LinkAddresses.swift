import GuardCore
import HoldfastModel
import HoldfastPorts

/// The port to a node's neighbours: ARP, and neighbour discovery for IPv6.
public struct LinkAddresses: Addresses {
  private let presence: AddressPresence

  public init(_ presence: AddressPresence = AddressPresence()) { self.presence = presence }

  public func owner(of address: IPAddress, on link: String) async -> AddressAnswer {
    switch await presence.owner(of: address, on: link) {
    case .nobody: .nobody
    case .somebody(let mac): .somebody("\(mac)")
    case .cannotTell(let reason): .cannotTell(reason: reason)
    }
  }

  public func announce(_ address: IPAddress, on link: String) async throws { try await presence.announce(address, on: link) }
}
