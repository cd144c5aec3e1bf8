import ArgumentParser
import HoldfastAPI

struct PauseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause",
    abstract: "Pause workloads where they run: they execute nothing until `holdfast resume`.",
    discussion: """
      Memory is kept, network connections time out. A pause ends with `holdfast resume`, and with whatever starts the workload anew: a restart, the \
      loss of its node, a move that is not live. Moved live, it stays paused. It counts as no fault, and is shown as long as it lasts.

      Example: holdfast pause web1
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var options: ChangeOptions

  @Argument(help: "Names of workloads; * and ? are wildcards.", completion: .workloads)
  var names: [String]

  func run() async throws {
    let batch = BatchCommand(daemon: daemon, options: options) {
      "Pause \(Words.count($0, "workload"))?"
    } goal: {
      $0.effect == .failed ? nil : .paused
    }
    try await batch.run("pause", names)
  }
}

struct ResumeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "Let paused workloads continue where they are.",
    discussion: """
      Also those that somebody suspended with virsh, and those that libvirt paused, for example for an I/O error: once its cause is gone.

      Example: holdfast resume web1 --wait
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var options: ChangeOptions

  @Argument(help: "Names of workloads; * and ? are wildcards.", completion: .workloads)
  var names: [String]

  func run() async throws {
    let batch = BatchCommand(daemon: daemon, options: options, question: nil) { $0.effect == .failed ? nil : .runsOn }
    try await batch.run("resume", names)
  }
}
