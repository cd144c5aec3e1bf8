import EtcdStore
import Foundation
import HoldfastPorts
import Logging
import Synchronization

/// A real etcd cluster on loopback: made for one test (or suite), members killed, stopped and started again at will.
actor TestCluster {
  enum Security { case plaintext, mutualTLS }

  nonisolated let size: Int
  nonisolated let security: Security
  nonisolated let directory: String
  nonisolated let certificates: Certificates?
  /// Bytes; nil: etcd's own.
  private nonisolated let quota: Int64?
  private nonisolated let firstPort: Int
  private var members: [Int: Supervised] = [:]
  private let janitor: Supervised

  /// Starts the members and waits until the cluster takes transactions.
  static func start(_ size: Int, _ security: Security, quota: Int64? = nil) async throws -> TestCluster {
    let cluster = try await TestCluster(size, security, quota: quota)
    for index in 0..<size { try await cluster.start(index) }
    let store = try EtcdStore(cluster.configuration(), logger: quiet)
    _ = try await store.list(prefix: "/", timeout: .seconds(20))
    await store.close()
    return cluster
  }

  /// Runs `body` on a cluster of its own.
  static func with<Result: Sendable>(
    _ size: Int, _ security: Security, quota: Int64? = nil, _ body: (TestCluster) async throws -> Result
  ) async throws -> Result {
    let cluster = try await start(size, security, quota: quota)
    do {
      let result = try await body(cluster)
      await cluster.end()
      return result
    } catch {
      await cluster.end()
      throw error
    }
  }

  static let quiet = Logger(label: "etcd") { _ in SwiftLogNoOpLogHandler() }

  private init(_ size: Int, _ security: Security, quota: Int64?) async throws {
    self.size = size
    self.quota = quota
    self.security = security
    let base = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
    directory = "\(base)/holdfast-store-test-\(getpid())-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    firstPort = try Ports.take(2 * size)
    certificates = security == .mutualTLS ? try await Certificates.make(in: "\(directory)/pki") : nil
    // Clears up when this process ends, after the members' shells have killed them.
    janitor = try Supervised(["sleep", "infinity"], log: "/dev/null", removing: directory)
  }

  nonisolated func url(_ index: Int) -> String {
    "\(security == .plaintext ? "http" : "https")://127.0.0.1:\(firstPort + 2 * index)"
  }

  /// How the test's stores reach it; `first` is the preferred member.
  nonisolated func configuration(first: Int = 0) -> EtcdConfiguration {
    EtcdConfiguration(
      endpoints: (0..<size).map { url((first + $0) % size) }, authorityFile: certificates?.authority,
      certificateFile: certificates?.certificate("client"), keyFile: certificates?.key("client"))
  }

  nonisolated func store(first: Int = 0) throws -> EtcdStore {
    try EtcdStore(configuration(first: first), logger: Self.logger)
  }

  static let logger = ProcessInfo.processInfo.environment["STORE_LOG"] == nil ? quiet : Logger(label: "etcd")

  // MARK: Members

  func start(_ index: Int) throws {
    let scheme = security == .plaintext ? "http" : "https"
    func peer(_ index: Int) -> String { "\(scheme)://127.0.0.1:\(firstPort + 2 * index + 1)" }
    var arguments = [
      "etcd", "--name", "m\(index)", "--data-dir", "\(directory)/m\(index)",
      "--listen-client-urls", url(index), "--advertise-client-urls", url(index),
      "--listen-peer-urls", peer(index), "--initial-advertise-peer-urls", peer(index),
      "--initial-cluster", (0..<size).map { "m\($0)=\(peer($0))" }.joined(separator: ","),
      "--initial-cluster-token", directory, "--heartbeat-interval", "50", "--election-timeout", "500",
      "--logger", "zap", "--log-level", "warn"
    ]
    if let quota { arguments += ["--quota-backend-bytes", "\(quota)"] }
    if let certificates {
      for (prefix, extra) in [("", "--client-cert-auth"), ("peer-", "--peer-client-cert-auth")] {
        arguments += [
          "--\(prefix)cert-file", certificates.certificate("server"), "--\(prefix)key-file", certificates.key("server"),
          "--\(prefix)trusted-ca-file", certificates.authority, extra
        ]
      }
    }
    members[index] = try Supervised(arguments, log: "\(directory)/m\(index).log")
  }

  /// kill -9, and gone when this returns. Its data stays.
  func kill(_ index: Int) {
    members.removeValue(forKey: index)?.end()
  }

  /// Stopped, every thread of it, when this returns.
  func stop(_ index: Int) async throws {
    try await members[index]?.stop()
  }

  func resume(_ index: Int) {
    members[index]?.signal(SIGCONT)
  }

  var pids: [pid_t] { members.values.map(\.pid) }

  func end() {
    for index in Array(members.keys) { kill(index) }
    janitor.end()
  }

  // MARK: etcdctl

  /// From then on etcd asks who it is: `root`, or `hf`, who may read and write below `/hf/`.
  func enableUsers() async throws {
    try await etcdctl("user", "add", "root:top")
    try await etcdctl("user", "grant-role", "root", "root")
    try await etcdctl("user", "add", "hf:secret")
    try await etcdctl("role", "add", "hf")
    try await etcdctl("role", "grant-permission", "hf", "readwrite", "/hf/", "--prefix")
    try await etcdctl("user", "grant-role", "hf", "hf")
    try await etcdctl("auth", "enable")
  }

  /// Runs etcdctl against the members that run.
  @discardableResult
  nonisolated func etcdctl(_ arguments: String..., user: String? = nil, member: Int? = nil) async throws -> String {
    let endpoints = if let member { url(member) } else { await members.keys.map(url).joined(separator: ",") }
    var line = ["etcdctl", "--endpoints", endpoints]
    if let certificates {
      line += [
        "--cacert", certificates.authority, "--cert", certificates.certificate("client"), "--key", certificates.key("client")
      ]
    }
    if let user { line += ["--user", user] }
    return try await command(line + arguments, environment: ["ETCDCTL_API": "3"])
  }

  /// The member that leads, waiting for one.
  nonisolated func leader() async throws -> Int {
    for _ in 0..<100 {
      for index in await members.keys.sorted() {
        // Columns: endpoint, ID, version, size, whether it leads.
        let line = (try? await etcdctl("--command-timeout=300ms", "endpoint", "status", member: index)) ?? ""
        let columns = line.split(separator: ",").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        if columns.count > 4, columns[4] == "true" { return index }
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    throw Trouble("the cluster has no leader")
  }

  nonisolated func follower() async throws -> Int {
    let leader = try await leader()
    return (leader + 1) % size
  }
}

/// Ports of the tests' own, from 23000 up.
enum Ports {
  private static let state = Mutex(23_000)

  /// The first of `count` neighbouring ports that nothing listens on.
  static func take(_ count: Int) throws -> Int {
    try state.withLock { next in
      while next + count < 24_000 {
        let first = next
        next += count
        if (first..<first + count).allSatisfy(isFree) { return first }
      }
      throw Trouble("no ports between 23000 and 24000 are free")
    }
  }

  private static func isFree(_ port: Int) -> Bool {
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard socket >= 0 else { return false }
    defer { close(socket) }
    var yes: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
