import ArgumentParser
import HoldfastAPI
import HoldfastModel
import HoldfastOperator

/// Options of every command that changes workloads.
struct ChangeOptions: ParsableArguments {
  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. Required when there is no terminal.")
  var yes = false

  @Flag(help: "Wait until the workloads have reached the state that was asked for.")
  var wait = false

  @Option(help: ArgumentHelp("How long --wait waits at most.", valueName: "seconds"))
  var timeout = 120.0
}

/// One command for many workloads: shows the plan, asks, then runs them one after the other and reports each.
struct BatchCommand {
  private let daemon: DaemonOptions
  private let isDryRun: Bool
  /// The operator has confirmed already.
  private let yes: Bool
  /// Seconds to wait for the effect; nil: the command does not wait.
  private let waitLimit: Double?
  /// The question, such as `Stop 3 workloads?`; nil: the command is harmless and does not ask.
  private let question: ((Int) -> String)?
  /// The state to wait for; nil for a result that needs no waiting.
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

  /// A command that does not wait for its effect.
  init(daemon: DaemonOptions, isDryRun: Bool, yes: Bool, question: @escaping (Int) -> String) {
    self.daemon = daemon
    self.isDryRun = isDryRun
    self.yes = yes
    waitLimit = nil
    self.question = question
    goal = { _ in nil }
  }

  typealias Step = (_ name: String, _ query: [String: String]) async throws -> CommandResults

  /// Asks the daemon to do one thing with each workload that a name or a pattern means, as `POST /v1/workloads/NAME/VERB` does.
  ///
  /// - Parameter flags: of the request, beside those that every command has.
  func run(_ verb: String, _ patterns: [String], _ flags: [String: String] = [:]) async throws {
    let client = daemon.client
    let chosen = try await WorkloadSelection.names(patterns, with: client)
    try await run(chosen) { try await client.post("/workloads/\($0)/\(verb)", $1.merging(flags) { own, _ in own }) }
  }

  func run(_ names: [String], _ step: Step) async throws {
    if isDryRun || question != nil && !yes {
      let plan = try await Self.results(names, ["dryRun": "true"], step)
      if isDryRun {
        try Self.tell(plan, isDryRun: true, daemon.output)
        return try Self.refuseIfFailed(plan)
      }
      let changes = plan.count { $0.effect != .failed && $0.effect != .unchanged }
      if let question, changes > 0 { try Confirmation.ask(question(changes), showing: plan) }
    }
    let results = try await Self.results(names, [:], step)
    try Self.tell(results, isDryRun: false, daemon.output)
    if let waitLimit {
      let waiting = Waiting(client: daemon.client, limit: waitLimit)
      try await waiting.wait(for: results.compactMap { result in goal(result).map { (result.workload, $0) } })
    }
    try Self.refuseIfFailed(results)
  }

  /// One after the other; what the daemon refuses is a result like any other.
  static func results(_ names: [String], _ query: [String: String], _ step: Step) async throws -> [CommandResult] {
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

  /// One workload's; of one that the daemon says nothing about nobody knows.
  static func result(_ name: String, _ query: [String: String] = [:], _ step: Step) async throws -> CommandResult {
    let silence = ErrorBody(
      kind: OperatorError.Kind.unavailable.rawValue, thing: "workload \(name)", reason: "the daemon said nothing about it",
      remedy: "`holdfast workload \(name)` shows its state.")
    return try await results([name], query, step).first ?? CommandResult(name, failed: silence)
  }

  static func tell(_ results: [CommandResult], isDryRun: Bool, _ format: DaemonOptions.Format) throws {
    if format == .json { return try Output.json(CommandResults(isDryRun: isDryRun, results: results)) }
    if isDryRun { Output.line("Nothing was done. What would happen:") }
    for line in ResultLines(terminal: .current()).lines(results) { Output.line(line) }
  }

  // MARK: commands that go on from one workload to the next

  /// Tells what has become of the others when such a command breaks off.
  ///
  /// - Parameters:
  ///   - asked: the workload whose answer has not come, and what was asked for; nil: every answer came.
  ///   - waiting: what was not asked for.
  static func tellRest(asked: (workload: String, what: String)?, waiting: [String]) {
    if let asked {
      Output.complain("Perhaps begun: \(asked.what). `holdfast workload \(asked.workload)` shows its state.")
    }
    if let rest = notBegun(waiting) { Output.complain(rest) }
  }

  /// nil: everything was begun.
  static func notBegun(_ waiting: [String]) -> String? {
    waiting.isEmpty ? nil : "Not begun: \(InWords.list(waiting, most: 20))."
  }

  /// Waits until all of them are there.
  ///
  /// - Parameter limit: seconds beyond the longest stop timeout among them.
  /// - Throws: `Failure` when one of them will not get there, or not in time.
  static func wait(for goals: [(name: String, goal: Waiting.Goal)], beyondStopTimeout limit: Double, _ daemon: DaemonOptions)
    async throws
  {
    var stopTimeout = 0.0
    for (name, _) in goals {
      let workload = try await daemon.client.get("/workloads/\(name)", ["limit": "0"], as: WorkloadDetail.self).workload
      stopTimeout = max(stopTimeout, workload.stopTimeout)
    }
    try await Waiting(client: daemon.client, limit: limit + stopTimeout).wait(for: goals)
  }

  static func refuseIfFailed(_ results: [CommandResult]) throws {
    if results.contains(where: { $0.effect == .failed }) { throw ExitCode(ExitStatus.failed.rawValue) }
  }
}
