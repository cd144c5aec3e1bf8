import ArgumentParser
import HoldfastAPI
import HoldfastModel
import HoldfastOperator

struct LeftoversCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "leftovers",
    abstract: "List and remove definitions of workloads that another cluster manager left on nodes.",
    discussion: """
      A node on which libvirt keeps a domain defined under a workload's name or UUID cannot start the workload; one with autostart starts \
      a second copy when the node boots. Every node looks for them, and `status` tells.

      Example: holdfast leftovers remove 'web*' --dry-run
      """,
    subcommands: [LeftoversListCommand.self, LeftoversRemoveCommand.self, LeftoversKeepCommand.self],
    defaultSubcommand: LeftoversListCommand.self)
}

struct LeftoversListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List what is left on which node, and what to do about it.",
    discussion: "Example: holdfast leftovers list -o json | jq -r '.leftovers[] | select(.autostart).node'")

  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    let list = try await daemon.client.get("/leftovers", as: LeftoverList.self)
    guard daemon.output == .text else { return try Output.json(list) }
    for line in LeftoverTable(list: list, terminal: .current()).lines() { Output.line(line) }
  }
}

struct LeftoversRemoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Have nodes remove what is left of workloads, now and when they find it later.",
    discussion: """
      Only a shut-off domain with the name and the UUID of the workload is removed: its autostart is switched off and its definition \
      undefined; firmware variables, TPM state and disks stay. The workload is started from the XML in the store (`holdfast workload \
      NAME --xml`): save another one first, with `virsh dumpxml --inactive`, if it is worth keeping. `leftovers keep` takes it back.

      Example: holdfast leftovers remove web1
      """)

  @OptionGroup var daemon: DaemonOptions

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. Required when there is no terminal.")
  var yes = false

  @Argument(help: "Names of workloads; * and ? are wildcards.", completion: .workloads)
  var names: [String]

  func run() async throws {
    let client = daemon.client
    let chosen = try await WorkloadSelection.names(names, with: client)
    let batch = BatchCommand(daemon: daemon, isDryRun: dryRun, yes: yes) {
      "Remove what nodes have left of \(Words.count($0, "workload"))?"
    }
    try await batch.run(chosen) { try await client.post("/workloads/\($0)/leftovers/remove", $1) }
  }
}

struct LeftoversKeepCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keep",
    abstract: "Have nodes leave alone what is left of workloads.",
    discussion: "Example: holdfast leftovers keep web1")

  @OptionGroup var daemon: DaemonOptions

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  @Argument(help: "Names of workloads; * and ? are wildcards.", completion: .workloads)
  var names: [String]

  func run() async throws {
    let client = daemon.client
    let chosen = try await WorkloadSelection.names(names, with: client)
    let batch = BatchCommand(daemon: daemon, isDryRun: dryRun, yes: true) { _ in "" }
    try await batch.run(chosen) { try await client.post("/workloads/\($0)/leftovers/keep", $1) }
  }
}
