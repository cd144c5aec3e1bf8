/// Runs a world from the storm to the calm.
public enum Simulation {
  public struct Outcome: Sendable {
    public var violation: Violation?
    /// Empty unless the story was kept.
    public var story: [Story.Line]
    public var hash: UInt64
    public var events: Int
    /// Virtual time that went by.
    public var lasted: Span
    /// What came from outside.
    public var happenings: [Scheduled]
    public var tally: Tally
    /// nil: the settings did not ask for it.
    public var fingerprint: Fingerprint?
  }

  /// Before the storm: the nodes start, and the workloads come under protection.
  static let warmUp = Span.seconds(18)
  private static let populating = Span.seconds(3)

  public static func run(seed: UInt64, _ settings: Settings) -> Outcome {
    let world = World(seed: seed, settings)
    defer { world.end() }
    world.run(for: populating)
    if !settings.cluster.policies.isEmpty { world.operators.carryOut(.policies(0), through: nil) }
    for workload in settings.cluster.workloads { world.operators.carryOut(.define(workload.name), through: nil) }
    world.run(for: warmUp - populating)
    world.faults.begin()
    world.run(for: settings.stormTime)
    world.faults.end()
    world.run(for: settings.calmTime)
    if world.violation == nil, let complaint = Settlement(world).complaints().first {
      world.violated(complaint.invariant, complaint.text)
    }
    return Outcome(
      violation: world.violation, story: world.story.lines, hash: world.hash, events: world.events, lasted: world.now - .zero,
      happenings: world.happenings, tally: world.tally, fingerprint: world.fingerprint)
  }
}
