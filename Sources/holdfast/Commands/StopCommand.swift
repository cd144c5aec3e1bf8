import ArgumentParser
import HoldfastAPI

struct StopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop",
    abstract: "Shut workloads down and keep them down.",
    discussion: """
      Stopped workloads stay under protection: nothing starts them until `holdfast start`.

      Example: holdfast stop 'web*' --dry-run
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var options: ChangeOptions

  @Argument(help: "Names of workloads; * and ? are wildcards.", completion: .workloads)
  var names: [String]

  func run() async throws {
    let batch = BatchCommand(daemon: daemon, options: options) {
      "Stop \(Words.count($0, "workload"))?"
    } goal: {
      $0.effect == .failed ? nil : .stopped
    }
    try await batch.run("stop", names)
  }
}
