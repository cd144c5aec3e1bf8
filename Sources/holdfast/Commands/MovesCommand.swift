import ArgumentParser
import HoldfastAPI
import HoldfastModel
import HoldfastOperator

struct MovesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "moves",
    abstract: "Show, stop and resume what moves by itself.",
    discussion: """
      When rules change, or a better node is back, the policies move workloads; when a maintenance is over, what left moves back. Both \
      happen a few at a time (`cluster.moves` in the policies), the least important first, and never with two copies of one application \
      at once. Failover, draining a node and `holdfast move` are not concerned.

      Example: holdfast moves
      """,
    subcommands: [MovesStatusCommand.self, MovesOffCommand.self, MovesOnCommand.self],
    defaultSubcommand: MovesStatusCommand.self)
}

struct MovesStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show the moves under way and those that wait, with the reasons.",
    discussion: "Example: holdfast moves")

  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    let status = try await daemon.client.get("/status", as: ClusterStatus.self)
    if status.isUnread == true { throw Failure.unread("the cluster's moves") }
    if daemon.output == .json { return try Output.json(status.moves ?? .none) }
    guard let moves = status.moves else { return Output.line("Nothing moves by itself at present.") }
    for line in MoveLines(moves).lines(.current()) { Output.line(line) }
  }
}

struct MovesOffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "off", abstract: "Stop what moves by itself: nothing more is begun.",
    discussion: """
      Moves that are under way continue to their end. Failover, draining a node and `holdfast move` work as before; what left a node in \
      maintenance does not move back meanwhile. Every `holdfast status` says so until `holdfast moves on`.

      Example: holdfast moves off --reason 'wrong rule'
      """)

  @OptionGroup var daemon: DaemonOptions

  @Option(help: "Why; shown in the status.")
  var reason: String?

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  func run() async throws {
    try await daemon.client.post(
      "/moves/off", dryRun ? ["dryRun": "true"] : [:], body: MovesOffRequest(reason: reason), as: ClusterCommandResult.self
    ).tell(daemon.output)
  }
}

struct MovesOnCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "on", abstract: "Let workloads move by themselves again.", discussion: "Example: holdfast moves on")

  @OptionGroup var daemon: DaemonOptions

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  func run() async throws {
    try await daemon.client.post("/moves/on", dryRun ? ["dryRun": "true"] : [:], as: ClusterCommandResult.self).tell(
      daemon.output)
  }
}

/// What moves by itself, as lines.
struct MoveLines {
  let moves: MovesInfo

  init(_ moves: MovesInfo) { self.moves = moves }

  /// The whole of it in a line.
  var summary: String {
    let total = moves.done + moves.underWay.count + moves.waiting.count
    var text = "Moves: \(moves.done) of \(total) done, \(moves.underWay.count) under way, \(moves.waiting.count) waiting"
    if let next = moves.waiting.first, moves.off == nil { text += "; next: \(Self.text(next)) (\(next.why))" }
    return text
  }

  /// The line that says that moves are off; nil: they are on.
  var off: String? {
    moves.off.map { off in
      let reason = off.reason.map { " (\($0))" } ?? ""
      return
        "MOVES ARE OFF since \(Words.clock(off.since.milliseconds, today: Words.now()))\(reason): nothing moves by itself. "
        + "`holdfast moves on` lets it."
    }
  }

  /// Each move with its reason.
  func lines(_ terminal: Terminal) -> [String] {
    func paragraphs(_ label: String, _ moves: [MovesInfo.Move]) -> [String] {
      moves.flatMap { Paragraph.lines("  \(label)".padding(to: 13), "\(Self.text($0)): \($0.why)", terminal, indent: 13) }
    }
    let head = [off, summary].compactMap { $0 }.flatMap { terminal.wrapped($0, to: terminal.columns) }
    return head + paragraphs("under way", moves.underWay) + paragraphs("waiting", moves.waiting)
  }

  private static func text(_ move: MovesInfo.Move) -> String {
    "\(move.workload)\(move.from == move.to ? "" : " from \(move.from)") to \(move.to)"
  }
}
