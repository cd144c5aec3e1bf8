import ArgumentParser
import HoldfastOperator

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show the cluster on one screen.",
    discussion: """
      Shows what failed, what was done about it and why, what is still at risk, and what to type next. The screen fits the terminal; \
      without one it is 100 columns wide and 30 lines high.

      A workload that is frozen or paused does not count as running, and makes the cluster critical.

      Example: holdfast status --check >/dev/null || page-somebody
      """)

  @OptionGroup var daemon: DaemonOptions

  @Flag(help: "Exit with status 4 when the cluster is not ok: also when it is degraded. -o json has `health` and `counts`.")
  var check = false

  func run() async throws {
    let status = try await daemon.client.get("/status", as: ClusterStatus.self)
    switch daemon.output {
    case .json: try Output.json(status)
    case .text: for line in StatusScreen(status: status, terminal: .current()).lines() { Output.line(line) }
    }
    if check, status.health != .ok { throw ExitCode(ExitStatus.degraded.rawValue) }
  }
}
