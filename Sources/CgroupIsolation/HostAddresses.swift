import CLinux
import Glibc
import GuardCore
import HoldfastTime
import LinuxBasics

/// Addresses on the host's links, put there and taken away.
///
/// A few messages of rtnetlink, and nothing else, for the reasons for which `HostLinks` uses nothing else: what is asked here loads no module and
/// runs no program. It waits for the kernel's routing lock: the guard asks in a thread of its own.
///
/// Of IPv4 the kernel keeps the addresses of one network on one link in an order. With the first it drops the others, unless the link's `promote_secondaries`
/// is set: whoever removes one names the others to be added again, and one that is there is none the worse for it.
///
/// Addresses are named with their link's name, and a link that is renamed keeps its addresses. So none counts as removed before all links were looked at.
public struct HostAddresses: Sendable {
  /// What an order came to.
  public struct Outcome: Hashable, Sendable {
    /// On no link: taken away, or not there in the first place.
    public var removed: [GuardedAddress] = []
    /// On their links: put there, or there already.
    public var raised: [GuardedAddress] = []
    /// Those among them that were there already.
    public var found: [GuardedAddress] = []
    /// Neither could be done, and why.
    public var failed: [GuardedAddress: String] = [:]
  }

  public init() {}

  /// Takes addresses from their links, then puts others on theirs.
  ///
  /// - Parameter notAfter: none is put there from that instant on; nil: whenever it is.
  public func set(remove: [GuardedAddress], add: [GuardedAddress], notAfter: BootInstant? = nil) -> Outcome {
    var outcome = Outcome()
    guard !remove.isEmpty || !add.isEmpty else { return outcome }
    let socket: Descriptor
    do { socket = try Descriptor.owned(holdfast_links(), "open", "an rtnetlink socket") } catch {
      for address in remove + add { outcome.failed[address] = "\(error)" }
      return outcome
    }
    // Of those that were not on the links that they were named with, where they are is not known yet.
    var doubted: Set<GuardedAddress> = []
    for address in remove {
      switch code(of: holdfast_address_remove, socket.number, address) {
      case 0: break
      case EADDRNOTAVAIL, ENODEV: doubted.insert(address)
      case let code where address.address.isSix && Self.withoutSix.contains(code): doubted.insert(address)
      case let code: outcome.failed[address] = Self.reason(code, address)
      }
    }
    removeElsewhere(remove.filter { outcome.failed[$0] == nil }, doubted, socket.number, &outcome)
    outcome.removed = remove.filter { outcome.failed[$0] == nil }
    for address in add {
      if let notAfter, BootClock.now >= notAfter {
        outcome.failed[address] = "the deadline had passed when it was its turn"
        continue
      }
      switch code(of: holdfast_address_add, socket.number, address) {
      case 0: outcome.raised.append(address)
      case EEXIST:
        outcome.raised.append(address)
        outcome.found.append(address)
      case let code: outcome.failed[address] = Self.reason(code, address)
      }
    }
    return outcome
  }

  /// The link has no IPv6, as when its MTU is below 1280; or the kernel has none. So no address of it is there. Taken for a failure, one that could never be
  /// raised would never be gone.
  private static let withoutSix: Set<Int32> = [ENXIO, EOPNOTSUPP, EAFNOSUPPORT]

  // MARK: Other links than those that they were named with

  /// An address without its link.
  private struct Place: Hashable {
    var bytes: [UInt8]
    var prefixLength: Int

    init(_ bytes: [UInt8], _ prefixLength: Int) { (self.bytes, self.prefixLength) = (bytes, prefixLength) }
    init(_ address: GuardedAddress) { self.init(address.address.bytes, address.prefixLength) }
  }

  private struct Search {
    let sought: Set<Place>
    let count: Int
    /// The kernel says of an address whether it was put there by this code: then nobody else's is touched.
    let isMarkKept: Bool
    var found: [(place: Place, link: Int32, isMarked: Bool)] = []

    mutating func sees(_ link: Int32, _ bytes: UnsafeRawPointer, _ prefixLength: Int32, isMarked: Bool) {
      let place = Place(Array(UnsafeRawBufferPointer(start: bytes, count: count)), Int(prefixLength))
      if sought.contains(place) { found.append((place, link, isMarked)) }
    }
  }

  /// The first link of every network namespace, and nobody can rename another one to stand for it. Many hosts have an address there on purpose that others
  /// answer for on the network.
  private static let loopback: Int32 = 1

  /// Of IPv6's addresses of one link alone each link may have an own one of the same number.
  private func removeElsewhere(
    _ removed: [GuardedAddress], _ doubted: Set<GuardedAddress>, _ socket: Int32, _ outcome: inout Outcome
  ) {
    for isSix in [false, true] {
      let sought = removed.filter { $0.address.isSix == isSix && !$0.isLinkLocal }
      guard !sought.isEmpty else { continue }
      var search = Search(
        sought: Set(sought.map(Place.init)), count: isSix ? 16 : 4, isMarkKept: holdfast_marks_addresses() == 1)
      guard look(socket, &search) else {
        // What was seen to be taken from its link is gone all the same.
        let reason = "cannot look for it on other links: \(String(cString: strerror(errno)))"
        for address in sought where doubted.contains(address) { outcome.failed[address] = reason }
        continue
      }
      for address in sought {
        let place = Place(address)
        for (found, link, isMarked) in search.found where found == place {
          guard link != Self.loopback, isMarked || !search.isMarkKept && doubted.contains(address) else { continue }
          remove(address, from: link, socket, &outcome)
        }
      }
    }
  }

  private func look(_ socket: Int32, _ search: inout Search) -> Bool {
    let count = search.count
    return withUnsafeMutablePointer(to: &search) { search in
      holdfast_addresses(
        socket, count,
        { context, link, bytes, prefixLength, isMarked in
          guard let context, let bytes else { return }
          context.assumingMemoryBound(to: Search.self).pointee.sees(link, bytes, prefixLength, isMarked: isMarked == 1)
        }, search) == 0
    }
  }

  private func remove(_ address: GuardedAddress, from link: Int32, _ socket: Int32, _ outcome: inout Outcome) {
    let isDone = address.address.bytes.withUnsafeBytes { bytes in
      holdfast_address_remove_on(socket, link, bytes.baseAddress, bytes.count, Int32(address.prefixLength)) == 0
    }
    guard !isDone, case let code = errno, code != EADDRNOTAVAIL, code != ENODEV else { return }
    outcome.failed[address] = "link number \(link) has it, which was \(address.link) before: \(String(cString: strerror(code)))"
  }

  // MARK: One address

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
