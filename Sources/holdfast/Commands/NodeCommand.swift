import ArgumentParser
import HoldfastAPI

struct NodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "node", abstract: "Change how a node is used.", discussion: "Example: holdfast node trust n2",
    subcommands: [NodeTrustCommand.self])
}

struct NodeTrustCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trust",
    abstract: "Use a node like any other again, though it was lost lately.",
    discussion: """
      A node that keeps failing gets nothing while others can take it, for longer after each loss. This forgets its losses.

      Example: holdfast node trust n2
      """)

  @OptionGroup var daemon: DaemonOptions

  @Argument(help: "The node.")
  var node: String

  @Flag(help: "Show what would happen, and do nothing.")
  var dryRun = false

  func run() async throws {
    let result = try await daemon.client.post(
      "/nodes/\(node)/trust", dryRun ? ["dryRun": "true"] : [:], as: UpkeepResult.self)
    try result.tell(daemon.output)
  }
}

extension UpkeepResult {
  /// In one line.
  func tell(_ format: DaemonOptions.Format) throws {
    guard format == .text else { return try Output.json(self) }
    Output.line("\(isDryRun ? "Nothing was done: " : "")\(subject) \(text).")
  }
}
