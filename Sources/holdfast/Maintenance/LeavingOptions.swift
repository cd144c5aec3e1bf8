import ArgumentParser
import HoldfastAPI
import HoldfastModel

/// The end of a maintenance: what `exit` and `cancel` share.
struct LeavingOptions: ParsableArguments {
  @Argument(help: "The node.", completion: .nodes)
  var node: String

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. This command never asks; it takes the flag as others do.")
  var yes = false

  @Flag(help: "Wait until all workloads that move back are back, and show progress.")
  var wait = false

  func run(_ daemon: DaemonOptions, failback: MaintenanceRecord.Failback) async throws {
    let client = daemon.client, isText = daemon.output == .text
    let result = try await client.post(
      "/nodes/\(node)/maintenance/exit", dryRun ? ["dryRun": "true"] : [:], body: MaintenanceExit(failback: failback),
      as: ClusterCommandResult.self)
    if isText {
      Output.line("\(dryRun ? "Nothing was done. What would happen: " : "")\(result.subject) \(result.text).")
    } else if dryRun || !wait {
      try Output.json(result)
    }
    guard wait, !dryRun else { return }
    let state = try await EvacuationWatch(client: client, node: node, goal: .failedBack).run()
    if isText { Output.line("\(node) is out of maintenance.") } else { try Output.json(state) }
  }
}
