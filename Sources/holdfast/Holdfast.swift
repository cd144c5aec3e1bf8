import ArgumentParser
import Glibc
import HoldfastAPI

/// Exit statuses of `holdfast`, for scripts.
enum ExitStatus: Int32 {
  case done = 0
  /// Refused, failed, or nobody can say yet whether it was done.
  case failed = 1
  case usage = 2
  /// The daemon cannot be reached, or does not answer.
  case unreachable = 3
  /// `status --check`: the cluster is degraded or worse; `store check`: a record is at fault.
  case degraded = 4
  /// `whatif`, `policy apply`, `maintenance enter`, `evacuate`: a workload would not run that runs now, or that is new.
  case wouldNotRun = 5
  /// `policy diff --check`: the files differ from the policies in force.
  case different = 6
}

@main
struct Holdfast: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "holdfast",
    abstract: "Show and control a Holdfast cluster from any of its nodes.",
    discussion: """
      Start with `holdfast status`: it shows what failed, what was done about it and why, what is at risk, and what to type next.

      Commands talk to holdfastd on this node over a Unix socket (--socket or HOLDFAST_SOCKET); `holdfast store` reads the store itself. Every command has -o json for \
      scripts; then errors are JSON too, on standard error. Commands that only query the planner also work offline: `holdfast snapshot > FILE`, then --snapshot FILE.

      Exit status:
        0  success
        1  refused, failed, or the outcome is unknown
        2  wrong usage (of holdfastd and holdfast-guard too)
        3  holdfastd is unreachable
        4  the cluster is not ok (`status --check`), or a record of the store is at fault (`store check`)
        5  a workload would not run (`whatif`, `policy apply`, `maintenance enter`, `evacuate`)
        6  the files differ from the policies in force (`policy diff --check`)
      """,
    version: buildVersion,
    subcommands: [
      StatusCommand.self, NodesCommand.self, WorkloadsCommand.self, WorkloadCommand.self, EventsCommand.self,
      AdoptCommand.self, ApplyCommand.self, AcceptCommand.self, ExportCommand.self, ReleaseCommand.self, StartCommand.self,
      StopCommand.self, RestartCommand.self, ResetCommand.self, PauseCommand.self, ResumeCommand.self, MoveCommand.self,
      ConsoleCommand.self, LeftoversCommand.self,
      MaintenanceCommand.self, EvacuateCommand.self, NodeCommand.self, DisarmCommand.self, ArmCommand.self, MovesCommand.self,
      PolicyCommand.self, ExplainCommand.self, WhatIfCommand.self, RebalanceCommand.self, SnapshotCommand.self,
      StoreCommand.self
    ],
    groupedSubcommands: [CommandGroup(name: "Simulator", subcommands: [SimulateCommand.self])])

  static func main() async {
    do {
      var command = try await parsed()
      try (command as? any CheckedCommand)?.checkOptions()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let failure as Failure {
      if asksForJSON { Output.complain(json: failure.body) } else { Output.complain("holdfast: \(failure)") }
      Glibc.exit(failure.status.rawValue)
    } catch let mistaken as MistakenFiles {
      if asksForJSON { Output.complain(json: mistaken.body) } else { Output.complain("holdfast: \(mistaken)") }
      Glibc.exit(ExitStatus.failed.rawValue)
    } catch {
      leave(error)
    }
    Glibc.exit(ExitStatus.done.rawValue)
  }

  /// `-o json` is on the command line, be it one that the parser refuses: then errors are JSON too.
  private static let asksForJSON = asksForJSON(CommandLine.arguments.dropFirst())

  static func asksForJSON(_ arguments: some Sequence<String>) -> Bool {
    var isFormat = false
    for argument in arguments {
      if argument == "--" { return false }
      if isFormat && argument == "json" || ["-ojson", "-o=json", "--output=json"].contains(argument) { return true }
      isFormat = argument == "-o" || argument == "--output"
    }
    return false
  }

  private static let words = CommandWords(Array(CommandLine.arguments.dropFirst()), under: Self.self)

  /// - Throws: `Failure` for a word that is no command; what else the parser refuses.
  private static func parsed() async throws -> any ParsableCommand {
    do {
      return try await asyncParseAsRoot()
    } catch {
      if exitCode(for: error) == .validationFailure, let failure = words.failure { throw failure }
      throw error
    }
  }

  /// Help and version are no errors; what the parser refuses is wrong usage.
  private static func leave(_ error: any Error) -> Never {
    let code = exitCode(for: error)
    // The parser does not know any more which command refuses its own options.
    let message =
      error is ValidationError ? "Error: \(error)\n\(words.advice)" : CommandWords.shortened(fullMessage(for: error))
    if code == .success {
      // A completion script among them: as it is. A completion that has nothing to offer says nothing.
      if !message.isEmpty { Output.text(message) }
      Glibc.exit(ExitStatus.done.rawValue)
    }
    if !message.isEmpty {
      if asksForJSON {
        Output.complain(
          json: ErrorBody(
            kind: "invalid", thing: "the command line", reason: self.message(for: error),
            remedy: "`holdfast COMMAND --help` shows what a command takes."))
      } else {
        Output.complain(message)
      }
    }
    Glibc.exit(code == .validationFailure ? ExitStatus.usage.rawValue : code.rawValue)
  }
}
