import ArgumentParser

struct EvacuateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evacuate",
    abstract: "Empty a node and wait until it is empty; or walk through many, one after the other.",
    discussion: """
      `evacuate NODE` is `maintenance enter NODE --wait`.

      With --rolling, node after node is emptied, the command of --run is run here by the shell with HOLDFAST_NODE set, the node is waited \
      for (its session, its guard, its libvirt, without a break for the time of --settle), and what left it is brought back; then comes the \
      next. It stops at the first surprise and says what is left to do. The node that this command speaks to cannot be among them.

      Example: holdfast evacuate --rolling --label rack=b --run 'ssh $HOLDFAST_NODE reboot || true'
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var evacuation: EvacuationOptions
  @OptionGroup var walk: RollingOptions

  @Argument(help: "The node, where it is one.")
  var name: String?

  @Flag(help: "Show what would happen, and do nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask. Needed where there is no terminal to ask on.")
  var yes = false

  func validate() throws {
    if walk.rolling {
      if name != nil { throw ValidationError("--rolling: name the nodes with --node or --label.") }
      try walk.check()
    } else {
      if name == nil { throw ValidationError("Which node? Name it; or use --rolling with --node or --label.") }
      if !walk.isUntouched { throw ValidationError("--node, --label, --run and what goes with them need --rolling.") }
    }
  }

  func run() async throws {
    if let name {
      let emptying = Emptying(client: daemon.client, node: name, request: evacuation.request)
      return try await EmptyingRun(daemon: daemon, emptying: emptying, isDryRun: dryRun, yes: yes, waits: true).run()
    }
    try await RollingMaintenance(
      client: daemon.client, options: walk, request: evacuation.request, isText: daemon.output == .text
    ).run(isDryRun: dryRun, yes: yes)
  }
}

/// What walking from node to node takes besides.
struct RollingOptions: ParsableArguments {
  @Flag(help: "Node after node.")
  var rolling = false

  @Option(name: .customLong("node"), help: ArgumentHelp("A node of the walk. May be repeated.", valueName: "node"))
  var nodes: [String] = []

  @Option(
    name: .customLong("label"),
    help: ArgumentHelp("Nodes of the walk, by label or name: rack=b. May be repeated.", valueName: "nodes"))
  var labels: [String] = []

  @Option(name: .customLong("run"), help: ArgumentHelp("What is done to each node when it is empty.", valueName: "command"))
  var command: String?

  @Option(help: ArgumentHelp("How long a node may take to be back and well. (default: 15m)", valueName: "time"))
  var returnLimit: TimeSpan?

  @Option(help: ArgumentHelp("For how long it must be well without a break. (default: 30s)", valueName: "time"))
  var settle: TimeSpan?

  @Flag(help: "Everything comes home, whatever its policy says.")
  var bringBack = false

  var isUntouched: Bool {
    nodes.isEmpty && labels.isEmpty && command == nil && returnLimit == nil && settle == nil && !bringBack
  }

  func check() throws {
    if nodes.isEmpty, labels.isEmpty { throw ValidationError("--rolling: which nodes? Name them with --node or --label.") }
    if command?.isEmpty ?? true { throw ValidationError("--rolling: what is to be done to each? Say it with --run.") }
  }
}
