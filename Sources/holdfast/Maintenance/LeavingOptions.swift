import ArgumentParser
import HoldfastAPI
import HoldfastModel

/// The end of a maintenance: what `exit` and `cancel` share.
struct LeavingOptions: ParsableArguments {
  @Argument(help: "The node.")
  var node: String

  @Flag(help: "Show what would happen, and do nothing.")
  var dryRun = false

  @Flag(help: "Wait until everything that comes home is home, and show how far it is.")
  var wait = false

  func run(_ daemon: DaemonOptions, brings: MaintenanceRecord.Homecoming) async throws {
    let client = daemon.client, isText = daemon.output == .text
    let result = try await client.post(
      "/nodes/\(node)/maintenance/exit", dryRun ? ["dryRun": "true"] : [:], body: MaintenanceExit(brings: brings),
      as: UpkeepResult.self)
    if isText {
      Output.line("\(dryRun ? "Nothing was done: " : "")\(result.subject) \(result.text).")
    } else if dryRun || !wait {
      try Output.json(result)
    }
    guard wait, !dryRun else { return }
    let state = try await EvacuationWatch(client: client, node: node, goal: .home).run()
    if isText { Output.line("\(node) is out of maintenance.") } else { try Output.json(state) }
  }
}
