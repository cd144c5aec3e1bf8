import ArgumentParser
import HoldfastModel
import HoldfastOperator

struct WorkloadsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workloads",
    abstract: "Every workload: its state, where it is, and why it is not in its place.",
    discussion: """
      A node after '>' is where the workload goes.

      Example: holdfast workloads --problems 'web*'
      """)

  @OptionGroup var daemon: DaemonOptions

  @Flag(help: "Only workloads that are not where they should be.")
  var problems = false

  @Argument(help: "Names; * and ? stand for other characters.")
  var names: [String] = []

  func run() async throws {
    var list = try await daemon.client.get("/workloads", as: WorkloadList.self)
    let globs = names.map { Glob($0) }
    list.workloads.removeAll { workload in
      problems && workload.isInPlace || !globs.isEmpty && !globs.contains { $0.matches(workload.name) }
    }
    guard daemon.output == .text else { return try Output.json(list) }
    let terminal = Terminal.current()
    for line in UpkeepLines(terminal: terminal).disarmed(list.disarm, width: terminal.columns) { Output.line(line) }
    guard !list.workloads.isEmpty else {
      return Output.line(
        problems
          ? "Every workload is where it should be."
          : names.isEmpty
            ? "Nothing is protected yet. `holdfast adopt` protects a running domain." : "No workload's name matches.")
    }
    let width = terminal.isTerminal ? terminal.columns : nil
    let table = WorkloadTable(terminal: terminal)
    for line in table.lines(list.workloads, isBrief: false, width: width, whyLines: terminal.isTerminal ? 3 : 1) {
      Output.line(line)
    }
  }
}
