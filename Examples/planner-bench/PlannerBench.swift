import ArgumentParser
import Foundation

@main
struct PlannerBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "planner-bench",
    abstract: "Measures the planner on made clusters of which one node was lost, plain and with rules.",
    discussion: """
      The clusters come from a seed. With rules each workload prefers a node, and the copies of an application are kept apart. \
      Pacemaker's crm_simulate and Ganeti's hail plan the same clusters where they are installed.
      """,
    subcommands: [Compare.self, OwnRun.self], defaultSubcommand: Compare.self)
}

struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "compare", abstract: "Runs all cases and prints a table.")

  @Option(help: "Write the figures to this file, as JSON.") var out: String?
  @Option(help: "The seed of the clusters.") var seed: UInt64 = 1
  @Option(help: "Runs of our own planner for each case.") var runs = 5
  @Option(help: "Seconds for one run of another planner; larger clusters are not tried with it afterwards.") var limit = 120.0
  @Option(help: "Only clusters with at most so many nodes.") var nodes = 1000

  func run() throws {
    var measures: [Measure] = [], tooSlow: [String: String] = [:]
    print(
      Self.row([
        "cluster", "rules", "planner", "time", "cpu", "memory", "moved", "unplaced", "capacity", "rules", "max", "spread"
      ]))
    for size in MadeCluster.sizes where size.nodes <= nodes {
      let cluster = MadeCluster(size, seed: seed)
      for rules in [false, true] {
        let own = try OwnRun.measure(cluster, rules: rules, seed: seed, runs: runs)
        let others = [
          peer("crm_simulate", cluster, rules, &tooSlow) { try PacemakerRun.measure(cluster, rules: rules, limit: limit) },
          peer("hail", cluster, rules, &tooSlow) { try GanetiRun.measure(cluster, rules: rules, limit: limit) }
        ]
        for measure in [own] + others {
          measures.append(measure)
          print(Self.row(measure))
        }
      }
    }
    if let out {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try encoder.encode(measures).write(to: URL(filePath: out))
    }
    try judge(measures)
  }

  /// A run of another planner, or why there is none.
  private func peer(
    _ name: String, _ cluster: MadeCluster, _ rules: Bool, _ tooSlow: inout [String: String], _ run: () throws -> Measure
  ) -> Measure {
    let key = "\(name) \(rules)"
    var remark = tooSlow[key]
    if remark == nil {
      do {
        return try run()
      } catch ChildRun.Failure.overTime(_, let seconds) {
        remark = "over \(Int(seconds)) s"
        tooSlow[key] = "not tried: a smaller cluster took over \(Int(seconds)) s"
      } catch {
        remark = "\(error)"
      }
    }
    return Measure(size: "\(cluster.size)", rules: rules, planner: name, remark: remark)
  }

  /// What must never be.
  private func judge(_ measures: [Measure]) throws {
    for own in measures where own.planner == "holdfast" {
      guard let judgement = own.judgement else { continue }
      let hail = measures.first { $0.planner == "hail" && $0.size == own.size && $0.rules == own.rules }?.judgement
      let isSound = judgement.capacityViolations == 0 && (!own.rules || judgement.ruleViolations == 0)
      // Who breaks rules places more.
      let isLawful = hail?.capacityViolations == 0 && (!own.rules || hail?.ruleViolations == 0)
      guard isSound, !isLawful || judgement.unplaced <= hail?.unplaced ?? .max else {
        print("\(own.size)\(own.rules ? " with rules" : ""): the plan breaks a rule, or leaves more unplaced than hail")
        throw ExitCode.failure
      }
    }
  }

  private static func row(_ measure: Measure) -> String {
    let head = [measure.size, measure.rules ? "yes" : "no", measure.planner]
    guard let judgement = measure.judgement, let seconds = measure.seconds else { return row(head + [measure.remark ?? ""]) }
    func time(_ seconds: Double) -> String {
      String(format: seconds < 1 ? "%.1f ms" : "%.2f s", seconds < 1 ? seconds * 1000 : seconds)
    }
    return row(
      head + [
        time(seconds), measure.cpuSeconds.map(time) ?? "", measure.peakMemory.map { String(format: "%.0f MiB", $0) } ?? "",
        "\(judgement.moved)", "\(judgement.unplaced)", "\(judgement.capacityViolations)",
        measure.rules ? "\(judgement.ruleViolations)" : "", String(format: "%.3f", judgement.greatestLoad),
        String(format: "%.4f", judgement.spreadOfLoad)
      ])
  }

  private static func row(_ cells: [String]) -> String {
    let widths = [12, 5, 12, 10, 9, 9, 6, 8, 8, 6, 7, 7]
    return zip(cells, widths).map { $0.padding(toLength: max($0.count, $1), withPad: " ", startingAt: 0) }.joined(
      separator: " ")
  }
}
