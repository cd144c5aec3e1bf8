import HoldfastModel
import HoldfastTime
import Simulator

/// What a search found, for people.
struct SearchScreen {
  let terminal: Terminal
  let replay: String

  /// As much of a story as somebody reads.
  private static let storyLines = 80
  private static let listedViolations = 20

  func lines(_ report: Campaign.Report, _ shrunk: Shrinking.Result?) -> [String] {
    var lines = summary(report)
    if !report.violations.isEmpty {
      lines += [""] + report.violations.prefix(Self.listedViolations).map { terminal.styled("\($0)", .bad) }
      let more = report.violations.count - Self.listedViolations
      if more > 0 { lines.append("… and \(more) more") }
    }
    if let shrunk { lines += [""] + story(shrunk) }
    return lines
  }

  private func summary(_ report: Campaign.Report) -> [String] {
    let verdict =
      report.violations.isEmpty
      ? terminal.styled("no violation", .good) : terminal.styled(Words.count(report.violations.count, "violation"), .bad)
    let hours = report.virtual.inSeconds / 3600
    let processors = report.atOnce == 1 ? "one processor" : "each of \(report.atOnce) processors"
    return [
      "\(Words.count(report.seeds, "seed")), \(InWords.tenths(hours)) virtual hours: \(verdict)",
      "\(InWords.tenths(report.seedsPerSecond)) seeds/s; \(Int(report.realSpeed)) virtual seconds a second on \(processors), \(Int(report.speed)) for each second that one was at work"
    ] + tally(report.tally)
  }

  private func tally(_ tally: Tally) -> [String] {
    func words(_ counts: [(String, Int)]) -> String { counts.map { "\($1) \($0)" }.joined(separator: ", ") }
    let faults = FaultKind.allCases.compactMap { kind in tally.faults[kind].map { (kind.rawValue, $0) } }
    let facts = Tally.Fact.allCases.compactMap { fact in tally.facts[fact].map { (fact.rawValue, $0) } }
    let width = terminal.isTerminal ? terminal.columns : 120
    return (faults.isEmpty ? [] : terminal.wrapped("What went wrong: \(words(faults))", to: width))
      + (facts.isEmpty ? [] : terminal.wrapped("What was done: \(words(facts))", to: width))
  }

  private func story(_ shrunk: Shrinking.Result) -> [String] {
    guard let violation = shrunk.outcome.violation else { return [] }
    let cluster = shrunk.settings.cluster
    let size = "\(Words.count(cluster.nodes.count, "node")), \(Words.count(cluster.workloads.count, "workload"))"
    let runs = Words.count(shrunk.runs, "run")
    let head =
      shrunk.isShrunk
      ? "The shortest that was found for seed \(violation.seed) (\(size); \(runs)):"
      : "Seed \(violation.seed) does not fail in the same way from its list of faults; as it was (\(size)):"
    let told = shrunk.outcome.story
    let shown = told.suffix(Self.storyLines)
    return [terminal.styled(head, .bold), ""]
      + shrunk.schedule.map { "\(Self.column($0.at))  \($0.happening)" }
      + ["", terminal.styled("What happened\(shown.count < told.count ? ", the last \(shown.count) lines" : ""):", .bold), ""]
      + shown.map(\.description)
      + ["", terminal.styled("\(violation)", .bad), "", "The whole of it: \(replay) --seed \(violation.seed) --story"]
  }

  private static func column(_ moment: Moment) -> String {
    let text = "\(moment)"
    return String(repeating: " ", count: max(0, 12 - text.count)) + text
  }
}
