import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf
import HoldfastPorts
import NIOCore
import SwiftProtobuf
import Synchronization

/// The gRPC channel to one member: connects by itself, and again when the connection is lost.
final class EndpointChannel: Sendable {
  typealias Client = GRPCClient<HTTP2ClientTransport.Posix>

  /// Responses hold a thousand entries or revisions at most; the transport's default of 4 MiB is too little for that.
  private static let largestMessage = 256 << 20

  let endpoint: Endpoint
  let executor: LoopExecutor
  private let client: Client
  private let connecting: Task<Void, Never>

  /// Certificates are read here: a new channel is how changed files come into use.
  ///
  /// - Parameter onClosed: called when an established connection ends.
  init(
    _ endpoint: Endpoint, configuration: EtcdConfiguration, handshake: HandshakePatience, executor: LoopExecutor,
    onClosed: @escaping @Sendable () -> Void
  ) throws(StoreError) {
    self.endpoint = endpoint
    self.executor = executor
    let client: Client
    do {
      client = GRPCClient(
        transport: try HTTP2ClientTransport.Posix(
          target: endpoint.target, transportSecurity: configuration.security(of: endpoint),
          config: .etcd(connectTimeout: configuration.connectTimeout, handshake: handshake, onClosed: onClosed),
          eventLoopGroup: executor.loop))
    } catch {
      throw .rejected(
        reason: "the certificates for \(endpoint) cannot be used: \(brief(error))",
        remedy: "Check that the authority, certificate and key files are PEM, readable, and belong together.")
    }
    self.client = client
    connecting = Task(executorPreference: executor) { try? await client.runConnections() }
  }

  func close() {
    connecting.cancel()
  }

  /// One request, one answer, by `deadline`.
  ///
  /// Sent at most once: the transport has no retry policy, and the gate lets one message through.
  func call<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>(
    _ method: MethodDescriptor, _ request: Request, metadata: Metadata = [:], until deadline: ContinuousClock.Instant
  ) async throws(CallFailure) -> Response {
    let gate = SendGate()
    let message = ClientRequest(message: request, metadata: metadata)
    let client = client
    let outcome = await race(until: deadline, on: executor) { () async throws -> Response in
      try await client.clientStreaming(
        request: StreamingClientRequest(metadata: message.metadata) { writer in
          guard gate.open() else { throw CancellationError() }
          try await writer.write(message.message)
        },
        descriptor: method, serializer: ProtobufSerializer<Request>(), deserializer: ProtobufDeserializer<Response>(),
        options: Self.options
      ) { try $0.message }
    }
    switch outcome {
    case .success(let response): return response
    case nil:
      throw gate.withdraw() ? .notSent(reason: "not connected in time") : .lost(reason: "no answer in time")
    case .failure(let error):
      if gate.withdraw() { throw .notSent(reason: brief(error)) }
      throw CallFailure(error)
    }
  }

  /// A watch stream: `send` writes requests while `receive` is given each response; it ends when either throws, the server
  /// ends it, or the task is cancelled.
  func watch(
    metadata: Metadata, send: @escaping @Sendable (RPCWriter<Etcdserverpb_WatchRequest>) async throws -> Void,
    receive: @escaping @Sendable (Etcdserverpb_WatchResponse) async throws -> Void
  ) async throws {
    try await client.bidirectionalStreaming(
      request: StreamingClientRequest(metadata: metadata, producer: send),
      descriptor: Etcdserverpb_Watch.Method.Watch.descriptor, serializer: ProtobufSerializer<Etcdserverpb_WatchRequest>(),
      deserializer: ProtobufDeserializer<Etcdserverpb_WatchResponse>(), options: Self.options
    ) { response in
      for try await message in response.messages { try await receive(message) }
    }
  }

  private static var options: CallOptions {
    var options = CallOptions.defaults
    // The transport bounds responses by the limit for requests.
    options.maxRequestMessageBytes = largestMessage
    options.maxResponseMessageBytes = largestMessage
    return options
  }
}

/// Whether a request has been handed to the transport, decided once: it is either let through or withdrawn, never both.
final class SendGate: Sendable {
  private enum State { case shut, opened, withdrawn }
  private let state = Mutex(State.shut)

  /// True when the request may be written now: from here on it may have happened.
  func open() -> Bool {
    state.withLock { state in
      guard state == .shut else { return false }
      state = .opened
      return true
    }
  }

  /// True when the request was never let through, and never will be.
  func withdraw() -> Bool {
    state.withLock { state in
      if state == .shut { state = .withdrawn }
      return state == .withdrawn
    }
  }
}

extension Endpoint {
  fileprivate var target: any ResolvableTarget {
    switch host {
    case .name(let name): .dns(host: name, port: port)
    case .ipv4(let address): .ipv4(address: address, port: port)
    case .ipv6(let address): .ipv6(address: address, port: port)
    }
  }
}

extension EtcdConfiguration {
  fileprivate func security(of endpoint: Endpoint) -> HTTP2ClientTransport.Posix.TransportSecurity {
    guard endpoint.isSecure else { return .plaintext }
    return .tls(
      .defaults { tls in
        if let authorityFile { tls.trustRoots = .certificates([.file(path: authorityFile, format: .pem)]) }
        if let certificateFile { tls.certificateChain = [.file(path: certificateFile, format: .pem)] }
        if let keyFile { tls.privateKey = .file(path: keyFile, format: .pem) }
      })
  }
}

extension HTTP2ClientTransport.Posix.Config {
  fileprivate static func etcd(
    connectTimeout: Duration, handshake: HandshakePatience, onClosed: @escaping @Sendable () -> Void
  ) -> Self {
    .defaults { config in
      let longest = max(.milliseconds(500), connectTimeout / 3)
      config.backoff = .init(initial: .milliseconds(50), max: longest, multiplier: 1.6, jitter: 0.1)
      config.connection.maxIdleTime = nil
      config.connection.keepalive = nil
      config.channelDebuggingCallbacks.onCreateTCPConnection = { channel in
        ConnectionHandlers.install(on: channel, connectTimeout: connectTimeout, handshake: handshake, onClosed: onClosed)
      }
    }
  }
}
