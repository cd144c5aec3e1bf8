import ArgumentParser

struct ReleaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "release",
    abstract: "Take workloads out of protection; running domains keep running.",
    discussion: """
      A released domain is an ordinary libvirt domain again: when its host fails, nothing starts it elsewhere. Until its next start it \
      stays in the guard's cgroup partition: the guard freezes it when the node loses its session, but never kills it. The \
      definition of a workload that does not run is deleted; `holdfast export` saves all of them first.

      Example: holdfast release web1
      """)

  @OptionGroup var daemon: DaemonOptions

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. Required when there is no terminal.")
  var yes = false

  @Argument(help: "Names of workloads; * and ? are wildcards.", completion: .workloads)
  var names: [String]

  func run() async throws {
    let client = daemon.client
    let chosen = try await WorkloadSelection.names(names, with: client)
    let batch = BatchCommand(daemon: daemon, isDryRun: dryRun, yes: yes) {
      "Take \(Words.count($0, "workload")) out of protection?"
    }
    try await batch.run(chosen) { try await client.post("/workloads/\($0)/release", $1) }
  }
}
