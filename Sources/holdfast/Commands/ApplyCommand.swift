import ArgumentParser
import HoldfastAPI

struct ApplyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Create or change workloads as files define them.",
    discussion: """
      Workloads that are in no file are left alone. A changed XML takes effect at the workload's next start. What failed to start is tried \
      again at once.

      Example: holdfast apply -f workloads.yaml --dry-run
      """)

  @OptionGroup var daemon: DaemonOptions

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "A YAML file with workloads, a directory of *.yaml, or - for standard input. May be repeated.", valueName: "path"),
    completion: .file())
  var file: [String]

  @Flag(help: "Show what would change, and change nothing.")
  var dryRun = false

  @Flag(help: "Only check the files; needs no daemon.")
  var check = false

  @Flag(
    name: .shortAndLong,
    help: "Do not ask for confirmation before existing workloads are changed. Required when there is no terminal.")
  var yes = false

  func run() async throws {
    let sources = try WorkloadSources(file)
    if check {
      let checked = try WorkloadFileCheck(sources)
      return daemon.output == .json ? try Output.json(checked) : Output.line(checked.line)
    }
    if dryRun { return try finish(try await apply(sources, isDryRun: true)) }
    if !yes { try Self.agree(to: try await apply(sources, isDryRun: true).results) }
    try finish(try await apply(sources, isDryRun: false))
  }

  private func apply(_ sources: WorkloadSources, isDryRun: Bool) async throws -> CommandResults {
    try await daemon.client.post(
      "/workloads", isDryRun ? ["dryRun": "true"] : [:], body: ApplyRequest(workloads: sources.definitions),
      files: sources.files)
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
