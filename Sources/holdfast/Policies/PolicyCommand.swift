import ArgumentParser

struct PolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "The cluster's policies: check files, look at what is in force, compare, put in force.",
    discussion: """
      Policies say where workloads may go, should go, and what happens when something fails (Docs/policies.md).

      Example: holdfast policy apply policies/ --dry-run
      """,
    subcommands: [
      PolicyCheckCommand.self, PolicyShowCommand.self, PolicyDiffCommand.self, PolicyApplyCommand.self, PolicySchemaCommand.self
    ])
}
