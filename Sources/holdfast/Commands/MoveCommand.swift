import ArgumentParser
import HoldfastAPI

struct MoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "move",
    abstract: "Move a workload to a node: live if possible, else by stopping it and starting it there.",
    discussion: """
      The planner refuses the move when the node cannot take the workload; with --wait the command reports that.

      Example: holdfast move web1 --to b --wait
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var options: ChangeOptions

  @Argument(help: "The workload's name.", completion: .workloads)
  var name: String

  @Option(help: ArgumentHelp("The node to move it to.", valueName: "node"), completion: .nodes)
  var to: String

  func run() async throws {
    let client = daemon.client
    let batch = BatchCommand(daemon: daemon, options: options) { _ in
      "Move \(name) to \(to)?"
    } goal: { result in
      result.moveSerial.map { .moved(to: to, serial: $0) }
    }
    try await batch.run([name]) { try await client.post("/workloads/\($0)/move", $1, body: MoveRequest(to: to)) }
  }
}
