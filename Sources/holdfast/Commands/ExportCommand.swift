import ArgumentParser
import HoldfastAPI
import HoldfastModel

struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write all workloads and policies as files that `apply` takes.",
    discussion: """
      DIR/workloads gets a file for each workload, DIR/policies the policy files in force; only you can read them, as domain XML can hold \
      passwords; holdfastd's log keeps who asked. Both must be new or empty. With '-', the default, the workloads go to standard output as one file.

      To bring them back: `holdfast apply -f DIR/workloads`, then `holdfast policy apply DIR/policies`.

      Example: holdfast export /root/cluster
      """)

  @OptionGroup var daemon: DaemonOptions

  @Argument(help: ArgumentHelp("A directory, or - for standard output.", valueName: "dir"))
  var target = "-"

  func run() async throws {
    let definitions = try await daemon.client.get("/definitions", as: ClusterDefinitions.self)
    if daemon.output == .json, target == "-" {
      try Output.json(definitions)
    } else if target == "-" {
      if !definitions.workloads.isEmpty { Output.text(try Self.text(of: definitions.workloads, "standard output")) }
      if !definitions.policies.isEmpty {
        Output.complain("holdfast: \(Self.policies(definitions)) not among this: `holdfast policy show` prints them.")
      }
    } else {
      let done = try DefinitionFiles(target).write(definitions)
      if daemon.output == .json { try Output.json(done) } else { for line in done.lines { Output.line(line) } }
    }
    guard definitions.unreadable.isEmpty else {
      throw Failure(
        thing: "the export",
        reason: "this build cannot read \(InWords.list(definitions.unreadable, most: 8)): they are missing in it",
        remedy:
          "`holdfast store check` says what is wrong with them. If a newer build wrote them, run the command where that build is."
      )
    }
  }

  static func text(of workloads: [WorkloadDefinition], _ file: String) throws -> String {
    do {
      return try WorkloadFile.text(of: workloads, file: file)
    } catch let errors as WorkloadFileErrors {
      throw MistakenFiles("the definitions cannot be written as files", errors)
    } catch {
      throw Failure(
        thing: file, reason: "its workloads cannot be written as YAML: \(error)",
        remedy: "`holdfast export -o json` prints them.")
    }
  }

  private static func policies(_ definitions: ClusterDefinitions) -> String {
    let count = definitions.policies.count
    return "\(Words.count(count, "policy file")) \(count == 1 ? "is" : "are")"
  }
}
