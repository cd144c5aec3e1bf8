import ArgumentParser
import HoldfastAPI
import HoldfastModel

struct DisarmCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disarm",
    abstract: "Suspend automatic recovery, for work on the network or the store.",
    discussion: """
      While the cluster is disarmed, nothing is failed over, frozen or moved: workloads keep running where they are, even when the store \
      is unreachable. Every screen says so in red. `holdfast stop` still stops; what needs a new place (`start`, `move`, a new workload) \
      waits until the cluster is armed. The command first waits until no workload is being recovered or moved. Given again, it keeps the \
      time and the reason that it does not name.

      A node that cannot reach the store keeps its workloads running for the time of --for; without --for it freezes them ten minutes \
      after the store's last answer. So for work on the network or the store, say with --for how long it takes. The workloads of a host \
      that dies meanwhile start elsewhere only when that time has passed, even if the cluster is armed before.

      Example: holdfast disarm --for 30m --reason 'new switch'
      """)

  @OptionGroup var daemon: DaemonOptions

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp(
      "Resume automatic recovery after this time, such as 30m. (default: not before `holdfast arm`; see above for a store that is away)",
      valueName: "time"))
  var span: TimeSpan?

  @Option(help: "Why; shown on every screen.")
  var reason: String?

  @Flag(help: "Do not wait for recoveries and moves in progress; they stop where they are.")
  var now = false

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. Required when there is no terminal.")
  var yes = false

  @Option(help: ArgumentHelp("How long to wait at most for recoveries and moves in progress.", valueName: "seconds"))
  var timeout = 600.0

  private static let pause: Duration = .milliseconds(500)

  func run() async throws {
    let client = daemon.client
    let request = DisarmRequest(reason: reason, seconds: span?.seconds, now: now ? true : nil)
    func look() async throws -> ClusterCommandResult { try await client.post("/disarm", ["dryRun": "true"], body: request) }
    var plan = try await look()
    if dryRun {
      if daemon.output == .text, let names = plan.inProgress, !names.isEmpty, !now {
        Output.line("The command would first wait for \(InWords.list(names, most: 8)).")
      }
      return try plan.tell(daemon.output)
    }
    if !yes, plan.isChange {
      let time = span.map { " for \($0.defaultValueDescription)" } ?? ""
      try Confirmation.ask("Disarm the cluster\(time)?", lines: ["What would happen: \(plan.subject) \(plan.text)."])
    }
    let end = ContinuousClock.now + .seconds(timeout)
    var told = ""
    while !now, let names = plan.inProgress, !names.isEmpty {
      let text = "waiting for \(InWords.list(names, most: 8))"
      if text != told { Output.complain(text) }
      told = text
      guard ContinuousClock.now < end else {
        throw Failure(
          kind: "conflict", thing: "the cluster",
          reason:
            "\(InWords.list(names, most: 5)) \(names.count == 1 ? "is" : "are") still being recovered or moved after \(InWords.number(timeout)) s",
          remedy: "`holdfast workloads --problems` shows why; --now disarms anyway.")
      }
      try await Task.sleep(for: Self.pause)
      plan = try await look()
    }
    try await client.post("/disarm", body: request, as: ClusterCommandResult.self).tell(daemon.output)
  }
}

struct ArmCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "arm",
    abstract: "Resume automatic recovery.",
    discussion: "Example: holdfast arm")

  @OptionGroup var daemon: DaemonOptions

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  func run() async throws {
    try await daemon.client.post("/arm", dryRun ? ["dryRun": "true"] : [:], as: ClusterCommandResult.self).tell(daemon.output)
  }
}
