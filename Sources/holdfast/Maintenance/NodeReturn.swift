import HoldfastModel
import HoldfastOperator

/// Waits until a node is healthy: its session stands and is renewed, its guard is armed, its libvirt answers.
struct NodeReturn: Sendable {
  let client: DaemonClient
  let node: String
  /// Seconds for all of it.
  let limit: Double
  /// Seconds for which the node must stay healthy: a node that was told to reboot still looks healthy for a while.
  let settle: Double

  private static let pause: Duration = .milliseconds(500)

  /// - Throws: `Failure` when the node is not healthy in time.
  func wait() async throws {
    let end = ContinuousClock.now + .seconds(limit)
    var healthySince: ContinuousClock.Instant?, renewals: Int64 = -1, told = ""
    while true {
      let info = try await look()
      let trouble = info.map(Self.trouble) ?? "the cluster no longer knows it"
      // A counter that falls is a new session: it was away.
      if trouble != nil || info?.renewals ?? 0 < renewals { healthySince = nil }
      renewals = info?.renewals ?? -1
      if trouble == nil {
        let since = healthySince ?? .now
        healthySince = since
        if ContinuousClock.now >= since + .seconds(settle) { return }
      }
      let text = trouble.map { "\(node): \($0)" } ?? "\(node) is healthy"
      if text != told { Output.complain(text) }
      told = text
      guard ContinuousClock.now < end else {
        throw Failure(
          kind: "conflict", thing: "node \(node)",
          reason:
            "timed out after \(Words.about(limit)) waiting for it to be healthy: \(trouble ?? "it has not been healthy for \(InWords.number(settle)) s yet")",
          remedy: "`holdfast nodes` shows its state.")
      }
      try await Task.sleep(for: Self.pause)
    }
  }

  private func look() async throws -> NodeInfo? {
    let list = try await client.get("/nodes", as: NodeList.self)
    if list.isUnread == true { throw Failure.unread("node \(node)", "it") }
    return list.nodes.first { $0.name == node }
  }

  /// Why the node is not healthy; nil: it is.
  private static func trouble(_ info: NodeInfo) -> String? {
    if info.state != .up { return "it is \(info.state.rawValue)" }
    guard let phase = info.guardPhase else { return "it has not reported its guard's state yet" }
    if !phase.isSound { return "its guard is \(phase)" }
    if let (connection, reason) = info.unreachable.min(by: { $0.key < $1.key }) {
      return "\(connection) is unreachable: \(reason)"
    }
    return nil
  }
}
