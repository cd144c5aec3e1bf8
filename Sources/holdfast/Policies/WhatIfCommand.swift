import ArgumentParser
import HoldfastAPI
import HoldfastModel
import HoldfastPlanning

struct WhatIfCommand: AsyncParsableCommand, CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "whatif",
    abstract: "Show what would move where, what would not fit and why, and the room left. Changes nothing.",
    discussion: """
      Options combine; the answer is the final state, once every move has ended. Nodes are named as in policies: n3, n1,n2, rack=b. \
      `--lose each` tries the loss of each node separately.

      Exit status: 0 every workload would run; 5 a new or running workload would not run.

      Examples: holdfast whatif --lose n3
                holdfast whatif --lose each -o json | jq -r '.trials[] | select(.pending != []).node'
                holdfast whatif --drain rack=b --add new-node.yaml --policies policies/
      """)

  @OptionGroup var source: SnapshotSource
  @OptionGroup var policies: PolicyOptions

  @Option(
    help: ArgumentHelp(
      "Nodes that fail, all at once; or 'each' for every node separately. May be repeated.", valueName: "nodes"),
    completion: .nodes)
  var lose: [String] = []

  @Option(help: ArgumentHelp("Nodes that are drained. May be repeated.", valueName: "nodes"), completion: .nodes)
  var drain: [String] = []

  @Option(
    help: ArgumentHelp(
      "A YAML file with nodes and workloads to add. Workloads are written as for `apply`; their XML may be omitted. May be repeated.",
      valueName: "file"), completion: .yaml)
  var add: [String] = []

  @Flag(help: "List everything, without limits on length.")
  var all = false

  func checkOptions() throws {
    if lose.isEmpty, drain.isEmpty, add.isEmpty, policies.policies.isEmpty {
      throw ValidationError("Nothing is supposed: add --lose, --drain, --add or --policies.")
    }
    if lose.contains("each"), lose.count > 1 {
      throw ValidationError("--lose each cannot be combined with other nodes: it tries each node separately.")
    }
  }

  func run() async throws {
    let next = try policies.read()
    let loaded = try await source.load()
    let snapshot = loaded.snapshot.planning
    var supposition = Supposition()
    try Additions.read(add, into: &supposition, snapshot)
    let whole = snapshot.supposing(supposition)
    for text in drain { supposition.drained.formUnion(try NodeSelection.nodes(text, option: "--drain", in: whole)) }
    if lose == ["each"] {
      return try each(supposition, snapshot, next ?? loaded.policies, areNew: next != nil)
    }
    for text in lose { supposition.lost.formUnion(try NodeSelection.nodes(text, option: "--lose", in: whole)) }
    let answer = WhatIf(supposition, in: snapshot, policies: loaded.policies, next: next)
    if source.daemon.output == .json {
      try Output.json(answer)
    } else {
      let screen = WhatIfScreen(
        answer: answer, condition: Condition.text(supposition, policies: policies.policies), terminal: .current(), isWhole: all)
      for line in screen.lines() { Output.line(line) }
    }
    if !answer.victims.isEmpty { throw ExitCode(ExitStatus.wouldNotRun.rawValue) }
  }

  private func each(_ supposition: Supposition, _ snapshot: PlanningSnapshot, _ rules: PolicySet, areNew: Bool) throws {
    let isShown = Terminal.showsProgress
    let trials = LossTrials(supposition, in: snapshot, policies: rules, areNew: areNew) { done, count in
      if isShown { Output.progress(done < count ? "\(done) of \(count) nodes" : "") }
    }
    if source.daemon.output == .json {
      try Output.json(trials)
    } else {
      let screen = LossScreen(
        trials: trials, nodes: snapshot.supposing(supposition).nodes.count,
        condition: Condition.text(supposition, policies: policies.policies), terminal: .current(), isWhole: all)
      for line in screen.lines() { Output.line(line) }
    }
    let isNewPending = supposition.workloads.contains { trials.pendingBefore.contains($0.name) }
    if !trials.survivesAll || isNewPending { throw ExitCode(ExitStatus.wouldNotRun.rawValue) }
  }
}

/// What is supposed, in words.
enum Condition {
  /// Such as `n3 is lost and n2 is drained`; empty: nothing is.
  static func text(_ supposition: Supposition, policies: [String]) -> String {
    func clause<Name: Comparable>(_ names: some Collection<Name>, _ one: String, _ many: String) -> String? {
      if names.isEmpty { return nil }
      return "\(InWords.list(names.sorted().map { "\($0)" }, most: 4)) \(names.count == 1 ? one : many)"
    }
    let clauses = [
      clause(supposition.lost, "is lost", "are lost"), clause(supposition.drained, "is drained", "are drained"),
      clause(supposition.nodes.map(\.name), "joins", "join"),
      clause(supposition.workloads.map(\.name), "is added", "are added"),
      clause(policies, "is in force", "are in force")
    ]
    let present = clauses.compactMap { $0 }
    return present.count < 2
      ? present.joined() : present.dropLast().joined(separator: ", ") + ", and " + present[present.count - 1]
  }
}
