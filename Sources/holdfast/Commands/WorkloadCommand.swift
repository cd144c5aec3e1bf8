import ArgumentParser
import HoldfastModel
import HoldfastOperator

struct WorkloadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workload",
    abstract: "Show one workload: where it is and why, why not elsewhere, and its history.",
    discussion: "Example: holdfast workload web1")

  @OptionGroup var daemon: DaemonOptions

  @Argument(help: "The workload's name.", completion: .workloads)
  var name: String

  @Flag(help: "Print only the domain XML from which the workload is started.")
  var xml = false

  @Flag(help: "With --xml or -o json: show the passwords in the XML, masked without it. holdfastd's log keeps who asked.")
  var secrets = false

  @Option(help: "Number of events.")
  var limit = 20

  func run() async throws {
    let query = ["limit": "\(limit)"].merging(secrets ? ["secrets": "true"] : [:]) { first, _ in first }
    let detail = try await daemon.client.get("/workloads/\(name)", query, as: WorkloadDetail.self)
    if xml {
      guard let text = detail.xml else {
        throw Failure(
          thing: "workload \(name)", reason: "only operators may see its XML, which can contain passwords",
          remedy: "Run the command as root or as a member of the operators' group.")
      }
      if DomainSecrets.areMasked(in: text) { Output.complain("holdfast: passwords are masked; --secrets shows them.") }
      return Output.text(text)
    }
    guard daemon.output == .text else { return try Output.json(detail) }
    for line in WorkloadScreen(detail: detail, terminal: .current()).lines() { Output.line(line) }
  }
}
