import ArgumentParser
import HoldfastOperator

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "The cluster on one screen.",
    discussion: """
      What failed, what was done about it and why, what is still at risk, what to type next. The screen fits 100 by 30 characters, or \
      the terminal.

      Example: holdfast status --check >/dev/null || page-somebody
      """)

  @OptionGroup var daemon: DaemonOptions

  @Flag(help: "Exit with status 4 when the cluster is not ok.")
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
