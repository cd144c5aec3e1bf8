import HoldfastModel
import HoldfastOperator

/// Waits until workloads have reached the state that a command asked for.
struct Waiting: Sendable {
  enum Goal: Sendable {
    case running, stopped
    /// What its node was to do with it once is done, and it runs.
    case runsOn
    case paused
    case moved(to: String, serial: Int)
    /// Another one was moved, and takes it along.
    case takenAlong(to: String)
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
        // A node that has not read the store does not know what is wanted.
        if workload.desired != "unknown", try Self.isReached(goal, by: workload) { break }
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
    case .paused:
      guard workload.desired == "running" else { throw overruled(workload) }
      guard workload.errand == "pause" else {
        throw Failure(
          thing: "workload \(workload.name)",
          reason: "its pause has ended: it was started anew, or another operator has asked for something else",
          remedy: "`holdfast workload \(workload.name)` shows its state and history.")
      }
      return workload.state == .paused
    case .runsOn:
      guard workload.desired == "running" else { throw overruled(workload) }
      // Before the start its node takes the errand away and says that it starts it: nothing in between looks as if it were done.
      return workload.errand == nil && workload.state == .running
    case .stopped:
      guard workload.desired == "stopped" else { throw overruled(workload) }
      return workload.state == .stopped
    case .moved(let target, let serial):
      guard workload.desired == "running" else { throw overruled(workload) }
      if let move = workload.move, move.serial >= serial {
        guard move.isServed else { return false }
        guard move.serial == serial || move.to == target else { throw overruled(workload, "moved to \(move.to)") }
        guard workload.wantedNode == target else { throw elsewhere(workload, target) }
      }
      return workload.node == target && workload.state == .running
    case .takenAlong(let target):
      guard workload.desired == "running" else { throw overruled(workload) }
      // Its placement may be written after that of the one that takes it along.
      guard workload.wantedNode == target || workload.failures[target] == nil else { throw elsewhere(workload, target) }
      return workload.node == target && workload.state == .running
    }
  }

  private static func elsewhere(_ workload: WorkloadInfo, _ target: String) -> Failure {
    Failure(
      thing: "workload \(workload.name)", reason: whyElsewhere(workload, target),
      remedy: "`holdfast workload \(workload.name)` tells why; `holdfast nodes` shows which nodes have room.")
  }

  /// It was to go to a node, and is to be elsewhere: it went there and did not start, or the planner did not send it there.
  private static func whyElsewhere(_ workload: WorkloadInfo, _ target: String) -> String {
    let place = workload.wantedNode.map { "is to run on \($0)" } ?? "has no place"
    if let failure = workload.failures[target] { return "it did not start on \(target), and \(place): \(failure.reason)" }
    // The placement itself says why it was not moved.
    let isRefusal = workload.reasonCodes.contains { $0 == "moveRefused" || $0 == "moveToUnknown" }
    let why = isRefusal ? workload.reason : workload.others[target].map { "\(target) \($0)" } ?? workload.reason
    return "the planner did not move it to \(target), and it \(place): \(why ?? "it decided otherwise")"
  }

  private static func overruled(_ workload: WorkloadInfo, _ wish: String? = nil) -> Failure {
    Failure(
      thing: "workload \(workload.name)", reason: "another operator has since asked for it to be \(wish ?? workload.desired)",
      remedy: "`holdfast workload \(workload.name)` shows its state and history.")
  }
}
