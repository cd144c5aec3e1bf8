import ArgumentParser
import HoldfastAPI
import HoldfastPlanning

struct RebalanceCommand: AsyncParsableCommand, CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "rebalance",
    abstract: "Propose or make a few moves that balance the nodes' load.",
    discussion: """
      Holdfast never moves workloads for balance by itself, because a move that cannot be live interrupts the workload. This command \
      proposes moves with their gain, asks, and makes them one after the other: the next begins when what moved before it runs on its new \
      node. It stops at the first that does not get there, and says which were not begun.

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

  @Option(help: ArgumentHelp("How long each move may take beyond the workload's stop timeout.", valueName: "seconds"))
  var timeout = 120.0

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
      let pace = rebalance.moves.count > 1 ? ", one after the other" : ""
      try Confirmation.ask(
        "Move \(Words.count(rebalance.moves.reduce(0) { $0 + 1 + $1.with.count }, "workload"))\(pace)?", lines: lines)
    }
    try await RebalanceRun(daemon: source.daemon, limit: timeout).run(rebalance.moves)
  }
}
