import HoldfastChecks
import HoldfastModel
import HoldfastPorts
import HoldfastTime
import LinuxBasics
import Logging

/// The shell of the node's own checks: has the probes made that their machine asks for, and tells what changes. Decides nothing.
public actor NodeCheckLoop: NodeChecks {
  private let probes: any NodeProbeMaker
  private var machine = NodeCheckMachine()
  /// Probes that are under way.
  private var asked: [ProbeID: Task<Void, Never>] = [:]
  private var alarm: Task<Void, Never>?
  private var saidUnsound = false
  private let logger: Logger
  private let events: AsyncStream<NodeCheckMachine.Event>
  private let inbox: AsyncStream<NodeCheckMachine.Event>.Continuation
  private let told: AsyncStream<[NodeCheckState]>
  private let tell: AsyncStream<[NodeCheckState]>.Continuation

  public init(_ probes: any NodeProbeMaker, logger: Logger) {
    self.probes = probes
    self.logger = logger
    (events, inbox) = AsyncStream.makeStream()
    (told, tell) = AsyncStream.makeStream()
  }

  public nonisolated func changes() -> AsyncStream<[NodeCheckState]> { told }
  public nonisolated func check(_ checks: [NodeCheck]) { inbox.yield(.check(checks)) }

  /// Looks until its task is cancelled. Once.
  public func run() async {
    for await event in events { take(event) }
    tell.finish()
    let left = Array(asked.values) + (alarm.map { [$0] } ?? [])
    for task in left { task.cancel() }
    for task in left { await task.value }
  }

  private func take(_ event: NodeCheckMachine.Event) {
    for action in machine.receive(event, now: BootClock.now) {
      switch action {
      case .probe(let request): begin(request)
      case .giveUp(let id): asked.removeValue(forKey: id)?.cancel()
      case .tell(let states): tell.yield(states)
      case .wake(let instant): wake(at: instant)
      }
    }
    if let found = machine.breach, !saidUnsound {
      saidUnsound = true
      logger.error("the node's checks found themselves wrong: what they tell may be, too", metadata: ["reason": "\(found)"])
    }
  }

  private func begin(_ request: NodeProbeRequest) {
    asked[request.id] = Task {
      let answer = await probes.ask(request.probe, as: request.check, within: request.timeout)
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
