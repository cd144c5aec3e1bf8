import ArgumentParser
import Foundation
import HoldfastTime
import Lab

/// What Holdfast costs on a node that has nothing to do but to hold many containers.
struct BenchIdle: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-idle", abstract: "CPU and memory of holdfastd and its guard with many idle containers on one node.")

  @Option(help: "Containers on the node.")
  var containers = 50
  @Option(help: "Seconds to measure.")
  var seconds = 30
  @Option(help: "Write the result as JSON to this file.")
  var out: String?

  /// The default TTL, and the shortest that is recommended.
  private static let ttls = [3, 1]

  private struct Result: Codable {
    var containers: Int
    /// Seconds.
    var ttl: Int
    /// Per cent of one core.
    var cpu: [String: Double]
    /// MiB resident.
    var memory: [String: Double]
  }

  func run() async throws {
    let lab = try LabCluster()
    var results: [Result] = []
    print("\n\(containers) idle containers on one node of three, over \(seconds) s:")
    for ttl in Self.ttls {
      let result = try await run(lab, ttl: ttl)
      report(result)
      results.append(result)
    }
    guard let out else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(results).write(to: URL(fileURLWithPath: out))
  }

  private func run(_ lab: LabCluster, ttl: Int) async throws -> Result {
    try await lab.down()
    do {
      try await lab.up()
      try await lab.untilReady()
      for host in lab.allHosts {
        try await lab.service(host, .daemon, .stop)
        let file = "/etc/holdfast/holdfastd.yaml"
        let edited = try await lab.run(host, ["sed", "-i", "s/ttl: 1s/ttl: \(ttl)s/", file])
        guard edited.succeeded else { throw LabError.unexpectedAnswer(command: "sed \(file)", answer: edited.errors) }
        try await lab.service(host, .daemon, .start)
      }
      try await lab.untilReady()
      // With the others away everything goes to h1; nothing moves when they come back.
      for host in lab.allHosts.dropFirst() { try await lab.service(host, .daemon, .stop) }
      let file = try await lab.workloads(count: containers)
      try await lab.holdfast(["apply", "-f", file, "--yes"])
      try await lab.until(containers, runOn: LabHost(1), limit: .seconds(120))
      for host in lab.allHosts.dropFirst() { try await lab.service(host, .daemon, .start) }
      try await lab.untilReady()
      // Longer than the daemons take to give back what their start needed.
      try await Task.sleep(for: .seconds(20))
      let result = try await measure(lab, ttl: ttl)
      try await lab.down()
      return result
    } catch {
      try? await lab.down(keepLogs: true)
      throw error
    }
  }

  private func measure(_ lab: LabCluster, ttl: Int) async throws -> Result {
    let services: [LabService] = [.daemon, .guardProcess]
    var result = Result(containers: containers, ttl: ttl, cpu: [:], memory: [:])
    var before: [LabService: Double] = [:]
    let began = LabClock.now
    for service in services { before[service] = try await lab.cpuSeconds(of: service, on: LabHost(1)) }
    try await Task.sleep(for: .seconds(seconds))
    for service in services {
      let spent = try await lab.cpuSeconds(of: service, on: LabHost(1)) - (before[service] ?? 0)
      result.cpu[service.rawValue] = spent / (LabClock.now - began).inSeconds * 100
      result.memory[service.rawValue] = try await lab.residentMiB(of: service, on: LabHost(1))
    }
    return result
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
  }
}
