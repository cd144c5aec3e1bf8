import HoldfastModel
import HoldfastOperator

/// Watches workloads until they are where a command wants them.
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
            thing: "workload \(name)", reason: "it is not there after \(InWords.number(limit)) s: it is \(state)",
            remedy: "`holdfast workload \(name)` shows what happens to it; it goes on without this command.")
        }
        try await Task.sleep(for: Self.pause)
      }
    }
  }

  private static func describe(_ workload: WorkloadInfo) -> String {
    let isUndecided = workload.move.map { !$0.isServed } ?? false
    let why = workload.why ?? (isUndecided ? "the planner has not decided on its move" : nil)
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
          thing: "workload \(workload.name)", reason: "it does not move: \(workload.reason ?? "the planner decided otherwise")",
          remedy: "`holdfast workload \(workload.name)` tells why; `holdfast nodes` shows who has room.")
      }
      return workload.node == target && workload.state == .running
    }
  }

  private static func overruled(_ workload: WorkloadInfo) -> Failure {
    Failure(
      thing: "workload \(workload.name)", reason: "somebody asked meanwhile that it be \(workload.desired)",
      remedy: "`holdfast workload \(workload.name)` shows what happens to it.")
  }
}
