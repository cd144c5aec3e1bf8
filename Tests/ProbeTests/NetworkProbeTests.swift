import Glibc
import HealthProbes
import HoldfastChecks
import HoldfastModel
import NIOCore
import NIOSSL
import Testing

/// What each kind of probe over the network answers, to servers that do what servers do.
@Suite struct `Probes over the network` {
  struct Row: Sendable, CustomTestStringConvertible {
    var name: String
    var server: MadeUpServer.Behaviour
    var limit: Duration = .seconds(10)
    var expected: Expected
    /// With the server's port.
    var probe: @Sendable (Int) -> Probe

    init(
      _ name: String, _ server: MadeUpServer.Behaviour, limit: Duration = .seconds(10), _ expected: Expected,
      probe: @escaping @Sendable (Int) -> Probe
    ) {
      self.name = name
      self.server = server
      self.limit = limit
      self.expected = expected
      self.probe = probe
    }
    var testDescription: String { name }
  }

  private static func http(
    status: ClosedRange<Int> = HTTPProbe.defaultStatus, contains: String? = nil, path: String = "/health"
  ) -> @Sendable (Int) -> Probe {
    { .http(HTTPProbe(host: "127.0.0.1", port: $0, path: path, status: status, contains: contains)) }
  }
  private static let tcp: @Sendable (Int) -> Probe = { .tcp(TCPProbe(host: "127.0.0.1", port: $0)) }

  private static func answer(_ status: String, _ body: String = "") -> String {
    "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }
  private static func chunks(_ parts: String...) -> String {
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      + parts.map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }.joined()
  }
  private static let patience = Duration.milliseconds(500)
  private static let long = String(repeating: "x", count: HTTPProbe.greatestBody)

  static let rows: [Row] = [
    Row("a connection that is accepted", .silent, .good, probe: tcp),
    Row("one that is accepted and closed at once", .closes, .good, probe: tcp),
    Row("an answer", .answers(answer("200 OK")), .good, probe: http()),
    Row("an answer without a body", .answers("HTTP/1.1 204 No Content\r\n\r\n"), .good, probe: http()),
    Row("a redirection, which is not followed", .answers(answer("302 Found\r\nLocation: /x")), .good, probe: http()),
    Row("an interim answer before", .answers("HTTP/1.1 100 Continue\r\n\r\n" + answer("200 OK")), .good, probe: http()),
    Row("an answer of the old protocol", .answersAndCloses("HTTP/1.0 200 OK\r\n\r\nok"), .good, probe: http(contains: "ok")),
    Row("an answer that takes its time", .answersLate(answer("200 OK"), after: .milliseconds(100)), .good, probe: http()),
    Row("not found", .answers(answer("404 Not Found")), .bad("answers /health with status 404"), probe: http()),
    Row("an error", .answers(answer("503 Service Unavailable")), .bad("status 503"), probe: http()),
    Row("a status that is wanted", .answers(answer("418 I'm a teapot")), .good, probe: http(status: 418...418)),
    Row("a status that is not", .answers(answer("200 OK")), .bad("status 200"), probe: http(status: 204...204)),
    Row("the content", .answers(answer("200 OK", "all is ok")), .good, probe: http(contains: "ok")),
    Row("other content", .answers(answer("200 OK", "starting")), .bad("without 'ok'"), probe: http(contains: "ok")),
    Row("content in pieces", .answers(chunks("all is o", "k", "")), .good, probe: http(contains: "ok")),
    Row(
      "content that comes late in a long answer", .answers(chunks(long, "ok", "")), .bad("without 'ok'"),
      probe: http(contains: "ok")),
    Row(
      "content of an answer that does not end", .answers(chunks(String(long.dropLast(2)) + "ok")), .good,
      probe: http(contains: "ok")),
    Row(
      "an answer that stops in the middle", .answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\no"), limit: patience,
      .bad("does not answer within 0.5 s"), probe: http(contains: "ok")),
    Row(
      "an answer that is cut off", .answersAndCloses("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\no"),
      .bad("without a whole answer"), probe: http(contains: "ok")),
    Row("silence", .silent, limit: patience, .bad("connects and does not answer within 0.5 s"), probe: http()),
    Row("the end at once", .closes, .bad("127.0.0.1:"), probe: http()),
    Row("something else", .answers("SSH-2.0-OpenSSH_9.2\r\n"), .bad("something that is not HTTP"), probe: http()),
    Row("garbage", .answers("\u{0}\u{1}\u{2}\r\n\r\n"), .bad("something that is not HTTP"), probe: http()),
    Row("plain words where TLS is spoken", .answers(answer("400 Bad Request")), .bad("does not agree on TLS")) {
      .http(HTTPProbe(isSecure: true, host: "127.0.0.1", port: $0))
    }
  ]

  @Test(arguments: rows) func `answer as the server does`(row: Row) async throws {
    let server = try await MadeUpServer.start(row.server)
    let answer = await HealthProbes.shared.ask(row.probe(server.port), of: .container, within: row.limit)
    #expect(row.expected.isMet(by: answer), "\(answer)")
    try await server.stop()
  }

  @Test(arguments: [tcp, http()]) func `nobody listens`(probe: @Sendable (Int) -> Probe) async throws {
    let port = try await MadeUpServer.freePort()
    let answer = await HealthProbes.shared.ask(probe(port), of: .container, within: .seconds(10))
    #expect(answer == .bad(reason: "127.0.0.1:\(port) refuses the connection"))
  }

  @Test(arguments: [tcp, http()]) func `nobody takes the connection`(probe: @Sendable (Int) -> Probe) async throws {
    let listener = try FullListener()
    let answer = await HealthProbes.shared.ask(probe(listener.port), of: .container, within: Self.patience)
    #expect(answer == .bad(reason: "127.0.0.1:\(listener.port) takes no connection within 0.5 s"))
  }

  /// What says something of this host says nothing of the service.
  @Test(arguments: [
    Probe.tcp(TCPProbe(host: "a..b", port: 80)), .http(HTTPProbe(host: "a..b")), .ping(PingProbe(address: "a..b")),
    // A link-local address without its link.
    .tcp(TCPProbe(host: "fe80::1", port: 80)),
    .tcp(TCPProbe(port: 80)), .file(FileProbe(path: "/run/beat", maximumAge: 1)), .exec(ExecProbe(command: ["true"])),
    .agent, .other(kind: "oracle")
  ]) func `what cannot be asked tells nothing`(probe: Probe) async {
    let answer = await HealthProbes.shared.ask(probe, of: .container, within: .seconds(10))
    #expect(Expected.cannotTell("").isMet(by: answer), "\(answer)")
  }

  @Test func `a probe that is given up ends at once, and its connection with it`() async throws {
    let server = try await MadeUpServer.start(.silent)
    let asked = Task {
      await HealthProbes.shared.ask(
        .http(HTTPProbe(host: "127.0.0.1", port: server.port)), of: .container, within: .seconds(300))
    }
    var connections = server.connections.makeAsyncIterator()
    let ended = try #require(await connections.next())
    asked.cancel()
    #expect(await asked.value == .cannotTell(reason: "it was given up"))
    try await ended.get()
    try await server.stop()
  }

  @Test(arguments: ["127.0.0.1", "::1"]) func `an address that is this host's answers an echo`(address: String) async {
    let answer = await HealthProbes.shared.ask(.ping(PingProbe(address: address)), of: .container, within: .seconds(10))
    // Whether this process may ask is the host's matter.
    if case .cannotTell(let reason) = answer { print("ping \(address): \(reason)") } else { #expect(answer == .good) }
  }
}

extension `Probes over the network` {
  /// No file can say it; a record from elsewhere may.
  @Test func `a request that cannot be written tells nothing`() async throws {
    let server = try await MadeUpServer.start(.silent)
    let probe = Probe.http(HTTPProbe(host: "127.0.0.1", port: server.port, serverName: "a\u{1}b"))
    let answer = await HealthProbes.shared.ask(probe, of: .container, within: .seconds(10))
    #expect(Expected.cannotTell("cannot be written").isMet(by: answer), "\(answer)")
    try await server.stop()
  }
}

/// Certificates.
@Suite struct `Probes over TLS` {
  private static func probe(_ port: Int, days: Int?) -> Probe {
    .http(
      HTTPProbe(
        isSecure: true, host: "127.0.0.1", port: port, serverName: "shop.example.com", contains: "ok", certificateDays: days))
  }

  @Test(arguments: [(nil, .good), (0, .good), (9, .good), (30, .bad("its certificate ends in "))] as [(Int?, Expected)])
  func `look at the certificate's end, and at nothing else of it`(days: Int?, expected: Expected) async throws {
    let server = try await MadeUpServer.start(
      .answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), context: try await SelfSigned.context(days: 10))
    let answer = await HealthProbes.shared.ask(Self.probe(server.port, days: days), of: .container, within: .seconds(10))
    #expect(expected.isMet(by: answer), "\(answer)")
    try await server.stop()
  }

  @Test func `a request without TLS to who speaks it fails`() async throws {
    let server = try await MadeUpServer.start(.silent, context: try await SelfSigned.context(days: 10))
    let answer = await HealthProbes.shared.ask(
      .http(HTTPProbe(host: "127.0.0.1", port: server.port)), of: .container, within: .seconds(10))
    #expect(Expected.bad("127.0.0.1:").isMet(by: answer), "\(answer)")
    try await server.stop()
  }
}
