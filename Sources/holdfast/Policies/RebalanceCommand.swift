import ArgumentParser
import HoldfastAPI
import HoldfastModel
import HoldfastPlanning

struct RebalanceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rebalance",
    abstract: "A few moves that load the nodes more evenly, each with its gain.",
    discussion: """
      Nothing moves for the load by itself: a move interrupts a workload for as long as it takes to stop and to start, unless it can be moved while it runs. Only what \
      policies let go is moved: not to where a rule or a preference is against it, not what stays at evacuations, not what an operator \
      moved, and nothing for a gain that is too small. What is moved counts as moved by the operator: it stays there until its node fails.

      Without --dry-run the moves are shown, and made one after the other after a question.

      Example: holdfast rebalance --dry-run --moves 3
      """)

  @OptionGroup var source: SnapshotSource

  @Flag(help: "Show the moves, and make none.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask. Needed where there is no terminal to ask on.")
  var yes = false

  @Option(help: ArgumentHelp("Workloads that are moved at most.", valueName: "number"))
  var moves = 5

  func validate() throws {
    guard (1...1000).contains(moves) else { throw ValidationError("--moves: 1 to 1000") }
    if source.snapshot != nil, !dryRun { throw ValidationError("--snapshot: a file cannot be moved about; add --dry-run.") }
  }

  func run() async throws {
    let loaded = try await source.load()
    let rebalance = Rebalance(of: loaded.snapshot.planning, policies: loaded.policies, moves: moves)
    let isText = source.daemon.output == .text, terminal = Terminal.current()
    let lines = RebalanceScreen(rebalance: rebalance, terminal: terminal).lines()
    if dryRun || rebalance.moves.isEmpty {
      if isText { for line in lines { Output.line(line) } } else { try Output.json(rebalance) }
      return
    }
    if !yes {
      try Agreement.seek("Move \(Words.count(rebalance.moves.reduce(0) { $0 + 1 + $1.with.count }, "workload"))?", lines: lines)
    }
    try await carryOut(rebalance.moves)
  }

  /// One after the other, each told when it is done; the first that is refused ends it: the others were reckoned with it.
  private func carryOut(_ moves: [Rebalance.Move]) async throws {
    let client = source.daemon.client
    var results: [CommandResult] = []
    for move in moves {
      let name = move.workload.text
      do {
        results += try await client.post(
          "/workloads/\(name)/move", body: MoveRequest(to: move.to.text), as: CommandResults.self
        )
        .results
      } catch let failure as Failure where failure.status == .failed {
        results.append(CommandResult(name, failed: failure.body))
      }
      guard let last = results.last else { continue }
      if source.daemon.output == .text { for line in ResultLines(terminal: .current()).lines([last]) { Output.line(line) } }
      if last.effect == .failed { break }
    }
    if source.daemon.output == .json { try Output.json(CommandResults(isDryRun: false, results: results)) }
    try Carrying.refuseIfFailed(results)
  }
}
