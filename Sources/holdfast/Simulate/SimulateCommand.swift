import ArgumentParser
import Glibc
import Scenarios
import Simulator

struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Run whole clusters on virtual time: search for errors with every fault, or play scenarios.",
    discussion: """
      Without files: one cluster for each seed, real controllers and guards, faults at random, and the invariants looked at whenever \
      something changes. A seed that breaks one is shrunk to the shortest schedule that still does, and told as a story.

      With files: each scenario is played and judged (Docs/scenarios.md).

      Needs no daemon, no root and no network. Exit status 1 when something was broken or not met.

      Examples: holdfast simulate --seeds 200 --hours 1
                holdfast simulate --seed 17 --story
                holdfast simulate Tests/Scenarios/basic/host-dies.yaml
      """)

  @Argument(help: ArgumentHelp("Scenario files.", valueName: "file"))
  var files: [String] = []

  @Option(help: "One seed.")
  var seed: UInt64?

  @Option(
    help: ArgumentHelp(
      "How many seeds, or which: FIRST..LAST. (default: 100; scenarios: as their files say)", valueName: "seeds"))
  var seeds: SeedRange?

  @Option(help: "Nodes of the cluster.")
  var nodes = 5

  @Option(help: "Workloads of the cluster.")
  var workloads = 30

  @Option(help: "Virtual hours for each seed. The last minutes are calm: everything must settle.")
  var hours = 1.0

  @Flag(help: "Short storms instead: two minutes of everything at once, sizes and times from the seed.")
  var short = false

  @Option(
    help: ArgumentHelp(
      "What goes wrong and how often: none, sparse, dense, or a YAML file (Docs/simulator.md).", valueName: "faults"))
  var faults = "sparse"

  @Option(help: "Worlds at once. (default: the host's processors)")
  var jobs: Int?

  @Flag(help: "Tell the whole story of the one seed, or of every scenario.")
  var story = false

  @Option(help: "Seconds to spend on shrinking the first seed that fails; 0: none.")
  var shrink = 60.0

  @Option(name: .shortAndLong, help: "text for people, json for scripts.")
  var output: DaemonOptions.Format = .text

  func validate() throws {
    guard (1...50).contains(nodes) else { throw ValidationError("--nodes: 1 to 50") }
    guard (0...1000).contains(workloads) else { throw ValidationError("--workloads: 0 to 1000") }
    guard (0.05...1000).contains(hours) else { throw ValidationError("--hours: 0.05 (three minutes) to 1000") }
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs: 1 to 1024") }
    if story, files.isEmpty, seed == nil { throw ValidationError("--story: of which seed? Add --seed.") }
    if seed != nil, seeds != nil { throw ValidationError("--seed and --seeds: only one of the two") }
  }

  func run() async throws {
    let range = seed.map { $0...$0 } ?? seeds?.seeds
    let isMet =
      if files.isEmpty { try await search(range ?? 1...100) } else {
        try ScenarioPlay(files: files, seeds: range, story: story, output: output).run()
      }
    if !isMet { throw ExitCode(ExitStatus.failed.rawValue) }
  }

  private func search(_ seeds: ClosedRange<UInt64>) async throws -> Bool {
    let rates = try rates()
    let length = Span.seconds(hours * 3600)
    let settings: @Sendable (UInt64) -> Settings = { [short, nodes, workloads] seed in
      short
        ? .dense(seed: seed) : .long(seed: seed, nodes: nodes, workloads: workloads, length: length, faults: rates)
    }
    let processors = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let search = Search(
      campaign: Campaign(seeds: seeds, jobs: jobs ?? max(1, processors), settings: settings), replay: replay,
      tellsStory: story, shrinkLimit: shrink, output: output)
    return try await search.run()
  }

  private func rates() throws -> FaultRates {
    if let rates = FaultsFile.named(faults) { return rates }
    do {
      return try FaultsFile.parse(path: faults)
    } catch {
      Output.complain("holdfast: nothing was simulated\n\(error)")
      throw ExitCode(ExitStatus.failed.rawValue)
    }
  }

  /// What to type to see a seed again.
  private var replay: String {
    short
      ? "holdfast simulate --short"
      : "holdfast simulate --nodes \(nodes) --workloads \(workloads) --hours \(hours) --faults \(faults)"
  }
}
