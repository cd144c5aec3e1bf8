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

  func run() async throws {
    var definitions: [WorkloadDefinition] = []
    for path in file {
      do {
        definitions += try WorkloadFile.parse(path: path)
      } catch {
        throw Failure(thing: path, reason: "\(error)", remedy: "Nothing was applied.")
      }
    }
    let results = try await daemon.client.post(
      "/workloads", dryRun ? ["dryRun": "true"] : [:], body: ApplyRequest(workloads: definitions), as: CommandResults.self)
    try Carrying.tell(results.results, isDryRun: dryRun, daemon.output)
    try Carrying.refuseIfFailed(results.results)
  }
}
