import HealthProbes
import HoldfastChecks
import HoldfastModel
import HoldfastPorts
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Probes that answer as they are told, and tell when one is asked and when it is given up.
private final class MadeUpProbes: ProbeMaker {
  private let loop = MultiThreadedEventLoopGroup.singleton.next()
  private let answers: Mutex<[ProbeResult.Answer?]>
  let asked: AsyncStream<ProbeTarget>
  let givenUp: AsyncStream<ProbeTarget>
  private let tellAsked: AsyncStream<ProbeTarget>.Continuation
  private let tellGivenUp: AsyncStream<ProbeTarget>.Continuation

  /// - Parameter answers: one after the other, the last for ever; nil: none comes until the probe is given up.
  init(_ answers: [ProbeResult.Answer?]) {
    self.answers = Mutex(answers)
    (asked, tellAsked) = AsyncStream.makeStream()
    (givenUp, tellGivenUp) = AsyncStream.makeStream()
  }

  var executor: any SerialExecutor { loop.executor }

  nonisolated(nonsending) func ask(_ probe: Probe, of target: ProbeTarget, within limit: Duration) async -> ProbeResult.Answer {
    tellAsked.yield(target)
    if let answer = answers.withLock({ $0.count > 1 ? $0.removeFirst() : $0[0] }) { return answer }
    try? await Task.sleep(for: .seconds(300))
    tellGivenUp.yield(target)
    return .cannotTell(reason: "it was given up")
  }
}

@Suite(.timeLimit(.minutes(1))) struct `The loop of the checks` {
  private func subject(
    _ workload: WorkloadName = "web1", run: Int = 1, interval: Duration = .milliseconds(200), isOnHold: Bool = false
  )
    -> CheckSubject
  {
    let check = HealthCheck(
      name: "answers", probe: .tcp(TCPProbe(host: "127.0.0.1", port: 1)), interval: interval, down: 2, up: 1, grace: .zero)
    return CheckSubject(workload, run: run, at: ProbeTarget.container.place, checks: [check], isOnHold: isOnHold)
  }

  private func running(_ probes: MadeUpProbes, _ body: (CheckLoop) async throws -> Void) async rethrows {
    let loop = CheckLoop(probes, logger: Logger(label: "test"))
    let task = Task { await loop.run() }
    try await body(loop)
    task.cancel()
    await task.value
  }

  @Test func `has probes made, and tells what changes and nothing else`() async throws {
    try await running(MadeUpProbes([.good, .good, .bad(reason: "refused"), .bad(reason: "silent"), .good])) { loop in
      loop.check(subject())
      var changes = loop.changes().makeAsyncIterator()
      #expect(await changes.next() == HealthChange("web1", run: 1, WorkloadHealth(.healthy)))
      let failing = try #require(await changes.next())
      #expect(failing.health.state == .failing && failing.health.cause?.check == "answers")
      #expect(failing.health.cause?.reason == "silent" || failing.health.cause?.reason == "refused")
      #expect(await changes.next()?.health.state == .healthy)
    }
  }

  @Test func `gives up what nobody waits for any more`() async throws {
    let probes = MadeUpProbes([nil])
    await running(probes) { loop in
      var asked = probes.asked.makeAsyncIterator(), givenUp = probes.givenUp.makeAsyncIterator()
      loop.check(subject())
      #expect(await asked.next()?.workload == "web1")
      loop.check(subject(isOnHold: true))
      #expect(await givenUp.next()?.workload == "web1")
      loop.check(subject("web2"))
      #expect(await asked.next()?.workload == "web2")
      loop.end("web2")
      #expect(await givenUp.next()?.workload == "web2")
    }
  }

  @Test func `ends with what is under way`() async throws {
    let probes = MadeUpProbes([nil])
    await running(probes) { loop in
      var asked = probes.asked.makeAsyncIterator()
      loop.check(subject())
      #expect(await asked.next() != nil)
    }
    var givenUp = probes.givenUp.makeAsyncIterator()
    #expect(await givenUp.next() != nil)
  }
}
