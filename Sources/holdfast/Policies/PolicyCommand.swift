import ArgumentParser

struct PolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Check, show, compare and apply the cluster's policies.",
    discussion: """
      Policies say where workloads may run, where they should run, and how they fail over (Docs/policies.md).

      Example: holdfast policy apply policies/ --dry-run
      """,
    subcommands: [
      PolicyCheckCommand.self, PolicyShowCommand.self, PolicyDiffCommand.self, PolicyApplyCommand.self, PolicySchemaCommand.self
    ])
}
