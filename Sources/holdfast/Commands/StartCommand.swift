import ArgumentParser
import HoldfastAPI

struct StartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start",
    abstract: "Let workloads run; the planner chooses the node.",
    discussion: """
      Failed starts are forgotten, so that their nodes are tried again at once.

      Example: holdfast start web1 'db*' --wait
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var options: ChangeOptions

  @Argument(help: "Names; * and ? stand for other characters.")
  var names: [String]

  func run() async throws {
    let client = daemon.client
    let chosen = try await WorkloadSelection.names(names, with: client)
    let carrying = Carrying(daemon: daemon, options: options, question: nil) { $0.effect == .failed ? nil : .running }
    try await carrying.run(chosen) { try await client.post("/workloads/\($0)/start", $1) }
  }
}
