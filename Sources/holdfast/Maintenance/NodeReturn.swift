import HoldfastModel
import HoldfastOperator

/// Waits until a node is back and well: its session stands and is renewed, its guard is armed, its libvirt answers.
struct NodeReturn: Sendable {
  let client: DaemonClient
  let node: String
  /// Seconds for all of it.
  let limit: Double
  /// Seconds without a break. A node that was told to reboot is well for some time still.
  let settle: Double

  private static let pause: Duration = .milliseconds(500)

  /// - Throws: `Failure` when it is not well in time.
  func wait() async throws {
    let end = ContinuousClock.now + .seconds(limit)
    var wellSince: ContinuousClock.Instant?, renewals: Int64 = -1, told = ""
    while true {
      let info = try await look()
      let trouble = info.map(Self.trouble) ?? "it is not known any more"
      // A counter that falls is a new session: it was away.
      if trouble != nil || info?.renewals ?? 0 < renewals { wellSince = nil }
      renewals = info?.renewals ?? -1
      if trouble == nil {
        let since = wellSince ?? .now
        wellSince = since
        if ContinuousClock.now >= since + .seconds(settle) { return }
      }
      let text = trouble.map { "\(node): \($0)" } ?? "\(node) is well"
      if text != told { Output.complain(text) }
      told = text
      guard ContinuousClock.now < end else {
        throw Failure(
          kind: "conflict", thing: "node \(node)",
          reason:
            "it is not back and well after \(Words.about(limit)): \(trouble ?? "not yet for \(InWords.number(settle)) s")",
          remedy: "`holdfast nodes` shows how it is.")
      }
      try await Task.sleep(for: Self.pause)
    }
  }

  private func look() async throws -> NodeInfo? {
    try await client.get("/nodes", as: NodeList.self).nodes.first { $0.name == node }
  }

  /// nil: it is well.
  private static func trouble(_ info: NodeInfo) -> String? {
    if info.state != .up { return "it is \(info.state.rawValue)" }
    guard let phase = info.guardPhase else { return "it has not told about its guard" }
    if !NodeInfo.soundGuardPhases.contains(phase) { return "its guard is \(phase)" }
    if let (connection, reason) = info.unreachable.min(by: { $0.key < $1.key }) {
      return "\(connection) does not answer: \(reason)"
    }
    return nil
  }
}
