import CLinux
import Glibc
import GuardCore
import HoldfastTime
import LinuxBasics

/// Speaks with a link's hosts about one address, on a thread that may wait.
struct NeighbourSocket: ~Copyable {
  private let socket: Descriptor
  private let address: IPAddress
  private let own: MACAddress
  private let link: String

  /// More than any frame about an address needs: what is longer is cut, and then no such message.
  private static let longest = 1500
  /// So many frames are looked at that came in time, but were not read in time.
  private static let mostLate = 64

  enum Heard {
    case nothing
    case claimant(MACAddress)
    case wakeUp
  }

  /// - Parameters:
  ///   - index: the link's.
  ///   - own: the link's own hardware address.
  init(on link: String, index: Int32, own: MACAddress, about address: IPAddress) throws(KernelFileError) {
    socket = try Descriptor.owned(
      holdfast_neighbours(index, address.bytes, address.bytes.count), "open", "a packet socket on \(link)")
    self.address = address
    self.own = own
    self.link = link
  }

  func send(_ frame: EthernetFrame) throws(KernelFileError) {
    let bytes = frame.bytes
    guard holdfast_send(socket.number, bytes, bytes.count) == bytes.count else { throw failure("send to") }
  }

  func probe() throws(KernelFileError) {
    try send(
      address.isSix ? NeighbourMessage.probe(for: address).frame(from: own) : ARPPacket.probe(for: address, from: own).frame)
  }

  func announce(isRouter: Bool) throws(KernelFileError) {
    if address.isSix {
      return try send(NeighbourMessage.announcement(of: address, from: own, isRouter: isRouter).frame(from: own))
    }
    for packet in ARPPacket.announcements(of: address, from: own) { try send(packet.frame) }
  }

  /// Waits for somebody else who has the address, or is about to take it.
  ///
  /// - Parameter wake: ends it at once.
  func listen(until end: ContinuousClock.Instant, or wake: borrowing WakeUp) throws(KernelFileError) -> Heard {
    var late = 0
    while true {
      let left = end - .now
      // A thread that had to wait for a processor still finds what came meanwhile; a flood of it keeps it no longer.
      if left <= .zero { late += 1 }
      guard late <= Self.mostLate else { return .nothing }
      var descriptors = [
        pollfd(fd: wake.number, events: Int16(POLLIN), revents: 0),
        pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
      ]
      // Rounded up: waking a little late is better than spinning.
      let milliseconds = Int32(clamping: (max(left, .zero).wholeNanoseconds + 999_999) / 1_000_000)
      guard poll(&descriptors, nfds_t(descriptors.count), milliseconds) >= 0 || errno == EINTR else { throw failure("wait on") }
      if descriptors[0].revents != 0 { return .wakeUp }
      if descriptors[1].revents != 0 {
        if let claimant = try receive() { return .claimant(claimant) }
      } else if left <= .zero {
        return .nothing
      }
    }
  }

  /// nil: what came claims nothing, or was sent by this link itself: a switch or a bridge may bring it back.
  private func receive() throws(KernelFileError) -> MACAddress? {
    var bytes = [UInt8](repeating: 0, count: Self.longest)
    let count = holdfast_receive(socket.number, &bytes, bytes.count)
    if count < 0 {
      guard errno == EAGAIN || errno == EINTR else { throw failure("hear from") }
      return nil
    }
    guard let frame = EthernetFrame(bytes: bytes.prefix(count)), frame.source != own else { return nil }
    let claimant =
      switch frame.type {
      case EthernetFrame.arp: ARPPacket(bytes: frame.payload)?.claimant(of: address)
      case EthernetFrame.six: NeighbourMessage(bytes: frame.payload)?.claimant(of: address, sender: frame.source)
      default: MACAddress?.none
      }
    return claimant == own ? nil : claimant
  }

  private func failure(_ operation: String) -> KernelFileError {
    KernelFileError(operation: operation, path: "the neighbours on \(link)", code: errno)
  }
}
