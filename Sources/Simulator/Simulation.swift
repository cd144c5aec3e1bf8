import HoldfastCore

/// Runs a world from the storm to the calm.
public enum Simulation {
  public struct Outcome: Sendable {
    public var violation: Violation?
    public var story: String
    public var hash: UInt64
    public var events: Int
    /// Virtual time that went by.
    public var lasted: Duration
  }

  public static func run(seed: UInt64, _ settings: Settings) -> Outcome {
    let world = World(seed: seed, settings)
    defer { world.end() }
    world.run(for: .seconds(3))
    world.populate()
    world.run(for: .seconds(15))
    world.faults.begin()
    world.run(for: settings.stormTime)
    world.faults.end()
    world.run(for: settings.calmTime)
    if world.violation == nil, let complaint = Settlement(world).complaints().first {
      world.violated("what can run runs", complaint)
    }
    return Outcome(
      violation: world.violation, story: world.violation == nil && !settings.story.isWhole ? "" : world.story.text,
      hash: world.hash, events: world.events, lasted: world.now - .zero)
  }
}

extension Story.Length {
  fileprivate var isWhole: Bool { if case .whole = self { true } else { false } }
}

extension World {
  /// Workloads come under protection.
  func populate() {
    for number in 0..<settings.workloads {
      guard let host = hosts.first(where: { $0.controller != nil }) else { return }
      operators.define(through: host, isolation: number % 4 == 3 ? .stop : .freeze)
    }
  }
}
