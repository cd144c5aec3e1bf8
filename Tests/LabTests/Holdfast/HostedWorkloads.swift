import Foundation
import HoldfastOperator
import HoldfastTime
import Lab
import Testing

/// Workloads made of parts of the hosts: of each a small file system, the containers' program beside it, and an address at which that serves. It leaves the
/// same traces as in containers, so they are judged with those.
struct HostedWorkloads {
  /// What runs the program.
  enum Server: String, CaseIterable {
    case script, agent
  }
  struct Workload {
    let name: String
    let server: Server
    let number: Int

    /// Behind those that other trials use.
    var address: String { "10.77.4.\(100 + number)" }
  }

  /// What the hosts of such a lab need to be told.
  static let environment = ["LAB_PARTS": "yes"]

  let workloads: [Workload]
  let test: TestStage
  /// Asks for them from a machine beside the hosts, which learns of an address that moved as any machine does.
  let probe: HTTPProbe
  private static let part = "server"
  /// Lines in a trace come this often: seldom enough for a hundred of them, and often enough that none of these is taken for a pause.
  private static let beatMilliseconds = 50

  var names: [String] { workloads.map(\.name) }

  /// Defines them, and waits until all serve from hosts of which `isThere` says yes.
  static func bring(
    _ workloads: [(name: String, server: Server)], into test: TestStage, within limit: Duration = .seconds(60),
    _ isThere: (_ name: String, _ host: LabHost) -> Bool
  ) async throws -> HostedWorkloads {
    let all = workloads.enumerated().map { Workload(name: $1.name, server: $1.server, number: $0) }
    // A question costs as much as an answer, and the hosts have two processors together.
    let settings = HTTPProbe.Settings(
      interval: .milliseconds(max(20, 2 * all.count)), patience: .milliseconds(250))
    let probe = try await HTTPProbe(
      targets: Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0.address) }), namespace: try await test.lab.client(),
      settings: settings)
    let hosted = HostedWorkloads(workloads: all, test: test, probe: probe)
    let file = try hosted.write()
    try await test.lab.holdfast(["apply", "-f", file, "--yes"], limit: .seconds(60))
    try #require(await hosted.serve(within: limit, isThere), "they do not serve: \(hosted.silent)")
    return hosted
  }

  // MARK: their definition

  private func write() throws -> String {
    var text = "workloads:\n"
    for workload in workloads {
      try FileManager.default.createDirectory(atPath: place(workload.name), withIntermediateDirectories: true)
      text += """
          - name: \(workload.name)
            memory: 8
            cpus: 0.02
            stop-timeout: 10s
            parts:
              - {name: data, kind: mount, what: \(workload.name), where: '\(place(workload.name))', fstype: tmpfs, options: size=1m, interval: 2s}
        \(server(workload))
            addresses: [{address: \(workload.address)/16, interface: br0}]

        """
    }
    let file = "\(test.lab.workloadsFolder)/hosted.yaml"
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    return file
  }

  private func server(_ workload: Workload) -> String {
    let program = "\(test.lab.state)/scripts/beat", folder = test.lab.beatsFolder, ms = Self.beatMilliseconds
    switch workload.server {
    case .script:
      func command(_ action: String) -> String {
        "['\(test.lab.state)/scripts/part', \(action), '\(program)', '\(folder)', '\(workload.address)', '\(ms)']"
      }
      return """
              - name: \(Self.part)
                kind: script
                start: \(command("start"))
                stop: \(command("stop"))
                status: \(command("status"))
                interval: 2s
        """
    case .agent:
      return """
              - name: \(Self.part)
                kind: ocf
                agent: ocf:lab:beat
                params: {program: '\(program)', folder: '\(folder)', address: '\(workload.address)', ms: '\(ms)'}
                interval: 2s
        """
    }
  }

  /// Where its file system is mounted: an empty directory that every host sees.
  private func place(_ name: String) -> String { "\(test.lab.state)/shared/places/\(name)" }

  // MARK: how they are

  /// Waits until all of them serve, each from a host of which `isThere` says yes.
  func serve(
    _ names: [String]? = nil, within limit: Duration = .seconds(30), _ isThere: (_ name: String, _ host: LabHost) -> Bool
  ) async -> Bool {
    await probe.wait(limit) { histories in
      (names ?? self.names).allSatisfy { name in
        guard let history = histories[name], history.isAnswering else { return false }
        return history.answers.last.flatMap { LabHost(name: $0.node) }.map { isThere(name, $0) } ?? false
      }
    }
  }

  /// Waits until none of them serves.
  func fallSilent(within limit: Duration = .seconds(10)) async -> Bool {
    await probe.wait(limit) { histories in names.allSatisfy { histories[$0]?.silentSince != nil } }
  }

  /// Those that do not answer now.
  var silent: [String] { names.filter { !probe.history($0).isAnswering } }

  /// When each of them first answered from another host than `host` since `instant`, in time's order.
  func returns(of names: [String], from host: LabHost, since instant: BootInstant) -> [BootInstant] {
    names.compactMap { name in
      probe.history(name).answers.first { $0.from > instant && $0.node != "\(host)" }?.from
    }.sorted()
  }

  /// Gaps that ended since `instant`, of these.
  func gaps(of names: [String], since instant: BootInstant) -> [ProbeHistory.Gap] {
    names.flatMap { probe.history($0).gaps }.filter { $0.to > instant }
  }

  /// When each of their processes began, by their traces.
  func starts() throws -> [String: [BootInstant]] {
    Dictionary(uniqueKeysWithValues: try names.map { ($0, try test.lab.lives(of: $0).map(\.start)) })
  }

  /// The PID of each in its host.
  func processes(on host: LabHost) async throws -> [String: String] {
    var found: [String: String] = [:]
    for name in names {
      let file = try await test.lab.run(host, ["cat", "/run/part-\(name)-\(Self.part).pid"])
      try #require(file.succeeded, "\(file)")
      found[name] = file.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
    return found
  }

  /// Nothing of these is left on a host, in the end.
  func expectGone(_ names: [String], from host: LabHost) async throws {
    let isGone = try await eventually(.seconds(30)) { try await remains(of: names, on: host).isEmpty }
    let left = isGone ? [] : try await remains(of: names, on: host)
    #expect(isGone, "\(host) keeps \(left)")
  }

  /// What a host has of them: file systems that are mounted there, addresses, and how many of their processes.
  private func remains(of names: [String], on host: LabHost) async throws -> [String] {
    let script = "cat /proc/mounts; ip -4 -o address show; cat /proc/[0-9]*/comm 2>/dev/null | grep -x beat || true"
    let seen = try await test.lab.run(host, ["sh", "-c", script])
    try #require(seen.succeeded, "\(seen)")
    let theirs = workloads.filter { names.contains($0.name) }
    return seen.output.split(separator: "\n").map(String.init).filter { line in
      line == "beat" && names.count == workloads.count
        || theirs.contains { line.contains(" \(place($0.name)) ") || line.contains(" \($0.address)/") }
    }
  }
}
