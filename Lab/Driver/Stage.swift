import Foundation
import HoldfastOperator
import HoldfastTime

/// A lab with Holdfast's containers answering on it: where the demonstration, the benchmarks and the lab tests begin.
public struct Stage: Sendable {
  public let lab: LabCluster
  public let probe: HTTPProbe
  /// The containers under protection, sorted by number.
  public let containers: [String]
  /// How long `up` took, and from `apply` to the last container's first answer.
  public let up: Duration
  public let settled: Duration

  /// Brings the lab up and `count` containers into service.
  ///
  /// - Parameters:
  ///   - machines: so many virtual machines besides, vm1, vm2, …
  ///   - unmanaged: one container on each host that Holdfast is not told about.
  /// - Throws: `LabError`, `ProbeError`; `LabError.failed` when they do not all answer within a minute.
  public static func make(
    lab: LabCluster, hosts: Int = 3, count: Int = 9, isolation: String = "freeze", machines: Int = 0,
    unmanaged: Bool = false, say: @Sendable (String) -> Void = { _ in }
  ) async throws -> Stage {
    let up = try await lab.up(hosts: hosts)
    say("\(hosts) hosts are up after \(seconds(up)) s: each with etcd (mutual TLS), libvirtd, holdfast-guard, holdfastd")
    if unmanaged { try await lab.unmanaged() }
    let file = try await lab.workloads(count: count, isolation: isolation, machines: machines)
    let probe = try await HTTPProbe(targets: try lab.addresses(), namespace: try lab.switchNamespace())
    let began = LabClock.now
    try await lab.untilReady()
    try await lab.holdfast(["apply", "-f", file, "--yes"])
    let containers = (1...count).map { "web\($0)" }
    let awaited = containers + (0..<machines).map { "vm\($0 + 1)" }
    let all = await probe.wait(.seconds(60)) { histories in awaited.allSatisfy { histories[$0]?.isAnswering ?? false } }
    guard all else {
      throw LabError.failed(
        command: "holdfast apply -f \(file)", status: "not all answer after 60 s",
        output: (try? await lab.holdfast(["status"])) ?? "")
    }
    return Stage(lab: lab, probe: probe, containers: containers, up: up, settled: LabClock.now - began)
  }

  /// Which host each container answers from now; silent ones are missing.
  public func hosts() -> [String: LabHost] {
    var found: [String: LabHost] = [:]
    for (name, history) in probe.histories where history.isAnswering {
      if let last = history.answers.last, let host = LabHost(name: last.node) { found[name] = host }
    }
    return found
  }

  /// Containers on a host, sorted.
  public func containers(on host: LabHost) -> [String] {
    let hosts = hosts()
    return containers.filter { hosts[$0] == host }
  }

  /// Ends the probe and the lab.
  public func end(keepLogs: Bool = false) async throws {
    await probe.stop()
    try await lab.down(keepLogs: keepLogs)
  }
}

extension ProbeHistory {
  /// The last question was answered.
  public var isAnswering: Bool { silentSince == nil && !answers.isEmpty }
}

extension LabCluster {
  /// Runs `holdfast` on a host; its output.
  @discardableResult
  public func holdfast(
    _ arguments: [String], on host: LabHost = LabHost(1), limit: Duration = .seconds(30)
  ) async throws(LabError) -> String {
    let result = try await run(host, ["holdfast"] + arguments, limit: limit)
    guard result.succeeded else {
      throw .failed(
        command: "holdfast \(arguments.joined(separator: " "))", status: result.status.map { "exit \($0)" } ?? "a signal",
        output: result.output + result.errors)
    }
    return result.output
  }

  /// The cluster's state as a host's daemon sees it.
  public func clusterStatus(on host: LabHost = LabHost(1)) async throws(LabError) -> ClusterStatus {
    try await decode(ClusterStatus.self, ["status", "-o", "json"], on: host)
  }

  /// Every workload as a host's daemon sees it.
  public func workloadList(on host: LabHost = LabHost(1)) async throws(LabError) -> [WorkloadInfo] {
    try await decode(WorkloadList.self, ["workloads", "-o", "json"], on: host).workloads
  }

  /// The cluster's last lines of history as a host's daemon knows them, oldest first.
  public func history(limit: Int = 200, on host: LabHost = LabHost(1)) async throws(LabError) -> [HistoryLine] {
    try await decode(HistoryPage.self, ["events", "--limit", "\(limit)", "-o", "json"], on: host).lines
  }

  /// The phase of a host's guard as its own daemon tells it, such as `armed`; nil: the daemon does not answer, or knows of none.
  public func guardPhase(of host: LabHost) async -> String? {
    let own = try? await clusterStatus(on: host).nodes.first { $0.name == "\(host)" }
    return own?.guardPhase.map { "\($0)" }
  }

  /// Waits until a host's guard is in a phase, such as `armed`.
  public func until(guardOf host: LabHost, is phase: String, limit: Duration = .seconds(20)) async throws(LabError) {
    let end = LabClock.now + limit
    while true {
      let present = await guardPhase(of: host)
      if present == phase { return }
      guard LabClock.now < end else {
        throw .failed(
          command: "holdfast status", status: "the guard of \(host) is not \(phase) after \(seconds(limit)) s",
          output: present ?? "no answer")
      }
      try? await Task.sleep(for: .milliseconds(50))
    }
  }

  private func decode<Value: Decodable>(_ type: Value.Type, _ arguments: [String], on host: LabHost) async throws(LabError)
    -> Value
  {
    let text = try await holdfast(arguments, on: host)
    do { return try JSONDecoder().decode(type, from: Data(text.utf8)) } catch {
      throw .unexpectedAnswer(command: "holdfast \(arguments.joined(separator: " "))", answer: "\(text.prefix(200)) (\(error))")
    }
  }

  /// Waits until a host's daemon answers, a planner works and every node is up.
  public func untilReady(limit: Duration = .seconds(20)) async throws(LabError) {
    let end = LabClock.now + limit
    while true {
      let status = try? await clusterStatus()
      if let status, status.planner != nil, status.nodes.allSatisfy({ $0.state == .up }) { return }
      guard LabClock.now < end else {
        throw .failed(
          command: "holdfast status", status: "not ready after \(seconds(limit)) s",
          output: status?.reasons.joined(separator: "; ") ?? "no answer")
      }
      try? await Task.sleep(for: .milliseconds(50))
    }
  }

  /// Has what a file defines run on one host. With the others' daemons away it all goes there, and nothing moves by itself when they come back.
  ///
  /// - Parameter count: so many workloads run there then, with those that are not in the file.
  public func gather(_ file: String, count: Int, onto host: LabHost, limit: Duration = .seconds(120)) async throws(LabError) {
    let others = allHosts.filter { $0 != host }
    for other in others { try await service(other, .daemon, .stop) }
    try await holdfast(["apply", "-f", file, "--yes"], on: host, limit: .seconds(60))
    try await until(count, runOn: host, limit: limit, askedOn: host)
    for other in others { try await service(other, .daemon, .start) }
    try await untilReady()
  }

  /// The host whose controller is the planner.
  public func planner(askedOn host: LabHost = LabHost(1)) async throws(LabError) -> LabHost? {
    try await clusterStatus(on: host).planner.flatMap { LabHost(name: $0) }
  }
}

/// Seconds with two digits, for people.
public func seconds(_ duration: Duration) -> String { String(format: "%.2f", duration.inSeconds) }
