import ArgumentParser
import HoldfastOperator

struct WorkloadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workload",
    abstract: "One workload: where it is and why, why not elsewhere, what happened to it.",
    discussion: "Example: holdfast workload web1")

  @OptionGroup var daemon: DaemonOptions

  @Argument(help: "Its name.")
  var name: String

  @Flag(help: "Print the domain XML from which it is started, and nothing else.")
  var xml = false

  @Option(help: "Lines of its history.")
  var limit = 20

  func run() async throws {
    let detail = try await daemon.client.get("/workloads/\(name)", ["limit": "\(limit)"], as: WorkloadDetail.self)
    if xml {
      guard let text = detail.xml else {
        throw Failure(
          thing: "workload \(name)", reason: "its XML is shown to operators only, for it can hold passwords",
          remedy: "Run it as root or as a member of the operators' group.")
      }
      return Output.line(text)
    }
    guard daemon.output == .text else { return try Output.json(detail) }
    for line in WorkloadScreen(detail: detail, terminal: .current()).lines() { Output.line(line) }
  }
}
