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

  @Option(help: "Nodes of the cluster. (default: 5)")
  var nodes: Int?

  @Option(help: "Workloads of the cluster. (default: 30)")
  var workloads: Int?

  @Option(help: "Virtual hours for each seed. The last minutes are calm: everything must settle. (default: 1)")
  var hours: Double?

  @Flag(help: "Short storms instead: two minutes of everything at once, sizes and times from the seed.")
  var short = false

  @Option(
    help: ArgumentHelp(
      "What goes wrong and how often: none, sparse, dense, or a YAML file (Docs/simulator.md). (default: sparse)",
      valueName: "faults"))
  var faults: String?

  @Option(help: "Worlds at once. (default: the host's processors)")
  var jobs: Int?

  @Flag(help: "Tell the whole story of the one seed, or of every scenario.")
  var story = false

  @Option(help: "Seconds to spend on shrinking the first seed that fails; 0: none. (default: 60)")
  var shrink: Double?

  @Flag(
    help: ArgumentHelp(
      "Print hashes of what the controllers did, to compare two builds.",
      discussion: "For each seed: the actions without their texts; events and actions as they are; the moments of the world."))
  var hashes = false

  @Flag(help: "Print the JSON Schema of scenario files, with which editors complete and check them.")
  var schema = false

  @Option(name: .shortAndLong, help: "text for people, json for scripts.")
  var output: DaemonOptions.Format = .text

  func validate() throws {
    try check("--nodes", nodes, in: 1...50)
    try check("--workloads", workloads, in: 0...1000)
    try check("--hours", hours, in: 0.05...1000)
    try check("--jobs", jobs, in: 1...1024)
    try check("--shrink", shrink, in: 0...86_400)
    if !files.isEmpty, let option = optionOfStorms {
      throw ValidationError("\(option) is for storms; a scenario file says for itself what its cluster is and what happens")
    }
    if short, nodes != nil || workloads != nil || hours != nil || faults != nil {
      throw ValidationError("--short takes sizes, times and faults from the seed: leave the other options out")
    }
    if hashes, story || output == .json { throw ValidationError("--hashes prints lines of text and nothing else") }
    if story, files.isEmpty, seed == nil { throw ValidationError("--story: of which seed? Add --seed.") }
    if seed != nil, seeds != nil { throw ValidationError("--seed and --seeds: only one of the two") }
  }

  private var optionOfStorms: String? {
    let given = [
      ("--nodes", nodes != nil), ("--workloads", workloads != nil), ("--hours", hours != nil), ("--short", short),
      ("--faults", faults != nil), ("--jobs", jobs != nil), ("--shrink", shrink != nil)
    ]
    return given.first(where: \.1)?.0
  }

  func run() async throws {
    if schema { return print(ScenarioSchema.text, terminator: "") }
    let range = seed.map { $0...$0 } ?? seeds?.seeds
    if hashes { return try await printHashes(range) }
    let isMet =
      if files.isEmpty { try await search(range ?? 1...100) } else {
        try ScenarioPlay(files: files, seeds: range, story: story, output: output).run()
      }
    if !isMet { throw ExitCode(ExitStatus.failed.rawValue) }
  }

  private static let usual = (nodes: 5, workloads: 30, hours: 1.0, faults: "sparse", shrink: 60.0)

  private func search(_ seeds: ClosedRange<UInt64>) async throws -> Bool {
    let search = Search(
      campaign: try campaign(seeds), replay: replay, tellsStory: story, shrinkLimit: shrink ?? Self.usual.shrink, output: output
    )
    return try await search.run()
  }

  private func printHashes(_ seeds: ClosedRange<UInt64>?) async throws {
    try FingerprintRun.hashAlikeInEveryProcess()
    if files.isEmpty {
      await FingerprintRun.storms(try campaign(seeds ?? 1...100))
    } else {
      try FingerprintRun.scenarios(files, seeds)
    }
  }

  private func campaign(_ seeds: ClosedRange<UInt64>) throws -> Campaign {
    let rates = try rates()
    let length = Span.seconds((hours ?? Self.usual.hours) * 3600)
    let nodes = nodes ?? Self.usual.nodes, workloads = workloads ?? Self.usual.workloads
    let settings: @Sendable (UInt64) -> Settings = { [short] seed in
      short
        ? .dense(seed: seed) : .long(seed: seed, nodes: nodes, workloads: workloads, length: length, faults: rates)
    }
    let processors = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    return Campaign(seeds: seeds, jobs: jobs ?? max(1, processors), settings: settings)
  }

  private func rates() throws -> FaultRates {
    let faults = faults ?? Self.usual.faults
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
    if short { return "holdfast simulate --short" }
    let usual = Self.usual
    return "holdfast simulate --nodes \(nodes ?? usual.nodes) --workloads \(workloads ?? usual.workloads)"
      + " --hours \(hours ?? usual.hours) --faults \(faults ?? usual.faults)"
  }
}
