import Glibc
import HealthProbes
import HoldfastChecks
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import Logging
import NIOCore
import Testing

/// What hundreds of checks cost a node.
@Suite(.serialized, .timeLimit(.minutes(2))) struct `Many checks` {
  private static let workloads = 50
  private static let checksOfEach = 10

  /// Of the thread that asks: nothing else of them costs anything worth counting.
  private static func processorTime(_ probes: HealthProbes) async throws -> Duration {
    try await probes.loop.submit {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }.get()
  }

  @Test(arguments: ["tcp", "http"]) func `500 of them, each once a second`(kind: String) async throws {
    let server = try await MadeUpServer.start(.answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
    let probe: Probe =
      kind == "tcp"
      ? .tcp(TCPProbe(host: "127.0.0.1", port: server.port)) : .http(HTTPProbe(host: "127.0.0.1", port: server.port))
    let probes = HealthProbes(node: "n1", agents: nil), loop = CheckLoop(probes, logger: Logger(label: "test"))
    let running = Task { await loop.run() }
    let begun = ContinuousClock.now, before = try await Self.processorTime(probes)
    for number in 0..<Self.workloads {
      let checks = (0..<Self.checksOfEach).map {
        HealthCheck(name: CheckName("c\($0)"), probe: probe, interval: .seconds(1), up: 4, grace: .zero)
      }
      loop.check(
        CheckSubject(WorkloadName("web\(number)"), run: 1, at: ProbeTarget.container.place, checks: checks))
    }
    // Four good answers to each: four seconds.
    var healthy: Set<WorkloadName> = []
    for await change in loop.changes() {
      #expect(change.health.state == .healthy, "\(change)")
      healthy.insert(change.workload)
      if healthy.count == Self.workloads { break }
    }
    let took = ContinuousClock.now - begun, spent = try await Self.processorTime(probes) - before
    let share = spent.inSeconds / took.inSeconds
    print("500 \(kind) checks a second: \((share * 1000).rounded() / 10) % of a core for \(took.inSeconds) s")
    // What it costs depends on the machine, and `make bench-checks` measures it: here it is only to be of the right order.
    #expect(share < 0.5)
    running.cancel()
    await running.value
    await probes.close()
    try await server.stop()
  }
}
