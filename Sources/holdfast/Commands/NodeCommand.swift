import ArgumentParser
import HoldfastAPI

struct NodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "node", abstract: "Manage a node.", discussion: "Example: holdfast node clear-failures n2",
    subcommands: [NodeClearFailuresCommand.self])
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
