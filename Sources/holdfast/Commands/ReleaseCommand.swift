import ArgumentParser
import HoldfastAPI
import HoldfastModel
import HoldfastOperator

struct ReleaseCommand: AsyncParsableCommand, CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "release",
    abstract: "Take workloads out of protection; running domains keep running.",
    discussion: """
      A released domain is an ordinary libvirt domain again: when its host fails, nothing starts it elsewhere. Until its next start it \
      stays in the guard's cgroup partition: the guard freezes it when the node loses its session, but never kills it.

      What the workload was is kept for \(ReleasedRecord.days) days. --undo brings it back: on the node where it still runs it is adopted while it \
      runs; where it runs nowhere, it is defined as it was, and started if it was to run. --list shows what can be brought back.

      Example: holdfast release web1
      """)

  @OptionGroup var daemon: DaemonOptions

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. Required when there is no terminal.")
  var yes = false

  @Flag(help: "Bring released workloads back under protection.")
  var undo = false

  @Flag(help: "Show the released workloads that can be brought back.")
  var list = false

  @Argument(help: "Names of workloads; * and ? are wildcards.", completion: .workloads)
  var names: [String] = []

  func checkOptions() throws {
    if list, undo || dryRun || yes || !names.isEmpty {
      throw ValidationError("--list takes no names and none of the other options.")
    }
    if !list, names.isEmpty { throw ValidationError("Name the workloads; '*' is all of them.") }
  }

  func run() async throws {
    let client = daemon.client
    if list { return try show(try await client.get("/released", as: ReleasedList.self)) }
    guard !undo else { return try await restore() }
    let chosen = try await WorkloadSelection.names(names, with: client)
    let batch = BatchCommand(daemon: daemon, isDryRun: dryRun, yes: yes) {
      "Take \(Words.count($0, "workload")) out of protection?"
    }
    try await batch.run(chosen) { try await client.post("/workloads/\($0)/release", $1) }
  }

  private func restore() async throws {
    let client = daemon.client
    let released = try await client.get("/released", as: ReleasedList.self).released.map(\.name)
    let chosen = try WorkloadSelection.names(names, among: released)
    let batch = BatchCommand(daemon: daemon, isDryRun: dryRun, yes: yes) {
      "Bring \(Words.count($0, "workload")) back under protection?"
    }
    try await batch.run(chosen) { try await client.post("/workloads/\($0)/restore", $1) }
  }

  private func show(_ list: ReleasedList) throws {
    guard daemon.output == .text else { return try Output.json(list) }
    guard !list.released.isEmpty else {
      return Output.line("No workload was released in the last \(ReleasedRecord.days) days.")
    }
    var table = Table([
      .init(title: "RELEASED"), .init(title: "AT"), .init(title: "KEPT UNTIL"), .init(title: "WENT ON"),
      .init(title: "DOMAIN", yields: true)
    ])
    let now = Words.now()
    table.rows = list.released.map { workload in
      [
        .init(workload.name, .bold), .init(Words.clock(workload.released, today: now)),
        .init(Words.clock(workload.until, today: now)), .init(workload.node.map { "on \($0)" } ?? "nowhere"),
        .init("\(workload.connection)/\(workload.name)")
      ]
    }
    let terminal = Terminal.current()
    for line in table.lines(terminal, width: terminal.isTerminal ? terminal.columns : nil, yieldingLines: 1) {
      Output.line(line)
    }
  }
}
