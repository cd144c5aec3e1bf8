import Glibc

/// Many seeds, one world per thread.
public struct Campaign: Sendable {
  public var seeds: ClosedRange<UInt64>
  /// Worlds at once.
  public var jobs: Int
  public var settings: @Sendable (UInt64) -> Settings

  public init(seeds: ClosedRange<UInt64>, jobs: Int, settings: @escaping @Sendable (UInt64) -> Settings) {
    self.seeds = seeds
    self.jobs = jobs
    self.settings = settings
  }

  /// What is known so far.
  public struct Report: Sendable {
    public var seeds = 0
    public var violations: [Violation] = []
    public var virtual = Span.zero
    public var events = 0
    /// Seconds of processors that the worlds took.
    public var processors = 0.0
    /// Seconds that went by.
    public var elapsed = 0.0
    /// Worlds that ran at once: each had a processor, or a part of one.
    public var atOnce = 1
    public var tally = Tally()

    public var seedsPerSecond: Double { elapsed > 0 ? Double(seeds) / elapsed : 0 }
    /// Virtual seconds for each second in which a processor worked on them.
    public var speed: Double { processors > 0 ? virtual.inSeconds / processors : 0 }
    /// Virtual seconds for each second that went by, on each of the processors.
    public var realSpeed: Double { elapsed > 0 ? virtual.inSeconds / elapsed / Double(atOnce) : 0 }
  }

  /// Runs every seed.
  ///
  /// - Parameters:
  ///   - progress: called after each seed, in the order in which they end.
  ///   - each: the same, with what became of the seed.
  /// - Returns: everything, the violations in the order of their seeds.
  public func run(
    _ progress: (Report) -> Void = { _ in }, each: (UInt64, Simulation.Outcome) -> Void = { _, _ in }
  ) async -> Report {
    let began = ContinuousClock.now
    var report = Report()
    report.atOnce = min(max(1, jobs), seeds.count, max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
    var next = seeds.makeIterator()
    await withTaskGroup(of: (UInt64, Simulation.Outcome, Double).self) { group in
      func add() {
        guard let seed = next.next() else { return }
        group.addTask {
          let before = Self.processorTime()
          let outcome = Simulation.run(seed: seed, settings(seed))
          return (seed, outcome, Self.processorTime() - before)
        }
      }
      for _ in 0..<max(1, jobs) { add() }
      while let (seed, outcome, time) = await group.next() {
        report.seeds += 1
        if let violation = outcome.violation { report.violations.append(violation) }
        report.virtual = report.virtual + outcome.lasted
        report.events += outcome.events
        report.processors += time
        report.elapsed = Double(Span(ContinuousClock.now - began).nanoseconds) / 1e9
        report.tally = report.tally + outcome.tally
        progress(report)
        each(seed, outcome)
        add()
      }
    }
    report.violations.sort { $0.seed < $1.seed }
    return report
  }

  /// Seconds that the present thread had a processor.
  private static func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
