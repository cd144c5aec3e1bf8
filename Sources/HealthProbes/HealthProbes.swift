import HoldfastChecks
import HoldfastModel
import HoldfastPorts
import NIOCore
import NIOPosix

/// Makes the probes of this node's workloads. Each has its time limit and ends when its task is cancelled; nothing that hangs holds up another, and
/// nobody's thread is blocked.
public final class HealthProbes: ProbeMaker {
  private let node: NodeName
  private let group: MultiThreadedEventLoopGroup
  private let doorGroup: MultiThreadedEventLoopGroup
  /// All connections are on it.
  package let loop: any EventLoop
  private let connector: Connector
  private let http: HTTPProber
  private let ping: PingProber
  /// Connections at once. Each costs a descriptor, and most are over within a millisecond.
  private let connections = Gate(512)
  private let files = FileProber()
  private let commands = CommandProber()
  private let guests: GuestProber?

  /// Exit statuses by which shells and their like say that there is no such command, or none that can be run.
  private static let notRun: ClosedRange<Int32> = 126...127

  /// - Parameter agents: nil: this node cannot ask the agents of virtual machines.
  public init(node: NodeName, agents: (any GuestAgents)?) {
    self.node = node
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    doorGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    loop = group.next()
    let names = Names(on: loop)
    connector = Connector(loop: loop, door: ContainerDoor(thread: doorGroup.next(), loop: loop), names: names)
    http = HTTPProber(connector: connector)
    ping = PingProber(loop: loop, names: names)
    guests = agents.map { GuestProber($0) }
  }

  /// Nothing is asked afterwards.
  public func close() async {
    try? await group.shutdownGracefully()
    try? await doorGroup.shutdownGracefully()
  }

  public var executor: any SerialExecutor { loop.executor }

  public nonisolated(nonsending) func ask(
    _ probe: Probe, of target: ProbeTarget, within limit: Duration
  ) async -> ProbeResult.Answer {
    let end = ContinuousClock.now + limit
    switch probe {
    case .tcp(let probe):
      let endpoint = Endpoint(host: probe.host, port: probe.port, place: target.place)
      return await exchange(limit, end, endpoint.firstStage) { exchange in
        connector.connect(to: endpoint, for: exchange) { exchange.settle(.good) }
      }
    case .http(let probe):
      let endpoint = Endpoint(host: probe.host, port: probe.port, place: target.place)
      return await exchange(limit, end, endpoint.firstStage) { http.start(probe, at: endpoint, $0) }
    case .ping(let probe): return await ping(probe.address, within: limit)
    case .exec(let probe): return await run(probe.command, in: target, limit, end)
    case .agent:
      guard let guests, Self.isMachine(target) else { return .cannotTell(reason: "a container has no guest agent") }
      return await guests.ping(Self.asker(target), until: end)
    case .file(let probe):
      do throws(ContainerProcess.Missing) {
        return await files.answer(to: probe, at: try ContainerProcess(at: target.place), until: end)
      } catch {
        return .cannotTell(reason: error.reason)
      }
    case .script(let probe): return await script(probe, target, limit, end)
    case .other(let kind): return .cannotTell(reason: "this node's build knows no check of the kind '\(kind)'")
    }
  }

  /// Asks an address by ICMP echo.
  nonisolated(nonsending) func ping(_ address: String, within limit: Duration) async -> Answer {
    await exchange(limit, ContinuousClock.now + limit, .resolving(address)) { ping.start(PingProbe(address: address), $0) }
  }

  private nonisolated(nonsending) func exchange(
    _ limit: Duration, _ end: ContinuousClock.Instant, _ stage: Exchange.Stage, _ start: (Exchange) -> Void
  ) async -> Answer {
    guard await connections.enter(until: end) else {
      return .cannotTell(reason: "\(connections.places) connections of checks are open on this node already")
    }
    defer { connections.leave() }
    let exchange = Exchange(on: loop, limit: limit, stage)
    start(exchange)
    return await exchange.answer()
  }

  private static func isMachine(_ target: ProbeTarget) -> Bool { !target.place.domain.connection.hasPrefix("lxc") }

  private static func asker(_ target: ProbeTarget) -> GuestProber.Asker {
    GuestProber.Asker(domain: target.place.domain, uuid: target.place.uuid, check: target.check)
  }

  // MARK: commands

  private func variables(_ target: ProbeTarget) -> [String: String] {
    ["HOLDFAST_NODE": node.text, "HOLDFAST_WORKLOAD": target.workload.text, "HOLDFAST_CHECK": target.check.text]
  }

  private func run(
    _ command: [String], in target: ProbeTarget, _ limit: Duration, _ end: ContinuousClock.Instant
  ) async -> Answer {
    guard let first = command.first else { return .cannotTell(reason: "it names no command") }
    if Self.isMachine(target) {
      guard let guests else { return .cannotTell(reason: "this node cannot ask guest agents") }
      return await guests.run(command, Self.asker(target), within: limit, until: end)
    }
    let line: [String]
    do throws(ContainerProcess.Missing) {
      line = try ContainerEntry(container: try ContainerProcess(at: target.place)).command(command)
    } catch {
      return .cannotTell(reason: error.reason)
    }
    let name = "'\(first)'"
    switch await commands.run(line, variables: variables(target), until: end) {
    case .exited(0, _): return .good
    case .exited(let status, let output) where Self.notRun.contains(status) || ContainerEntry.hasFailed(saying: output):
      return .cannotTell(reason: "\(name) cannot be run in the container\(Self.saying(output))")
    case .exited(let status, let output): return .bad(reason: "\(name) ends with status \(status)\(Self.saying(output))")
    case .signalled(let signal): return .cannotTell(reason: "\(name) was ended by signal \(signal)")
    case .notStarted(let reason): return .cannotTell(reason: "\(name) cannot be run: \(reason)")
    case .timedOut: return .bad(reason: "\(name) does not end within \(Words.time(limit))")
    }
  }

  /// Of a script's statuses only these two say something of the workload: others mean that it could not find out.
  private func script(
    _ probe: ScriptProbe, _ target: ProbeTarget, _ limit: Duration, _ end: ContinuousClock.Instant
  ) async -> Answer {
    Self.answer(
      of: await commands.run([probe.path] + probe.arguments, variables: variables(target), until: end), to: probe, within: limit
    )
  }

  static func answer(of ended: CommandEnd, to probe: ScriptProbe, within limit: Duration) -> Answer {
    switch ended {
    case .exited(0, _): .good
    case .exited(1, let output) where !CommandProber.hasFailed(saying: output):
      .bad(reason: "\(probe.path) ends with status 1\(Self.saying(output))")
    case .exited(let status, let output) where notRun.contains(status) || CommandProber.hasFailed(saying: output):
      .cannotTell(reason: "\(probe.path) cannot be run\(saying(output))")
    case .exited(let status, let output):
      .cannotTell(reason: "\(probe.path) ends with status \(status)\(Self.saying(output))")
    case .signalled(let signal): .cannotTell(reason: "\(probe.path) was ended by signal \(signal)")
    case .notStarted(let reason): .cannotTell(reason: "\(probe.path) cannot be run: \(reason)")
    case .timedOut: .bad(reason: "\(probe.path) does not end within \(Words.time(limit))")
    }
  }

  /// The beginning of what a command said.
  private static func saying(_ output: String) -> String { output.isEmpty ? "" : ": \(output.prefix(200))" }
}
