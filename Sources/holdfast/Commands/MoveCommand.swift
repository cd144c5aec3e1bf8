import ArgumentParser
import HoldfastAPI

struct MoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "move",
    abstract: "Bring a workload to a node: live where that can be done, else stopped here and started there.",
    discussion: """
      The planner refuses when the node cannot take it; with --wait the command says so.

      Example: holdfast move web1 --to b --wait
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var options: ChangeOptions

  @Argument(help: "Its name.")
  var name: String

  @Option(help: ArgumentHelp("The node to bring it to.", valueName: "node"))
  var to: String

  func run() async throws {
    let client = daemon.client
    let carrying = Carrying(daemon: daemon, options: options) { _ in
      "Move \(name) to \(to)?"
    } goal: { result in
      result.moveSerial.map { .moved(to: to, serial: $0) }
    }
    try await carrying.run([name]) { try await client.post("/workloads/\($0)/move", $1, body: MoveRequest(to: to)) }
  }
}
