import ArgumentParser
import HoldfastModel
import HoldfastOperator

struct WorkloadsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workloads",
    abstract: "List workloads: state, node, and why a workload is not as or where it should be.",
    discussion: """
      In the NODE column, 'a > b' means that the workload runs on a and is to run on b.

      Example: holdfast workloads --problems 'web*'
      """)

  @OptionGroup var daemon: DaemonOptions

  @Flag(
    help:
      "List only workloads that are not as or where they should be: also those that run against a rule, or end again and again."
  )
  var problems = false

  @Argument(help: "Names of workloads; * and ? are wildcards.", completion: .workloads)
  var names: [String] = []

  /// Columns from which sizes and reasons have room beside each other.
  private static let leastForSizes = 90

  func run() async throws {
    var list = try await daemon.client.get("/workloads", as: WorkloadList.self)
    try WorkloadSelection.check(names, among: list.workloads.map(\.name), isUnread: list.isUnread == true)
    let globs = names.map { Glob($0) }
    list.workloads.removeAll { workload in
      problems && workload.isInPlace || !globs.isEmpty && !globs.contains { $0.matches(workload.name) }
    }
    guard daemon.output == .text else { return try Output.json(list) }
    let terminal = Terminal.current()
    for line in RestrictionLines(terminal: terminal).disarmed(list.disarm, width: terminal.columns) { Output.line(line) }
    if list.isUnread == true { for line in Words.unread(terminal, "workloads") { Output.line(line) } }
    guard !list.workloads.isEmpty else {
      if list.isUnread == true { return Output.line("None is known here.") }
      return Output.line(
        problems
          ? "Every workload is as and where it should be."
          : "Nothing is protected yet. `holdfast adopt` protects a running domain.")
    }
    let width = terminal.isTerminal ? terminal.columns : nil
    let table = WorkloadTable(terminal: terminal)
    // Who asks for what is wrong gets the reasons whole; on a narrow terminal they take the place of sizes.
    let isNarrow = width.map { $0 < Self.leastForSizes } ?? false
    let isBrief = isNarrow && list.workloads.contains { WorkloadTable.hasReason($0) }
    let whyLines = !terminal.isTerminal ? 1 : problems ? 12 : 3
    for line in table.lines(list.workloads, isBrief: isBrief, title: "WORKLOAD", width: width, whyLines: whyLines) {
      Output.line(line)
    }
  }
}
