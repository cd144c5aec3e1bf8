import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning

/// Waits until a node is empty, or until its workloads are back, and shows progress.
struct EvacuationWatch: Sendable {
  enum Goal: Sendable {
    case empty
    /// Its workloads are back.
    case failedBack
  }
  let client: DaemonClient
  let node: String
  let goal: Goal
  /// Seconds; nil: as long as it takes.
  var limit: Double?

  private static let pause: Duration = .milliseconds(500)
  /// Seconds for which the daemon may be away: it may be restarted meanwhile.
  private static let absence = 60.0

  /// - Returns: the last look.
  /// - Throws: `Failure` when it will not come to that, or not in time.
  func run() async throws -> NodeMaintenance {
    let node = node, goal = goal
    return try await Interruption.telling({ Self.farewell(node, goal) }) { try await watch() }
  }

  private static func farewell(_ node: String, _ goal: Goal) -> String {
    let what = goal == .empty ? "The drain of \(node)" : "Failback to \(node)"
    return "\(what) continues in the background. `holdfast maintenance status \(node)` shows its progress; "
      + "`holdfast maintenance cancel \(node)` stops it once the moves in progress have ended."
  }

  private func watch() async throws -> NodeMaintenance {
    let end = limit.map { ContinuousClock.now + .seconds($0) }
    var display = EvacuationDisplay(), answered = ContinuousClock.now
    while true {
      do {
        let state = try await client.get("/nodes/\(node)/maintenance", as: NodeMaintenance.self)
        answered = .now
        display.show(state)
        if try isReached(by: state) {
          display.end()
          return state
        }
        if let end, ContinuousClock.now > end { throw late(state) }
      } catch let failure as Failure where failure.status == .unreachable {
        guard ContinuousClock.now < answered + .seconds(Self.absence) else { throw failure }
      }
      try await Task.sleep(for: Self.pause)
    }
  }

  private func isReached(by state: NodeMaintenance) throws -> Bool {
    switch (goal, state.node.maintenance?.phase) {
    case (.empty, .empty): return true
    case (.empty, .draining), (.failedBack, .returning): return false
    case (.empty, .returning), (.empty, nil):
      throw Failure(
        thing: "node \(node)", reason: "another operator ended its maintenance",
        remedy: "`holdfast events` shows when; `holdfast maintenance enter \(node)` starts it again.")
    case (.failedBack, nil): return true
    case (.failedBack, .empty), (.failedBack, .draining):
      throw Failure(
        thing: "node \(node)", reason: "another operator put it into maintenance again",
        remedy: "`holdfast maintenance status \(node)` shows its progress.")
    }
  }

  private func late(_ state: NodeMaintenance) -> Failure {
    let remaining = state.moves.filter { ![.arrived, .stays, .stuck, .pending].contains($0.state) }.map(\.workload)
    return Failure(
      thing: "node \(node)",
      reason:
        "\(goal == .empty ? "timed out waiting for it to be empty" : "timed out waiting for its workloads to come back") after \(InWords.number(limit ?? 0)) s; "
        + "remaining: \(InWords.list(remaining, most: 5))",
      remedy: "`holdfast maintenance status \(node)` shows what they wait for; the moves continue in the background.")
  }
}

/// Shows one look after the other: in place on a terminal, else a line for every change.
struct EvacuationDisplay {
  private let isDrawn = Terminal.showsProgress
  private var canvas = Canvas()
  private var told: [String: String] = [:]

  mutating func show(_ state: NodeMaintenance) {
    if isDrawn {
      let terminal = Terminal.current()
      return canvas.draw(EvacuationScreen(state: state, terminal: terminal).lines(room: terminal.rows - 2))
    }
    let now = Dictionary(uniqueKeysWithValues: state.moves.map { ($0.workload, Self.text($0)) })
    for workload in state.moves where told[workload.workload] != now[workload.workload] {
      Output.complain(Self.text(workload))
    }
    told = now
  }

  /// What was shown last stays on the screen.
  mutating func end() { canvas.leave() }

  private static func text(_ workload: EvacuationMove) -> String {
    let place =
      switch workload.state {
      case .arrived: "runs on \(workload.to ?? "another node")"
      case .stays: "stays"
      case .stuck: "stuck"
      case .pending: "not running"
      case .waiting: "waiting"
      case .migrating, .stopping, .starting, .unclear:
        "\(workload.state.rawValue)\(workload.to.map { " to \($0)" } ?? "")\(workload.how == .live ? ", live" : "")"
      }
    return "\(workload.workload): \(place)\(workload.why.map { ": \($0)" } ?? "")"
  }
}
