import ArgumentParser
import HoldfastAPI

/// What a command that changes something takes besides.
struct ChangeOptions: ParsableArguments {
  @Flag(help: "Show what would happen, and do nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask. Needed where there is no terminal to ask on.")
  var yes = false

  @Flag(help: "Wait until it has happened.")
  var wait = false

  @Option(help: ArgumentHelp("Seconds to wait at most.", valueName: "seconds"))
  var timeout = 120.0
}

/// Carries a command out for many workloads: shows first, asks, then does one after the other and tells of each.
struct Carrying {
  private let daemon: DaemonOptions
  private let isDryRun: Bool
  /// Agreed to already.
  private let yes: Bool
  /// Seconds to wait for the effect; nil: not at all.
  private let waitLimit: Double?
  /// What the operator agrees to, such as `Stop 3 workloads?`; nil: harmless, not asked.
  private let question: ((Int) -> String)?
  /// What is waited for; nil for a result that needs no waiting.
  private let goal: (CommandResult) -> Waiting.Goal?

  init(
    daemon: DaemonOptions, options: ChangeOptions, question: ((Int) -> String)?,
    goal: @escaping (CommandResult) -> Waiting.Goal?
  ) {
    self.daemon = daemon
    isDryRun = options.dryRun
    yes = options.yes
    waitLimit = options.wait ? options.timeout : nil
    self.question = question
    self.goal = goal
  }

  /// A command whose effect nobody waits for.
  init(daemon: DaemonOptions, isDryRun: Bool, yes: Bool, question: @escaping (Int) -> String) {
    self.daemon = daemon
    self.isDryRun = isDryRun
    self.yes = yes
    waitLimit = nil
    self.question = question
    goal = { _ in nil }
  }

  typealias Step = (_ name: String, _ query: [String: String]) async throws -> CommandResults

  func run(_ names: [String], _ step: Step) async throws {
    if isDryRun || question != nil && !yes {
      let plan = try await results(names, ["dryRun": "true"], step)
      if isDryRun {
        try Self.tell(plan, isDryRun: true, daemon.output)
        return try Self.refuseIfFailed(plan)
      }
      let changes = plan.count { $0.effect != .failed && $0.effect != .unchanged }
      if let question, changes > 0 { try Agreement.seek(question(changes), showing: plan) }
    }
    let results = try await results(names, [:], step)
    try Self.tell(results, isDryRun: false, daemon.output)
    if let waitLimit {
      let waiting = Waiting(client: daemon.client, limit: waitLimit)
      try await waiting.wait(for: results.compactMap { result in goal(result).map { (result.workload, $0) } })
    }
    try Self.refuseIfFailed(results)
  }

  private func results(_ names: [String], _ query: [String: String], _ step: Step) async throws -> [CommandResult] {
    var results: [CommandResult] = []
    for name in names {
      do {
        results += try await step(name, query).results
      } catch let failure as Failure where failure.status == .failed {
        results.append(CommandResult(name, failed: failure.body))
      }
    }
    return results
  }

  static func tell(_ results: [CommandResult], isDryRun: Bool, _ format: DaemonOptions.Format) throws {
    if format == .json { return try Output.json(CommandResults(isDryRun: isDryRun, results: results)) }
    if isDryRun { Output.line("Nothing was done. What would happen:") }
    for line in ResultLines(terminal: .current()).lines(results) { Output.line(line) }
  }

  static func refuseIfFailed(_ results: [CommandResult]) throws {
    if results.contains(where: { $0.effect == .failed }) { throw ExitCode(ExitStatus.failed.rawValue) }
  }
}
