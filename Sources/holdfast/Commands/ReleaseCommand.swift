import ArgumentParser

struct ReleaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "release",
    abstract: "Take workloads out of protection; what runs goes on running where it runs.",
    discussion: """
      A released domain is an ordinary libvirt domain again: when its host fails, nothing starts it elsewhere. Until its next start it \
      stays in the guard's cgroup partition, and stands still with it when this node loses its session; it is never killed. What is \
      stopped is forgotten: `holdfast workload NAME --xml` prints its XML before that.

      Example: holdfast release web1
      """)

  @OptionGroup var daemon: DaemonOptions

  @Flag(help: "Show what would happen, and do nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask. Needed where there is no terminal to ask on.")
  var yes = false

  @Argument(help: "Names; * and ? stand for other characters.")
  var names: [String]

  func run() async throws {
    let client = daemon.client
    let chosen = try await WorkloadSelection.names(names, with: client)
    let carrying = Carrying(daemon: daemon, isDryRun: dryRun, yes: yes) {
      "Take \(Words.count($0, "workload")) out of protection?"
    }
    try await carrying.run(chosen) { try await client.post("/workloads/\($0)/release", $1) }
  }
}
