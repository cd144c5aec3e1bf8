import CLinux
import Glibc
import GuardCore
import LinuxBasics

/// Addresses on the host's links, put there and taken away.
///
/// Two messages of rtnetlink each, and nothing else, for the reasons for which `HostLinks` uses nothing else: what is asked here loads no module and
/// runs no program. It waits for the kernel's routing lock: the guard asks in a thread of its own.
///
/// Of IPv4 the kernel keeps the addresses of one network on one link in an order. With the first it drops the others, unless the link's `promote_secondaries`
/// is set: whoever removes one names the others to be added again, and one that is there is none the worse for it.
public struct HostAddresses: Sendable {
  /// What an order came to.
  public struct Outcome: Hashable, Sendable {
    /// Not on their links: taken away, or not there in the first place.
    public var removed: [GuardedAddress] = []
    /// On their links: put there, or there already.
    public var raised: [GuardedAddress] = []
    /// Neither could be done, and why.
    public var failed: [GuardedAddress: String] = [:]
  }

  public init() {}

  /// Takes addresses from their links, then puts others on theirs.
  public func set(remove: [GuardedAddress], add: [GuardedAddress]) -> Outcome {
    var outcome = Outcome()
    guard !remove.isEmpty || !add.isEmpty else { return outcome }
    let socket: Descriptor
    do { socket = try Descriptor.owned(holdfast_links(), "open", "an rtnetlink socket") } catch {
      for address in remove + add { outcome.failed[address] = "\(error)" }
      return outcome
    }
    for address in remove {
      switch code(of: holdfast_address_remove, socket.number, address) {
      case 0, EADDRNOTAVAIL, ENODEV: outcome.removed.append(address)
      case let code where address.address.isSix && Self.withoutSix.contains(code): outcome.removed.append(address)
      case let code: outcome.failed[address] = Self.reason(code, address)
      }
    }
    for address in add {
      switch code(of: holdfast_address_add, socket.number, address) {
      case 0, EEXIST: outcome.raised.append(address)
      case let code: outcome.failed[address] = Self.reason(code, address)
      }
    }
    return outcome
  }

  /// The link has no IPv6, as when its MTU is below 1280; or the kernel has none. So no address of it is there. Taken for a failure, one that could never be
  /// raised would never be gone.
  private static let withoutSix: Set<Int32> = [ENXIO, EOPNOTSUPP, EAFNOSUPPORT]

  /// - Returns: the C library's error number; 0: it was done.
  private func code(
    of work: (Int32, UnsafePointer<CChar>, UnsafeRawPointer, Int, Int32) -> Int32, _ socket: Int32, _ address: GuardedAddress
  ) -> Int32 {
    let isDone = address.address.bytes.withUnsafeBytes { bytes in
      bytes.baseAddress.map { work(socket, address.link, $0, bytes.count, Int32(address.prefixLength)) == 0 }
    }
    return isDone ?? false ? 0 : errno
  }

  private static func reason(_ code: Int32, _ address: GuardedAddress) -> String {
    switch code {
    case ENODEV: "there is no link \(address.link)"
    case ENOTUNIQ: "\(address.link) has \(address.address) with another prefix length; remove it there"
    case EACCES where address.address.isSix:
      "IPv6 is off on \(address.link); set net.ipv6.conf.\(address.link).disable_ipv6 to 0"
    case EOPNOTSUPP where address.address.isSix: "this kernel has no IPv6"
    default: String(cString: strerror(code))
    }
  }
}
