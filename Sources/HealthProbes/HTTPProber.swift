import CLinux
import HoldfastChecks
import HoldfastModel
import LinuxBasics
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization

/// Asks with one GET request over a connection of its own, and looks at the answer as far as it has to.
struct HTTPProber: Sendable {
  let connector: Connector
  let security = ProbeSecurity()

  func start(_ probe: HTTPProbe, at endpoint: Endpoint, _ exchange: Exchange) {
    let context: NIOSSLContext?
    do { context = probe.isSecure ? try security.context() : nil } catch {
      return exchange.settle(.cannotTell(reason: "this node cannot use TLS: \(InWords.oneLine("\(error)"))"))
    }
    let words = endpoint.words
    connector.connect(to: endpoint, for: exchange) { channel in
      let pipeline = channel.pipeline.syncOperations
      if let context {
        try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: Self.serverName(probe)))
      }
      try pipeline.addHTTPClientHandlers()
      try pipeline.addHandler(HTTPAnswerHandler(probe, place: words, exchange))
    } connected: {
      exchange.reached(.silence("\(words) connects and does not answer"))
    }
  }

  /// The name for TLS: none where there is but an address, which TLS has no place for.
  static func serverName(_ probe: HTTPProbe) -> String? {
    guard let name = probe.serverName ?? probe.host, Names.literal(name, port: 0) == nil else { return nil }
    return (1...255).contains(name.utf8.count) && name.utf8.allSatisfy { $0 != 0 } ? name : nil
  }

  /// The request's Host field.
  static func hostField(_ probe: HTTPProbe) -> String {
    let name = probe.serverName ?? probe.host ?? "localhost"
    let host = name.contains(":") && !name.hasPrefix("[") ? "[\(name)]" : name
    let usual = probe.isSecure ? HTTPProbe.defaultSecurePort : HTTPProbe.defaultPort
    return probe.port == usual ? host : "\(host):\(probe.port)"
  }
}

/// What TLS is spoken with, made when it is first needed: it costs milliseconds and memory.
final class ProbeSecurity: Sendable {
  private let made = Mutex<NIOSSLContext?>(nil)

  /// Whom a certificate is from is not looked at: what is asked is whether the service answers.
  func context() throws -> NIOSSLContext {
    try made.withLock { made in
      if let made { return made }
      var configuration = TLSConfiguration.makeClientConfiguration()
      configuration.certificateVerification = .none
      configuration.trustRoots = .certificates([])
      configuration.minimumTLSVersion = .tlsv1
      let context = try NIOSSLContext(configuration: configuration)
      made = context
      return context
    }
  }
}

/// Sends the request, reads the answer, and settles the exchange by what it is.
final class HTTPAnswerHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let probe: HTTPProbe
  private let place: String
  private let exchange: Exchange
  /// As much of it as is looked at.
  private var body = ByteBuffer()
  /// The request is being written.
  private var isAsking = false

  init(_ probe: HTTPProbe, place: String, _ exchange: Exchange) {
    self.probe = probe
    self.place = place
    self.exchange = exchange
  }

  func channelActive(context: ChannelHandlerContext) {
    let headers: HTTPHeaders = [
      "Host": HTTPProber.hostField(probe), "User-Agent": "holdfast", "Accept": "*/*", "Connection": "close"
    ]
    let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: probe.path, headers: headers)
    isAsking = true
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    isAsking = false
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): take(head, certificate: certificate(context))
    case .body(var part):
      let room = HTTPProbe.greatestBody - body.readableBytes
      if var taken = part.readSlice(length: min(room, part.readableBytes)) { body.writeBuffer(&taken) }
      if body.readableBytes >= HTTPProbe.greatestBody { judgeBody() }
    case .end: judgeBody()
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    exchange.settle(.bad(reason: "\(place) ends the connection without a whole answer"))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // What cannot stand in a request is nothing that the service could answer.
    if isAsking, error is HTTPParserError {
      exchange.settle(.cannotTell(reason: "the request cannot be written: \(error)"))
    }
    exchange.settle(Words.answer(to: error, at: place))
    context.close(promise: nil)
  }

  private func certificate(_ context: ChannelHandlerContext) -> NIOSSLCertificate? {
    (try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self))?.peerCertificate
  }

  private func take(_ head: HTTPResponseHead, certificate: NIOSSLCertificate?) {
    let status = Int(head.status.code)
    guard probe.status.contains(status) else {
      return exchange.settle(.bad(reason: "\(place) answers \(probe.path) with status \(status)"))
    }
    if let days = probe.certificateDays, let flaw = Self.flaw(of: certificate, days: days) {
      return exchange.settle(.bad(reason: "\(place): \(flaw)"))
    }
    if probe.contains == nil { exchange.settle(.good) }
  }

  private func judgeBody() {
    guard let text = probe.contains else { return }
    let wanted = Array(text.utf8)
    let isThere = body.withUnsafeReadableBytes { holdfast_contains($0.baseAddress, $0.count, wanted, wanted.count) == 1 }
    if isThere { return exchange.settle(.good) }
    exchange.settle(.bad(reason: "\(place) answers \(probe.path) without '\(InWords.oneLine("\(text.prefix(80))"))'"))
  }

  /// What is wrong with a certificate that is to be valid for so many days more; nil: nothing.
  static func flaw(of certificate: NIOSSLCertificate?, days: Int, now: Int64 = WallClock.milliseconds / 1000) -> String? {
    guard let certificate else { return "it shows no certificate" }
    let left = Int64(certificate.notValidAfter) - now
    if left < 0 { return "its certificate has ended" }
    let whole = left / 86_400
    if left >= Int64(days) * 86_400 { return nil }
    return "its certificate ends in \(whole == 0 ? "less than a day" : whole == 1 ? "one day" : "\(whole) days")"
  }
}
