import ArgumentParser
import HoldfastAPI
import HoldfastModel
import HoldfastOperator

/// The drain of one node: its plan, what stands against it, and its start.
struct Drain: Sendable {
  let client: DaemonClient
  let node: String
  let request: MaintenanceRequest

  func plan() async throws -> ClusterCommandResult { try await post(["dryRun": "true"]) }
  func begin() async throws -> ClusterCommandResult { try await post([:]) }

  private func post(_ query: [String: String]) async throws -> ClusterCommandResult {
    try await client.post("/nodes/\(node)/maintenance", query, body: request)
  }

  func lines(_ plan: ClusterCommandResult) -> [String] {
    guard let evacuation = plan.plan else { return [] }
    let screen = EvacuationPlanScreen(
      node: node, plan: evacuation, leavesPending: request.leavesPending ?? false, terminal: .current())
    return screen.lines()
  }

  /// - Throws: `Failure` when the daemon would refuse it, because of what no other node can take.
  static func check(_ plan: ClusterCommandResult) throws {
    if let refusal = plan.refusal { throw Failure(refusal, .wouldNotRun) }
  }

  /// - Throws: `Failure` when workloads are still on the node.
  static func refuseStuck(_ state: NodeMaintenance) throws {
    let stuck = state.moves.filter { $0.state == .stuck }.map(\.workload)
    guard !stuck.isEmpty else { return }
    throw Failure(
      .wouldNotRun, kind: "conflict", thing: "node \(state.node.name)",
      reason: "\(InWords.list(stuck, most: 5)) \(stuck.count == 1 ? "is" : "are") stuck there: no other node can take "
        + "\(stuck.count == 1 ? "it" : "them")",
      remedy: "Make room, and they are moved; or repeat the command with --leave-pending, and they are stopped.")
  }
}

/// The whole command, which `maintenance enter` and `evacuate` share: shows the plan, asks, starts the drain, waits.
struct DrainRun {
  let daemon: DaemonOptions
  let drain: Drain
  let isDryRun: Bool
  let yes: Bool
  /// The command waits until the node is empty.
  let waits: Bool

  private var isText: Bool { daemon.output == .text }

  func run() async throws {
    let plan = try await drain.plan()
    if isDryRun {
      if isText {
        Output.line("Nothing was done. What would happen:")
        tell(plan)
      } else {
        try Output.json(plan)
      }
      return try Drain.check(plan)
    }
    if isText, plan.refusal != nil || yes { tell(plan) }
    try Drain.check(plan)
    if !yes, plan.isChange { try Confirmation.ask("Drain \(drain.node)?", lines: drain.lines(plan)) }
    let result = try await drain.begin()
    if isText {
      Output.line("\(result.subject) \(result.text).")
    } else if !waits {
      try Output.json(result)
    }
    guard waits else { return }
    let state = try await EvacuationWatch(client: drain.client, node: drain.node, goal: .empty).run()
    if isText { Output.line(Self.end(state)) } else { try Output.json(state) }
    try Drain.refuseStuck(state)
  }

  private func tell(_ plan: ClusterCommandResult) {
    for line in drain.lines(plan) { Output.line(line) }
  }

  private static func end(_ state: NodeMaintenance) -> String {
    func names(_ wanted: EvacuationMove.State) -> [String] { state.moves.filter { $0.state == wanted }.map(\.workload) }
    var text = "\(state.node.name) is empty: \(Words.count(names(.arrived).count, "workload")) moved away"
    if !names(.stays).isEmpty { text += "; staying by policy: \(InWords.list(names(.stays), most: 5))" }
    if !names(.stuck).isEmpty {
      text = "\(state.node.name) is not empty; stuck there: \(InWords.list(names(.stuck), most: 5))"
    }
    if !names(.pending).isEmpty { text += "; not running: \(InWords.list(names(.pending), most: 5))" }
    return text + "."
  }
}
