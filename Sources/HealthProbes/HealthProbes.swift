import HoldfastChecks
import HoldfastModel
import HoldfastPorts
import NIOCore
import NIOPosix

/// Makes the probes of this node's workloads. Each has its time limit and ends when its task is cancelled; nothing that hangs holds up another, and
/// nobody's thread is blocked.
public final class HealthProbes: Sendable {
  /// Who is asked, and for what.
  public struct Target: Hashable, Sendable {
    public var workload: WorkloadName
    public var check: CheckName
    public var place: CheckSubject.Place

    public init(_ workload: WorkloadName, _ check: CheckName, at place: CheckSubject.Place) {
      self.workload = workload
      self.check = check
      self.place = place
    }

    fileprivate var isMachine: Bool { !place.domain.connection.hasPrefix("lxc") }
    fileprivate var asker: GuestProber.Asker { .init(domain: place.domain, uuid: place.uuid, check: check) }
  }

  private let node: NodeName
  private let group: MultiThreadedEventLoopGroup
  private let doorGroup: MultiThreadedEventLoopGroup
  private let loop: any EventLoop
  private let connector: Connector
  private let http: HTTPProber
  private let ping: PingProber
  private let files = FileProber()
  private let commands = CommandProber()
  private let guests: GuestProber?

  /// Exit statuses of a shell's, which say that there is no such command, or none that can be run.
  private static let notRun: ClosedRange<Int32> = 126...127

  /// - Parameter agents: nil: this node cannot ask the agents of virtual machines.
  public init(node: NodeName, agents: (any GuestAgents)?) {
    self.node = node
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    doorGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    loop = group.next()
    connector = Connector(loop: loop, door: ContainerDoor(thread: doorGroup.next(), loop: loop))
    http = HTTPProber(connector: connector)
    ping = PingProber(loop: loop)
    guests = agents.map { GuestProber($0) }
  }

  /// Nothing is asked afterwards.
  public func close() async {
    try? await group.shutdownGracefully()
    try? await doorGroup.shutdownGracefully()
  }

  /// Makes one probe.
  ///
  /// - Parameter limit: from now on; what has not answered by then answers badly.
  public func ask(_ probe: Probe, of target: Target, within limit: Duration) async -> ProbeResult.Answer {
    let end = ContinuousClock.now + limit
    switch probe {
    case .tcp(let probe):
      let endpoint = Endpoint(host: probe.host, port: probe.port, place: target.place)
      return await exchange(limit, silence: "\(endpoint.words) takes no connection") { exchange in
        connector.connect(to: endpoint, for: exchange) { exchange.settle(.good) }
      }
    case .http(let probe):
      let endpoint = Endpoint(host: probe.host, port: probe.port, place: target.place)
      return await exchange(limit, silence: "\(endpoint.words) takes no connection") { http.start(probe, at: endpoint, $0) }
    case .ping(let probe):
      return await exchange(limit, silence: "\(probe.address) does not answer") { ping.start(probe, $0) }
    case .exec(let probe): return await run(probe.command, in: target, limit, end)
    case .agent:
      guard let guests, target.isMachine else { return .cannotTell(reason: "a container has no guest agent") }
      return await guests.ping(target.asker, until: end)
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

  private func exchange(_ limit: Duration, silence: String, _ start: (Exchange) -> Void) async -> Answer {
    let exchange = Exchange(on: loop, limit: limit, silence: silence)
    start(exchange)
    return await exchange.answer()
  }

  // MARK: commands

  private func variables(_ target: Target) -> [String: String] {
    ["HOLDFAST_NODE": node.text, "HOLDFAST_WORKLOAD": target.workload.text, "HOLDFAST_CHECK": target.check.text]
  }

  private func run(
    _ command: [String], in target: Target, _ limit: Duration, _ end: ContinuousClock.Instant
  ) async -> Answer {
    if target.isMachine {
      guard let guests else { return .cannotTell(reason: "this node cannot ask guest agents") }
      return await guests.run(command, target.asker, within: limit, until: end)
    }
    let line: [String]
    do throws(ContainerProcess.Missing) {
      line = try ContainerEntry(container: try ContainerProcess(at: target.place)).command(command)
    } catch {
      return .cannotTell(reason: error.reason)
    }
    let name = "'\(command[0])'"
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
    _ probe: ScriptProbe, _ target: Target, _ limit: Duration, _ end: ContinuousClock.Instant
  ) async -> Answer {
    switch await commands.run([probe.path] + probe.arguments, variables: variables(target), until: end) {
    case .exited(0, _): .good
    case .exited(1, let output): .bad(reason: "\(probe.path) ends with status 1\(Self.saying(output))")
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
