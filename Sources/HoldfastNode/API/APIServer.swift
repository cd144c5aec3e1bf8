import Glibc
import HoldfastAPI
import Hummingbird
import Logging
import NIOCore
import NIOPosix

/// The local HTTP API on a Unix socket. Its failure concerns operators only: workloads run without it.
package struct APIServer: Sendable {
  private let access: any ClusterAccess
  private let readings: Readings
  private let socket: String
  private let group: String?
  private let logger: Logger

  /// Connections at once, those among them that are only told that there is no place (`ConnectionLedger`); more wait until one is closed.
  private static let mostConnections = 512

  /// - Parameters:
  ///   - socket: a Unix socket's path, at most 103 bytes.
  ///   - group: a group's name or number; its members may open the socket and give commands. nil: root alone.
  package init(
    access: any ClusterAccess, readings: Readings = Readings(), socket: String, group: String?, logger: Logger
  ) {
    self.access = access
    self.readings = readings
    self.socket = socket
    self.group = group
    self.logger = logger
  }

  /// Serves until the task is cancelled.
  ///
  /// - Parameter ready: called when the socket answers.
  /// - Throws: why it cannot listen: the path, the reason, the remedy.
  package func run(ready: @Sendable @escaping () -> Void = {}) async throws {
    let operators = try await operatorGroup()
    let file = SocketFile(socket)
    try file.prepare()
    defer { file.remove() }
    let ledger = ConnectionLedger()
    let (outcome, publishing) = AsyncStream.makeStream(of: SocketFile.Unusable?.self)
    let application = Application(
      router: router(operators: operators, ledger),
      server: .http1(
        configuration: .init(additionalChannelHandlers: [ConnectionHandler(ledger)], idleTimeout: .seconds(60))),
      configuration: .init(
        address: .unixDomainSocket(path: file.staging), serverName: "holdfastd",
        availableConnectionsDelegate: .maximum(Self.mostConnections, logger: logger)),
      onServerRunning: { _ in
        do throws(SocketFile.Unusable) {
          try file.publish(group: operators)
          logger.info("the API listens", metadata: ["socket": "\(file.path)"])
          publishing.yield(nil)
          ready()
        } catch {
          publishing.yield(error)
        }
      },
      logger: quietLogger())
    try await withThrowingTaskGroup { tasks in
      tasks.addTask { try await application.run() }
      tasks.addTask {
        for await failure in outcome { if let failure { throw failure } else { return } }
      }
      // The first to end is the publishing, or a server that could not bind; the second is the server.
      try await tasks.next()
      try await tasks.next()
      tasks.cancelAll()
    }
  }

  private func router(operators: UInt32?, _ ledger: ConnectionLedger) -> Router<APIContext> {
    let router = Router(context: APIContext.self)
    let allowed = AllowedMethods()
    router.add(middleware: ErrorMiddleware(allowed: allowed))
    router.add(middleware: ConnectionMiddleware(ledger: ledger))
    router.add(middleware: QueryMiddleware())
    router.add(middleware: PeerMiddleware(operators: operators))
    let version = router.group("\(APIVersion.current)")
    let log = AuditLog(logger: logger)
    ReadRoutes(access: access, readings: readings, log: log).add(to: version)
    EventRoutes(access: access, ledger: ledger).add(to: version)
    CommandRoutes(access: access, readings: readings, log: log).add(to: router.group("\(APIVersion.current)"))
    allowed.take(router)
    return router
  }

  /// The HTTP server tells of every start and stop of its parts, which means nothing to whoever reads the daemon's log. A clean end is
  /// an error to it: `Waiting on child channel: CancellationError()`.
  private func quietLogger() -> Logger {
    var quiet = Logger(label: logger.label) { _ in ServerLog(handler: logger.handler) }
    quiet.logLevel = max(logger.logLevel, .warning)
    return quiet
  }

  private func operatorGroup() async throws -> UInt32? {
    guard let name = group else { return nil }
    // The name service may ask the network: never on the cooperative pool.
    let found = try await NIOThreadPool.singleton.runIfActive { groupNumber(of: name) }
    guard let found else { throw UnknownGroup(name: name) }
    return found
  }
}

/// The operators' group of the configuration is not on this host.
private struct UnknownGroup: Error, CustomStringConvertible {
  var name: String
  var description: String {
    "operators' group \(name): this host has no such group. Make it with `groupadd --system \(name)`, or change the configuration."
  }
}
