import ArgumentParser
import HoldfastAPI
import HoldfastOperator
import HoldfastPlanning
import HoldfastPolicies
import HoldfastYAML

struct PolicyApplyCommand: AsyncParsableCommand, CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Replace the policies in force by policy files, after showing what that changes and moves.",
    discussion: """
      The files replace all policies in force; with --none nothing takes their place. The command refuses when another operator has changed \
      the policies meanwhile. With --yes it also refuses policies that do not fit the cluster: those that leave a workload no node that may run it, leave no room on any \
      node, or leave a workload no place that runs now; --accept-loss puts them in force.

      Exit status: 0 success; 1 they do not fit the cluster (an error); 5 a running workload could no longer be placed. --dry-run has the same two.

      Example: holdfast policy apply policies/ --dry-run
      """)

  @OptionGroup var daemon: DaemonOptions

  @Argument(help: ArgumentHelp("Policy files, or directories of *.yaml.", valueName: "path"), completion: .file())
  var paths: [String] = []

  @Flag(help: "Put no policies in force: workloads go to the least loaded node and stay there.")
  var none = false

  @Flag(help: "Show what would change, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. Required when there is no terminal.")
  var yes = false

  @Flag(help: "Put policies in force without asking though they leave workloads without a node.")
  var acceptLoss = false

  /// What it would do, for scripts.
  private struct Effect: Encodable {
    var isDryRun: Bool
    /// The revision of the policies in force.
    var revision: Int64
    /// nil: those in force cannot be read, and everything is new.
    var diff: PolicyDiff?
    var misfits: [FileMistake]
    var whatIf: WhatIf

    /// Rules that some workloads could not run under, or all nodes could run nothing under.
    var errors: [FileMistake] { misfits.filter { $0.severity == .error } }
    /// The exit status of a look, and of what --yes refuses; nil: they can be put in force.
    var objection: ExitStatus? { !errors.isEmpty ? .failed : !whatIf.victims.isEmpty ? .wouldNotRun : nil }
  }

  func checkOptions() throws {
    if none, !paths.isEmpty { throw ValidationError("--none and policy files exclude each other.") }
    if !none, paths.isEmpty { throw ValidationError("Name the policy files that are to be in force; --none is for none.") }
  }

  func run() async throws {
    let next = none ? PolicyFiles.none : try PolicyFiles.read(paths)
    let client = daemon.client
    let inForce = try await client.get("/policies", as: PoliciesInForce.self)
    let request = PoliciesRequest(files: next.named, revision: inForce.revision)
    // The daemon may be older than this program: it says first whether it understands them.
    _ = try await client.post("/policies", ["dryRun": "true"], body: request, as: PoliciesInForce.self)
    let effect = try await effect(of: next, inForce)
    let lines = lines(effect, next, areMovesOff: try await client.get("/status", as: ClusterStatus.self).moves?.off != nil)
    if dryRun {
      if daemon.output == .json {
        try Output.json(effect)
      } else {
        Output.line("Nothing was done. What would happen:")
        for line in lines { Output.line(line) }
      }
      if let objection = effect.objection { throw ExitCode(objection.rawValue) }
      return
    }
    if effect.diff?.isEmpty ?? false, inForce.unreadable == nil {
      return daemon.output == .json
        ? try Output.json(effect)
        : Output.line("No difference: these policies are in force already (revision \(inForce.revision)).")
    }
    if !yes {
      try Confirmation.ask(none ? "Put no policies in force?" : "Put these policies in force?", lines: lines)
    } else {
      try refuse(effect, next, lines)
    }
    let done = try await client.post("/policies", body: request, files: next.paths, as: PoliciesInForce.self)
    guard daemon.output == .text else {
      var told = effect
      told.revision = done.revision
      return try Output.json(told)
    }
    let count = done.files.count
    let what = count == 0 ? "No policies are" : "\(Words.count(count, "policy file")) \(count == 1 ? "is" : "are")"
    Output.line("\(what) in force (revision \(done.revision)).")
  }

  /// Nobody is asked: what they would be asked about is shown, and refused unless it was said to be accepted.
  private func refuse(_ effect: Effect, _ next: PolicyFiles, _ lines: [String]) throws {
    let mistakes = next.warnings + effect.misfits
    if daemon.output == .text {
      let shown = effect.objection != nil ? lines : mistakes.isEmpty ? [] : [FileErrors(mistakes).description]
      for line in shown { Output.complain(line) }
    }
    guard let objection = effect.objection, !acceptLoss else { return }
    let count = effect.whatIf.victims.count
    throw Failure(
      objection, kind: "conflict", thing: none ? "no policies" : "the policies",
      reason: objection == .failed
        ? "they do not fit this cluster (\(Words.count(effect.errors.count, "error"))), and nothing was changed"
        : "\(Words.count(count, "workload")) could no longer be placed, and nothing was changed",
      remedy: "`holdfast policy apply --dry-run` shows what would happen; --accept-loss puts them in force all the same.")
  }

  private func effect(of next: PolicyFiles, _ inForce: PoliciesInForce) async throws -> Effect {
    let snapshot = try await daemon.client.get("/snapshot", as: ClusterSnapshot.self).planning
    let before = try? PolicyFiles.understood(inForce.files)
    return Effect(
      isDryRun: dryRun, revision: inForce.revision,
      diff: before.map { PolicyDiff(from: (inForce.files, $0), to: (next.named, next.policies)) },
      misfits: (try? PolicyFile.misfits(next.named, in: snapshot)) ?? [],
      whatIf: WhatIf(Supposition(), in: snapshot, policies: before ?? .none, next: next.policies))
  }

  /// What moves by itself has a pace.
  private static func moves(_ count: Int, _ policies: PolicySet, areOff: Bool) -> String {
    let moved = Words.count(count, "workload")
    if count == 0 { return "Nothing moves" }
    if areOff { return "\(moved) \(count == 1 ? "is to move, and waits" : "are to move, and wait") for `holdfast moves on`" }
    return count == 1
      ? "\(moved) moves, when its turn comes" : "\(moved) move, at most \(policies.cluster.movesAtOnce) at a time"
  }

  private func lines(_ effect: Effect, _ next: PolicyFiles, areMovesOff: Bool) -> [String] {
    let terminal = Terminal.current()
    var lines =
      effect.diff.map { DiffLines(diff: $0, terminal: terminal).lines() }
      ?? ["The policies in force cannot be read by this build: all of their rules are replaced by these."]
    let mistakes = next.warnings + effect.misfits
    if !mistakes.isEmpty { lines += [""] + FileErrors(mistakes).description.split(separator: "\n").map(String.init) }
    let answer = effect.whatIf
    let start = Self.moves(answer.moves.count, next.policies, areOff: areMovesOff)
    let count = answer.victims.count
    let lost =
      count == 0
      ? "every running workload keeps a node"
      : "\(Words.count(count, "workload")) could no longer be placed"
    lines += ["", terminal.styled("\(start); \(lost).", answer.victims.isEmpty ? .good : .bad)]
    if answer.moves.isEmpty, answer.pending.isEmpty, answer.warnings.isEmpty { return lines }
    return lines + WhatIfScreen(answer: answer, condition: "", terminal: terminal, isWhole: false).body()
  }
}
