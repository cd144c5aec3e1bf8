import ArgumentParser
import HoldfastAPI

struct AcceptCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "accept",
    abstract: "Settle which holds where a workload differs from its definition: what runs, or what is stored.",
    discussion: """
      After an external snapshot, a block copy or a hot-plug a domain has other disks or devices than its definition names. What runs on newer \
      disks is not started from the older ones until you have decided.

      --running, on the node where the workload runs: what runs becomes the definition. Nothing is interrupted. What \
      another workload has (a disk, a MAC address) is refused.
      --stored, when it runs nowhere: it is started as it is defined. What was written to the newer disks is not there then.

      Example: holdfast accept web1 --running --dry-run
      """)

  enum Definition: String, EnumerableFlag {
    case running, stored

    static func help(for value: Definition) -> ArgumentHelp? {
      switch value {
      case .running: "Take what runs on this node as the definition."
      case .stored: "Let the workload start from its definition, though it last ran on newer disks."
      }
    }
  }

  @OptionGroup var daemon: DaemonOptions

  @Argument(help: "Names of workloads; * and ? are wildcards.", completion: .workloads)
  var names: [String]

  @Flag var definition: Definition

  @Flag(help: "Show what would change, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. Required when there is no terminal.")
  var yes = false

  func run() async throws {
    let client = daemon.client, path = definition.rawValue
    let chosen = try await WorkloadSelection.names(names, with: client)
    let batch = BatchCommand(daemon: daemon, isDryRun: dryRun, yes: yes) { count in
      let what = Words.count(count, "workload")
      return path == Definition.running.rawValue
        ? "Make what runs the definition of \(what)?" : "Start \(what) from older disks than they last ran on?"
    }
    try await batch.run(chosen) { try await client.post("/workloads/\($0)/accept-\(path)", $1) }
  }
}
