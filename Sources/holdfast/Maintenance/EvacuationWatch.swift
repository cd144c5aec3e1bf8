import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastPlanning

/// Watches a node until it is empty, or until what left it is home, and shows how far that is.
struct EvacuationWatch: Sendable {
  enum Goal: Sendable {
    case empty
    case home
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
    let what = goal == .empty ? "The evacuation of \(node)" : "The way home to \(node)"
    return "\(what) goes on without this command. `holdfast maintenance status \(node)` shows it again, "
      + "`holdfast maintenance cancel \(node)` stops it after what is on the way."
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
    case (.empty, .emptying), (.home, .returning): return false
    case (.empty, .returning), (.empty, nil):
      throw Failure(
        thing: "node \(node)", reason: "somebody ended its maintenance meanwhile",
        remedy: "`holdfast events` tells when; `holdfast maintenance enter \(node)` begins again.")
    case (.home, nil): return true
    case (.home, .empty), (.home, .emptying):
      throw Failure(
        thing: "node \(node)", reason: "somebody put it into maintenance again",
        remedy: "`holdfast maintenance status \(node)` shows how far that is.")
    }
  }

  private func late(_ state: NodeMaintenance) -> Failure {
    let left = state.workloads.filter { ![.arrived, .stays, .stranded, .pending].contains($0.state) }.map(\.workload)
    return Failure(
      thing: "node \(node)",
      reason: "\(goal == .empty ? "it is not empty" : "not all are home") after \(InWords.number(limit ?? 0)) s: "
        + "\(InWords.list(left, most: 5)) \(left.count == 1 ? "is" : "are") left",
      remedy: "`holdfast maintenance status \(node)` shows what they wait for; it goes on without this command.")
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
    let now = Dictionary(uniqueKeysWithValues: state.workloads.map { ($0.workload, Self.text($0)) })
    for workload in state.workloads where told[workload.workload] != now[workload.workload] {
      Output.complain(Self.text(workload))
    }
    told = now
  }

  /// What was shown last stays on the screen.
  mutating func end() { canvas.leave() }

  private static func text(_ workload: Evacuee) -> String {
    let place =
      switch workload.state {
      case .arrived: "runs on \(workload.to ?? "another node")"
      case .stays, .stranded: "stays"
      case .pending: "runs nowhere"
      case .waiting: "waits"
      case .migrating, .stopping, .starting, .unclear:
        "\(workload.state.rawValue)\(workload.to.map { ", to \($0)" } ?? "")\(workload.how == .live ? ", while it runs" : "")"
      }
    return "\(workload.workload): \(place)\(workload.why.map { ": \($0)" } ?? "")"
  }
}
