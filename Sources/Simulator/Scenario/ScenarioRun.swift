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
    world.chronicle = Chronicle()
    for step in scenario.timeline { world.at(beginning + step.at) { [world] in world.happen(step.happening) } }
    var watches = scenario.expectations.map { Watch($0, from: beginning, to: beginning + scenario.length) }
    // At every moment that an expectation names something must be looked at, even when nothing happens then.
    for moment in Set(watches.flatMap(\.moments)).sorted() { world.at(moment) {} }
    while world.violation == nil, world.now < beginning + scenario.length {
      world.run(until: beginning + scenario.length) {
        for index in watches.indices { watches[index].look(world) }
        return world.violation != nil
      }
    }
    if let violation = world.violation { return broken(violation, since: beginning) }
    for index in watches.indices {
      watches[index].close(world)
      if let (at, found) = watches[index].failure {
        let expectation = watches[index].expectation
        failures.append(Failure(line: expectation.line, expected: expectation.text, found: found, at: at - beginning))
      }
    }
  }

  private mutating func broken(_ violation: Violation, since beginning: Moment) {
    failures.append(
      Failure(line: nil, expected: violation.invariant.rawValue, found: violation.text, at: violation.at - beginning))
  }
}

/// Follows one expectation through a run.
private struct Watch {
  let expectation: Expectation
  private let from: Moment
  private let to: Moment
  private(set) var failure: (at: Moment, found: String)?
  private var isMet = false
  /// How many statements of an order were met.
  private var reached = 0

  init(_ expectation: Expectation, from: Moment, to: Moment) {
    self.expectation = expectation
    self.from = from
    self.to = to
  }

  var moments: [Moment] {
    guard case .state(let when, _) = expectation.what else { return [] }
    switch when {
    case .at(let span), .by(let span): return [from + span]
    case .during(let start, let end): return [from + start, from + end]
    case .never: return []
    }
  }

  mutating func look(_ world: World) {
    guard failure == nil, !isMet else { return }
    switch expectation.what {
    case .state(.at(let span), let statement):
      // After everything that happens at that very moment.
      if world.now >= from + span, world.nextMoment.map({ $0 > from + span }) ?? true {
        if statement.holds(in: world) { isMet = true } else { fail(statement, world) }
      }
    case .state(.by(let span), let statement):
      if statement.holds(in: world) { isMet = true } else if world.now >= from + span { fail(statement, world) }
    case .state(.during(let start, let end), let statement):
      if world.now > from + end {
        isMet = true
      } else if world.now >= from + start, !statement.holds(in: world) {
        fail(statement, world)
      }
    case .state(.never, let statement):
      if statement.holds(in: world) { failure = (world.now, statement.finding(in: world)) }
    case .order(let statements):
      while reached < statements.count, statements[reached].holds(in: world) { reached += 1 }
      isMet = reached == statements.count
    }
  }

  /// The end has come.
  mutating func close(_ world: World) {
    guard failure == nil, !isMet else { return }
    switch expectation.what {
    case .state(.at, let statement), .state(.by, let statement):
      if !statement.holds(in: world) { fail(statement, world) }
    case .state(.during, _), .state(.never, _): break
    case .order(let statements):
      let met = reached == 0 ? "not even the first came true" : "only \(reached) of \(statements.count) came true in this order"
      failure = (world.now, "\(met); \(statements[reached].finding(in: world))")
    }
  }

  private mutating func fail(_ statement: Statement, _ world: World) {
    failure = (world.now, statement.finding(in: world))
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
