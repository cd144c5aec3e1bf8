import ArgumentParser
import HoldfastAPI

struct ApplyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Create or change workloads as files define them.",
    discussion: """
      Workloads that are in no file are left alone. A changed XML takes effect at the workload's next start.

      Example: holdfast apply -f workloads.yaml --dry-run
      """)

  @OptionGroup var daemon: DaemonOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("A YAML file with workloads. May be repeated.", valueName: "path"))
  var file: [String]

  @Flag(help: "Show what would change, and change nothing.")
  var dryRun = false

  @Flag(
    name: .shortAndLong,
    help: "Do not ask for confirmation before existing workloads are changed. Required when there is no terminal.")
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
        throw MistakenFiles("nothing was applied", error)
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
    if !changes.isEmpty { try Confirmation.ask("Change \(Words.count(changes.count, "workload"))?", showing: plan) }
  }

  private func finish(_ results: CommandResults) throws {
    try BatchCommand.tell(results.results, isDryRun: dryRun, daemon.output)
    try BatchCommand.refuseIfFailed(results.results)
  }
}
