import ArgumentParser
import Foundation
import HoldfastTime
import Lab

/// Host killed → its containers answer from other hosts, many times over, against the floor measured in the same run.
struct BenchFailover: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-failover",
    abstract: "Kill a host, again and again: how long its containers are silent.",
    discussion: """
      The floor of a run is TTL + margin + what a bare 'virsh create' of such a container takes on a surviving host in that run.
      Example: holdfast-lab bench-failover --runs 10 --out failover.json
      """)

  @Option(help: "Runs in which etcd's leader survives; every second victim is the planner's host.")
  var runs = 10
  @Option(help: "Runs in which the victim carries etcd's leader, listed apart.")
  var leaderRuns = 4
  @Option(help: "Containers.")
  var containers = 9
  @Option(help: "Write the result as JSON to this file.")
  var out: String?

  func run() async throws {
    let lab = try LabCluster(environment: ["LAB_TTL": "\(Int(FailoverReport.ttl * 1000))ms"])
    try await lab.down()
    do {
      let stage = try await Stage.make(lab: lab, count: containers) { print($0) }
      print("\n" + FailoverRun.heading)
      var results: [FailoverRun] = []
      for number in 0..<(runs + leaderRuns) {
        let kind: FailoverRun.Victim = number >= runs ? .leader : number % 2 == 0 ? .other : .planner
        let result = try await measure(kind, number: number + 1, on: stage)
        print(result.row)
        results.append(result)
      }
      try await stage.end()
      let report = FailoverReport(runs: results)
      print("\n" + report.text)
      if let out { try report.json().write(to: URL(fileURLWithPath: out)) }
      if !report.isWithinBounds { throw ExitCode(1) }
    } catch {
      try? await lab.down(keepLogs: true)
      throw error
    }
  }

  private func measure(_ kind: FailoverRun.Victim, number: Int, on stage: Stage) async throws -> FailoverRun {
    let lab = stage.lab
    let victim = try await prepare(kind, on: stage)
    let survivor = lab.allHosts.first { $0 != victim } ?? LabHost(1)
    let homes = stage.hosts()
    let bare = try await lab.bareStart(on: survivor)
    let lost = stage.containers(on: victim)
    // Anywhere within the renewal interval, as in life.
    try await Task.sleep(for: .milliseconds(Int.random(in: 0..<200)))
    let killed = try await lab.kill(victim)
    let back = await stage.probe.wait(.seconds(30)) { histories in
      lost.allSatisfy { histories[$0]?.answered(after: killed, elsewhereThan: "\(victim)") != nil }
    }
    let times = lost.compactMap { stage.probe.history($0).answered(after: killed, elsewhereThan: "\(victim)") }.map {
      $0 - killed
    }.sorted()
    guard back, let first = times.first, let last = times.last else {
      throw LabError.failed(
        command: "run \(number): kill \(victim)", status: "its containers do not answer after 30 s",
        output: try await lab.holdfast(["status"], on: survivor))
    }
    try await restore(victim, homes: homes, on: stage, askedOn: survivor)
    return FailoverRun(
      number: number, victim: kind, host: "\(victim)", containers: lost.count, first: first, last: last, bareStart: bare)
  }

  /// Chooses the victim, and moves etcd's leader out of the way or makes its host the victim.
  private func prepare(_ kind: FailoverRun.Victim, on stage: Stage) async throws -> LabHost {
    let planner = try await stage.lab.planner(), leader = try await stage.lab.leader()
    switch kind {
    case .leader: return leader
    case .planner, .other:
      let victim = kind == .planner ? planner : stage.lab.allHosts.filter { $0 != planner }.randomElement()
      guard let victim else { throw LabError.failed(command: "holdfast status", status: "no planner", output: "") }
      if leader == victim, let other = stage.lab.allHosts.first(where: { $0 != victim }) {
        try await stage.lab.moveLeader(to: other)
      }
      return victim
    }
  }

  /// Everything as it was before the kill, by the operator's own commands.
  private func restore(_ host: LabHost, homes: [String: LabHost], on stage: Stage, askedOn survivor: LabHost) async throws {
    try await stage.lab.boot(host)
    try await stage.lab.untilReady()
    // A move is refused while the host's libvirtd is still starting: asked again then.
    for _ in 0..<6 {
      let present = stage.hosts()
      for (name, home) in homes.sorted(by: { $0.key < $1.key }) where present[name] != home && stage.containers.contains(name) {
        try await stage.lab.holdfast(["move", name, "--to", "\(home)", "--yes"], on: survivor)
      }
      if await stage.probe.wait(.seconds(5), until: { _ in stage.containers.allSatisfy { stage.hosts()[$0] == homes[$0] } }) {
        return
      }
    }
    throw LabError.failed(
      command: "holdfast move", status: "the containers are not back on \(host) after 30 s",
      output: try await stage.lab.holdfast(["status"], on: survivor))
  }
}
