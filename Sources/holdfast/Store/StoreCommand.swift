import ArgumentParser
import HoldfastAPI
import HoldfastModel
import HoldfastOperator

struct StoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store", abstract: "Check and repair the records in the store.", discussion: "Example: holdfast store check",
    subcommands: [StoreCheckCommand.self, StoreRepairCommand.self])
}

/// How the store is reached, and how answers look.
struct StoreOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Configuration file of holdfastd, which says where the store is. (default: /etc/holdfast/holdfastd.yaml)",
      valueName: "path"))
  var config: String?

  @Option(name: .shortAndLong, help: "text, or json for scripts.")
  var output: DaemonOptions.Format = .text

  var store: NodeStore { NodeStore(configuration: config) }
}

struct StoreCheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Show what is wrong with the records in the store, what it means, and what can be done.",
    discussion: """
      It reads every record of the cluster, past holdfastd: as root, on any node, also while holdfastd does not run. It changes nothing.

      The exit status is 4 when it finds a fault. Claims and sessions are never repaired by a program, as only a person can find out what \
      executes in fact: for them it says what to do by hand.

      Example: holdfast store check
      """)

  @OptionGroup var options: StoreOptions

  @Option(
    help: ArgumentHelp("Look at a file that `holdfastd --records > FILE` wrote, in place of the store.", valueName: "file"))
  var records: String?

  func run() async throws {
    let records = if let file = records { try StoreRecordsFile.read(file) } else { try await options.store.records() }
    let check = RecordCheck(records.listing, cluster: records.cluster, at: Words.now())
    let result = StoreCheckResult(check, cluster: records.cluster)
    if options.output == .json {
      try Output.json(result)
    } else {
      for line in StoreCheckScreen(terminal: .current()).lines(result) { Output.line(line) }
    }
    if !result.isSound { throw ExitCode(ExitStatus.degraded.rawValue) }
  }
}
