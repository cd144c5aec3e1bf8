import ArgumentParser
import GuardCore
import HoldfastAPI
import HoldfastModel
import HoldfastOperator

struct AdoptCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adopt",
    abstract: "Put running domains of this node under protection, without interrupting them.",
    discussion: """
      An adopted domain becomes transient: its persistent definition and its autostart flag are removed, so that only the cluster starts \
      it after a reboot. Where libvirt would forget something with that (snapshots, checkpoints, the state of an emulated TPM), the domain is not \
      adopted, and what to do is told. A pattern matches only domains that are not protected yet. The same domain may be \
      defined on other nodes, too, where another cluster manager was: `holdfast leftovers` tells a few seconds later where that keeps it from starting.

      Example: holdfast adopt 'lxc:///system/web*' --priority 10 --dry-run
      """)

  @OptionGroup var daemon: DaemonOptions

  @Argument(
    help: ArgumentHelp("Domains as URI/NAME or NAME; * and ? are wildcards.", valueName: "uri/name"), completion: .domains)
  var domains: [String]

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "Do not ask for confirmation. This command never asks; it takes the flag as others do.")
  var yes = false

  @Option(help: "Workloads of higher priority are placed first when not all fit.")
  var priority = 0

  @Option(
    help:
      "What the guard does when the node loses its session: freeze the workload, or stop (kill) it so that it releases its disk locks."
  )
  var isolation: IsolationArgument = .freeze

  @Option(name: .customLong("label"), help: ArgumentHelp("A label. May be repeated.", valueName: "key=value"))
  var labels: [String] = []

  @Option(help: ArgumentHelp("Memory that the workload needs. (default: the domain's)", valueName: "MiB"))
  var memory: Int?

  @Option(help: ArgumentHelp("Processors that the workload needs, such as 0.5. (default: the domain's)", valueName: "number"))
  var cpus: Double?

  @Option(help: ArgumentHelp("Time to shut down before the domain is destroyed.", valueName: "seconds"))
  var stopTimeout = SpecRecord.defaultStopTimeout

  @Flag(
    help:
      "Other nodes remove shut-off definitions of the same name and UUID, with their autostart, now and when they find them later."
  )
  var removeLeftovers = false

  @Option(
    name: .customLong("shared"),
    help: ArgumentHelp(
      "A disk, directory or MAC address that other workloads may have at the same time. May be repeated.", valueName: "name"))
  var shared: [String] = []

  @Flag(help: "Adopt a domain though libvirt forgets its snapshots, checkpoints or TPM state when it ends.")
  var acceptLoss = false

  enum IsolationArgument: String, ExpressibleByArgument, CaseIterable {
    case freeze, stop
    var isolation: Isolation { self == .freeze ? .freeze : .stop }
  }

  func run() async throws {
    let client = daemon.client
    let pairs = try Self.pairs(labels)
    let known = try await client.get("/domains", as: DomainList.self)
    let chosen = try DomainSelection(known: known).domains(domains)
    let priority = priority, isolation = isolation.isolation, stopTimeout = stopTimeout
    var results: [CommandResult] = []
    for id in chosen {
      let request = AdoptRequest(
        domains: [id], demand: demand(of: id, in: known), labels: pairs, priority: priority, isolation: isolation,
        stopTimeout: stopTimeout, shared: shared, acceptLoss: acceptLoss,
        removeLeftovers: removeLeftovers ? true : nil)
      results += try await client.post("/adopt", dryRun ? ["dryRun": "true"] : [:], body: request, as: CommandResults.self)
        .results
    }
    try BatchCommand.tell(results, isDryRun: dryRun, daemon.output)
    try await tellLeftovers(of: results, client)
    try BatchCommand.refuseIfFailed(results)
  }

  /// How long the other nodes take to look for a workload that is new, and to report.
  private static let lookTime = Duration.seconds(5)

  /// Where somebody watches, what the other nodes have left of the workloads is waited for and told.
  private func tellLeftovers(of results: [CommandResult], _ client: DaemonClient) async throws {
    let adopted = Set(results.filter { $0.effect == .adopted }.map(\.workload)), terminal = Terminal.current()
    guard !adopted.isEmpty, !dryRun, daemon.output == .text, terminal.isTerminal else { return }
    Output.progress("The other nodes look for definitions that are left there")
    try await Task.sleep(for: Self.lookTime)
    Output.progress("")
    let left = try await client.get("/leftovers", as: LeftoverList.self).leftovers.filter {
      adopted.contains($0.workload) && !(removeLeftovers && $0.isRemovable)
    }
    for leftover in left {
      Output.line("\(terminal.styled(leftover.workload, .bold))  \(terminal.styled("warning", .doubtful)): \(leftover.warning)")
    }
  }

  /// What is said on the command line holds; the rest is the domain's own.
  private func demand(of id: DomainID, in known: DomainList) -> Resources? {
    guard memory != nil || cpus != nil else { return nil }
    let domain = known.domains.first { $0.connection == id.connection && $0.name == id.name }
    return Resources(memory: memory ?? domain?.memory ?? 0, cpus: cpus ?? Double(domain?.vcpus ?? 0))
  }

  static func pairs(_ labels: [String]) throws -> [String: String] {
    var pairs: [String: String] = [:]
    for label in labels {
      guard let equals = label.firstIndex(of: "="), equals != label.startIndex else {
        throw ValidationError("The label '\(label)' is not of the form key=value.")
      }
      pairs[String(label[..<equals])] = String(label[label.index(after: equals)...])
    }
    return pairs
  }
}
