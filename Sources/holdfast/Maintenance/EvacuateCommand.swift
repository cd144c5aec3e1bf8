import ArgumentParser

struct EvacuateCommand: AsyncParsableCommand, CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "evacuate",
    abstract: "Drain a node and wait until it is empty; with --rolling, drain several nodes in turn.",
    discussion: """
      `evacuate NODE` is `maintenance enter NODE --wait`.

      With --rolling the command does a rolling drain of several nodes. For each node in turn it
        1. drains the node;
        2. runs the command of --run in a shell on this host, with HOLDFAST_NODE set to the node's name;
        3. waits until the node's session, guard and libvirt have been healthy for the time of --settle;
        4. moves the node's workloads back.
      It stops at the first problem and says what remains to be done. The node that this command talks to cannot be drained this way.

      Example: holdfast evacuate --rolling --label rack=b --run 'ssh $HOLDFAST_NODE reboot || true'
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var evacuation: EvacuationOptions
  @OptionGroup var rolling: RollingOptions

  @Argument(help: "The node to drain, without --rolling.", completion: .nodes)
  var name: String?

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. Required when there is no terminal.")
  var yes = false

  func checkOptions() throws {
    if rolling.rolling {
      if name != nil { throw ValidationError("With --rolling, name the nodes with --node or --label.") }
      try rolling.check()
    } else {
      if name == nil { throw ValidationError("Name the node to drain; or use --rolling with --node or --label.") }
      if !rolling.isUntouched {
        throw ValidationError("--node, --label, --run, --return-limit, --settle and --bring-back require --rolling.")
      }
    }
  }

  func run() async throws {
    if let name {
      let drain = Drain(client: daemon.client, node: name, request: evacuation.request)
      return try await DrainRun(daemon: daemon, drain: drain, isDryRun: dryRun, yes: yes, waits: true).run()
    }
    try await RollingDrain(
      client: daemon.client, options: rolling, request: evacuation.request, isText: daemon.output == .text
    ).run(isDryRun: dryRun, yes: yes)
  }
}

/// Options of a rolling drain.
struct RollingOptions: ParsableArguments {
  @Flag(help: "Drain several nodes, one after the other.")
  var rolling = false

  @Option(
    name: .customLong("node"), help: ArgumentHelp("Node to drain. May be repeated.", valueName: "node"), completion: .nodes)
  var nodes: [String] = []

  @Option(
    name: .customLong("label"),
    help: ArgumentHelp("Nodes to drain, by label or name: rack=b. May be repeated.", valueName: "nodes"))
  var labels: [String] = []

  @Option(
    name: .customLong("run"), help: ArgumentHelp("Shell command to run for each node once it is empty.", valueName: "command"))
  var command: String?

  @Option(help: ArgumentHelp("How long to wait for a node to be healthy again. (default: 15m)", valueName: "time"))
  var returnLimit: TimeSpan?

  @Option(
    help: ArgumentHelp("How long a node must stay healthy before the next one is drained. (default: 30s)", valueName: "time"))
  var settle: TimeSpan?

  @Flag(help: "Move everything back, whatever its failback policy.")
  var bringBack = false

  var isUntouched: Bool {
    nodes.isEmpty && labels.isEmpty && command == nil && returnLimit == nil && settle == nil && !bringBack
  }

  func check() throws {
    if nodes.isEmpty, labels.isEmpty { throw ValidationError("--rolling needs nodes: name them with --node or --label.") }
    if command?.isEmpty ?? true { throw ValidationError("--rolling needs a command to run for each node: give it with --run.") }
  }
}
