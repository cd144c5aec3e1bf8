import ArgumentParser
import Foundation
import HoldfastOperator
import HoldfastTime
import Lab

/// What Holdfast costs on a node that has nothing to do but to hold many containers, and on one that is cut off from the store.
struct BenchIdle: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-idle",
    abstract: "What holdfastd and its guard cost where many containers idle, and a guard that has isolated its node.",
    discussion: """
      First the node is measured on which nothing happens. Then another one is cut off from the store twice: with a few containers, \
      which its guard freezes, and with none, since other nodes have taken them over by then. Each time its guard is measured beside \
      the armed one of the first node, over the same seconds.
      Example: holdfast-lab bench-idle --containers 20 --frozen 50 --out idle.json
      """)

  @Option(help: "Containers on the node.")
  var containers = 50
  @Option(help: "Containers besides, on the node that is cut off from the store.")
  var frozen = 3
  @Option(help: "Seconds of each measurement.")
  var seconds = 30
  @Option(help: "Write the result as JSON to this file.")
  var out: String?

  /// The default TTL, and the shortest that is recommended.
  private static let ttls = [3, 1]
  private static let busy = LabHost(1)
  private static let cutOff = LabHost(3)
  /// Longer than the daemons take to give back what their start needed, and than a guard's looks take to become as rare as they get.
  private static let settling = Duration.seconds(20)

  private struct Result: Codable {
    var containers: Int
    /// Seconds.
    var ttl: Int
    /// Per cent of one core.
    var cpu: [String: Double]
    /// MiB resident.
    var memory: [String: Double]
    /// In pairs that were measured over the same seconds: the armed guard, and the isolated one.
    var guards: [GuardCost] = []
  }
  private struct GuardCost: Codable {
    var host: String
    var phase: String
    /// Workloads that the node runs, or had when it was cut off.
    var workloads: Int
    /// Per cent of one core.
    var cpu: Double
    /// Of all its threads, each second.
    var wakeUps: Double
  }

  func validate() throws {
    guard containers > 0, frozen > 0, seconds > 0 else {
      throw ValidationError("--containers, --frozen and --seconds: there is nothing to measure with less than 1")
    }
  }

  func run() async throws {
    var results: [Result] = []
    print("\n\(containers) idle containers on one node of three, over \(seconds) s:")
    for ttl in Self.ttls {
      let result = try await run(ttl: ttl)
      report(result)
      results.append(result)
    }
    guard let out else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(results).write(to: URL(fileURLWithPath: out))
  }

  private func run(ttl: Int) async throws -> Result {
    let lab = try LabCluster(environment: ["LAB_TTL": "\(ttl)s"])
    try await lab.down()
    do {
      try await bringUp(lab)
      try await Task.sleep(for: Self.settling)
      var result = try await measure(lab, ttl: ttl)
      for workloads in [frozen, 0] { result.guards += try await measureCutOff(lab, workloads: workloads) }
      try await lab.down()
      return result
    } catch {
      try? await lab.down(keepLogs: true)
      throw error
    }
  }

  private func bringUp(_ lab: LabCluster) async throws {
    try await lab.up()
    try await lab.untilReady()
    let file = try await lab.workloads(count: containers + frozen)
    try await lab.gather(file, count: containers + frozen, onto: Self.busy)
    for number in 0..<frozen {
      try await lab.holdfast(["move", "web\(containers + number + 1)", "--to", "\(Self.cutOff)", "--yes"], on: Self.busy)
    }
    try await lab.until(frozen, runOn: Self.cutOff, limit: .seconds(60))
  }

  private func measure(_ lab: LabCluster, ttl: Int) async throws -> Result {
    let services: [LabService] = [.daemon, .guardProcess]
    var result = Result(containers: containers, ttl: ttl, cpu: [:], memory: [:])
    var before: [LabService: Double] = [:]
    let began = LabClock.now
    for service in services { before[service] = try await lab.cpuSeconds(of: service, on: Self.busy) }
    try await Task.sleep(for: .seconds(seconds))
    for service in services {
      let spent = try await lab.cpuSeconds(of: service, on: Self.busy) - (before[service] ?? 0)
      result.cpu[service.rawValue] = spent / (LabClock.now - began).inSeconds * 100
      result.memory[service.rawValue] = try await lab.residentMiB(of: service, on: Self.busy)
    }
    return result
  }

  /// Cuts the host off from the store while it runs so many containers, measures its guard beside an armed one, and heals it.
  private func measureCutOff(_ lab: LabCluster, workloads: Int) async throws -> [GuardCost] {
    try await lab.until(workloads, runOn: Self.cutOff, limit: .seconds(60))
    try await lab.cut(Self.cutOff, .etcd)
    try await lab.until(guardOf: Self.cutOff, is: "isolated")
    try await untilAllRun(lab, elsewhereThan: Self.cutOff)
    try await Task.sleep(for: Self.settling)
    let there = try await lab.workloadList(on: Self.busy).count { $0.node == "\(Self.busy)" }
    let costs = try await measureGuards(lab, [(Self.busy, there), (Self.cutOff, workloads)])
    try await lab.heal(Self.cutOff)
    try await lab.until(guardOf: Self.cutOff, is: "armed", limit: .seconds(60))
    try await lab.untilReady()
    return costs
  }

  private func untilAllRun(_ lab: LabCluster, elsewhereThan host: LabHost) async throws {
    let limit = Duration.seconds(60), end = LabClock.now + limit
    while !(try await lab.workloadList(on: Self.busy).allSatisfy { $0.state == .running && $0.node != "\(host)" }) {
      guard LabClock.now < end else {
        throw LabError.failed(
          command: "holdfast workloads", status: "not all run elsewhere \(Lab.seconds(limit)) s after \(host) was cut off",
          output: try await lab.holdfast(["status"], on: Self.busy))
      }
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  private func measureGuards(_ lab: LabCluster, _ hosts: [(host: LabHost, workloads: Int)]) async throws -> [GuardCost] {
    var before: [LabHost: (spent: LabCluster.Spent, at: BootInstant)] = [:]
    for (host, _) in hosts { before[host] = (try await lab.spent(by: .guardProcess, on: host), LabClock.now) }
    try await Task.sleep(for: .seconds(seconds))
    var costs: [GuardCost] = []
    for (host, workloads) in hosts {
      guard let before = before[host] else { continue }
      let spent = try await lab.spent(by: .guardProcess, on: host), time = (LabClock.now - before.at).inSeconds
      costs.append(
        GuardCost(
          host: "\(host)", phase: await lab.guardPhase(of: host) ?? "no answer", workloads: workloads,
          cpu: (spent.cpuSeconds - before.spent.cpuSeconds) / time * 100,
          wakeUps: Double(spent.wakeUps - before.spent.wakeUps) / time))
    }
    return costs
  }

  private func report(_ result: Result) {
    print("\nTTL \(result.ttl) s\(result.ttl == Self.ttls.first ? ", the default" : "")")
    for name in result.cpu.keys.sorted() {
      print(
        name.padding(toLength: 16, withPad: " ", startingAt: 0)
          + String(format: "%5.2f %% of a core  %5.1f MiB resident", result.cpu[name] ?? 0, result.memory[name] ?? 0))
    }
    let cpu = result.cpu.values.reduce(0, +), memory = result.memory.values.reduce(0, +)
    print(
      "together".padding(toLength: 16, withPad: " ", startingAt: 0)
        + String(format: "%5.2f %% of a core  %5.1f MiB resident (asked: under 1 %% and 60 MiB)", cpu, memory))
    print("one host cut off from the store, its guard beside an armed one:")
    for cost in result.guards {
      let what = "\(cost.host), \(cost.phase), \(cost.workloads) workloads"
      print(
        what.padding(toLength: 28, withPad: " ", startingAt: 0)
          + String(format: "%7.3f %% of a core  %6.2f wake-ups a second", cost.cpu, cost.wakeUps))
    }
  }
}
