import HoldfastModel

/// The port to whoever looks at how the workloads here are, by their checks. Nothing but a restart of what fails follows from it, and that the core decides.
public protocol WorkloadChecks: Sendable {
  /// One stream, one consumer: what changes of the health of what is looked at.
  func changes() -> AsyncStream<HealthChange>

  /// Looks at this run from now on, or goes on as it says now. Never waits.
  func check(_ subject: CheckSubject)

  /// Looks at nothing of the workload any more. Never waits.
  func end(_ workload: WorkloadName)
}

/// The health of a run is another than it was.
public struct HealthChange: Hashable, Sendable {
  public var workload: WorkloadName
  /// `CheckSubject.run`.
  public var run: Int
  public var health: WorkloadHealth

  public init(_ workload: WorkloadName, run: Int, _ health: WorkloadHealth) {
    self.workload = workload
    self.run = run
    self.health = health
  }
}
