import Glibc
import GuardCore
import LinuxBasics

/// A link of this host, as the kernel described it a moment ago.
///
/// From the C library's `getifaddrs`, which asks by rtnetlink: the older ioctls make a kernel with modules run `modprobe` for a name that is not
/// there (see `HostLinks` in `CgroupIsolation`), and /sys shows the links of the network that it was mounted in, not of the thread's.
struct HostLink {
  enum Neighbours {
    /// Others may be on it.
    case some(index: Int32, own: MACAddress)
    /// There cannot be any: it ends in this host, or its one other end has no addresses to be asked for.
    case none
    /// None can be asked now, and why: a clause.
    case outOfReach(reason: String)
  }

  let name: String
  let neighbours: Neighbours
  private let addresses: Set<IPAddress>

  /// ARPHRD_ETHER: in a header that Swift does not see.
  private static let ethernet: UInt16 = 1

  /// May wait for whoever holds the kernel's routing lock.
  init(_ name: String) throws(KernelFileError) {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { throw KernelFileError(operation: "list", path: "network links", code: errno) }
    defer { freeifaddrs(first) }
    var neighbours = Neighbours.outOfReach(reason: "there is no link \(name)"), addresses: Set<IPAddress> = []
    for entry in sequence(first: first, next: { $0?.pointee.ifa_next }).compactMap({ $0?.pointee }) {
      // The name of an address may be a label: the link's name and what somebody added.
      guard let label = entry.ifa_name.map({ String(cString: $0) }), label == name || label.hasPrefix(name + ":"),
        let raw = UnsafeRawPointer(entry.ifa_addr)
      else { continue }
      switch Int32(entry.ifa_addr.pointee.sa_family) {
      case AF_PACKET: neighbours = Self.neighbours(name, flags: entry.ifa_flags, raw)
      case AF_INET: IPAddress(bytes: UnsafeRawBufferPointer(start: raw + 4, count: 4)).map { _ = addresses.insert($0) }
      case AF_INET6: IPAddress(bytes: UnsafeRawBufferPointer(start: raw + 8, count: 16)).map { _ = addresses.insert($0) }
      default: break
      }
    }
    self.name = name
    self.neighbours = neighbours
    self.addresses = addresses
  }

  func has(_ address: IPAddress) -> Bool { addresses.contains(address) }

  /// - Parameter raw: a `sockaddr_ll`, which Swift does not see: family, protocol, index, hardware's kind, packet's kind, length, address.
  private static func neighbours(_ name: String, flags: UInt32, _ raw: UnsafeRawPointer) -> Neighbours {
    func has(_ flag: Int) -> Bool { flags & UInt32(flag) != 0 }
    guard has(IFF_UP) else { return .outOfReach(reason: "link \(name) is down") }
    if has(IFF_LOOPBACK) || has(IFF_NOARP) { return .none }
    guard has(IFF_RUNNING) else { return .outOfReach(reason: "link \(name) has no carrier") }
    guard raw.loadUnaligned(fromByteOffset: 8, as: UInt16.self) == ethernet,
      raw.load(fromByteOffset: 11, as: UInt8.self) == MACAddress.length,
      let own = MACAddress(bytes: UnsafeRawBufferPointer(start: raw + 12, count: MACAddress.length))
    else { return .outOfReach(reason: "link \(name) is no Ethernet") }
    return .some(index: raw.loadUnaligned(fromByteOffset: 4, as: Int32.self), own: own)
  }
}
