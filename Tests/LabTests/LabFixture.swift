import Foundation
import Lab
import Testing

/// All tests that start a lab: one at a time, since each wants the whole machine.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["LAB"] != "off", "LAB=off"))
enum LabHostsTests {}

extension Trait where Self == ConditionTrait {
  /// A trial that takes minutes, or prints its figures for people: `make trials` runs these besides the rest, `make test` does not.
  static var isLong: Self {
    .enabled(if: ProcessInfo.processInfo.environment["LAB"] == "all", "it takes minutes: make trials")
  }
}

struct NeedsRoot: Error, CustomStringConvertible {
  var description: String { "the lab's tests need root (namespaces, cgroups, mounts). As another user: LAB=off" }
}

/// The lab of this test process: its name and folder are its own, whatever else runs on the machine.
func testLab(_ suffix: String = "", environment: [String: String] = [:]) async throws -> LabCluster {
  guard getuid() == 0 else { throw NeedsRoot() }
  try await staleLabsRemoved.value
  return try LabCluster(
    state: LabNames.state(getpid(), suffix),
    environment: environment.merging(["LAB_NAME": LabNames.name(getpid(), suffix)]) { $1 })
}

enum LabNames {
  static let prefix = "hflabtest-"
  static func name(_ process: Int32, _ suffix: String = "") -> String { "\(prefix)\(process)\(suffix)" }
  static func state(_ process: Int32, _ suffix: String = "") -> String { "/var/tmp/holdfast-labtest-\(process)\(suffix)" }
}

/// Labs of test processes that were killed are still there: nobody else ends them.
private let staleLabsRemoved = Task {
  for entry in try FileManager.default.contentsOfDirectory(atPath: "/sys/fs/cgroup/pids") where entry.hasPrefix(LabNames.prefix)
  {
    let tail = entry.dropFirst(LabNames.prefix.count)
    let digits = tail.prefix(while: \.isNumber)
    guard let process = Int32(digits), kill(process, 0) != 0 else { continue }
    let suffix = String(tail.dropFirst(digits.count))
    try await LabCluster(state: LabNames.state(process, suffix), environment: ["LAB_NAME": entry]).down()
  }
}

/// Starts a lab without Holdfast, and ends it whatever happens.
func withLab(
  hosts: Int = 3, _ suffix: String = "", _ body: (LabCluster) async throws -> Void
) async throws {
  let lab = try await testLab(suffix)
  try await lab.down()
  do {
    let took = try await lab.up(hosts: hosts, holdfast: false)
    print("lab: \(hosts) hosts with libvirtd and etcd (TLS) up in \(took.formatted())")
    #expect(took < .seconds(10))
    try await body(lab)
  } catch {
    try await lab.down()
    throw error
  }
  try await lab.down()
}

extension Duration {
  func formatted() -> String {
    let (seconds, attoseconds) = components
    return String(format: "%.2f s", Double(seconds) + Double(attoseconds) / 1e18)
  }
}

extension LabCluster {
  /// Starts each host's unmanaged container and a probe of them; returns when all answer.
  func unmanagedWithProbe() async throws -> HTTPProbe {
    try await unmanaged()
    let probe = try await HTTPProbe(targets: try addresses(), namespace: try switchNamespace())
    let all = await probe.wait(.seconds(10)) { $0.values.allSatisfy { !$0.answers.isEmpty } }
    try #require(all, "not every container answers: \(probe.histories)")
    return probe
  }

  /// Writes to etcd through the host's own member; tells whether that was committed.
  func etcdWrites(_ host: LabHost) async throws -> Bool {
    let tls = "/etc/holdfast/tls"
    return try await run(
      host,
      [
        "env", "ETCDCTL_API=3", "etcdctl", "--endpoints", "https://127.0.0.1:2379", "--cacert", "\(tls)/ca.pem",
        "--cert", "\(tls)/client.pem", "--key", "\(tls)/client-key.pem", "--dial-timeout", "1s", "--command-timeout", "1s",
        "put", "written-by", "\(host)"
      ]
    ).succeeded
  }

  func address(_ host: LabHost) -> String { "10.77.0.\(host.number)" }

  func pings(from: LabHost, to: LabHost) async throws -> Bool {
    try await run(from, ["ping", "-q", "-c1", "-W1", address(to)]).succeeded
  }

  /// How many echo requests have arrived at a host.
  func echoRequests(_ host: LabHost) async throws -> Int {
    let table = try await run(host, ["grep", "^Icmp:", "/proc/net/snmp"]).output.split(separator: "\n")
      .map { $0.split(separator: " ") }
    let column = try #require(table.first?.firstIndex(of: "InEchos"))
    return try #require(Int(table[1][column]))
  }

  func unmanagedLives(_ host: LabHost) throws -> [BeatLog.Life] { try lives(of: "unmanaged-\(host)") }

  /// Each run of a container, by its trace.
  func lives(of container: String) throws -> [BeatLog.Life] {
    let check = try BeatCheck.folder(beatsFolder)
    return try #require(check.logs.first { $0.container == container }).lives
  }
}

/// Repeats until `condition` holds; false when it did not within `limit`.
func eventually(_ limit: Duration = .seconds(10), _ condition: () async throws -> Bool) async throws -> Bool {
  let end = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < end else { return false }
    try await Task.sleep(for: .milliseconds(20))
  }
  return true
}

/// What is left on this machine of the labs whose names or state folders contain `mark`, in words.
func leftovers(of mark: String) throws -> [String] {
  let files = FileManager.default
  var found: [String] = []
  for controller in try files.contentsOfDirectory(atPath: "/sys/fs/cgroup") {
    for entry in (try? files.contentsOfDirectory(atPath: "/sys/fs/cgroup/\(controller)")) ?? [] where entry.contains(mark) {
      found.append("cgroup \(controller)/\(entry)")
    }
  }
  for process in try files.contentsOfDirectory(atPath: "/proc") where Int32(process) != nil {
    for file in ["cgroup", "cmdline", "mountinfo"] {
      guard let data = files.contents(atPath: "/proc/\(process)/\(file)") else { continue }
      if String(decoding: data, as: UTF8.self).contains(mark) { found.append("process \(process) by its \(file)") }
    }
  }
  for entry in try files.contentsOfDirectory(atPath: "/var/tmp") where entry.contains(mark) {
    found.append("/var/tmp/\(entry)")
  }
  for entry in (try? files.contentsOfDirectory(atPath: "/run/netns")) ?? [] where entry.contains(mark) {
    found.append("network namespace \(entry)")
  }
  return found.sorted()
}
