import ArgumentParser
import HoldfastAPI

struct SnapshotCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot",
    abstract: "The cluster as its planner sees it, with its policies, as JSON: to be kept, or asked about elsewhere.",
    discussion: """
      Names, labels, sizes and rules are in it; no XML, and no passwords. `explain`, `whatif`, `rebalance` and `policy` take such a file \
      with --snapshot.

      Example: holdfast snapshot > monday.json
      """)

  @OptionGroup var daemon: DaemonOptions

  func run() async throws { try Output.json(try await daemon.client.get("/snapshot", as: ClusterSnapshot.self)) }
}
