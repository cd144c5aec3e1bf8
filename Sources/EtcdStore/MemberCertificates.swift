import HoldfastPorts
import Housekeeping
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

/// Until when the certificates serve that the members show, to their clients or to each other, asked now and then.
///
/// Each time in a handshake of its own: a connection that stands was made with the certificate of that day, and the member may have another by now.
final class MemberCertificates: Sendable {
  private struct State {
    var due = ContinuousClock.now
    /// What is asked.
    var endpoints: [Endpoint]
    /// By endpoint, in milliseconds since 1970. A member that does not answer keeps what it showed last.
    var ends: [Endpoint: Int64] = [:]
  }

  private let kind: StoreCertificate.Kind
  private let pause: Duration
  private let configuration: EtcdConfiguration
  private let loop: any EventLoop
  private let state: Mutex<State>

  /// The time from one look to the next. What ends is told days before, so that minutes do not matter; and whoever has put a new file on a member's
  /// host sees soon that it is shown. A handshake that is followed by no request costs a member little, ten minutes apart.
  private static let pauseBetweenLooks: Duration = .seconds(600)
  /// A member may complain in its log of a client among its peers: so seldom that nobody minds.
  private static let pauseBetweenPeerLooks: Duration = .seconds(6 * 3600)

  /// What members show to their clients.
  init(_ endpoints: [Endpoint], _ configuration: EtcdConfiguration, on loop: any EventLoop) {
    (kind, pause) = (.member, Self.pauseBetweenLooks)
    self.configuration = configuration
    self.loop = loop
    state = Mutex(State(endpoints: endpoints))
  }

  /// What members show to each other, at the URLs that `learn` is told.
  init(amongMembers configuration: EtcdConfiguration, on loop: any EventLoop) {
    (kind, pause) = (.peer, Self.pauseBetweenPeerLooks)
    self.configuration = configuration
    self.loop = loop
    state = Mutex(State(endpoints: []))
  }

  /// The members' URLs for each other, as the store lists them. Others than before are asked with the next look.
  func learn(_ urls: [String]) {
    let listed = urls.sorted().compactMap { try? Endpoint($0) }
    state.withLock { state in
      guard state.endpoints != listed else { return }
      state.endpoints = listed
      state.ends = state.ends.filter { listed.contains($0.key) }
      state.due = .now
    }
  }

  /// Those that are known. Takes no longer than the limit, and seldom any time at all.
  func certificates(within limit: Duration) async -> [StoreCertificate] {
    let due = state.withLock { state in
      guard state.due <= .now else { return [Endpoint]() }
      state.due = .now + pause
      return state.endpoints.filter(\.isSecure)
    }
    if !due.isEmpty { await ask(due, within: limit) }
    return state.withLock { state in
      state.endpoints.compactMap { endpoint in
        state.ends[endpoint].map { StoreCertificate(kind, path: endpoint.description, ends: $0) }
      }
    }
  }

  private func ask(_ endpoints: [Endpoint], within limit: Duration) async {
    // Files that cannot be read are told of where the connections need them.
    guard let context = try? configuration.handshakeContext() else { return }
    await withTaskGroup(of: (Endpoint, Int64?).self) { group in
      for endpoint in endpoints {
        group.addTask { [loop] in (endpoint, await Self.end(of: endpoint, context, on: loop, within: limit)) }
      }
      for await (endpoint, end) in group {
        if let end { state.withLock { $0.ends[endpoint] = end } }
      }
    }
  }

  /// nil: it shows none in time.
  private static func end(
    of endpoint: Endpoint, _ context: NIOSSLContext, on loop: any EventLoop, within limit: Duration
  ) async -> Int64? {
    let outcome = await race(until: .now + limit) { () async throws -> Int64? in
      let shown = Finish<Int64>()
      let channel = try await ClientBootstrap(group: loop).connectTimeout(TimeAmount(limit)).channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: endpoint.serverName))
          try pipeline.addHandler(ShownCertificate(shown))
        }
      }.connect(host: endpoint.address, port: endpoint.port).get()
      defer { channel.close(promise: nil) }
      return await shown.value()
    }
    return if case .success(let end)? = outcome { end } else { nil }
  }
}

/// Reads the certificate when the handshake is over.
private final class ShownCertificate: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let shown: Finish<Int64>

  init(_ shown: Finish<Int64>) { self.shown = shown }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent {
      let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
      shown.settle(handler?.peerCertificate.map { Int64($0.notValidAfter) * 1000 })
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    shown.settle(nil)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    shown.settle(nil)
    context.fireChannelInactive()
  }
}

extension EtcdConfiguration {
  /// For a handshake in which a date is read and nothing said: the certificate may have ended, which is what a person is to know.
  fileprivate func handshakeContext() throws -> NIOSSLContext {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.certificateVerification = .none
    tls.trustRoots = .certificates([])
    tls.applicationProtocols = ["h2"]
    // A member that wants a client's certificate and is shown none complains in its log.
    if let certificateFile, let keyFile {
      tls.certificateChain = try NIOSSLCertificate.fromPEMFile(certificateFile).map { .certificate($0) }
      tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem))
    }
    return try NIOSSLContext(configuration: tls)
  }
}

extension Endpoint {
  fileprivate var address: String {
    switch host {
    case .name(let text), .ipv4(let text), .ipv6(let text): text
    }
  }

  /// TLS has no place for an address.
  fileprivate var serverName: String? { if case .name(let name) = host { name } else { nil } }
}
