import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning

/// The moves of a rebalance, one after the other: each is asked for when what the one before moved runs on its new node. The first that
/// fails ends it, for the others were reckoned with it.
struct RebalanceRun {
  let daemon: DaemonOptions
  /// Seconds that a move may take beyond the stop timeouts of its workloads.
  let limit: Double

  private var isText: Bool { daemon.output == .text }

  func run(_ moves: [Rebalance.Move]) async throws {
    var results: [CommandResult] = []
    var waiting = moves[...]
    // The one whose answer has not come.
    var asked: Rebalance.Move?
    do {
      while let move = waiting.first {
        waiting = waiting.dropFirst()
        asked = move
        let rest = BatchCommand.notBegun(waiting.map(Self.text))
        try await Interruption.telling({ Self.farewell(move, rest) }) {
          let result = try await ask(move)
          asked = nil
          results.append(result)
          try tell(result)
          try await arrive(move, serial: result.moveSerial ?? 0)
        }
        if isText { Output.line(Self.arrival(move)) }
      }
    } catch {
      try summarize(results)
      BatchCommand.tellRest(asked: asked.map { ($0.workload.text, Self.text($0)) }, waiting: waiting.map(Self.text))
      throw error
    }
    try summarize(results)
  }

  private func ask(_ move: Rebalance.Move) async throws -> CommandResult {
    let client = daemon.client, request = MoveRequest(to: move.to.text)
    return try await BatchCommand.result(move.workload.text) { name, _ in
      try await client.post("/workloads/\(name)/move", body: request)
    }
  }

  /// - Throws: that the daemon refused it, which is told by then.
  private func tell(_ result: CommandResult) throws {
    if isText { for line in ResultLines(terminal: .current()).lines([result]) { Output.line(line) } }
    try BatchCommand.refuseIfFailed([result])
  }

  private func arrive(_ move: Rebalance.Move, serial: Int) async throws {
    let target = move.to.text
    var goals: [(name: String, goal: Waiting.Goal)] = [(move.workload.text, .moved(to: target, serial: serial))]
    goals += move.with.map { ($0.text, .takenAlong(to: target)) }
    try await BatchCommand.wait(for: goals, beyondStopTimeout: limit, daemon)
  }

  /// What scripts get, in the end.
  private func summarize(_ results: [CommandResult]) throws {
    if !isText { try Output.json(CommandResults(isDryRun: false, results: results)) }
  }

  // MARK: words

  private static func arrival(_ move: Rebalance.Move) -> String {
    "\(InWords.list(([move.workload] + move.with).map(\.text), most: 20)) \(move.with.isEmpty ? "runs" : "run") on \(move.to)"
  }

  private static func text(_ move: Rebalance.Move) -> String {
    let along = move.with.isEmpty ? "" : " with \(InWords.list(move.with.map(\.text), most: 20))"
    return "\(move.workload)\(along) to \(move.to)"
  }

  private static func farewell(_ move: Rebalance.Move, _ rest: String?) -> String {
    "The move of \(text(move)) continues in the background. `holdfast workload \(move.workload)` shows its progress."
      + (rest.map { " \($0)" } ?? "")
  }
}
