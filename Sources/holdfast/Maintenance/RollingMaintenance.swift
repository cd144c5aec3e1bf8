import HoldfastAPI
import HoldfastModel
import HoldfastOperator

/// Walks from node to node: empties it, runs a command, waits for it, brings home what left it. Stops at the first surprise.
struct RollingMaintenance: Sendable {
  let client: DaemonClient
  let options: RollingOptions
  let request: MaintenanceRequest
  let isText: Bool

  /// What was done, for scripts.
  struct Report: Codable {
    var done: [String]
    /// In their order; the first is the one that a surprise stopped at.
    var left: [String]
    var surprise: ErrorBody?
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
        "Empty \(Words.count(nodes.count, "node")) one after the other, and run '\(options.command ?? "")' for each?"
      try Agreement.seek(question, lines: plans.lines)
    }
    var done: [String] = []
    for (index, node) in nodes.enumerated() {
      let left = Array(nodes[index...])
      do {
        try await pass(node, "\(index + 1) of \(nodes.count)", left: left)
      } catch let failure as Failure {
        try report(Report(done: done, left: left, surprise: failure.body))
        throw stopped(failure, done: done, left: left)
      }
      done.append(node)
    }
    try report(Report(done: done, left: []))
    say("All done: \(InWords.list(done, most: 12)).")
  }

  // MARK: before the first

  /// The nodes of the walk, each once, those that were named first.
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
        kind: "conflict", thing: "node \(status.node)", reason: "this command speaks to it, and would end with it",
        remedy: "Leave it out, and walk through it from another node afterwards.")
    }
    for node in status.nodes where nodes.contains(node.name) && (node.state != .up || node.maintenance != nil) {
      throw Failure(
        kind: "conflict", thing: "node \(node.name)",
        reason: node.maintenance != nil ? "it is in maintenance already" : "it is \(node.state.rawValue)",
        remedy: "`holdfast nodes` shows it; begin when every node of the walk is up, or leave it out.")
    }
    return nodes
  }

  private struct Plans {
    var emptyings: [Emptying]
    var results: [UpkeepResult]
    var lines: [String] {
      zip(emptyings, results).enumerated().flatMap { index, plan in (index == 0 ? [] : [""]) + plan.0.lines(plan.1) }
    }

    func check() throws { for result in results { try Emptying.check(result) } }
  }

  /// Each by itself: when its turn comes, the others are back.
  private func plans(of nodes: [String]) async throws -> Plans {
    var plans = Plans(emptyings: [], results: [])
    for node in nodes {
      let emptying = emptying(of: node)
      plans.emptyings.append(emptying)
      plans.results.append(try await emptying.plan())
    }
    return plans
  }

  private func emptying(of node: String) -> Emptying {
    var request = request
    // A command may have many lines, a reason has one.
    let line = options.command?.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    if request.reason == nil { request.reason = "rolling: \(line)".prefix(200).description }
    return Emptying(client: client, node: node, request: request)
  }

  // MARK: one node

  private func pass(_ node: String, _ place: String, left: [String]) async throws {
    say("\(node) (\(place)): being emptied")
    let emptying = emptying(of: node)
    try Emptying.check(try await emptying.plan())
    _ = try await emptying.begin()
    try Emptying.refuseStranded(try await EvacuationWatch(client: client, node: node, goal: .empty).run())

    say("\(node) (\(place)): empty; \(options.command ?? "")")
    let rest = Self.advice(left, options)
    try await Interruption.telling({ "\(node) stays in maintenance. \(rest)" }) {
      try await ShellRun(command: options.command ?? "", node: node).run()
      say("\(node) (\(place)): done; waits until it is back and well")
      try await NodeReturn(
        client: client, node: node, limit: options.returnLimit?.seconds ?? 900, settle: options.settle?.seconds ?? 30
      ).wait()
    }

    say("\(node) (\(place)): back; brings home what left it")
    _ = try await client.post(
      "/nodes/\(node)/maintenance/exit", body: MaintenanceExit(brings: options.bringBack ? .everything : .byPolicy),
      as: UpkeepResult.self)
    _ = try await EvacuationWatch(client: client, node: node, goal: .home).run()
    say("\(node) (\(place)): in use again")
  }

  // MARK: telling

  /// On standard error where standard output is for a script.
  private func say(_ text: String) { if isText { Output.line(text) } else { Output.complain(text) } }

  private func report(_ report: Report) throws { if !isText { try Output.json(report) } }

  private func stopped(_ failure: Failure, done: [String], left: [String]) -> Failure {
    var failure = failure
    let before = done.isEmpty ? "" : " \(InWords.list(done, most: 8)) \(done.count == 1 ? "is" : "are") done."
    failure.remedy += before + " " + Self.advice(left, options)
    return failure
  }

  /// What is left to do, to be typed.
  private static func advice(_ left: [String], _ options: RollingOptions) -> String {
    guard let current = left.first else { return "" }
    let rest = left.dropFirst().map { " --node \($0)" }.joined()
    var text =
      "Look at \(current): `holdfast maintenance status \(current)`; use it again with `holdfast maintenance exit \(current)`."
    if !rest.isEmpty {
      let command = (options.command ?? "").replacing("'", with: "'\\''")
      text += " Then the rest: holdfast evacuate --rolling\(rest) --run '\(command)'"
    }
    return text
  }
}
