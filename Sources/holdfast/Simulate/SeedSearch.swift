import HoldfastModel
import Simulator

/// A search over many seeds: progress, the result, and the first failing seed as short as it gets.
struct SeedSearch {
  let campaign: Campaign
  /// The command that runs the same worlds.
  let replay: String
  let tellsStory: Bool
  /// Seconds; 0: not at all.
  let shrinkLimit: Double
  let output: DaemonOptions.Format

  /// True when nothing was broken.
  func run() async throws -> Bool {
    var progress = SearchProgress(total: campaign.seeds.count)
    let report = await campaign.run { progress.tell($0) }
    progress.end()
    let shrunk = report.violations.first.flatMap { shrinkLimit > 0 ? shrink($0) : nil }
    if output == .json {
      try Output.json(SearchResult(report, shrunk))
    } else {
      if tellsStory { tellStory() }
      for line in SearchScreen(terminal: .current(), replay: replay).lines(report, shrunk) { Output.line(line) }
    }
    return report.violations.isEmpty
  }

  private func tellStory() {
    var settings = campaign.settings(campaign.seeds.lowerBound)
    settings.keepsStory = true
    for line in Simulation.run(seed: campaign.seeds.lowerBound, settings).story { Output.line("\(line)") }
    Output.line()
  }

  private func shrink(_ violation: Violation) -> Shrinking.Result {
    let limit = ContinuousClock.now + .milliseconds(Int64(shrinkLimit * 1000))
    let isShown = Terminal.showsProgress
    var shrinking = Shrinking(
      seed: violation.seed, campaign.settings(violation.seed), violation, mayGoOn: { ContinuousClock.now < limit },
      progress: { faults, runs in
        if isShown {
          Output.progress(
            "shrinking seed \(violation.seed): \(Words.count(faults, "fault")) left after \(Words.count(runs, "run"))")
        }
      })
    let result = shrinking.run()
    if isShown { Output.progress("") }
    return result
  }
}

/// How far a search is: one line that changes on a terminal, now and then a line elsewhere.
struct SearchProgress {
  private let total: Int
  private let isShown = Terminal.showsProgress
  private var last = ContinuousClock.now

  init(total: Int) { self.total = total }

  mutating func tell(_ report: Campaign.Report) {
    let now = ContinuousClock.now
    guard now - last >= (isShown ? .milliseconds(100) : .seconds(30)) else { return }
    last = now
    let violations = Words.count(report.violations.count, "violation")
    let text =
      "\(report.seeds) of \(Words.count(total, "seed")), \(violations), \(InWords.tenths(report.seedsPerSecond)) seeds/s, \(Int(report.realSpeed)) virtual seconds a second and processor\(remaining(report))"
    if isShown { Output.progress(text) } else { Output.complain(text) }
  }

  func end() { if isShown { Output.progress("") } }

  private func remaining(_ report: Campaign.Report) -> String {
    guard report.seedsPerSecond > 0 else { return "" }
    let seconds = Int(Double(total - report.seeds) / report.seedsPerSecond)
    let words = seconds < 120 ? "\(seconds) s" : seconds < 7200 ? "\(seconds / 60) min" : "\(seconds / 3600) h"
    return ", \(words) left"
  }
}
