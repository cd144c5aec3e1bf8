import Glibc
import NIOCore

/// The process at the other end of a Unix socket, as the kernel vouches for it.
struct Peer: Hashable, Sendable {
  var pid: Int32
  var uid: UInt32
  /// Its primary and its supplementary groups when it connected.
  var groups: Set<UInt32>

  /// What a peer may do.
  enum Role: Hashable, Sendable {
    case `operator`
    /// May look, not change.
    case viewer
  }

  /// - Parameter operators: the group whose members are operators; nil: root alone.
  func role(operators: UInt32?) -> Role {
    uid == 0 || operators.map(groups.contains) ?? false ? .operator : .viewer
  }

  /// Asks the kernel; nil when it does not tell, which makes the peer a viewer at most.
  static func connected(by channel: any Channel) async -> Peer? {
    try? await channel.eventLoop.submit { now(of: channel) }.get()
  }

  /// The same on the channel's own event loop.
  static func now(of channel: any Channel) -> Peer? {
    (try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { Peer(socket: $0) })
      ?? nil
  }

  /// As the ledger of connections knows it.
  var client: ConnectionLedger.Client { ConnectionLedger.Client(pid: pid, isRoot: uid == 0) }

  init?(socket: Int32) {
    // `struct ucred`, which Glibc's module hides: pid, uid and gid, 32 bits each.
    guard let credentials = Self.option(SO_PEERCRED, of: socket, limit: 3), credentials.count == 3 else { return nil }
    pid = Int32(bitPattern: credentials[0])
    uid = credentials[1]
    // 65536 is the kernel's greatest number of groups (NGROUPS_MAX).
    groups = Set(Self.option(Self.peerGroups, of: socket, limit: 65_536) ?? []).union([credentials[2]])
  }

  /// SO_PEERGROUPS, which Glibc's headers do not name.
  private static let peerGroups: Int32 = 59

  private static func option(_ name: Int32, of socket: Int32, limit: Int) -> [UInt32]? {
    var values = [UInt32](repeating: 0, count: min(limit, 64))
    while true {
      var size = socklen_t(values.count * 4)
      if getsockopt(socket, SOL_SOCKET, name, &values, &size) == 0 { return Array(values.prefix(Int(size) / 4)) }
      guard errno == ERANGE, values.count < limit else { return nil }
      values = [UInt32](repeating: 0, count: limit)
    }
  }
}
