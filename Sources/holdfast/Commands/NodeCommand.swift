import ArgumentParser
import HoldfastAPI

struct NodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "node", abstract: "Manage a node.", discussion: "Example: holdfast node clear-failures n2",
    subcommands: [NodeClearFailuresCommand.self, NodeRenameCommand.self, NodeRemoveCommand.self])
}

struct NodeRenameCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rename",
    abstract: "Give a node that is down another name, as its configuration does.",
    discussion: """
      Everything that is recorded under the old name goes over: its maintenance, its losses, which workloads come home to it, what left \
      protection there. Its history is deleted. Stop holdfastd there, give this command on another node, change `node:` in its \
      holdfastd.yaml, start holdfastd. A node that is up, or that may still run something, is refused; so is a name that policies tell \
      from the old one.

      Example: holdfast node rename n4 db-4 --dry-run
      """)

  @OptionGroup var daemon: DaemonOptions

  @Argument(help: "The node, by its old name.", completion: .nodes)
  var node: String

  @Argument(help: "Its new name.")
  var newName: String

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. Required when there is no terminal.")
  var yes = false

  func run() async throws {
    let client = daemon.client, path = "/nodes/\(node)/rename", body = RenameRequest(to: newName)
    if dryRun || !yes {
      let plan = try await client.post(path, ["dryRun": "true"], body: body, as: ClusterCommandResult.self)
      if dryRun { return try plan.tell(daemon.output) }
      try Confirmation.ask("Rename \(plan.subject)?", lines: ["What would happen: \(plan.subject) \(plan.text)."])
    }
    try await client.post(path, body: body, as: ClusterCommandResult.self).tell(daemon.output)
  }
}

struct NodeRemoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Forget a node that is down for good.",
    discussion: """
      Its record, report, losses, maintenance and history are deleted. A node that is up, or that still holds a workload, is refused. A host \
      that starts holdfastd under this name later joins as a new node.

      Example: holdfast node remove n4 --dry-run
      """)

  @OptionGroup var daemon: DaemonOptions

  @Argument(help: "The node.", completion: .nodes)
  var node: String

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. Required when there is no terminal.")
  var yes = false

  func run() async throws {
    let client = daemon.client, path = "/nodes/\(node)/remove"
    if dryRun || !yes {
      let plan = try await client.post(path, ["dryRun": "true"], as: ClusterCommandResult.self)
      if dryRun { return try plan.tell(daemon.output) }
      try Confirmation.ask("Remove \(plan.subject)?", lines: ["What would happen: \(plan.subject) \(plan.text)."])
    }
    try await client.post(path, as: ClusterCommandResult.self).tell(daemon.output)
  }
}

struct NodeClearFailuresCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clear-failures",
    abstract: "Forget a node's recent failures and end its quarantine.",
    discussion: """
      A node that was lost is in quarantine for a while, longer after each loss: workloads go there only when no other node can take \
      them.

      Example: holdfast node clear-failures n2
      """)

  @OptionGroup var daemon: DaemonOptions

  @Argument(help: "The node.", completion: .nodes)
  var node: String

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  func run() async throws {
    let result = try await daemon.client.post(
      "/nodes/\(node)/clear-failures", dryRun ? ["dryRun": "true"] : [:], as: ClusterCommandResult.self)
    try result.tell(daemon.output)
  }
}

extension ClusterCommandResult {
  /// In one line.
  func tell(_ format: DaemonOptions.Format) throws {
    guard format == .text else { return try Output.json(self) }
    Output.line("\(isDryRun ? "Nothing was done. What would happen: " : "")\(subject) \(text).")
  }
}
