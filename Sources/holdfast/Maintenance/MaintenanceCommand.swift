import ArgumentParser
import HoldfastModel

struct MaintenanceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "maintenance",
    abstract: "Empty a node and keep it empty; use it again; see how far that is.",
    discussion: """
      A node in maintenance stays so whatever becomes of it, until `maintenance exit`: it may be rebooted, and its return brings nothing \
      back by itself.

      Example: holdfast maintenance enter n1 --reason 'new disks' --until 18:00 --wait
      """,
    subcommands: [
      MaintenanceEnterCommand.self, MaintenanceStatusCommand.self, MaintenanceCancelCommand.self, MaintenanceExitCommand.self
    ])
}

struct MaintenanceEnterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enter",
    abstract: "Move everything off a node, and keep it empty.",
    discussion: """
      Shows first what goes where, how, about how long it takes, and what no other node can take and why; then asks. Interrupting the \
      command does not interrupt the evacuation.

      Exit status: 5 when no other node can take something and --leave-pending is not there.

      Example: holdfast maintenance enter n1 --reason 'kernel update' --until 2h --wait
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var evacuation: EvacuationOptions

  @Argument(help: "The node. It may be down.")
  var node: String

  @Flag(help: "Show what would happen, and do nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask. Needed where there is no terminal to ask on.")
  var yes = false

  @Flag(help: "Wait until the node is empty, and show how far it is.")
  var wait = false

  func run() async throws {
    let emptying = Emptying(client: daemon.client, node: node, request: evacuation.request)
    try await EmptyingRun(daemon: daemon, emptying: emptying, isDryRun: dryRun, yes: yes, waits: wait).run()
  }
}

struct MaintenanceExitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exit",
    abstract: "Use a node again, and bring home what left it.",
    discussion: """
      By itself everything comes home but what has `failback: never`. While the node is still being emptied this stops that, after what is \
      on the way.

      Example: holdfast maintenance exit n1 --wait
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var options: LeavingOptions

  @Flag(help: "Nothing comes home: it stays where it is.")
  var leave = false

  @Flag(help: "Everything comes home, whatever its policy says.")
  var bringBack = false

  func validate() throws {
    if leave, bringBack { throw ValidationError("--leave and --bring-back contradict each other.") }
  }

  func run() async throws {
    try await options.run(daemon, brings: leave ? .nothing : bringBack ? .everything : .byPolicy)
  }
}

struct MaintenanceCancelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel",
    abstract: "Stop emptying a node, after what is on the way.",
    discussion: """
      The node is used again. What has left stays where it went, unless --bring-back: then it comes home as the policies say.

      Example: holdfast maintenance cancel n1
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var options: LeavingOptions

  @Flag(help: "What has left comes home.")
  var bringBack = false

  func run() async throws { try await options.run(daemon, brings: bringBack ? .byPolicy : .nothing) }
}
