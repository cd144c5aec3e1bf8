import Synchronization

/// How long a member is waited for. It is given twice the time with each time that it needed longer, so that a host that is slow, or has much to do,
/// gets there in the end instead of beginning anew for ever: a TLS handshake is 100 ms of processor time on some. What it needed is remembered.
package struct Patience: Hashable, Sendable {
  package let usual: Duration
  package private(set) var present: Duration

  /// As a multiple of the usual.
  package static let most = 8

  package init(_ usual: Duration) {
    self.usual = usual
    present = usual
  }

  package mutating func ranOut() { present = min(present * 2, usual * Self.most) }
  package mutating func wasEnough(_ taken: Duration) { present = min(max(usual, taken * 2), usual * Self.most) }
}

/// The patience with one member's handshakes, for all connections to it one after the other.
final class HandshakePatience: Sendable {
  private let patience: Mutex<Patience>

  init(_ usual: Duration) { patience = Mutex(Patience(usual)) }

  var present: Duration { patience.withLock { $0.present } }
  func ranOut() { patience.withLock { $0.ranOut() } }
  func wasEnough(_ taken: Duration) { patience.withLock { $0.wasEnough(taken) } }
}

extension EtcdConfiguration {
  /// The times that suit sessions of this TTL. What is quick enough for a short one is needless haste for a long one, and costs slow hosts
  /// connections that would have come about.
  public mutating func fit(ttl: Duration) {
    func share(_ part: Int, atLeast least: Duration, atMost most: Duration) -> Duration { min(max(ttl / part, least), most) }
    connectTimeout = share(2, atLeast: .milliseconds(1500), atMost: .seconds(10))
    probeTimeout = share(6, atLeast: .milliseconds(500), atMost: .seconds(5))
    watchSilence = share(3, atLeast: .seconds(1), atMost: .seconds(5))
  }
}
