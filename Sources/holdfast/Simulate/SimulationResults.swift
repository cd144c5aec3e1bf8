import HoldfastTime
import Simulator

/// What a search found, for scripts.
struct SearchResult: Encodable {
  struct Found: Encodable {
    var seed: UInt64
    /// Virtual seconds.
    var at: Double
    var invariant: String
    var text: String

    init(_ violation: Violation) {
      seed = violation.seed
      at = (violation.at - .zero).inSeconds
      invariant = violation.invariant.rawValue
      text = violation.text
    }
  }

  struct Shrunk: Encodable {
    var violation: Found?
    var isShrunk: Bool
    var nodes: Int
    var workloads: Int
    var runs: Int
    var schedule: [Told]
    var story: [Told]
  }

  /// A line of a story or a schedule.
  struct Told: Encodable {
    var at: Double
    var who: String?
    var what: String

    init(_ line: Story.Line) {
      at = (line.at - .zero).inSeconds
      who = line.who
      what = line.what
    }

    init(_ scheduled: Scheduled) {
      at = (scheduled.at - .zero).inSeconds
      what = "\(scheduled.happening)"
    }
  }

  var seeds: Int
  var virtualSeconds: Double
  var elapsedSeconds: Double
  var seedsPerSecond: Double
  /// Worlds that ran at once, one on each.
  var processors: Int
  /// For each second that went by, on each processor.
  var virtualSecondsPerSecond: Double
  /// For each second in which a processor was at work on them.
  var virtualSecondsPerProcessorSecond: Double
  var violations: [Found]
  var faults: [String: Int]
  var facts: [String: Int]
  var shrunk: Shrunk?

  init(_ report: Campaign.Report, _ shrunk: Shrinking.Result?) {
    seeds = report.seeds
    virtualSeconds = report.virtual.inSeconds
    elapsedSeconds = report.elapsed
    seedsPerSecond = report.seedsPerSecond
    processors = report.atOnce
    virtualSecondsPerSecond = report.realSpeed
    virtualSecondsPerProcessorSecond = report.speed
    violations = report.violations.map(Found.init)
    faults = Dictionary(uniqueKeysWithValues: report.tally.faults.map { ($0.key.rawValue, $0.value) })
    facts = Dictionary(uniqueKeysWithValues: report.tally.facts.map { ($0.key.rawValue, $0.value) })
    self.shrunk = shrunk.map {
      Shrunk(
        violation: $0.outcome.violation.map(Found.init), isShrunk: $0.isShrunk, nodes: $0.settings.cluster.nodes.count,
        workloads: $0.settings.cluster.workloads.count, runs: $0.runs, schedule: $0.schedule.map(Told.init),
        story: $0.outcome.story.map(Told.init))
    }
  }
}

/// How scenarios ended, for scripts.
struct ScenarioResults: Encodable {
  struct Played: Encodable {
    var file: String
    var scenario: String
    var isMet: Bool
    var runs: [Run]
  }
  struct Run: Encodable {
    var seed: UInt64
    var isMet: Bool
    var failures: [Failure]
    var story: [SearchResult.Told]
  }
  struct Failure: Encodable {
    var line: Int?
    var expected: String
    var found: String
    var at: Double
  }
  var isMet: Bool
  var scenarios: [Played]
}
