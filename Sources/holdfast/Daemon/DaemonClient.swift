import AsyncHTTPClient
import Foundation
import HoldfastAPI
import HoldfastOperator
import NIOCore
import NIOHTTP1

/// Speaks to the node's own daemon.
struct DaemonClient: Sendable {
  let socket: String
  /// Seconds for an answer from memory.
  var readLimit: Int64 = 10

  /// Seconds for one that waits for the store, perhaps for many workloads in a row.
  private static let commandLimit: Int64 = 120
  private static let greatestAnswer = 256 << 20

  /// A socket that nobody serves is told at once: the library would try for ten seconds. Never shut down, for the program ends with it.
  private static let http: HTTPClient = {
    var configuration = HTTPClient.Configuration()
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.timeout.connect = .seconds(5)
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }()

  func get<Answer: Decodable>(_ path: String, _ query: [String: String] = [:], as: Answer.Type = Answer.self) async throws
    -> Answer
  {
    try await ask(request(path, query), limit: readLimit)
  }

  /// - Parameter files: from which the body was read, for the daemon's log.
  func post<Answer: Decodable>(
    _ path: String, _ query: [String: String] = [:], body: (some Encodable)? = Optional<String>.none, files: [String] = [],
    as: Answer.Type = Answer.self
  ) async throws -> Answer {
    var request = request(path, query)
    request.method = .POST
    if !files.isEmpty { request.headers.add(name: "Holdfast-Files", value: Self.printable(files.joined(separator: ", "))) }
    if let body {
      request.headers.add(name: "Content-Type", value: "application/json")
      request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
    }
    return try await ask(request, limit: Self.commandLimit)
  }

  /// A header takes ASCII alone.
  private static func printable(_ text: String) -> String {
    String(text.map { $0.isASCII && !$0.isNewline && $0 >= " " ? $0 : "?" })
  }

  /// Lines as they are written at the other end, until it ends.
  func follow(_ path: String, _ query: [String: String], _ line: (HistoryLine) throws -> Void) async throws {
    let response = try await send(request(path, query), limit: nil)
    guard response.status == .ok else { throw try await failure(response) }
    var pending = Data()
    do {
      for try await part in response.body {
        pending.append(contentsOf: part.readableBytesView)
        while let end = pending.firstIndex(of: 0x0A) {
          let text = pending[pending.startIndex..<end]
          if !text.isEmpty { try line(try decode(HistoryLine.self, from: Data(text))) }
          pending = Data(pending[pending.index(after: end)...])
        }
      }
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure(
        .unreachable, thing: "the daemon at \(socket)", reason: "the connection ended: \(error)",
        remedy: "`systemctl status holdfastd` tells why.")
    }
    throw Failure(
      .unreachable, thing: "the daemon at \(socket)", reason: "it has ended", remedy: "`systemctl status holdfastd` tells why.")
  }

  // MARK: one request

  private func request(_ path: String, _ query: [String: String]) -> HTTPClientRequest {
    // Names of workloads need no escaping; what a user typed instead of one does.
    var allowed = CharacterSet.alphanumerics
    allowed.insert(charactersIn: "-._~/")
    func escaped(_ text: String) -> String { text.addingPercentEncoding(withAllowedCharacters: allowed) ?? text }
    var uri = "/\(APIVersion.current)\(escaped(path))"
    if !query.isEmpty {
      uri += "?" + query.sorted { $0.key < $1.key }.map { "\($0.key)=\(escaped($0.value))" }.joined(separator: "&")
    }
    var host = CharacterSet.alphanumerics
    host.insert(charactersIn: "-._~")
    let encoded = socket.addingPercentEncoding(withAllowedCharacters: host) ?? socket
    return HTTPClientRequest(url: "http+unix://\(encoded)\(uri)")
  }

  private func ask<Answer: Decodable>(_ request: HTTPClientRequest, limit: Int64) async throws -> Answer {
    let response = try await send(request, limit: limit)
    guard (200..<300).contains(response.status.code) else { throw try await failure(response) }
    return try decode(Answer.self, from: try await body(of: response))
  }

  private func send(_ request: HTTPClientRequest, limit: Int64?) async throws -> HTTPClientResponse {
    do {
      // A stream has no end to wait for: about 30 years.
      return try await Self.http.execute(request, timeout: .seconds(limit ?? 1_000_000_000))
    } catch {
      throw unreachable(error, limit: limit)
    }
  }

  private func body(of response: HTTPClientResponse) async throws -> Data {
    do {
      return Data(try await response.body.collect(upTo: Self.greatestAnswer).readableBytesView)
    } catch {
      throw unreachable(error, limit: nil)
    }
  }

  private func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch {
      throw Failure(
        thing: "the answer of holdfastd", reason: "this build of holdfast does not understand it (\(error))",
        remedy: "Use the holdfast of the daemon's version: `holdfastd --version` against `holdfast --version`.")
    }
  }

  private func failure(_ response: HTTPClientResponse) async throws -> Failure {
    let data = try await body(of: response)
    if let body = try? JSONDecoder().decode(ErrorBody.self, from: data) { return Failure(body) }
    return Failure(
      thing: "the daemon at \(socket)", reason: "it answers with HTTP status \(response.status.code) and no explanation",
      remedy: "Is this holdfastd's socket? `holdfastd --check` prints it as api.socket.")
  }

  private func unreachable(_ error: any Error, limit: Int64?) -> Failure {
    let (reason, remedy) = SocketDiagnosis.explain(socket, error: error, limit: limit)
    return Failure(.unreachable, thing: "the daemon at \(socket)", reason: reason, remedy: remedy)
  }
}
