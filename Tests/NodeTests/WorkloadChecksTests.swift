import Foundation
import GuardCore
import HoldfastAPI
import HoldfastModel
import HoldfastOperator
import HoldfastYAML
import Testing

/// What `holdfast workload` and the API tell of them.
@Suite(.serialized) struct `API: checks` {
  /// Of web2 on n2.
  private static func report(_ health: HealthReport?, _ api: APIHarness) {
    api.access.change { state in
      var report = ReportRecord(unmanaged: .none, unmanagedDomains: 0, unreachable: [:], guardPhase: .armed, strays: [])
      report.health = health.map { ["web2": $0] }
      state.cluster.put(.report("n2"), .report(report))
    }
  }

  private static func lines(_ api: APIHarness) async throws -> [String] {
    let run = try await api.holdfast(["workload", "web2"])
    #expect(run.status == 0, "\(run)")
    return run.output.split(separator: "\n").map(String.init)
  }

  @Test func `are told with what they ask and what follows`() async throws {
    try await APIHarness.serving { api in
      let text = try await Self.lines(api).joined(separator: "\n")
      for words in [
        "cart: https://10.77.0.21:443/cart with status 200 to 399, 'ok' in its answer, a certificate for 14 days more, every 10 s",
        "port: TCP to localhost:5432, every 2 s; after 3 failures in a row it is restarted",
        "there: ping of 10.77.0.21, every 10 s; after 3 failures in a row it is reported", "ready: `pg_isready -q` in it,",
        "beat: /run/beat written within 120 s", "queue: `/usr/local/bin/queue web2` on its node, every 10 s; after one failure"
      ] { #expect(text.replacing(#/\s+/#, with: " ").contains(words), "\(words): \(text)") }
    }
  }

  @Test(arguments: [
    (
      HealthReport(isFailing: true, check: "port", reason: "port 5432 refuses the connection", since: nil, others: ["beat"]),
      [
        "It fails: port 5432 refuses the connection",
        "120 s, every 10 s; after 3 failures in a row it is restarted. It is not well either"
      ]
    ),
    (
      HealthReport(
        isFailing: true, check: "port", reason: "port 5432 refuses the connection", since: nil, held: "the cluster is disarmed"),
      ["It fails: port 5432 refuses the connection; not restarted: the cluster is disarmed"]
    ),
    (
      HealthReport(isFailing: false, check: "ready", reason: "the container has no process", since: nil),
      ["It cannot be made, so nobody knows: the container has no process"]
    )
  ]) func `are told with how they are`(health: HealthReport, words: [String]) async throws {
    try await APIHarness.serving { api in
      Self.report(health, api)
      let text = try await Self.lines(api).joined(separator: "\n").replacing(#/\s+/#, with: " ")
      for words in words { #expect(text.contains(words), "\(words): \(text)") }
      let detail: WorkloadDetail = try await api.get("/v1/workloads/web2").decoded()
      #expect(detail.workload.health == HealthInfo(health) && detail.workload.checks == MadeUpCluster.checks)
      #expect(detail.workload.isInPlace == !health.isFailing)
    }
  }
}

/// What files, diffs and the daemon's door make of a workload's checks.
@Suite struct `Checks of a workload` {
  private static let every: [HealthCheck] = [
    HealthCheck(name: "tcp", probe: .tcp(TCPProbe(port: 5432))),
    HealthCheck(
      name: "tcp-there", probe: .tcp(TCPProbe(host: "fd00::21", port: 1)), interval: .milliseconds(250), down: 1, up: 100),
    HealthCheck(name: "http", probe: .http(HTTPProbe())),
    HealthCheck(
      name: "https",
      probe: .http(
        HTTPProbe(
          isSecure: true, host: "10.77.0.21", port: 8443, path: "/cart?a=1&b=c%20d", serverName: "shop.example.com",
          status: 200...200,
          contains: "it's: \"ok\" # really", certificateDays: 14)), interval: .seconds(60), timeout: .seconds(90),
      grace: .zero, reaction: .report),
    HealthCheck(name: "ping", probe: .ping(PingProbe(address: "10.77.0.21")), grace: .seconds(5400)),
    HealthCheck(name: "exec", probe: .exec(ExecProbe(command: ["pg_isready", "-q", "", "a b", "yes"]))),
    HealthCheck(name: "file", probe: .file(FileProbe(path: "/run/it's here", maximumAge: 90))),
    HealthCheck(name: "script", probe: .script(ScriptProbe(path: "/usr/local/bin/check", arguments: ["1"])))
  ]
  private static let xml = "<domain type='lxc'><memory>1</memory></domain>"

  private static func definition(_ checks: [HealthCheck], connection: String = "lxc:///system") -> WorkloadDefinition {
    WorkloadDefinition(
      name: "web1", connection: connection, xml: connection.hasPrefix("lxc") ? xml : xml.replacing("lxc", with: "kvm"),
      demand: Resources(memory: 1, cpus: 1), checks: checks)
  }

  private func read(_ checks: String) throws -> [HealthCheck] {
    let text = "workloads:\n  - name: web1\n    xml: \"\(Self.xml)\"\n    checks:\n\(checks)"
    return try #require(try WorkloadFile.parse(text: text, file: "w.yaml").first).checks ?? []
  }

  @Test func `are written to files as they are read from them`() throws {
    let definitions = [Self.definition(Self.every)]
    let text = try WorkloadFile.text(of: definitions, file: "x.yaml")
    #expect(try WorkloadFile.parse(text: text, file: "x.yaml") == definitions, "\(text)")
    let machine = [
      Self.definition([HealthCheck(name: "agent", probe: .agent), Self.every[4]], connection: "qemu:///system")
    ]
    let other = try WorkloadFile.text(of: machine, file: "x.yaml")
    #expect(try WorkloadFile.parse(text: other, file: "x.yaml") == machine, "\(other)")
  }

  @Test func `have their defaults`() throws {
    #expect(try read("      - {name: http, kind: http}\n") == [Self.every[2]])
    let quick = try read("      - {name: tcp, kind: tcp, port: 5432, interval: 2s}\n")
    #expect(quick == [HealthCheck(name: "tcp", probe: .tcp(TCPProbe(port: 5432)), interval: .seconds(2), timeout: .seconds(2))])
    #expect(try read("      []\n").isEmpty)
  }

  @Test func `go to the daemon and come back`() throws {
    let definition = Self.definition(Self.every)
    let sent = try JSONDecoder().decode(WorkloadDefinition.self, from: try JSONEncoder().encode(definition))
    #expect(sent == definition)
    let spec = try definition.spec(cluster: "t", present: nil)
    #expect(spec.checks == Self.every)
    #expect(WorkloadDefinition("web1", spec).checks == Self.every)
    // One that says nothing of them has the form that it always had.
    let plain = String(decoding: try JSONEncoder().encode(Self.definition([])), as: UTF8.self)
    #expect(!plain.contains("checks"))
  }

  /// A definition need not come from a file.
  @Test(arguments: [
    (HealthCheck(name: "a", probe: .agent), "lxc:///system", "which a container does not have"),
    (HealthCheck(name: "a", probe: .tcp(TCPProbe(port: 80))), "qemu:///system", "names no host"),
    (HealthCheck(name: "a", probe: .file(FileProbe(path: "/x", maximumAge: 1))), "qemu:///system", "looks at a file"),
    (HealthCheck(name: "a", probe: .tcp(TCPProbe(port: 0))), "lxc:///system", "no possible port"),
    (HealthCheck(name: "a b", probe: .tcp(TCPProbe(port: 1))), "lxc:///system", "no possible name"),
    (HealthCheck(name: "a", probe: .tcp(TCPProbe(port: 1)), down: 0), "lxc:///system", "no possible threshold")
  ]) func `that no workload can have are refused`(check: HealthCheck, connection: String, words: String) throws {
    let definition = Self.definition([check], connection: connection)
    let error = try #require(throws: OperatorError.self) { try definition.spec(cluster: "t", present: nil) }
    #expect(error.kind == .invalid && error.reason.contains(words) && !error.remedy.isEmpty, "\(error)")
  }

  @Test func `are compared one by one`() throws {
    var changed = Self.every
    changed[0].interval = .seconds(2)
    changed.removeLast()
    let old = try Self.definition(Self.every).spec(cluster: "t", present: nil)
    let new = try Self.definition(changed).spec(cluster: "t", present: nil)
    let lines = DefinitionDiff(from: old, to: new).lines.filter { $0.hasPrefix("+") || $0.hasPrefix("-") }
    let rest = "timeout 5s, down 3, up 2, grace 1m, on-failure restart"
    #expect(
      lines == [
        "-check tcp: kind tcp, port 5432, interval 10s, \(rest)", "+check tcp: kind tcp, port 5432, interval 2s, \(rest)",
        "-check script: kind script, command [/usr/local/bin/check, 1], interval 10s, \(rest)"
      ], "\(lines)")
  }

  @Test func `of the example can be used`() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Examples/web-with-check.yaml").path()
    let checks = try #require(try WorkloadFile.parse(path: path).first?.checks)
    #expect(checks.map(\.name) == ["answers", "beat"])
    #expect(checks.map(\.reaction) == [.restart, .report])
    #expect(checks.first?.longestDetection == .seconds(17))
  }

  /// Every example of the document, as the checks of one workload.
  @Test func `of the document can be used`() throws {
    let parts = try repositoryFile("Docs/checks.md").components(separatedBy: "```yaml\n").dropFirst()
    #expect(parts.count >= 2)
    for part in parts {
      let example = part.components(separatedBy: "\n```")[0]
      let list = try #require(example.range(of: "checks:\n")).upperBound
      #expect(try !read(String(example[list...]) + "\n").isEmpty, "\(example)")
    }
  }
}
