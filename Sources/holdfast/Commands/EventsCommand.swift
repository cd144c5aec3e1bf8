import ArgumentParser
import HoldfastOperator

struct EventsCommand: AsyncParsableCommand, CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "events",
    abstract: "Show the cluster's history, oldest first.",
    discussion: """
      Each line shows the local time, the node that reports the event, and the event. '*' marks a warning, '!' an error. Equal events \
      that follow one another are one line: '(and 12 more)' are other workloads, and what every node tells of the cluster is told once. \
      -o json has them as the nodes wrote them.

      Example: holdfast events --follow --workload web1
      """)

  @OptionGroup var daemon: DaemonOptions

  @Flag(name: .shortAndLong, help: "Print new events as they happen; with -o json one object per line.")
  var follow = false

  @Option(help: "Show only events of this workload.", completion: .workloads)
  var workload: String?

  @Option(name: [.long, .customShort("n")], parsing: .unconditional, help: "Number of past events.")
  var limit = 50

  func checkOptions() throws { try check("--limit", limit, in: 0...10_000) }

  func run() async throws {
    if let workload { try await refuseUnknown(workload) }
    var query = ["limit": "\(limit)"]
    if let workload { query["workload"] = workload }
    if follow {
      query["follow"] = "true"
      return try await followEvents(query)
    }
    let page = try await daemon.client.get("/history", query, as: HistoryPage.self)
    guard daemon.output == .text else { return try Output.json(page) }
    guard !page.lines.isEmpty else { return Output.line("The history has no events\(workload.map { " of \($0)" } ?? "").") }
    for line in HistoryLines(terminal: .current()).lines(HistoryGroups.consecutive(page.lines)) { Output.line(line) }
  }

  /// A workload that has left protection may still have a history.
  private func refuseUnknown(_ workload: String) async throws {
    let past = try await daemon.client.get("/history", ["limit": "1", "workload": workload], as: HistoryPage.self)
    // The daemon says that there is none of this name, and what may have been meant.
    if past.lines.isEmpty { _ = try await daemon.client.get("/workloads/\(workload)", ["limit": "0"], as: WorkloadDetail.self) }
  }

  private func followEvents(_ query: [String: String]) async throws {
    let terminal = Terminal.current()
    try await daemon.client.follow("/events", query) { line in
      guard daemon.output == .text else { return try Output.jsonLine(line) }
      Output.line(HistoryLines(terminal: terminal).text(line, nodeWidth: 8))
    }
  }
}
