import HoldfastOperator
import Synchronization

/// Who is connected to the API, and for whom there is still a place: one client that opens connections and keeps them must not lock the others out, and
/// root least of all. Connections beyond a bound are accepted, told why, and closed.
package final class ConnectionLedger: Sendable {
  /// At the same time.
  package struct Bounds: Sendable {
    /// Connections that are served; and those of them that are not kept for root.
    package var connections = 160
    package var connectionsOfOthers = 128
    package var connectionsOfOneProcess = 96
    /// Followers of events; and those of them that are not kept for root.
    package var followers = 64
    package var followersOfOthers = 48

    package init() {}
  }

  /// Who is at the other end.
  package struct Client: Hashable, Sendable {
    package var pid: Int32
    package var isRoot: Bool

    package init(pid: Int32, isRoot: Bool) {
      self.pid = pid
      self.isRoot = isRoot
    }
  }

  private struct State {
    var served: [ObjectIdentifier: Client?] = [:]
    var refused: [ObjectIdentifier: OperatorError] = [:]
    var followers = 0
  }

  private let bounds: Bounds
  private let state = Mutex(State())

  package init(_ bounds: Bounds = Bounds()) { self.bounds = bounds }

  // MARK: connections

  /// A connection was accepted.
  ///
  /// - Parameter client: nil: the kernel does not tell.
  /// - Returns: whether it is served.
  package func opened(_ connection: ObjectIdentifier, by client: Client?) -> Bool {
    state.withLock { state in
      guard let refusal = refusal(of: client, state) else {
        state.served.updateValue(client, forKey: connection)
        return true
      }
      state.refused[connection] = refusal
      return false
    }
  }

  package func closed(_ connection: ObjectIdentifier) {
    state.withLock { state in
      state.served.removeValue(forKey: connection)
      state.refused.removeValue(forKey: connection)
    }
  }

  /// - Throws: why the connection is not served.
  package func check(_ connection: ObjectIdentifier) throws(OperatorError) {
    if let refusal = state.withLock({ $0.refused[connection] }) { throw refusal }
  }

  private func refusal(of client: Client?, _ state: borrowing State) -> OperatorError? {
    let count = state.served.count
    if let client {
      let own = state.served.values.count { $0?.pid == client.pid }
      if own >= bounds.connectionsOfOneProcess {
        return Self.full(
          "process \(client.pid) has \(own) connections open, as many as one process may have", "Close some of them")
      }
    }
    guard count >= (client?.isRoot ?? false ? bounds.connections : bounds.connectionsOfOthers) else { return nil }
    return Self.full(
      "\(count) clients are connected; \(bounds.connectionsOfOthers) may be, and root's up to \(bounds.connections)",
      "Close some of them")
  }

  private static func full(_ reason: String, _ action: String) -> OperatorError {
    OperatorError(
      .unavailable, thing: "holdfastd", reason: reason,
      remedy: "\(action): `ss -xp` lists who is connected to its socket. Root has places of its own: try as root.")
  }

  // MARK: followers

  /// A follower's place, given back when nobody keeps it any more.
  package final class FollowerPlace: Sendable {
    private let ledger: ConnectionLedger

    fileprivate init(_ ledger: ConnectionLedger) { self.ledger = ledger }
    deinit { ledger.state.withLock { $0.followers -= 1 } }
  }

  /// - Throws: that there is no place.
  package func follow(as client: Client?) throws(OperatorError) -> FollowerPlace {
    let most = client?.isRoot ?? false ? bounds.followers : bounds.followersOfOthers
    let followers = state.withLock { state in
      let before = state.followers
      if before < most { state.followers += 1 }
      return before
    }
    guard followers < most else {
      throw Self.full(
        "\(followers) clients follow events; \(bounds.followersOfOthers) may, and root's up to \(bounds.followers)",
        "End some of them")
    }
    return FollowerPlace(self)
  }
}
