import ArgumentParser
import HoldfastAPI
import HoldfastModel

/// How a node is drained.
struct EvacuationOptions: ParsableArguments {
  enum Method: String, ExpressibleByArgument, CaseIterable {
    case live, restart, auto
  }

  @Option(help: "Why; shown on every screen.")
  var reason: String?

  @Option(
    help: ArgumentHelp(
      "Planned end, for information only: 18:30, '2026-03-01 06:00', 2h. `holdfast status` warns once it has passed.",
      valueName: "time"))
  var until: TimeToCome?

  @Option(
    help: ArgumentHelp(
      "How many workloads leave at once, and at most move back at once. (default: \(MaintenanceRecord.defaultParallel))",
      valueName: "number"))
  var parallel: Int?

  @Option(
    help: ArgumentHelp(
      "After this time, such as 30m, stop all remaining workloads at once and start them elsewhere.", valueName: "time"))
  var deadline: TimeSpan?

  @Option(help: "live: migrate live where possible; restart: stop, then start elsewhere; auto: as the policies say.")
  var method: Method = .auto

  @Flag(
    help:
      "Stop workloads that no other node can take, and leave them pending. Without this option the command refuses when there are any."
  )
  var leavePending = false

  func validate() throws { try check("--parallel", parallel, in: MaintenanceRecord.parallels) }

  var request: MaintenanceRequest {
    MaintenanceRequest(
      reason: reason, until: until?.milliseconds, method: method == .auto ? nil : method.rawValue, parallel: parallel,
      deadline: deadline?.seconds, leavesPending: leavePending ? true : nil)
  }
}
