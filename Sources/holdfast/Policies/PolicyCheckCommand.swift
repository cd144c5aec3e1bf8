import ArgumentParser
import HoldfastAPI
import HoldfastPlanning
import HoldfastPolicies
import HoldfastYAML

struct PolicyCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check policy files and report every mistake. Needs no daemon.",
    discussion: """
      With --snapshot the command also reports what does not fit that cluster: names and labels that match nothing, and rules that leave a workload without a node.

      Exit status: 0 the files can be used; 1 they contain an error or, with --strict, a warning.

      Example: holdfast policy check --strict policies/
      """)

  @Argument(help: ArgumentHelp("Policy files, or directories of *.yaml.", valueName: "path"), completion: .file())
  var paths: [String]

  @Option(
    help: ArgumentHelp("Check against this cluster, too: a file written by `holdfast snapshot`.", valueName: "file"),
    completion: .file())
  var snapshot: String?

  @Flag(help: "Treat warnings as errors.")
  var strict = false

  @Option(name: .shortAndLong, help: "text, or json for scripts.")
  var output: DaemonOptions.Format = .text

  /// What was found, for scripts.
  private struct Finding: Encodable {
    var isUsable: Bool
    var files: Int
    var rules: Int
    var mistakes: [FileMistake]
  }

  func run() throws {
    var finding = Finding(isUsable: true, files: 0, rules: 0, mistakes: [])
    do {
      let sources = try PolicySources(paths)
      finding.files = sources.texts.count
      let (policies, warnings) = try sources.parse()
      finding.rules = policies.ruleCount
      finding.mistakes = warnings
      if let snapshot {
        finding.mistakes += try PolicyFile.misfits(sources.texts, in: try SnapshotFile.read(snapshot).planning)
      }
    } catch let errors as FileErrors {
      finding.mistakes = errors.mistakes
    }
    finding.isUsable = !finding.mistakes.contains { $0.severity == .error || strict }
    try tell(finding)
    if !finding.isUsable { throw ExitCode(ExitStatus.failed.rawValue) }
  }

  private func tell(_ finding: Finding) throws {
    if output == .json { return try Output.json(finding) }
    if !finding.mistakes.isEmpty { return Output.line(FileErrors(finding.mistakes).description) }
    Output.line("\(Words.count(finding.rules, "rule")) in \(Words.count(finding.files, "file")), no errors and no warnings")
  }
}
