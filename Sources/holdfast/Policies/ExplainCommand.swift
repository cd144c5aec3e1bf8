import ArgumentParser
import HoldfastAPI
import HoldfastModel
import HoldfastPlanning
import HoldfastPolicies

struct ExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract:
      "Show why a workload is where it is: for every other node, the rule that excludes it or the criterion on which it ranked lower.",
    discussion: """
      `holdfast workload NAME` shows the reasons that the planner recorded when it decided. This command runs the planner again on the present state.

      Example: holdfast explain db1
      """)

  @OptionGroup var source: SnapshotSource
  @OptionGroup var policies: PolicyOptions

  @Argument(help: "The workload's name.", completion: .workloads)
  var name: String

  func run() async throws {
    let next = try policies.read()
    let loaded = try await load()
    let rules = next ?? loaded.policies
    var planning = loaded.snapshot.planning
    // As the planner itself plans. By other rules it is told where everything would be in the end.
    if next == nil { planning.pace = loaded.snapshot.areMovesOff == true ? .off : .kept }
    guard let explanation = PolicyPlanner(rules).explain(WorkloadName(name), in: planning) else {
      let nearest = nearestSpelling(to: name, among: planning.workloads.map(\.name.text))
      throw Failure(
        kind: "unknown", thing: "workload \(name)", reason: "there is no workload of this name",
        remedy: nearest.map { "Did you mean \($0)?" } ?? "`holdfast workloads` lists them all.")
    }
    let answer = ExplainAnswer(explanation, rules)
    guard source.daemon.output == .text else { return try Output.json(answer) }
    for line in ExplainScreen(answer: answer, terminal: .current()).lines() { Output.line(line) }
  }
}

extension ExplainCommand {
  /// - Throws: where the planner's records are not known, what tells what is.
  private func load() async throws -> SnapshotSource.Loaded {
    do { return try await source.load() } catch var failure as Failure {
      if failure.kind == "unavailable", failure.status == .failed {
        failure.remedy += " `holdfast workload \(name)` shows what this node itself knows of it."
      }
      throw failure
    }
  }
}

/// Why a workload is where it is, for scripts.
struct ExplainAnswer: Encodable {
  /// Its move has not begun.
  struct Waiting: Encodable {
    var to: String
    var why: String
  }
  struct Rule: Encodable {
    var name: String
    var keys: [RuleText.Entry]
  }
  var workload: String
  /// nil: nowhere.
  var node: String?
  /// It is on a node, and breaks no rule there.
  var isInPlace: Bool
  /// The rule that it breaks where it is, as no other node can take it, or until its move begins; nil: it breaks none.
  var brokenRule: String?
  /// nil: no move of it waits.
  var waiting: Waiting?
  var reason: String
  /// The same as codes, for programs.
  var reasonCodes: [String]
  /// What is missing, where the least is, when it is nowhere for lack of room.
  var shortfall: Shortfall?
  /// By node: why not there; and the same as codes.
  var others: [String: String]
  var otherCodes: [String: String]
  /// Those that are about it, in their order.
  var rules: [Rule]

  init(_ explanation: Explanation, _ policies: PolicySet) {
    workload = explanation.workload.text
    node = explanation.node?.text
    isInPlace = explanation.node != nil && explanation.brokenRule == nil
    brokenRule = explanation.brokenRule
    waiting = explanation.waiting.map { Waiting(to: $0.to.text, why: $0.why) }
    reason = "\(explanation.reason)"
    reasonCodes = explanation.reason.codes
    shortfall = explanation.shortfall
    others = explanation.others.texts
    otherCodes = explanation.others.codes
    let about = Set(explanation.rules)
    rules = policies.workloads.filter { about.contains($0.name) }.map { Rule(name: $0.name, keys: RuleText.entries(of: $0)) }
  }
}
