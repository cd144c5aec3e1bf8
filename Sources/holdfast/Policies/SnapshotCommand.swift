import ArgumentParser
import HoldfastAPI

struct SnapshotCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot",
    abstract: "Write the planner's view of the cluster, with its policies, as JSON.",
    discussion: """
      The snapshot contains names, labels, sizes and rules, but no XML and no passwords. `explain`, `whatif`, `rebalance`, `policy check` \
      and `policy diff` accept it with --snapshot. It is no backup: `holdfast export` writes the definitions. Nothing of a VM or of etcd is in it.

      Example: holdfast snapshot > monday.json
      """)

  @OptionGroup var daemon: DaemonOptions

  func run() async throws { try Output.json(try await daemon.client.get("/snapshot", as: ClusterSnapshot.self)) }
}
