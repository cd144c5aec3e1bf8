import Foundation
import HoldfastModel
import HoldfastNode
import HoldfastYAML
import Testing

/// A file of the repository.
func repositoryFile(_ path: String) throws -> String {
  let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
  return try String(contentsOf: root.appending(path: path), encoding: .utf8)
}

@Suite struct `A node's configuration` {
  static let minimal = "cluster: lab\nstore: {memory: {}}\nhypervisor: {connections: [\"lxc:///system\"]}\n"

  private func parse(_ text: String, host: HostFacts = testHost) throws -> NodeConfiguration {
    try NodeConfiguration.parse(text, file: "c.yaml", host: host)
  }

  /// Every key, none with its default.
  private static func complete(_ directory: String) -> [(key: String, value: String)] {
    [
      ("cluster", "prod"), ("node", "h7"), ("labels", "{rack: \"a\", zone: \"7\"}"),
      ("store.etcd.endpoints", "[\"https://10.77.0.1:2379\", \"https://[fd00::2]:2379\"]"),
      ("store.etcd.ca", "\(directory)/ca.pem"),
      ("store.etcd.certificate", "\(directory)/client.pem"), ("store.etcd.key", "\(directory)/client-key.pem"),
      ("store.etcd.user", "holdfast"), ("store.etcd.password-file", "\(directory)/password"),
      ("store.etcd.quota", "4096"), ("store.etcd.history", "30m"),
      ("hypervisor.connections", "[\"qemu:///system\", \"lxc:///system\"]"),
      ("migration", "{\"qemu:///system\": \"qemu+tls://h7.example:16514/system?pkipath=/etc/pki\"}"),
      ("capacity.memory", "4096"),
      ("capacity.cpus", "7.5"),
      ("timing.ttl", "4s"), ("timing.margin", "150ms"), ("timing.drift", "0.5%"), ("timing.stop-budget", "60ms"),
      ("timing.start-budget", "1m"), ("guard.socket", "/run/g.sock"), ("guard.partition", "/held/fast"),
      ("api.socket", "/run/a.sock"),
      ("api.group", "root"), ("run-dir", "/run/h"), ("state-dir", "/var/lib/h"),
      (
        "notices",
        "[{webhook: \"https://h/\", secret-file: \(directory)/password, events: [node-lost, started], severity: error, timeout: 1m}, "
          + "{run: \"\(directory)/hook\", severity: warning, timeout: 30s}, {mail: \"ops@example.net\", severity: info, timeout: 10s}]"
      ),
      (
        "hooks",
        "[{run: \"\(directory)/hook\", before: [start, stop], after: [migrate], workloads: \"tier=db and not x*\", timeout: 5s, on-failure: ignore}, "
          + "{run: \"\(directory)/hook\", after: [stop], workloads: \"all\", timeout: 10s}]"
      ), ("on-stop", "stay"), ("log.level", "debug")
    ]
  }

  @Test func `without more than it needs has the defaults of the table`() throws {
    let configuration = try parse(Self.minimal)
    let settings = Dictionary(uniqueKeysWithValues: configuration.settings.map { ($0.key, $0.value) })
    for row in NodeConfiguration.keys.rows {
      if case .value(let text) = row.fallback { #expect(settings[row.path] == text, "\(row.path)") }
    }
    #expect(configuration.node == "h1")
    #expect(configuration.capacity == Resources(memory: 16_384 - 1024, cpus: 8))
    #expect(configuration.guardDoor == .init(socket: "/run/holdfast/guard.sock", partition: "/holdfast"))
    #expect(configuration.api == .init(socket: "/run/holdfast/holdfastd.sock", group: nil))
    #expect(configuration.timing == Timing())
    #expect(configuration.warnings.isEmpty)
  }

  @Test func `says the same with the table's defaults written out`() throws {
    let written = NodeConfiguration.keys.rows.compactMap { row in
      if case .value(let text) = row.fallback { (row.path, text) } else { nil }
    }
    #expect(written.count >= 9)
    #expect(try parse(Self.minimal + Self.yaml(written)) == parse(Self.minimal))
  }

  @Test func `reads every key of the table`() throws {
    let scratch = try ScratchDirectory.withCredentials()
    // No start-budget of a minute fits a ttl of seconds: any other value that is no default.
    let complete = Self.complete(scratch.path).map { $0.key == "timing.start-budget" ? ($0.key, "200ms") : ($0.key, $0.value) }
    let configuration = try parse(Self.yaml(complete))
    #expect(configuration.settings.map { "\($0.key): \($0.value)" } == complete.map { "\($0.0): \($0.1)" })
    let notices = ["run", "webhook", "secret-file", "mail", "events", "severity", "timeout"].map { "notices[].\($0)" }
    let hooks = ["run", "before", "after", "workloads", "timeout", "on-failure"].map { "hooks[].\($0)" }
    #expect(Set(complete.map(\.0) + notices + hooks).union(["store.memory"]) == Set(NodeConfiguration.keys.rows.map(\.path)))
    #expect(configuration.warnings.isEmpty)
    guard case .etcd(let etcd) = configuration.store else { throw ConfigurationErrors([]) }
    #expect(etcd.endpoints.last == EtcdEndpoint(isEncrypted: true, host: "fd00::2", port: 2379))
    #expect(try etcd.login?.password() == "hunter2")
  }

  @Test func `gives etcdctl what it needs, and quotes it`() throws {
    #expect(try parse(Self.minimal).etcdctlEnvironment.isEmpty)
    var configuration = try parse(Self.minimal)
    configuration.store = .etcd(
      .init(
        endpoints: [.init(isEncrypted: true, host: "10.77.0.1", port: 2379), .init(isEncrypted: true, host: "h2", port: 2379)],
        tls: .init(ca: "/etc/it's/ca.pem", client: .init(certificate: "/etc/c.pem", key: "/etc/k.pem")),
        login: .init(user: "holdfast", passwordFile: "/etc/password")))
    #expect(
      configuration.etcdctlEnvironment == [
        "export ETCDCTL_API='3'", "export ETCDCTL_ENDPOINTS='https://10.77.0.1:2379,https://h2:2379'",
        "export ETCDCTL_CACERT='/etc/it'\\''s/ca.pem'", "export ETCDCTL_CERT='/etc/c.pem'",
        "export ETCDCTL_KEY='/etc/k.pem'", "export ETCDCTL_USER='holdfast'"
      ])
  }

  @Test(arguments: [
    ("1s", Duration.seconds(1)), ("100ms", .milliseconds(100)), ("2m", .seconds(120)), ("1.5s", .milliseconds(1500)),
    ("0.25ms", .microseconds(250)), ("1h", .seconds(3600)), ("0s", .zero)
  ]) func `durations`(text: String, duration: Duration) { #expect(Quantity.duration(text) == duration) }

  @Test(arguments: [
    "", "s", "1", "1 s", "-1s", "+1s", "1d", "1s ", ".5s", "1.s", "1e3s", "١s", "9999999999s", "0x1s", "1s1s", "1.0000000001s"
  ])
  func `no durations`(text: String) { #expect(Quantity.duration(text) == nil) }

  @Test(arguments: [("4096", 4096), ("4GiB", 4096), ("1.5GiB", 1536), ("512MiB", 512), ("1TiB", 1_048_576), ("0.5GiB", 512)])
  func `memory`(text: String, mebibytes: Int) { #expect(Quantity.mebibytes(text) == mebibytes) }

  @Test(arguments: ["", "4G", "4GB", "0.0001GiB", "0.001GiB", "1.5", "-1", "4 GiB", "GiB", "9999999999", "1e3"])
  func `no memory`(text: String) { #expect(Quantity.mebibytes(text) == nil) }

  @Test(arguments: [("1%", Int64(10_000)), ("0.05%", 500), ("0%", 0), ("100%", 1_000_000)])
  func `percentages`(text: String, partsPerMillion: Int64) { #expect(Quantity.partsPerMillion(text) == partsPerMillion) }

  @Test(arguments: [
    ("https://10.77.0.1:2379", true, "10.77.0.1", false), ("http://127.0.0.1:2379", false, "127.0.0.1", true),
    ("http://localhost:1", false, "localhost", true), ("http://[::1]:2379", false, "::1", true),
    ("http://127.example:1", false, "127.example", false), ("http://127.0.0.1.nip.io:1", false, "127.0.0.1.nip.io", false)
  ]) func `endpoints and what is loopback`(text: String, isEncrypted: Bool, host: String, isLoopback: Bool) throws {
    let memory = "store: {memory: {}}", etcd = "store: {etcd: {endpoints: [\"\(text)\"], ca: @, certificate: @, key: @}}"
    do throws(ConfigurationErrors) {
      let configuration = try NodeConfiguration.parse(
        Self.minimal.replacing(memory, with: isEncrypted ? etcd : "store: {etcd: {endpoints: [\"\(text)\"]}}"), file: "c.yaml",
        host: testHost)
      #expect(isLoopback && !isEncrypted)
      guard case .etcd(let place) = configuration.store, let endpoint = place.endpoints.first else { return }
      #expect((endpoint.host, endpoint.isLoopback, endpoint.description) == (host, isLoopback, text))
    } catch {
      #expect(isEncrypted || !isLoopback, "\(error)")
      #expect(isEncrypted != error.mistakes.contains { $0.expected.contains("loopback") })
    }
  }

  @Test func `takes a host's name only when it is a name`() throws {
    let host = HostFacts(name: "my_host!", memory: nil, processors: 2)
    let errors = try #require(throws: ConfigurationErrors.self) { try parse(Self.minimal, host: host) }
    #expect(
      errors.mistakes.map(\.headline) == [
        "c.yaml:1:1: error: node: expected a name, as the host's name 'my_host!' is none, found nothing",
        "c.yaml:1:1: error: capacity.memory: expected the memory of this host, found nothing, here or in /proc/meminfo"
      ])
    #expect(try parse(Self.minimal + "node: h1\ncapacity: {memory: 100}\n", host: host).capacity.memory == 100)
  }

  @Test func `knows this host`() {
    let host = HostFacts.current()
    #expect(!host.name.isEmpty)
    #expect((host.memory ?? 0) > 64)
    #expect(host.processors >= 1)
  }

  private static func yaml(_ settings: [(String, String)]) -> String {
    // `a.b.c: v` as flow mappings would repeat keys: nested sections are opened once each, in order.
    var lines: [String] = [], open: [String] = []
    for (key, value) in settings {
      let parts = key.split(separator: ".").map(String.init)
      let shared = zip(open, parts.dropLast()).prefix { $0 == $1 }.count
      for (depth, part) in parts.enumerated().dropFirst(shared).dropLast() {
        lines.append(String(repeating: "  ", count: depth) + part + ":")
      }
      lines.append(String(repeating: "  ", count: parts.count - 1) + "\(parts[parts.count - 1]): \(value)")
      open = parts.dropLast()
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
