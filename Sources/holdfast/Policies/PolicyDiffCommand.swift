import ArgumentParser
import HoldfastAPI
import HoldfastModel
import HoldfastPolicies
import HoldfastYAML

struct PolicyDiffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare policy files with the policies in force, rule by rule and key by key.",
    discussion: """
      With --snapshot the command compares with the policies in that file.

      Exit status: 0; with --check 6 when the rules differ.

      Example: holdfast policy diff --check policies/ || echo 'the policies have been changed'
      """)

  @OptionGroup var source: SnapshotSource

  @Argument(help: ArgumentHelp("Policy files, or directories of *.yaml.", valueName: "path"), completion: .file())
  var paths: [String]

  @Flag(help: "Exit with status 6 when the rules differ.")
  var check = false

  func run() async throws {
    let next = try PolicyFiles.read(paths)
    let present: [PolicyText]
    if source.snapshot != nil {
      present = try await source.load().snapshot.policies
    } else {
      present = try await source.daemon.client.get("/policies", as: PoliciesInForce.self).files
    }
    let before = try PolicyFiles.understood(present)
    let diff = PolicyDiff(from: (present, before), to: (next.named, next.policies))
    if source.daemon.output == .json {
      try Output.json(diff)
    } else {
      for line in DiffLines(diff: diff, terminal: .current()).lines() { Output.line(line) }
    }
    if check, !diff.saysTheSame { throw ExitCode(ExitStatus.different.rawValue) }
  }
}
