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
      adopted, and what to do is told. A pattern matches only domains that are not protected yet.

      Example: holdfast adopt 'lxc:///system/web*' --priority 10 --dry-run
      """)

  @OptionGroup var daemon: DaemonOptions

  @Argument(
    help: ArgumentHelp("Domains as URI/NAME or NAME; * and ? are wildcards.", valueName: "uri/name"), completion: .domains)
  var domains: [String]

  @Flag(help: "Show what would happen, and change nothing.")
  var dryRun = false

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
        stopTimeout: stopTimeout, shared: shared, acceptLoss: acceptLoss)
      results += try await client.post("/adopt", dryRun ? ["dryRun": "true"] : [:], body: request, as: CommandResults.self)
        .results
    }
    try BatchCommand.tell(results, isDryRun: dryRun, daemon.output)
    try BatchCommand.refuseIfFailed(results)
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
