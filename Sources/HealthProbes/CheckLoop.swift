import HoldfastChecks
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import LinuxBasics
import Logging

/// Who makes probes.
public protocol ProbeMaker: Sendable {
  /// Where most answers arrive: what follows from them is done there, without waking another thread.
  var executor: any SerialExecutor { get }

  /// Makes one probe; ends at once when its task is cancelled.
  ///
  /// - Parameter limit: from now on; what has not answered by then answers badly.
  nonisolated(nonsending) func ask(_ probe: Probe, of target: ProbeTarget, within limit: Duration) async -> ProbeResult.Answer
}

/// Who is asked, and for what.
public struct ProbeTarget: Hashable, Sendable {
  public var workload: WorkloadName
  public var check: CheckName
  public var place: CheckSubject.Place

  public init(_ workload: WorkloadName, _ check: CheckName, at place: CheckSubject.Place) {
    self.workload = workload
    self.check = check
    self.place = place
  }
}

/// The shell of the checks: has the probes made that their machine asks for, and tells what changes. Decides nothing.
public actor CheckLoop: WorkloadChecks {
  private let probes: any ProbeMaker
  private var machine = CheckMachine()
  /// Probes that are under way.
  private var asked: [ProbeID: Task<Void, Never>] = [:]
  private var alarm: Task<Void, Never>?
  private var saidUnsound = false
  private let logger: Logger
  private let events: AsyncStream<CheckMachine.Event>
  private let inbox: AsyncStream<CheckMachine.Event>.Continuation
  private let told: AsyncStream<HealthChange>
  private let tell: AsyncStream<HealthChange>.Continuation

  public nonisolated var unownedExecutor: UnownedSerialExecutor { probes.executor.asUnownedSerialExecutor() }

  public init(_ probes: any ProbeMaker, logger: Logger) {
    self.probes = probes
    self.logger = logger
    (events, inbox) = AsyncStream.makeStream()
    (told, tell) = AsyncStream.makeStream()
  }

  public nonisolated func changes() -> AsyncStream<HealthChange> { told }
  public nonisolated func check(_ subject: CheckSubject) { inbox.yield(.check(subject)) }
  public nonisolated func end(_ workload: WorkloadName) { inbox.yield(.end(workload)) }

  /// Looks until its task is cancelled. Once.
  public func run() async {
    for await event in events { take(event) }
    tell.finish()
    // Nothing of this comes after whoever makes the probes has gone.
    let left = Array(asked.values) + (alarm.map { [$0] } ?? [])
    for task in left { task.cancel() }
    for task in left { await task.value }
  }

  private func take(_ event: CheckMachine.Event) {
    for action in machine.receive(event, now: BootClock.now) {
      switch action {
      case .probe(let request): begin(request)
      case .giveUp(let id): asked.removeValue(forKey: id)?.cancel()
      case .tell(let workload, let run, let health): tell.yield(HealthChange(workload, run: run, health))
      case .wake(let instant): wake(at: instant)
      }
    }
    if let found = machine.breach, !saidUnsound {
      saidUnsound = true
      logger.error("the checks found themselves wrong: what they tell may be, too", metadata: ["reason": "\(found)"])
    }
  }

  private func begin(_ request: ProbeRequest) {
    asked[request.id] = Task {
      let target = ProbeTarget(request.workload, request.check, at: request.place)
      let answer = await probes.ask(request.probe, of: target, within: request.timeout)
      // Of one that was given up the machine knows nothing any more.
      guard asked.removeValue(forKey: request.id) != nil else { return }
      take(.answered(ProbeResult(request.id, answer)))
    }
  }

  private func wake(at instant: BootInstant) {
    alarm?.cancel()
    alarm = Task {
      // `ContinuousClock` is the same clock. Not in LinuxBasics: the guard is linked with that, and has no tasks.
      let left = max(Duration.zero, instant - BootClock.now)
      guard (try? await Task.sleep(for: left, tolerance: .zero, clock: .continuous)) != nil else { return }
      take(.tick)
    }
  }
}
