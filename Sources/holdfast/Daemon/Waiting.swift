import HoldfastModel
import HoldfastOperator

/// Waits until workloads have reached the state that a command asked for.
struct Waiting: Sendable {
  enum Goal: Sendable {
    case running, stopped
    case moved(to: String, serial: Int)
  }
  let client: DaemonClient
  /// Seconds for all of them together.
  let limit: Double

  private static let pause: Duration = .milliseconds(250)

  /// - Throws: `Failure` when a workload will not get there, or not in time.
  func wait(for workloads: [(name: String, goal: Goal)]) async throws {
    let end = ContinuousClock.now + .seconds(limit)
    let isShown = Terminal.canAsk
    defer { if isShown { Output.progress("") } }
    for (name, goal) in workloads {
      var told = ""
      while true {
        let workload = try await client.get("/workloads/\(name)", ["limit": "0"], as: WorkloadDetail.self).workload
        if try Self.isReached(goal, by: workload) { break }
        let state = Self.describe(workload)
        let text = "\(name) is \(state)"
        if isShown {
          Output.progress(Terminal.current().fitted(text, to: Terminal.current().columns - 1))
        } else if text != told {
          Output.complain(text)
        }
        told = text
        guard ContinuousClock.now < end else {
          throw Failure(
            thing: "workload \(name)", reason: "timed out after \(InWords.number(limit)) s; its state is still '\(state)'",
            remedy: "`holdfast workload \(name)` shows its progress, which continues in the background.")
        }
        try await Task.sleep(for: Self.pause)
      }
    }
  }

  private static func describe(_ workload: WorkloadInfo) -> String {
    let isUndecided = workload.move.map { !$0.isServed } ?? false
    let why = workload.why ?? (isUndecided ? "the planner has not decided on the move yet" : nil)
    return "\(workload.state.rawValue)\(why.map { ": \($0)" } ?? "")"
  }

  private static func isReached(_ goal: Goal, by workload: WorkloadInfo) throws -> Bool {
    switch goal {
    case .running:
      guard workload.desired == "running" else { throw overruled(workload) }
      return workload.state == .running
    case .stopped:
      guard workload.desired == "stopped" else { throw overruled(workload) }
      return workload.state == .stopped
    case .moved(let target, let serial):
      guard workload.desired == "running" else { throw overruled(workload) }
      guard let move = workload.move, move.serial >= serial else {
        return workload.node == target && workload.state == .running
      }
      guard move.isServed else { return false }
      guard workload.wantedNode == target else {
        throw Failure(
          thing: "workload \(workload.name)",
          reason: "the planner refused the move: \(workload.reason ?? "it decided otherwise")",
          remedy: "`holdfast workload \(workload.name)` tells why; `holdfast nodes` shows which nodes have room.")
      }
      return workload.node == target && workload.state == .running
    }
  }

  private static func overruled(_ workload: WorkloadInfo) -> Failure {
    Failure(
      thing: "workload \(workload.name)", reason: "another operator has since asked for it to be \(workload.desired)",
      remedy: "`holdfast workload \(workload.name)` shows its state and history.")
  }
}
