import GuardCore

/// An IP address that follows a workload: the node where it runs has it on an interface, and no other node.
public struct WorkloadAddress: Hashable, Sendable, Codable {
  public var address: IPAddress
  /// Bits of the network's prefix.
  public var prefixLength: Int
  /// The node's, by its name: the same on every node.
  public var interface: String

  /// Addresses of one workload.
  public static let most = 16

  public init(_ address: IPAddress, prefixLength: Int, on interface: String) {
    self.address = address
    self.prefixLength = prefixLength
    self.interface = interface
  }

  /// - Parameter text: the address with its prefix length, such as `10.0.0.80/24`.
  /// - Throws: why the text is none. Whether a workload can have it, `flaw` tells.
  public init(_ text: String, on interface: String) throws(IPAddress.Misspelling) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let address = try IPAddress(parts[0])
    guard parts.count == 2 else { throw .noPrefixLength }
    self.init(address, prefixLength: try IPAddress.decimal(parts[1], upTo: .max), on: interface)
  }

  /// As the guard is told it; nil: no guard would take it, and so no record has it.
  public var guarded: GuardedAddress? { try? GuardedAddress(address, prefixLength: prefixLength, on: interface) }

  /// Such as `10.0.0.80/24`.
  public var place: String { "\(address)/\(prefixLength)" }

  /// A link of the host can have that name, and it has nothing that no screen shows.
  public static func isInterface(_ name: String) -> Bool { GuardedAddress.canBeLink(name) && InWords.oneLine(name) == name }
}

extension WorkloadAddress: CustomStringConvertible {
  /// Such as `10.0.0.80/24 on br0`.
  public var description: String { "\(place) on \(interface)" }
}

// MARK: what no workload can have

extension WorkloadAddress {
  /// Why no workload can have an address.
  public enum Flaw: Hashable, Sendable {
    /// Bits that the address has.
    case prefixLength(most: Int)
    case unspecified
    case loopback
    case multicast
    /// IPv4, written as IPv6.
    case mapped
    /// All bits after the prefix are 0.
    case network
    /// All bits after the prefix are 1, of IPv4.
    case broadcast
    case interface

    /// A clause after the address.
    public var reason: String {
      switch self {
      case .prefixLength(let most): "has no prefix length from 1 to \(most)"
      case .unspecified: "stands for no host"
      case .loopback: "is a loopback address, which every host has for itself"
      case .multicast: "is a multicast address, which many hosts have at once"
      case .mapped: "is an IPv4 address, written as IPv6"
      case .network: "is its network's own, and no host's"
      case .broadcast: "is its network's broadcast address, and no host's"
      case .interface: "names no possible interface"
      }
    }

    public var remedy: String {
      switch self {
      case .prefixLength: "Write the length of its network's prefix, such as 10.0.0.80/24."
      case .unspecified, .loopback, .multicast: "Choose a free address of the network behind the interface."
      case .mapped: "Write it as 10.0.0.80."
      case .network, .broadcast: "Choose a free address within the network, or correct the prefix length."
      case .interface: "Write its name, such as br0: 1 to 15 bytes, without '/', ':' and blanks."
      }
    }
  }

  /// nil: a workload can have it.
  public var flaw: Flaw? {
    guard (1...address.width).contains(prefixLength) else { return .prefixLength(most: address.width) }
    let flaw: Flaw? =
      switch address.unfitness {
      case .unspecified: .unspecified
      case .loopback: .loopback
      case .multicast: .multicast
      case .broadcast: .broadcast
      case .mapped: .mapped
      case nil: flawInNetwork
      }
    return flaw ?? (Self.isInterface(interface) ? nil : .interface)
  }

  private var flawInNetwork: Flaw? {
    switch address {
    case .four(let number):
      // RFC 3021: both addresses of such a short network are hosts'.
      guard prefixLength < 31 else { return nil }
      let rest = UInt32.max >> UInt32(prefixLength)
      return number & rest == 0 ? .network : number & rest == rest ? .broadcast : nil
    case .six(let number):
      // Every router of the network answers under it (RFC 4291, 2.6.1; RFC 6164 for 127 bits).
      return prefixLength < 127 && number & (UInt128.max >> UInt128(prefixLength)) == 0 ? .network : nil
    }
  }

  /// The error in a workload's addresses, as a clause, and what to do about it; nil: there is none.
  package static func flaw(of addresses: [WorkloadAddress]) -> (clause: String, remedy: String)? {
    if addresses.count > most { return ("there are more than \(most) addresses", "Remove some.") }
    var seen: Set<IPAddress> = []
    for address in addresses {
      if let flaw = address.flaw { return ("the address \(address.description.bounded) \(flaw.reason)", flaw.remedy) }
      if !seen.insert(address.address).inserted {
        return ("the address \(address.address) is there twice", "Remove one of the two: one interface has it.")
      }
    }
    return nil
  }
}
