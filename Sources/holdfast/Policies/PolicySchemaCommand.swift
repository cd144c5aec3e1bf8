import ArgumentParser
import HoldfastPolicies

struct PolicySchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "The JSON Schema of policy files, with which editors complete and check them.",
    discussion: """
      Example: holdfast policy schema > policy.schema.json
      """)

  func run() { print(PolicySchema.text, terminator: "") }
}
