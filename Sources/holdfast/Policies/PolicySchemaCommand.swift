import ArgumentParser
import HoldfastPolicies

struct PolicySchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Print the JSON Schema of policy files, for completion and checks in editors.",
    discussion: """
      Example: holdfast policy schema > policy.schema.json
      """)

  func run() { Output.text(PolicySchema.text) }
}
