import ArgumentParser
import HoldfastOperator

struct EventsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events",
    abstract: "What happened in the cluster, oldest first.",
    discussion: """
      Each line: when (local time), which node tells it, what. '*' marks a warning, '!' an error.

      Example: holdfast events --follow --workload web1
      """)

  @OptionGroup var daemon: DaemonOptions

  @Flag(name: .shortAndLong, help: "Go on with new lines as they are written; with -o json one object in each line.")
  var follow = false

  @Option(help: "Only what is about this workload.")
  var workload: String?

  @Option(name: [.long, .customShort("n")], help: "Lines of the past.")
  var limit = 50

  func run() async throws {
    var query = ["limit": "\(limit)"]
    if let workload { query["workload"] = workload }
    if follow {
      query["follow"] = "true"
      return try await followEvents(query)
    }
    let page = try await daemon.client.get("/history", query, as: HistoryPage.self)
    guard daemon.output == .text else { return try Output.json(page) }
    guard !page.lines.isEmpty else { return Output.line("Nothing is kept\(workload.map { " about \($0)" } ?? "").") }
    for line in HistoryLines(terminal: .current()).lines(page.lines) { Output.line(line) }
  }

  private func followEvents(_ query: [String: String]) async throws {
    let terminal = Terminal.current()
    try await daemon.client.follow("/events", query) { line in
      guard daemon.output == .text else { return try Output.json(line, compact: true) }
      Output.line(HistoryLines(terminal: terminal).text(line, nodeWidth: 8))
    }
  }
}
