import ArgumentParser
import HoldfastAPI

struct ApplyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Create workloads, or change them, as files define them.",
    discussion: """
      A workload that is in no file is left as it is. A changed XML holds from the workload's next start.

      Example: holdfast apply -f workloads.yaml --dry-run
      """)

  @OptionGroup var daemon: DaemonOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("A YAML file with workloads; may be repeated.", valueName: "path"))
  var file: [String]

  @Flag(help: "Show what would change, and change nothing.")
  var dryRun = false

  @Flag(
    name: .shortAndLong,
    help: "Do not ask before workloads that exist are changed. Needed where there is no terminal to ask on.")
  var yes = false

  func run() async throws {
    let definitions = try read()
    if dryRun { return try finish(try await apply(definitions, isDryRun: true)) }
    if !yes { try Self.agree(to: try await apply(definitions, isDryRun: true).results) }
    try finish(try await apply(definitions, isDryRun: false))
  }

  private func read() throws -> [WorkloadDefinition] {
    var definitions: [WorkloadDefinition] = []
    for path in file {
      do {
        definitions += try WorkloadFile.parse(path: path)
      } catch {
        Output.complain("holdfast: nothing was applied\n\(error)")
        throw ExitCode(ExitStatus.failed.rawValue)
      }
    }
    return definitions
  }

  private func apply(_ definitions: [WorkloadDefinition], isDryRun: Bool) async throws -> CommandResults {
    try await daemon.client.post("/workloads", isDryRun ? ["dryRun": "true"] : [:], body: ApplyRequest(workloads: definitions))
  }

  /// A new workload harms nobody; a change to one that is there is looked at first.
  private static func agree(to plan: [CommandResult]) throws {
    let changes = plan.filter { $0.effect == .changed }
    if !changes.isEmpty { try Agreement.seek("Change \(Words.count(changes.count, "workload"))?", showing: plan) }
  }

  private func finish(_ results: CommandResults) throws {
    try Carrying.tell(results.results, isDryRun: dryRun, daemon.output)
    try Carrying.refuseIfFailed(results.results)
  }
}
