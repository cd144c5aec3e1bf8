import ArgumentParser
import HoldfastAPI

struct ResetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset",
    abstract: "Cut workloads off at once and start them on the same node, without a shutdown.",
    discussion: """
      For what hangs and cannot be shut down: it is as if its power was cut and came back. What it had not written is lost. `holdfast restart` shuts \
      workloads down first; a shutdown that is under way, of a restart or for a move, is cut short. What was stopped stays down: `holdfast stop --now` \
      ends that at once.

      Example: holdfast reset web1 --wait
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var options: ChangeOptions

  @Argument(help: "Names of workloads; * and ? are wildcards.", completion: .workloads)
  var names: [String]

  func run() async throws {
    let batch = BatchCommand(daemon: daemon, options: options) {
      "Reset \(Words.count($0, "workload")) without a shutdown?"
    } goal: {
      $0.effect == .failed ? nil : .runsOn
    }
    try await batch.run("reset", names)
  }
}
