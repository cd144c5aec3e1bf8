/// Makes a failing run as short as it gets: fewer faults, less time, fewer workloads and nodes, while the same invariant breaks.
public struct Shrinking {
  /// The shortest run that was found.
  public struct Result: Sendable {
    public var settings: Settings
    public var outcome: Simulation.Outcome
    /// What must happen for it to fail.
    public var schedule: [Scheduled]
    /// Runs that it took.
    public var runs: Int
    /// It was run again from its list of faults, and failed in the same way. Otherwise it is the run as it was.
    public var isShrunk: Bool
  }

  private let seed: UInt64
  private let invariant: Invariant
  private let mayGoOn: () -> Bool
  private let progress: (Int, Int) -> Void
  private var best: Settings
  private var runs = 0

  /// - Parameters:
  ///   - settings: with which the seed fails.
  ///   - mayGoOn: asked before every run.
  ///   - progress: told the faults that are left and the runs so far.
  public init(
    seed: UInt64, _ settings: Settings, _ violation: Violation, mayGoOn: @escaping () -> Bool = { true },
    progress: @escaping (_ faults: Int, _ runs: Int) -> Void = { _, _ in }
  ) {
    self.seed = seed
    invariant = violation.invariant
    self.mayGoOn = mayGoOn
    self.progress = progress
    best = settings
    best.keepsStory = false
  }

  private var schedule: [Scheduled] { best.schedule ?? [] }

  public mutating func run() -> Result {
    let original = best
    let first = Simulation.run(seed: seed, best)
    runs += 1
    var recorded = best
    recorded.schedule = first.happenings
    let isShrunk = accept(recorded)
    if isShrunk {
      shortenTime()
      dropBeginning()
      dropFaults()
      simplify()
      dropParts()
      closeGaps()
      dropFaults()
    } else {
      best = original
    }
    best.keepsStory = true
    let outcome = Simulation.run(seed: seed, best)
    return Result(
      settings: best, outcome: outcome, schedule: best.schedule ?? outcome.happenings, runs: runs + 1, isShrunk: isShrunk)
  }

  /// Whether it still fails in the same way; then it is the best so far. What is left out shakes the delays of the rest: with few
  /// faults left, other delays are tried too.
  private mutating func accept(_ settings: Settings) -> Bool {
    let others: UInt64 = settings.schedule?.count ?? 0 <= Self.few ? 3 : 0
    for turn in 0...others {
      guard mayGoOn() else { return false }
      var settings = settings
      if turn > 0 { settings.chance = settings.chance &* 6 &+ turn }
      runs += 1
      guard let violation = Simulation.run(seed: seed, settings).violation, violation.invariant == invariant else { continue }
      best = settings
      // What would have come later is of no matter.
      if violation.at - .zero < Simulation.warmUp + settings.stormTime { best.schedule?.removeAll { $0.at > violation.at } }
      progress(schedule.count, runs)
      return true
    }
    return false
  }

  private static let few = 40

  // MARK: ways to make it shorter

  /// The storm ends right after the fault that is needed last.
  private mutating func shortenTime() {
    var needed = schedule.count, enough = 0
    while needed > enough + 1 {
      let middle = (needed + enough) / 2
      var shorter = best
      shorter.schedule = Array(schedule.prefix(middle))
      shorter.stormTime = (schedule[middle - 1].at - .zero) - Simulation.warmUp + .seconds(30)
      if shorter.stormTime < best.stormTime, accept(shorter) { needed = min(middle, schedule.count) } else { enough = middle }
      if needed > schedule.count { needed = schedule.count }
    }
  }

  /// The later half, or three quarters, and so on; what remains comes at once.
  private mutating func dropBeginning() {
    var part = 2
    while schedule.count > 1, part <= 16 {
      let later = Array(schedule.dropFirst(max(1, schedule.count / part)))
      guard let first = later.first, mayGoOn() else { return }
      let cut = max(.zero, first.at - (Moment.zero + Simulation.warmUp + .seconds(1)))
      var shorter = best
      shorter.schedule = later.map { Scheduled(at: $0.at - cut, happening: $0.happening) }
      shorter.stormTime = best.stormTime - cut
      if !accept(shorter) { part *= 2 }
    }
  }

  /// Delta debugging: without large parts first, then without smaller ones.
  private mutating func dropFaults() {
    var size = max(1, schedule.count / 2)
    while size >= 1 {
      var start = 0
      while start < schedule.count {
        var without = best
        without.schedule?.removeSubrange(start..<min(start + size, schedule.count))
        if !accept(without) { start += size }
        if !mayGoOn() { return }
      }
      if size == 1 { return }
      size /= 2
    }
  }

  /// Without what chance does to single messages and to clocks.
  private mutating func simplify() {
    var plain = best
    plain.faults = .none
    if !accept(plain) {
      plain = best
      plain.faults.lostMessages = 0
      _ = accept(plain)
    }
    var exact = best
    exact.clockDrift = 0
    _ = accept(exact)
  }

  private mutating func dropParts() {
    if !best.cluster.policies.isEmpty {
      var without = best
      without.cluster.policies = []
      _ = accept(without)
    }
    let workloads = best.cluster.workloads.map(\.name)
    var size = max(1, workloads.count / 2)
    while size >= 1 {
      for start in stride(from: 0, to: workloads.count, by: size) {
        let part = workloads[start..<min(start + size, workloads.count)]
        var without = best
        without.cluster.workloads.removeAll { part.contains($0.name) }
        if without.cluster.workloads.count < best.cluster.workloads.count { _ = accept(without) }
      }
      if size == 1 { break }
      size /= 2
    }
    for node in best.cluster.nodes.map(\.name).reversed() where best.cluster.nodes.count > 1 {
      var without = best
      without.cluster.nodes.removeAll { $0.name == node }
      _ = accept(without)
    }
    var bare = best
    for index in bare.cluster.nodes.indices { bare.cluster.nodes[index].unmanaged = [:] }
    _ = accept(bare)
  }

  /// Waits between faults that are not needed.
  private mutating func closeGaps() {
    var index = 0
    while index < schedule.count {
      let before = index == 0 ? Moment.zero + Simulation.warmUp : schedule[index - 1].at
      for rest in [Span.milliseconds(100), .seconds(1), .seconds(5)] where schedule[index].at - before > rest + .seconds(1) {
        let cut = schedule[index].at - before - rest
        var closer = best
        closer.schedule = schedule.enumerated().map { position, scheduled in
          position < index ? scheduled : Scheduled(at: scheduled.at - cut, happening: scheduled.happening)
        }
        closer.stormTime = best.stormTime - cut
        if accept(closer) { break }
      }
      index += 1
    }
  }
}
