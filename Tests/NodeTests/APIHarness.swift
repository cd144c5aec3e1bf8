import AsyncHTTPClient
import Foundation
import HoldfastAPI
import HoldfastNode
import Logging
import NIOCore
import NIOHTTP1
import Subprocess
import SystemPackage
import Testing

/// A server on a socket of its own over a made-up cluster, and what is asked of it.
struct APIHarness {
  let access: TestAccess
  let socket: String
  let readings = Readings()

  static func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

  /// Serves while `body` runs. The socket's directory lets everybody through, so that the socket's own mode is what counts.
  static func serving(
    group: String? = nil, log: RecordedLog? = nil, prepare: (String) throws -> Void = { _ in },
    _ body: (APIHarness) async throws -> Void
  ) async throws {
    let directory = "/tmp/hf-api-\(UInt32.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let harness = APIHarness(access: TestAccess(MadeUpCluster(now: now())), socket: "\(directory)/api.sock")
    try prepare(harness.socket)
    try await harness.whileServing(group: group, log: log) { try await body(harness) }
  }

  func whileServing(group: String? = nil, log: RecordedLog? = nil, _ body: () async throws -> Void) async throws {
    var logger = log?.logger ?? Logger(label: "api-test")
    if log == nil { logger.logLevel = .critical }
    let server = APIServer(access: access, readings: readings, socket: socket, group: group, logger: logger)
    let (readiness, ready) = AsyncStream.makeStream(of: Void.self)
    try await withThrowingTaskGroup { tasks in
      tasks.addTask {
        defer { ready.finish() }
        try await server.run { ready.yield() }
      }
      var isReady = false
      for await _ in readiness {
        isReady = true
        break
      }
      // Not ready: the server ended, and says why.
      if isReady { try await body() } else { try await tasks.next() }
      tasks.cancelAll()
    }
  }

  // MARK: HTTP

  struct Answer {
    var status: UInt
    var body: Data
    func decoded<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
      try JSONDecoder().decode(type, from: body)
    }
    var error: ErrorBody? { try? JSONDecoder().decode(ErrorBody.self, from: body) }
  }

  func request(_ path: String) -> HTTPClientRequest {
    let host = socket.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    return HTTPClientRequest(url: "http+unix://\(host)\(path)")
  }

  func get(_ path: String) async throws -> Answer { try await send(request(path)) }

  /// A node that is drained: only some answers tell of that.
  func drain() async throws {
    struct Fields: Encodable {
      var reason = "new disks"
      var leavesPending = true
    }
    #expect(try await post("/v1/nodes/n2/maintenance", Fields()).status == 200)
  }

  /// The same of a cluster that is disarmed.
  func disarm() async throws {
    struct Fields: Encodable {
      var reason = "new switch"
      var now = true
    }
    #expect(try await post("/v1/disarm", Fields()).status == 200)
  }

  func post(_ path: String, _ body: some Encodable) async throws -> Answer {
    try await post(path, raw: JSONEncoder().encode(body))
  }

  func post(_ path: String, raw: Data = Data()) async throws -> Answer {
    var request = request(path)
    request.method = .POST
    request.body = .bytes(ByteBuffer(bytes: raw))
    return try await send(request)
  }

  /// What a path says to a method that it may not take: the status, and which it does.
  func ask(_ path: String, with method: String) async throws -> (status: UInt, allow: String?) {
    var request = request(path)
    request.method = HTTPMethod(rawValue: method)
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
    _ = try await response.body.collect(upTo: 1 << 20)
    return (response.status.code, response.headers.first(name: "allow"))
  }

  private func send(_ request: HTTPClientRequest) async throws -> Answer {
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
    return Answer(
      status: response.status.code, body: Data(try await response.body.collect(upTo: 64 << 20).readableBytesView))
  }

  // MARK: the CLI

  struct Run {
    var status: Int32
    var output: String
    var errors: String
    func decoded<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
      try JSONDecoder().decode(type, from: Data(output.utf8))
    }
  }

  /// The programs of the build that this test is of.
  static let programs =
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")).map {
      URL(fileURLWithPath: $0).deletingLastPathComponent().path
    } ?? "."

  /// Runs `holdfast` as another user if so asked.
  func holdfast(_ arguments: [String], as user: [String] = [], environment: [Environment.Key: String?] = [:]) async throws
    -> Run
  {
    try await Self.run(
      user + ["\(Self.programs)/holdfast"] + arguments, environment: ["HOLDFAST_SOCKET": socket].merging(environment) { $1 })
  }

  static func run(_ command: [String], environment: [Environment.Key: String?] = [:]) async throws -> Run {
    let program = command[0]
    let result = try await Subprocess.run(
      program.contains("/") ? .path(.init(program)) : .name(program), arguments: Arguments(Array(command.dropFirst())),
      environment: .inherit.updating(
        (["LC_ALL": "C.UTF-8", "TZ": "UTC"] as [Environment.Key: String?]).merging(environment) { $1 }),
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    let status: Int32 = if case .exited(let code) = result.terminationStatus { code } else { -1 }
    return Run(status: status, output: result.standardOutput, errors: result.standardError)
  }
}
