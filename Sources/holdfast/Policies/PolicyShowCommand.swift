import ArgumentParser
import HoldfastAPI
import HoldfastModel

struct PolicyShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Print the policies in force, as they were written.",
    discussion: """
      With the name of a file, only its text.

      Example: holdfast policy show spread.yaml > spread.yaml
      """)

  @OptionGroup var daemon: DaemonOptions

  @Argument(help: ArgumentHelp("Print only this policy file.", valueName: "file"))
  var file: String?

  func run() async throws {
    let inForce = try await daemon.client.get("/policies", as: PoliciesInForce.self)
    if let reason = inForce.unreadable {
      Output.complain("holdfast: the planner cannot read these policies and uses the last ones that it could read: \(reason)")
    }
    if let file {
      guard let text = inForce.files.first(where: { $0.file == file }) else { throw unknown(file, inForce.files) }
      return daemon.output == .json ? try Output.json(text) : Output.text(text.text)
    }
    if daemon.output == .json { return try Output.json(inForce) }
    guard !inForce.files.isEmpty else {
      return Output.line(
        "No policies are in force: workloads go to the least loaded node and stay there. `holdfast policy apply` changes that."
      )
    }
    for (index, text) in inForce.files.enumerated() {
      Output.line(
        "\(index == 0 ? "" : "---\n")# \(text.file), \(index + 1) of \(inForce.files.count), revision \(inForce.revision)")
      Output.text(text.text)
    }
  }

  private func unknown(_ file: String, _ files: [PolicyText]) -> Failure {
    let names = files.map(\.file)
    return Failure(
      kind: "unknown", thing: "policy file \(file)", reason: "no file of this name is in force",
      remedy: nearestSpelling(to: file, among: names).map { "Did you mean \($0)?" }
        ?? (names.isEmpty ? "No policy file is in force." : "Files in force: \(InWords.list(names, most: 8))."))
  }
}
