import ArgumentParser
import Foundation
import HoldfastModel
import HoldfastPlanning

/// One case of our own, in a process of its own, so that its memory is its own too.
struct OwnRun: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "case", abstract: "Runs one case and prints it as JSON.", shouldDisplay: false)

  @Argument var nodes: Int
  @Argument var workloads: Int
  @Flag var rules = false
  @Option var seed: UInt64 = 1
  @Option var runs = 5

  func run() throws {
    let cluster = MadeCluster(.init(nodes: nodes, workloads: workloads), seed: seed)
    let planner = PolicyPlanner(rules ? cluster.rules : .none)
    var times: [Double] = [], seats: [WorkloadName: NodeName] = [:]
    for _ in 0..<max(1, runs) {
      let began = ContinuousClock.now
      let plan = planner.plan(cluster.snapshot)
      times.append((ContinuousClock.now - began) / .seconds(1))
      seats = plan.compactMapValues(\.node)
    }
    times.sort()
    let peakMemory = ChildRun.peakMemory(of: "self")
    let measure = Measure(
      size: "\(cluster.size)", rules: rules, planner: "holdfast", seconds: times[0], medianSeconds: times[times.count / 2],
      peakMemory: peakMemory, judgement: Judgement(cluster, seats))
    print(String(decoding: try JSONEncoder().encode(measure), as: UTF8.self))
  }

  /// Runs a case in a child of this program.
  static func measure(_ cluster: MadeCluster, rules: Bool, seed: UInt64, runs: Int) throws -> Measure {
    let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    let arguments = ["case", "\(cluster.size.nodes)", "\(cluster.size.workloads)", "--seed", "\(seed)", "--runs", "\(runs)"]
    let child = try ChildRun(path, arguments + (rules ? ["--rules"] : []), limit: 600)
    return try JSONDecoder().decode(Measure.self, from: Data(child.output.utf8))
  }
}
