import ArgumentParser
import HoldfastTime
import HoldfastYAML
import Scenarios
import Simulator

/// Plays scenario files and tells how they ended.
struct ScenarioPlay {
  let files: [String]
  /// nil: as many as each file says.
  let seeds: ClosedRange<UInt64>?
  let story: Bool
  let output: DaemonOptions.Format

  /// True when all expectations were met.
  func run() throws -> Bool {
    let scenarios = try read()
    let terminal = Terminal.current()
    var played: [ScenarioResults.Played] = []
    for (file, scenario) in scenarios {
      let seeds = seeds ?? 1...UInt64(scenario.seeds)
      let outcomes = seeds.map { ScenarioRun.run(scenario, seed: $0) }
      if output == .text { tell(file, scenario, outcomes, terminal) }
      played.append(Self.result(file, scenario, outcomes))
    }
    let isMet = played.allSatisfy(\.isMet)
    if output == .json {
      try Output.json(ScenarioResults(isMet: isMet, scenarios: played))
    } else if played.count > 1 {
      let failed = played.count { !$0.isMet }
      let verdict = failed == 0 ? terminal.styled("all met", .good) : terminal.styled("\(failed) not met", .bad)
      Output.line("\n\(Words.count(played.count, "scenario")): \(verdict)")
    }
    return isMet
  }

  /// All files are read before the first is played.
  private func read() throws -> [(String, Scenario)] {
    var scenarios: [(String, Scenario)] = [], mistakes: [FileMistake] = []
    for file in files {
      do throws(ScenarioErrors) { scenarios.append((file, try ScenarioFile.parse(path: file))) } catch {
        mistakes += error.mistakes
      }
    }
    guard mistakes.isEmpty else {
      throw MistakenFiles("these scenarios cannot be used", FileErrors(mistakes))
    }
    return scenarios
  }

  private func tell(_ file: String, _ scenario: Scenario, _ outcomes: [ScenarioRun.Outcome], _ terminal: Terminal) {
    let failed = outcomes.filter { !$0.isMet }
    // One file is played to be read; of many, those that fail.
    let told = story || files.count == 1 ? failed.first ?? outcomes.first : failed.first
    if let told {
      Output.line(terminal.styled("\(scenario.title) (seed \(told.seed))", .bold))
      for line in told.story { Output.line("\(line)") }
      Output.line()
      for failure in told.failures {
        let place = failure.line.map { "\(file):\($0)" } ?? file
        Output.line(terminal.styled("\(place): expected \(failure.expected)", .bad))
        Output.line("  found at \(failure.at): \(failure.found)")
      }
    }
    let verdict = failed.isEmpty ? terminal.styled("met", .good) : terminal.styled("NOT MET", .bad)
    let seeds =
      failed.isEmpty || outcomes.count == 1
      ? Words.count(outcomes.count, "seed") : "\(failed.count) of \(Words.count(outcomes.count, "seed"))"
    Output.line("\(verdict)  \(file): \(scenario.title) (\(seeds))")
  }

  private static func result(_ file: String, _ scenario: Scenario, _ outcomes: [ScenarioRun.Outcome]) -> ScenarioResults.Played
  {
    ScenarioResults.Played(
      file: file, scenario: scenario.title, isMet: outcomes.allSatisfy(\.isMet),
      runs: outcomes.map { outcome in
        ScenarioResults.Run(
          seed: outcome.seed, isMet: outcome.isMet,
          failures: outcome.failures.map {
            .init(line: $0.line, expected: $0.expected, found: $0.found, at: $0.at.inSeconds)
          },
          story: outcome.story.map(SearchResult.Told.init))
      })
  }
}
