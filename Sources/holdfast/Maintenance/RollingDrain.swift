import HoldfastAPI
import HoldfastModel
import HoldfastOperator

/// A rolling drain: drains each node in turn, runs a command, waits for the node, and moves its workloads back. Stops at the first problem.
struct RollingDrain: Sendable {
  let client: DaemonClient
  let options: RollingOptions
  let request: MaintenanceRequest
  let isText: Bool

  /// What was done, for scripts.
  struct Report: Codable {
    var done: [String]
    /// Nodes that remain, in their order; the first is the one at which a problem stopped the drain.
    var remaining: [String]
    var problem: ErrorBody?
  }

  func run(isDryRun: Bool, yes: Bool) async throws {
    let nodes = try await chosen()
    let plans = try await plans(of: nodes)
    if isDryRun {
      if isText { for line in plans.lines { Output.line(line) } } else { try Output.json(plans.results) }
      try plans.check()
      return
    }
    try plans.check()
    if !yes {
      let question =
        "Drain \(Words.count(nodes.count, "node")), one after the other, and run '\(options.command ?? "")' for each?"
      try Confirmation.ask(question, lines: plans.lines)
    }
    var done: [String] = []
    for (index, node) in nodes.enumerated() {
      let remaining = Array(nodes[index...])
      do {
        try await pass(node, "\(index + 1) of \(nodes.count)", remaining: remaining)
      } catch let failure as Failure {
        try report(Report(done: done, remaining: remaining, problem: failure.body))
        throw stopped(failure, done: done, remaining: remaining)
      }
      done.append(node)
    }
    try report(Report(done: done, remaining: []))
    say("All done: \(InWords.list(done, most: 12)).")
  }

  // MARK: before the first

  /// The nodes to drain, each once, in the order in which they were named.
  private func chosen() async throws -> [String] {
    let planning = try await client.get("/snapshot", as: ClusterSnapshot.self).planning
    let status = try await client.get("/status", as: ClusterStatus.self)
    var nodes: [String] = []
    for (texts, option) in [(options.nodes, "--node"), (options.labels, "--label")] {
      for text in texts {
        for node in try NodeSelection.nodes(text, option: option, in: planning).sorted() where !nodes.contains(node.text) {
          nodes.append(node.text)
        }
      }
    }
    if nodes.contains(status.node) {
      throw Failure(
        kind: "conflict", thing: "node \(status.node)", reason: "this command talks to its holdfastd, and would end with it",
        remedy: "Leave it out, and drain it from another node afterwards.")
    }
    for node in status.nodes where nodes.contains(node.name) && (node.state != .up || node.maintenance != nil) {
      throw Failure(
        kind: "conflict", thing: "node \(node.name)",
        reason: node.maintenance != nil ? "it is in maintenance already" : "it is \(node.state.rawValue)",
        remedy: "Wait until every node to be drained is up (`holdfast nodes`), or leave this one out.")
    }
    return nodes
  }

  private struct Plans {
    var drains: [Drain]
    var results: [ClusterCommandResult]
    var lines: [String] {
      zip(drains, results).enumerated().flatMap { index, plan in (index == 0 ? [] : [""]) + plan.0.lines(plan.1) }
    }

    func check() throws { for result in results { try Drain.check(result) } }
  }

  /// A plan for each node alone: when its turn comes, the others are back.
  private func plans(of nodes: [String]) async throws -> Plans {
    var plans = Plans(drains: [], results: [])
    for node in nodes {
      let drain = drain(of: node)
      plans.drains.append(drain)
      plans.results.append(try await drain.plan())
    }
    return plans
  }

  private func drain(of node: String) -> Drain {
    var request = request
    // A command may have many lines, a reason has one.
    let line = options.command?.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    if request.reason == nil { request.reason = "rolling: \(line)".prefix(200).description }
    return Drain(client: client, node: node, request: request)
  }

  // MARK: one node

  private func pass(_ node: String, _ place: String, remaining: [String]) async throws {
    say("\(node) (\(place)): draining")
    let drain = drain(of: node)
    try Drain.check(try await drain.plan())
    _ = try await drain.begin()
    try Drain.refuseStuck(try await EvacuationWatch(client: client, node: node, goal: .empty).run())

    say("\(node) (\(place)): empty; running \(options.command ?? "")")
    let rest = Self.advice(remaining, options)
    try await Interruption.telling({ "\(node) stays in maintenance. \(rest)" }) {
      try await ShellRun(command: options.command ?? "", node: node).run()
      say("\(node) (\(place)): command done; waiting until the node is healthy")
      try await NodeReturn(
        client: client, node: node, limit: options.returnLimit?.seconds ?? 900, settle: options.settle?.seconds ?? 30
      ).wait()
    }

    say("\(node) (\(place)): healthy; moving its workloads back")
    _ = try await client.post(
      "/nodes/\(node)/maintenance/exit", body: MaintenanceExit(failback: options.bringBack ? .everything : .byPolicy),
      as: ClusterCommandResult.self)
    _ = try await EvacuationWatch(client: client, node: node, goal: .failedBack).run()
    say("\(node) (\(place)): back in use")
  }

  // MARK: reports

  /// On standard error where standard output is for a script.
  private func say(_ text: String) { if isText { Output.line(text) } else { Output.complain(text) } }

  private func report(_ report: Report) throws { if !isText { try Output.json(report) } }

  private func stopped(_ failure: Failure, done: [String], remaining: [String]) -> Failure {
    var failure = failure
    let before = done.isEmpty ? "" : " \(InWords.list(done, most: 8)) \(done.count == 1 ? "is" : "are") done."
    failure.remedy += before + " " + Self.advice(remaining, options)
    return failure
  }

  /// What remains to be done, as commands to type.
  private static func advice(_ remaining: [String], _ options: RollingOptions) -> String {
    guard let current = remaining.first else { return "" }
    let rest = remaining.dropFirst().map { " --node \($0)" }.joined()
    var text =
      "Check \(current) with `holdfast maintenance status \(current)`; put it back into use with `holdfast maintenance exit \(current)`."
    if !rest.isEmpty {
      let command = (options.command ?? "").replacing("'", with: "'\\''")
      text += " Then drain the rest: holdfast evacuate --rolling\(rest) --run '\(command)'\(again(options))"
    }
    return text
  }

  /// The options of a rolling drain that were given.
  private static func again(_ options: RollingOptions) -> String {
    (options.settle.map { " --settle \($0.defaultValueDescription)" } ?? "")
      + (options.returnLimit.map { " --return-limit \($0.defaultValueDescription)" } ?? "")
      + (options.bringBack ? " --bring-back" : "")
  }
}
