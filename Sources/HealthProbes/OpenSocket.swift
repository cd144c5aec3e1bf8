import LinuxBasics
import Synchronization

/// A socket on its way to a channel: closed with the last reference to it, unless a channel has taken it over.
final class OpenSocket: Sendable {
  /// For calls of the C library: only lent.
  let number: Int32
  private let owner: Mutex<Descriptor?>

  init(_ descriptor: consuming Descriptor) {
    number = descriptor.number
    owner = Mutex(descriptor)
  }

  /// For a channel, which closes it. Once.
  func handOver() -> Int32 {
    guard let descriptor = owner.withLock({ $0.take() }) else { return -1 }
    return descriptor.giveAway()
  }
}
