import ArgumentParser
import HoldfastAPI
import HoldfastOperator

struct RestartCommand: AsyncParsableCommand, CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "restart",
    abstract: "Stop workloads and start them on the same node; brings a changed definition into force.",
    discussion: """
      Each is shut down within its stop timeout, else destroyed, and started where it ran. Its node does both: a client that dies in between \
      leaves no workload stopped. A workload that does not start there is treated as after any failed start.

      Several are restarted one after the other, or --at-once so many; the next begins when one runs again. The command stops at the first \
      that does not come back, and says which were not begun.

      Example: holdfast restart 'web*' --at-once 2
      """)

  @OptionGroup var daemon: DaemonOptions

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. Required when there is no terminal.")
  var yes = false

  @Flag(help: "Wait until the last ones run again, too.")
  var wait = false

  @Option(help: ArgumentHelp("How long each may take beyond its stop timeout.", valueName: "seconds"))
  var timeout = 120.0

  @Option(help: ArgumentHelp("How many workloads to restart at once.", valueName: "number"))
  var atOnce = 1

  @Flag(help: "Only those that run an older definition than the store has.")
  var outdated = false

  @Argument(help: "Names of workloads; * and ? are wildcards.", completion: .workloads)
  var names: [String]

  func checkOptions() throws { try check("--at-once", atOnce, in: 1...1000) }

  func run() async throws {
    let client = daemon.client
    var chosen = try await WorkloadSelection.names(names, with: client)
    if outdated {
      let answer = try await client.get("/workloads", as: WorkloadList.self), list = answer.workloads
      try WorkloadSelection.check(chosen, among: list.map(\.name), isUnread: answer.isUnread == true)
      let old = Set(list.filter { $0.isOutdated == true }.map(\.name))
      chosen = chosen.filter(old.contains)
    }
    let plan = try await plan(chosen)
    if dryRun {
      try BatchCommand.tell(plan, isDryRun: true, daemon.output)
      return try BatchCommand.refuseIfFailed(plan)
    }
    let changes = plan.count { $0.effect == .requested }
    if changes > 0, !yes {
      let pace = changes > atOnce ? ", \(atOnce == 1 ? "one after the other" : "\(atOnce) at once")" : ""
      try Confirmation.ask("Restart \(Words.count(changes, "workload"))\(pace)?", showing: plan)
    }
    try await restart(plan)
  }

  private func plan(_ names: [String]) async throws -> [CommandResult] {
    var results: [CommandResult] = []
    for name in names { results.append(try await ask(name, ["dryRun": "true"])) }
    return results
  }

  private func ask(_ name: String, _ query: [String: String]) async throws -> CommandResult {
    try await BatchCommand.result(name, query) { try await daemon.client.post("/workloads/\($0)/restart", $1) }
  }

  // MARK: carrying out

  /// - Parameter plan: what was refused in it is not asked for again.
  private func restart(_ plan: [CommandResult]) async throws {
    var results = plan.filter { $0.effect == .failed }
    var waiting = plan.filter { $0.effect != .failed }.map(\.workload)[...]
    var underWay: [String] = []
    // The one whose answer has not come.
    var asked: String?
    do {
      while let name = waiting.first {
        // The place of the one that began first is the next one's.
        if underWay.count == atOnce { try await comeBack(underWay.removeFirst()) }
        waiting = waiting.dropFirst()
        asked = name
        let result = try await ask(name, [:])
        asked = nil
        results.append(result)
        if result.effect != .failed { underWay.append(name) }
      }
      if wait { for name in underWay { try await comeBack(name) } }
    } catch {
      try BatchCommand.tell(results, isDryRun: false, daemon.output)
      BatchCommand.tellRest(asked: asked.map { ($0, $0) }, waiting: Array(waiting))
      throw error
    }
    try BatchCommand.tell(results, isDryRun: false, daemon.output)
    try BatchCommand.refuseIfFailed(results)
  }

  private func comeBack(_ name: String) async throws {
    try await BatchCommand.wait(for: [(name, .runsOn)], beyondStopTimeout: timeout, daemon)
  }
}
