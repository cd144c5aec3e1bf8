import ArgumentParser
import HoldfastAPI

struct StartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start",
    abstract: "Start workloads; the planner chooses the node.",
    discussion: """
      Clears failed starts, so that the nodes where a workload failed to start are tried again at once.

      Example: holdfast start web1 'db*' --wait
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var options: ChangeOptions

  @Argument(help: "Names of workloads; * and ? are wildcards.", completion: .workloads)
  var names: [String]

  func run() async throws {
    let batch = BatchCommand(daemon: daemon, options: options, question: nil) { $0.effect == .failed ? nil : .running }
    try await batch.run("start", names)
  }
}
