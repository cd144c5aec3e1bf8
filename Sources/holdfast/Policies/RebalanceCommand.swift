import ArgumentParser
import HoldfastAPI
import HoldfastModel
import HoldfastPlanning

struct RebalanceCommand: AsyncParsableCommand, CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "rebalance",
    abstract: "Propose or make a few moves that balance the nodes' load.",
    discussion: """
      Holdfast never moves workloads for balance by itself, because a move that cannot be live interrupts the workload. This command \
      proposes moves with their gain, asks, and makes them one after the other.

      It does not propose moves that break a rule or a preference, or whose gain is too small. It leaves alone workloads with \
      `evacuation: stay` and workloads that an operator has moved. The moves it makes count as moves by an operator: the workloads stay \
      there until their node fails.

      Example: holdfast rebalance --dry-run --moves 3
      """)

  @OptionGroup var source: SnapshotSource

  @Flag(help: "Show the moves, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. Required when there is no terminal.")
  var yes = false

  @Option(help: ArgumentHelp("How many workloads to move at most.", valueName: "number"))
  var moves = 5

  func checkOptions() throws {
    guard (1...1000).contains(moves) else { throw ValidationError("--moves takes 1 to 1000, not \(moves)") }
    if source.snapshot != nil, !dryRun {
      throw ValidationError("--snapshot requires --dry-run: a snapshot can be queried, not changed.")
    }
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
      try Confirmation.ask(
        "Move \(Words.count(rebalance.moves.reduce(0) { $0 + 1 + $1.with.count }, "workload"))?", lines: lines)
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
    try BatchCommand.refuseIfFailed(results)
  }
}
