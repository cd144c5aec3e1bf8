import ArgumentParser
import HoldfastAPI
import HoldfastOperator

struct ApplyCommand: AsyncParsableCommand, CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Create or change workloads as files define them.",
    discussion: """
      Workloads that are in no file are left alone, unless --prune says otherwise. A changed XML takes effect at the workload's next start \
      (`holdfast restart`). What failed to start is tried again at once. --diff shows what changes against the definition in the store, line by \
      line and without passwords; `holdfast workload NAME` shows what runs otherwise than that.

      With --prune --selector KEY=VALUE, workloads that have this label and are in none of the files are released: they leave protection and \
      continue where they run, and `holdfast release --undo` brings them back. Every workload in the files must have the label, so that the files \
      and the label stand for the same workloads. What would be released is shown first; nothing is while anything in the files is refused.

      Example: holdfast apply -f workloads.yaml --diff --dry-run
      """)

  @OptionGroup var daemon: DaemonOptions

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "A YAML file with workloads, a directory of *.yaml, or - for standard input. May be repeated.", valueName: "path"),
    completion: .file())
  var file: [String]

  @Flag(help: "Show what would change, and change nothing.")
  var dryRun = false

  @Flag(name: .customLong("check"), help: "Only check the files; needs no daemon.")
  var onlyChecks = false

  @Flag(help: "Show the changes as a diff.")
  var diff = false

  @Flag(
    name: .shortAndLong,
    help: "Do not ask for confirmation before existing workloads are changed or released. Required when there is no terminal.")
  var yes = false

  @Flag(help: "Release workloads that have the label of --selector and are in none of the files.")
  var prune = false

  @Option(
    help: ArgumentHelp("The label of what the files are about, with --prune. Repeated: all of them.", valueName: "key=value"))
  var selector: [LabelChoice] = []

  func checkOptions() throws {
    if prune, selector.isEmpty { throw ValidationError("--prune needs --selector KEY=VALUE: what the files are about.") }
    if !prune, !selector.isEmpty { throw ValidationError("--selector is for --prune.") }
  }

  func run() async throws {
    let sources = try WorkloadSources(file)
    if onlyChecks {
      let checked = try WorkloadFileCheck(sources)
      return daemon.output == .json ? try Output.json(checked) : Output.line(checked.line)
    }
    let surplus = prune ? try await surplus(sources) : []
    if dryRun || !yes {
      let plan = try await apply(sources, isDryRun: true).results + release(surplus, isDryRun: true)
      if dryRun { return try finish(plan) }
      try agree(to: plan, releasing: surplus.count)
    }
    let applied = try await apply(sources, isDryRun: false).results
    guard !surplus.isEmpty else { return try finish(applied) }
    guard !applied.contains(where: { $0.effect == .failed }) else {
      Output.complain("holdfast: nothing was released, as not everything in the files was applied.")
      return try finish(applied)
    }
    try finish(applied + (try await release(surplus, isDryRun: false)))
  }

  private func apply(_ sources: WorkloadSources, isDryRun: Bool) async throws -> CommandResults {
    var query = isDryRun ? ["dryRun": "true"] : [:]
    if diff { query["diff"] = "true" }
    return try await daemon.client.post(
      "/workloads", query, body: ApplyRequest(workloads: sources.definitions),
      files: sources.files)
  }

  private func release(_ names: [String], isDryRun: Bool) async throws -> [CommandResult] {
    let client = daemon.client
    return try await BatchCommand.results(names, isDryRun ? ["dryRun": "true"] : [:]) {
      try await client.post("/workloads/\($0)/release", $1)
    }
  }

  /// A new workload harms nobody; a change to one that is there is looked at first.
  private func agree(to plan: [CommandResult], releasing count: Int) throws {
    let changes = plan.count { $0.effect == .changed }
    let parts =
      (changes > 0 ? ["Change \(Words.count(changes, "workload"))"] : [])
      + (count > 0
        ? [
          "\(changes > 0 ? "release" : "Release") \(Words.count(count, "workload")) that \(count == 1 ? "is" : "are") in no file"
        ] : [])
    if !parts.isEmpty { try Confirmation.ask("\(parts.joined(separator: ", and "))?", showing: plan) }
  }

  private func finish(_ results: [CommandResult]) throws {
    try BatchCommand.tell(results, isDryRun: dryRun, daemon.output)
    try BatchCommand.refuseIfFailed(results)
  }

  // MARK: what is in no file

  /// Protected workloads that have the label and are not in the files.
  ///
  /// - Throws: `Failure` for a workload in the files without the label: the next prune would not know it for theirs.
  private func surplus(_ sources: WorkloadSources) async throws -> [String] {
    if let stranger = sources.definitions.first(where: { !isChosen($0.labels) }) {
      throw Failure(
        kind: "invalid", thing: "workload \(stranger.name)",
        reason: "it is in the files and has not the label \(selector.map(\.description).joined(separator: ", "))",
        remedy: "Give every workload in the files that label, or name the label that they have.")
    }
    let defined = Set(sources.definitions.map(\.name))
    let present = try await daemon.client.get("/workloads", as: WorkloadList.self)
    if present.isUnread == true { throw Failure.unread("the cluster's workloads") }
    return present.workloads.filter {
      isChosen($0.labels) && !defined.contains($0.name) && ($0.desired == "running" || $0.desired == "stopped")
    }.map(\.name)
  }

  private func isChosen(_ labels: [String: String]) -> Bool { selector.allSatisfy { labels[$0.key] == $0.value } }
}

/// A label that a workload must have: `tier=web`.
struct LabelChoice: ExpressibleByArgument, Hashable, CustomStringConvertible {
  var key: String
  var value: String

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else { return nil }
    (key, value) = (String(parts[0]), String(parts[1]))
  }

  var description: String { "\(key)=\(value)" }
}
