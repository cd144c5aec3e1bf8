import HoldfastChecks
import HoldfastModel
import NIOCore
import NIOPosix

/// Where a connection of a probe goes.
struct Endpoint: Sendable {
  /// A name or an address; nil: the loopback address of the container's own network.
  var host: String?
  var port: Int
  var place: CheckSubject.Place

  /// For people: `10.0.0.4:80`, `[::1]:80`, `port 80`.
  var words: String {
    guard let host else { return "port \(port)" }
    return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  var silence: Exchange.Stage { .silence("\(words) takes no connection") }
  var firstStage: Exchange.Stage {
    guard let host, Names.literal(host, port: 0) == nil else { return silence }
    return .resolving(host)
  }
}

/// Opens the connections of probes, all on one loop.
struct Connector: Sendable {
  let loop: any EventLoop
  let door: ContainerDoor
  let names: Names

  /// Connects, and hands the channel to the exchange, which is settled when that fails.
  ///
  /// - Parameters:
  ///   - prepare: on the loop, before the channel is connected.
  ///   - connected: on the loop, when it is.
  func connect(
    to endpoint: Endpoint, for exchange: Exchange, prepare: @escaping @Sendable (any Channel) throws -> Void = { _ in },
    connected: @escaping @Sendable () -> Void
  ) {
    guard let host = endpoint.host, Names.literal(host, port: 0) == nil else {
      return start(endpoint, [], exchange, prepare, connected)
    }
    // A name may have several addresses, and the connection tries them all.
    exchange.resolve(host, port: endpoint.port, by: names) { addresses in
      exchange.reached(endpoint.silence)
      start(endpoint, addresses, exchange, prepare, connected)
    }
  }

  private func start(
    _ endpoint: Endpoint, _ found: [SocketAddress], _ exchange: Exchange,
    _ prepare: @escaping @Sendable (any Channel) throws -> Void,
    _ connected: @escaping @Sendable () -> Void
  ) {
    open(endpoint, found, until: exchange.end) { channel in channel.eventLoop.makeCompletedFuture { try prepare(channel) } }
      .whenComplete { result in
        switch result {
        case .success(let channel):
          exchange.own(channel)
          connected()
        case .failure(let error as ContainerProcess.Missing): exchange.settle(.cannotTell(reason: error.reason))
        case .failure(let error): exchange.settle(Words.answer(to: error, at: endpoint.words))
        }
      }
  }

  /// - Parameter found: the addresses of its name.
  private func open(
    _ endpoint: Endpoint, _ found: [SocketAddress], until end: NIODeadline,
    _ prepare: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) -> EventLoopFuture<any Channel> {
    @Sendable func bootstrap() -> ClientBootstrap {
      // A moment longer than the exchange: that one knows better what to say.
      ClientBootstrap(group: loop).connectTimeout(end - .now() + .milliseconds(50)).channelInitializer(prepare)
    }
    guard let host = endpoint.host else {
      let network: String
      do throws(ContainerProcess.Missing) { network = try ContainerProcess(at: endpoint.place).network } catch {
        return loop.makeFailedFuture(error)
      }
      return door.connect(in: network, port: endpoint.port, until: end).flatMap {
        bootstrap().withConnectedSocket($0.handOver())
      }
    }
    // An address needs no resolver, and no thread of its.
    if let address = Names.literal(host, port: endpoint.port) { return bootstrap().connect(to: address) }
    return bootstrap().resolver(FoundAddresses(loop: loop, addresses: found)).connect(host: host, port: endpoint.port)
  }
}
