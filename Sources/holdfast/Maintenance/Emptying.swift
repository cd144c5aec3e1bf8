import ArgumentParser
import HoldfastAPI
import HoldfastModel
import HoldfastOperator

/// Puts a node into maintenance: shows what would happen, refuses what harms, asks, then begins.
struct Emptying: Sendable {
  let client: DaemonClient
  let node: String
  let request: MaintenanceRequest

  func plan() async throws -> UpkeepResult { try await post(["dryRun": "true"]) }
  func begin() async throws -> UpkeepResult { try await post([:]) }

  private func post(_ query: [String: String]) async throws -> UpkeepResult {
    try await client.post("/nodes/\(node)/maintenance", query, body: request)
  }

  func lines(_ plan: UpkeepResult) -> [String] {
    guard let evacuation = plan.plan else { return [] }
    let screen = EvacuationPlanScreen(
      node: node, plan: evacuation, leavesPending: request.leavesPending ?? false, terminal: .current())
    return screen.lines()
  }

  /// - Throws: `Failure` when the daemon would refuse it, because of what no other node can take.
  static func check(_ plan: UpkeepResult) throws {
    if let refusal = plan.refusal { throw Failure(refusal, .wouldNotRun) }
  }

  /// - Throws: `Failure` when the node is not empty after all.
  static func refuseStranded(_ state: NodeMaintenance) throws {
    let stranded = state.workloads.filter { $0.state == .stranded }.map(\.workload)
    guard !stranded.isEmpty else { return }
    throw Failure(
      .wouldNotRun, kind: "conflict", thing: "node \(state.node.name)",
      reason: "\(InWords.list(stranded, most: 5)) \(stranded.count == 1 ? "stays" : "stay") there: no other node can take "
        + "\(stranded.count == 1 ? "it" : "them") any more",
      remedy: "Make room: they leave then. Or repeat the command with --leave-pending, and they are stopped.")
  }
}

/// The command from the first look to the end: what `maintenance enter` and `evacuate` share.
struct EmptyingRun {
  let daemon: DaemonOptions
  let emptying: Emptying
  let isDryRun: Bool
  let yes: Bool
  /// Until the node is empty.
  let waits: Bool

  private var isText: Bool { daemon.output == .text }

  func run() async throws {
    let plan = try await emptying.plan()
    if isDryRun {
      if isText {
        Output.line("Nothing was done. What would happen:")
        tell(plan)
      } else {
        try Output.json(plan)
      }
      return try Emptying.check(plan)
    }
    if isText, plan.refusal != nil || yes { tell(plan) }
    try Emptying.check(plan)
    if !yes, plan.isChange { try Agreement.seek("Empty \(emptying.node)?", lines: emptying.lines(plan)) }
    let result = try await emptying.begin()
    if isText {
      Output.line("\(result.subject) \(result.text).")
    } else if !waits {
      try Output.json(result)
    }
    guard waits else { return }
    let state = try await EvacuationWatch(client: emptying.client, node: emptying.node, goal: .empty).run()
    if isText { Output.line(Self.end(state)) } else { try Output.json(state) }
    try Emptying.refuseStranded(state)
  }

  private func tell(_ plan: UpkeepResult) {
    for line in emptying.lines(plan) { Output.line(line) }
  }

  private static func end(_ state: NodeMaintenance) -> String {
    func names(_ wanted: Evacuee.State) -> [String] { state.workloads.filter { $0.state == wanted }.map(\.workload) }
    var text = "\(state.node.name) is empty: \(Words.count(names(.arrived).count, "workload")) moved away"
    if !names(.stays).isEmpty { text += "; staying by policy: \(InWords.list(names(.stays), most: 5))" }
    if !names(.stranded).isEmpty {
      text = "\(state.node.name) is not empty; still there: \(InWords.list(names(.stranded), most: 5))"
    }
    if !names(.pending).isEmpty { text += "; running nowhere: \(InWords.list(names(.pending), most: 5))" }
    return text + "."
  }
}
