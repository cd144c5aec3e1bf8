import ArgumentParser
import Glibc
import Scenarios
import Simulator

struct SimulateCommand: AsyncParsableCommand, CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Simulate whole clusters on virtual time: search for violations under random faults, or play scenarios.",
    discussion: """
      Without files, the command simulates one cluster for each seed, with the real controller and guard code and random faults, and \
      checks the invariants at every change. It shrinks the first failing seed to the shortest schedule that still fails, and prints what \
      happened.

      With files, the command plays each scenario and checks its expectations (Docs/scenarios.md).

      It needs no daemon, no root and no network. Exit status: 1 when an invariant was violated or an expectation was not met.

      Examples: holdfast simulate --seeds 200 --hours 1
                holdfast simulate --seed 17 --story
                holdfast simulate Tests/Scenarios/basic/host-dies.yaml
      """)

  @Argument(help: ArgumentHelp("Scenario files.", valueName: "file"), completion: .yaml)
  var files: [String] = []

  @Option(help: "Run only this seed.")
  var seed: UInt64?

  @Option(
    help: ArgumentHelp(
      "Number of seeds, or a range FIRST..LAST. (default: 100; for scenarios: as their files say)", valueName: "seeds"))
  var seeds: SeedRange?

  @Option(help: "Number of nodes. (default: 5)")
  var nodes: Int?

  @Option(help: "Number of workloads. (default: 30)")
  var workloads: Int?

  @Option(help: "Virtual hours for each seed. The last minutes have no faults, and everything must settle. (default: 1)")
  var hours: Double?

  @Flag(help: "Short storms instead: two virtual minutes with every fault at once; the seed chooses sizes and times.")
  var short = false

  @Option(
    help: ArgumentHelp(
      "Which faults happen and how often: none, sparse, dense, or a YAML file (Docs/simulator.md). (default: sparse)",
      valueName: "faults"))
  var faults: String?

  @Option(help: "Number of simulations to run at once. (default: the number of processors)")
  var jobs: Int?

  @Flag(help: "Print everything that happened in the seed or in each scenario.")
  var story = false

  @Option(help: "Seconds to spend on shrinking the first failing seed; 0: do not shrink. (default: 60)")
  var shrink: Double?

  @Flag(
    help: ArgumentHelp(
      "Print hashes of the controllers' behaviour, to compare two builds.",
      discussion:
        "Three hashes for each seed: actions without their texts; events and actions in full; the instants of the simulation."))
  var hashes = false

  @Flag(
    help: ArgumentHelp(
      "Workloads have checks, and their services fail.",
      discussion: "With --faults, where the file says nothing of services, they fail as often as other things do."))
  var checks = false

  @Flag(
    help: ArgumentHelp(
      "Workloads have addresses, and these fail.",
      discussion: "With --faults, where the file says nothing of addresses, they fail as often as other things do."))
  var addresses = false

  @Flag(
    help: ArgumentHelp(
      "Nodes have checks of their own, and fail them.",
      discussion: "With --faults, where the file says nothing of node checks, they fail as often as other things do."))
  var nodeChecks = false

  @Flag(
    help: ArgumentHelp(
      "Workloads are made of parts of the host, and these fail.",
      discussion: "With --faults, where the file says nothing of parts, they fail as often as other things do."))
  var parts = false

  @Flag(help: "Print the JSON Schema of scenario files, for completion and checks in editors.")
  var schema = false

  @Option(name: .shortAndLong, help: "text, or json for scripts.")
  var output: DaemonOptions.Format = .text

  func checkOptions() throws {
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
      ("--faults", faults != nil), ("--checks", checks), ("--addresses", addresses), ("--node-checks", nodeChecks),
      ("--parts", parts), ("--jobs", jobs != nil),
      ("--shrink", shrink != nil)
    ]
    return given.first(where: \.1)?.0
  }

  func run() async throws {
    if schema { return Output.text(ScenarioSchema.text) }
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
    let search = SeedSearch(
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
    let settings: @Sendable (UInt64) -> Settings = { [short, checks, addresses, nodeChecks, parts] seed in
      short
        ? .dense(seed: seed, checks: checks, addresses: addresses, nodeChecks: nodeChecks, parts: parts)
        : .long(seed: seed, nodes: nodes, workloads: workloads, length: length, faults: rates)
    }
    let processors = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    return Campaign(seeds: seeds, jobs: jobs ?? max(1, processors), settings: settings)
  }

  private func rates() throws -> FaultRates {
    let faults = faults ?? Self.usual.faults
    if let rates = FaultsFile.named(faults) { return withMore(rates, isDense: faults == "dense") }
    do {
      return withMore(try FaultsFile.parse(path: faults))
    } catch {
      throw MistakenFiles("the faults file cannot be used", error)
    }
  }

  /// With what only those notice who asked for it.
  private func withMore(_ rates: FaultRates, isDense: Bool = false) -> FaultRates {
    let thinning = isDense ? 1 : FaultRates.sparseThinning
    let rates = checks ? rates.withServices(thinning: thinning) : rates
    let all = addresses ? rates.withAddresses(thinning: thinning) : rates
    let more = nodeChecks ? all.withNodeTroubles(thinning: thinning) : all
    return parts ? more.withParts(thinning: thinning) : more
  }

  private var moreWords: String {
    (checks ? " --checks" : "") + (addresses ? " --addresses" : "") + (nodeChecks ? " --node-checks" : "")
      + (parts ? " --parts" : "")
  }

  /// What to type to see a seed again.
  private var replay: String {
    if short { return "holdfast simulate --short\(moreWords)" }
    let usual = Self.usual
    return "holdfast simulate --nodes \(nodes ?? usual.nodes) --workloads \(workloads ?? usual.workloads)"
      + " --hours \(hours ?? usual.hours) --faults \(faults ?? usual.faults)\(moreWords)"
  }
}
