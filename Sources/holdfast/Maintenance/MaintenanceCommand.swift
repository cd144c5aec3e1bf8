import ArgumentParser
import HoldfastModel

struct MaintenanceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "maintenance",
    abstract: "Drain a node and keep it empty; put it back into use; show progress.",
    discussion: """
      Maintenance is kept in the store until `maintenance exit`: the node may be rebooted meanwhile, and stays empty when it returns.

      Example: holdfast maintenance enter n1 --reason 'new disks' --until 18:00 --wait
      """,
    subcommands: [
      MaintenanceEnterCommand.self, MaintenanceStatusCommand.self, MaintenanceCancelCommand.self, MaintenanceExitCommand.self
    ])
}

struct MaintenanceEnterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enter",
    abstract: "Drain a node and keep it empty.",
    discussion: """
      The command first shows where each workload would go and how, about how long that takes, and which workloads no other node can \
      take and why; then it asks. Interrupting the command does not interrupt the drain.

      Exit status: 5 when no other node can take a workload and --leave-pending is not given.

      Example: holdfast maintenance enter n1 --reason 'kernel update' --until 2h --wait
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var evacuation: EvacuationOptions

  @Argument(help: "The node to drain. It may be down.", completion: .nodes)
  var node: String

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. Required when there is no terminal.")
  var yes = false

  @Flag(help: "Wait until the node is empty, and show progress.")
  var wait = false

  func run() async throws {
    let drain = Drain(client: daemon.client, node: node, request: evacuation.request)
    try await DrainRun(daemon: daemon, drain: drain, isDryRun: dryRun, yes: yes, waits: wait).run()
  }
}

struct MaintenanceExitCommand: AsyncParsableCommand, CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "exit",
    abstract: "Put a node back into use, and move its workloads back.",
    discussion: """
      Workloads move back to the node unless their policy says `failback: never`. While the node is still being drained, this stops the \
      drain once the moves in progress have ended.

      Example: holdfast maintenance exit n1 --wait
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var options: LeavingOptions

  @Flag(help: "Move nothing back: workloads stay where they are.")
  var leave = false

  @Flag(help: "Move everything back, whatever its failback policy.")
  var bringBack = false

  func checkOptions() throws {
    if leave, bringBack { throw ValidationError("--leave and --bring-back exclude each other.") }
  }

  func run() async throws {
    try await options.run(daemon, failback: leave ? .nothing : bringBack ? .everything : .byPolicy)
  }
}

struct MaintenanceCancelCommand: AsyncParsableCommand, CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel",
    abstract: "Stop draining a node, once the moves in progress have ended.",
    discussion: """
      The node is put back into use. Workloads that have left it stay where they are, unless one of the two options says otherwise.

      Example: holdfast maintenance cancel n1
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var options: LeavingOptions

  @Flag(help: "Move workloads back as their failback policies say.")
  var byPolicy = false

  @Flag(help: "Move everything back, whatever its failback policy.")
  var bringBack = false

  func checkOptions() throws {
    if byPolicy, bringBack { throw ValidationError("--by-policy and --bring-back exclude each other.") }
  }

  func run() async throws {
    try await options.run(daemon, failback: bringBack ? .everything : byPolicy ? .byPolicy : .nothing)
  }
}
