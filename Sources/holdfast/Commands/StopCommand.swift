import ArgumentParser
import HoldfastAPI

struct StopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop",
    abstract: "Shut workloads down and keep them down.",
    discussion: """
      Stopped workloads stay under protection: nothing starts them until `holdfast start`. One that does not shut down within its stop timeout is \
      destroyed; `--now` destroys it at once, also when its shutdown is under way.

      Examples:
        holdfast stop 'web*' --dry-run
        holdfast stop web1 --now
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var options: ChangeOptions

  @Flag(help: "Cut them off at once, without a shutdown. What they had not written is lost.")
  var now = false

  @Argument(help: "Names of workloads; * and ? are wildcards.", completion: .workloads)
  var names: [String]

  func run() async throws {
    let batch = BatchCommand(daemon: daemon, options: options) {
      "Stop \(Words.count($0, "workload"))\(now ? " at once, without a shutdown" : "")?"
    } goal: {
      $0.effect == .failed ? nil : .stopped
    }
    try await batch.run("stop", names, now ? ["now": "true"] : [:])
  }
}
