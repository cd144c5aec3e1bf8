import ArgumentParser
import HoldfastAPI
import HoldfastModel

/// How a node is emptied.
struct EvacuationOptions: ParsableArguments {
  enum Method: String, ExpressibleByArgument, CaseIterable {
    case live, restart, auto
  }

  @Option(help: "What for; shown on every screen.")
  var reason: String?

  @Option(
    help: ArgumentHelp(
      "When it is expected to be over: 18:30, '2026-03-01 06:00', 2h. Nobody acts on it; the status warns when it is past.",
      valueName: "time"))
  var until: TimeToCome?

  @Option(
    help: ArgumentHelp(
      "So many workloads leave, or come home, at a time. (default: \(MaintenanceRecord.defaultParallel))", valueName: "number"))
  var parallel: Int?

  @Option(
    help: ArgumentHelp("What has not left by then is stopped and started elsewhere, all at once: 30m.", valueName: "time"))
  var deadline: TimeSpan?

  @Option(help: "live: moved while they run, where that can be; restart: stopped and started; auto: as the policies say.")
  var method: Method = .auto

  @Flag(help: "Stop what no other node can take. Without it nothing is done when there is such a workload.")
  var leavePending = false

  func validate() throws { try check("--parallel", parallel, in: MaintenanceRecord.parallels) }

  var request: MaintenanceRequest {
    MaintenanceRequest(
      reason: reason, until: until?.milliseconds, method: method == .auto ? nil : method.rawValue, parallel: parallel,
      deadline: deadline?.seconds, leavesPending: leavePending ? true : nil)
  }
}
