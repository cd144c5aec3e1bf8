import HoldfastModel

/// Runs a scenario with one seed, and judges it.
public struct ScenarioRun {
  public struct Outcome: Sendable {
    public var seed: UInt64
    /// Every expectation that was not met, and every invariant that was broken.
    public var failures: [Failure]
    /// Who did what when, counted from when everything ran.
    public var story: [Story.Line]
    public var hash: UInt64
    /// nil: nobody asked for it.
    public var fingerprint: Fingerprint?

    public var isMet: Bool { failures.isEmpty }
  }

  public struct Failure: Hashable, Sendable {
    /// The expectation's line in the file; nil for an invariant.
    public var line: Int?
    public var expected: String
    public var found: String
    public var at: Span
  }

  /// How long the nodes, and then the workloads, may take.
  private static let comingUp = Span.seconds(120)
  private static let look = Span.milliseconds(500)
  private static let lead = Span.seconds(15)

  private let scenario: Scenario
  private let world: World
  private var failures: [Failure] = []

  private init(_ scenario: Scenario, seed: UInt64, keepsStory: Bool, takesFingerprint: Bool) {
    self.scenario = scenario
    var settings = Settings(cluster: scenario.cluster)
    settings.keepsStory = keepsStory
    settings.takesFingerprint = takesFingerprint
    world = World(seed: seed, settings)
  }

  public static func run(
    _ scenario: Scenario, seed: UInt64, keepsStory: Bool = true, takesFingerprint: Bool = false
  ) -> Outcome {
    var run = ScenarioRun(scenario, seed: seed, keepsStory: keepsStory, takesFingerprint: takesFingerprint)
    defer { run.world.end() }
    return run.run(seed)
  }

  private mutating func run(_ seed: UInt64) -> Outcome {
    // Until it begins it is before that time, by as much as the nodes mostly take to come up.
    if let begins = scenario.begins { world.setWallTime(begins, and: .zero - Self.lead) }
    nodesComeUp()
    if failures.isEmpty { workloadsComeUp() }
    // What never came up is told from its start.
    let beginning = failures.isEmpty ? world.now : .zero
    if failures.isEmpty { play(from: beginning) }
    let story = world.story.lines.filter { $0.at >= beginning }.map {
      Story.Line(at: Moment.zero + ($0.at - beginning), who: $0.who, what: $0.what)
    }
    return Outcome(seed: seed, failures: failures, story: story, hash: world.hash, fingerprint: world.fingerprint)
  }

  /// The nodes first: one that is just starting does not keep what is placed on it.
  private mutating func nodesComeUp() {
    let nodes = scenario.cluster.nodes.filter(\.isOn).map(\.name)
    let areUp = settled { world in
      Statement.isPlanner([]).holds(in: world)
        && nodes.allSatisfy { Statement.hasSession($0).holds(in: world) && world.store.report(of: $0)?.unreachable == [:] }
    }
    if !areUp { neverCameUp("every node has a session and reaches its libvirt") }
  }

  private mutating func workloadsComeUp() {
    if !scenario.cluster.policies.isEmpty { world.operators.carryOut(.policies(0), through: nil) }
    world.writeSetup()
    let setup = scenario.cluster
    let areUp = settled { world in
      setup.workloads.allSatisfy { workload in
        if workload.comesLater || workload.isStopped { return true }
        if Statement.waits(workload.name, because: "").holds(in: world) { return true }
        return Statement.runs(workload.name, on: workload.place.map { [$0] } ?? []).holds(in: world)
      }
    }
    if !areUp { neverCameUp("everything runs where it is said to be") }
  }

  private func settled(_ isSo: (World) -> Bool) -> Bool {
    let end = world.now + Self.comingUp
    repeat { world.run(for: Self.look) } while world.violation == nil && world.now < end && !isSo(world)
    return world.violation == nil && isSo(world)
  }

  private mutating func neverCameUp(_ what: String) {
    if let violation = world.violation { return broken(violation, since: .zero) }
    failures.append(
      Failure(
        line: nil, expected: "\(what), before the story begins", found: Statement.everythingRuns.finding(in: world), at: .zero))
  }

  private mutating func play(from beginning: Moment) {
    beginChronicle(at: beginning)
    if let begins = scenario.begins { world.setWallTime(begins) }
    for step in scenario.timeline { world.at(beginning + step.at) { [world] in world.happen(step.happening) } }
    let end = beginning + scenario.length
    var watches = Watches(scenario.expectations, from: beginning, to: end)
    // At every moment that an expectation names something must be looked at, even when nothing happens then.
    for moment in watches.moments { world.at(moment) {} }
    watches.begin(world)
    while world.violation == nil, world.now < end {
      world.run(until: end) {
        watches.look(world)
        return world.violation != nil
      }
    }
    if let violation = world.violation { return broken(violation, since: beginning) }
    for failure in watches.close(world) {
      let (expectation, at, found) = failure
      failures.append(Failure(line: expectation.line, expected: expectation.text, found: found, at: at - beginning))
    }
  }

  private func beginChronicle(at beginning: Moment) {
    let chronicle = Chronicle(beginning: beginning)
    for workload in scenario.cluster.workloads where !workload.comesLater {
      chronicle.executes(workload.name, !world.invariants.executes(workload.name).isEmpty, at: beginning)
    }
    world.chronicle = chronicle
  }

  private mutating func broken(_ violation: Violation, since beginning: Moment) {
    failures.append(
      Failure(line: nil, expected: violation.invariant.rawValue, found: violation.text, at: violation.at - beginning))
  }
}

extension World {
  /// Brings the setup's workloads under protection, placed where they are said to be.
  func writeSetup() {
    var writes: [Write<RecordKey, Record>] = []
    for workload in settings.cluster.workloads where !workload.comesLater {
      operators.remember(workload.name)
      writes.append(.put(.spec(workload.name), .spec(operators.spec(of: workload.name))))
      writes.append(.put(.intent(workload.name), .intent(IntentRecord(desired: workload.isStopped ? .stopped : .running))))
      if let place = workload.place, !workload.isStopped {
        writes.append(
          .put(
            .placement(workload.name),
            .placement(PlacementRecord(node: place, reason: PlacementReason(text: "it was there before")))))
      }
    }
    store.apply(ClusterTransaction(if: [], write: writes), from: Operators.name)
  }
}
