import ArgumentParser
import HoldfastAPI
import HoldfastModel

struct DisarmCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disarm",
    abstract: "Make the cluster hands-off, for work on the network or the store.",
    discussion: """
      Nothing is failed over, stopped or moved until it is armed: workloads run on where they run, whatever becomes of the store. Every \
      screen says so in red. It waits first until nothing is being recovered or moved, unless --now.

      Example: holdfast disarm --for 30m --reason 'new switch'
      """)

  @OptionGroup var daemon: DaemonOptions

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp("It arms itself after that: 30m. Without it: `holdfast arm`.", valueName: "time"))
  var span: TimeSpan?

  @Option(help: "What for; shown on every screen.")
  var reason: String?

  @Flag(help: "Even while something is being recovered or moved: it stays as it is then.")
  var now = false

  @Flag(help: "Show what would happen, and do nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask. Needed where there is no terminal to ask on.")
  var yes = false

  @Option(help: ArgumentHelp("Seconds to wait at most for what is under way.", valueName: "seconds"))
  var timeout = 600.0

  private static let pause: Duration = .milliseconds(500)

  func run() async throws {
    let client = daemon.client
    let request = DisarmRequest(reason: reason, seconds: span?.seconds, now: now ? true : nil)
    func look() async throws -> UpkeepResult { try await client.post("/disarm", ["dryRun": "true"], body: request) }
    var plan = try await look()
    if dryRun {
      if daemon.output == .text, let names = plan.underWay, !names.isEmpty, !now {
        Output.line("It would wait for \(InWords.list(names, most: 8)).")
      }
      return try plan.tell(daemon.output)
    }
    if !yes, plan.isChange {
      let time = span.map { " for \($0.defaultValueDescription)" } ?? " until somebody arms it"
      try Agreement.seek("Disarm the cluster\(time)?", lines: ["\(plan.subject) \(plan.text)."])
    }
    let end = ContinuousClock.now + .seconds(timeout)
    var told = ""
    while !now, let names = plan.underWay, !names.isEmpty {
      let text = "waits for \(InWords.list(names, most: 8))"
      if text != told { Output.complain(text) }
      told = text
      guard ContinuousClock.now < end else {
        throw Failure(
          kind: "conflict", thing: "the cluster",
          reason:
            "\(InWords.list(names, most: 5)) \(names.count == 1 ? "is" : "are") still on the way after \(InWords.number(timeout)) s",
          remedy: "`holdfast workloads --problems` tells why; --now disarms all the same.")
      }
      try await Task.sleep(for: Self.pause)
      plan = try await look()
    }
    try await client.post("/disarm", body: request, as: UpkeepResult.self).tell(daemon.output)
  }
}

struct ArmCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "arm",
    abstract: "End what `disarm` began: workloads are protected again.",
    discussion: "Example: holdfast arm")

  @OptionGroup var daemon: DaemonOptions

  @Flag(help: "Show what would happen, and do nothing.")
  var dryRun = false

  func run() async throws {
    try await daemon.client.post("/arm", dryRun ? ["dryRun": "true"] : [:], as: UpkeepResult.self).tell(daemon.output)
  }
}
