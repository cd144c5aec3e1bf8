import ArgumentParser
import GuardCore
import HoldfastAPI
import HoldfastModel
import HoldfastOperator

struct AdoptCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adopt",
    abstract: "Protect domains that run on this node, without interrupting them.",
    discussion: """
      Adopted domains become transient: their persistent definition and autostart are removed, so that after a reboot only the cluster \
      starts them. A pattern takes what is not protected yet.

      Example: holdfast adopt 'lxc:///system/web*' --priority 10 --dry-run
      """)

  @OptionGroup var daemon: DaemonOptions

  @Argument(help: ArgumentHelp("Domains as URI/NAME or NAME; * and ? stand for other characters.", valueName: "uri/name"))
  var domains: [String]

  @Flag(help: "Show what would happen, and do nothing.")
  var dryRun = false

  @Option(help: "Higher goes first when not all fit.")
  var priority = 0

  @Option(help: "What the guard does at the deadline: freeze, or stop (kill) for disks whose lock must be released.")
  var isolation: IsolationArgument = .freeze

  @Option(name: .customLong("label"), help: ArgumentHelp("A label; may be repeated.", valueName: "key=value"))
  var labels: [String] = []

  @Option(help: ArgumentHelp("What it needs. (default: what the domain has)", valueName: "MiB"))
  var memory: Int?

  @Option(help: ArgumentHelp("What it needs; fractions are allowed. (default: what the domain has)", valueName: "number"))
  var cpus: Double?

  @Option(help: ArgumentHelp("How long it may take to shut down before it is destroyed.", valueName: "seconds"))
  var stopTimeout = SpecRecord.defaultStopTimeout

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
        stopTimeout: stopTimeout)
      results += try await client.post("/adopt", dryRun ? ["dryRun": "true"] : [:], body: request, as: CommandResults.self)
        .results
    }
    try Carrying.tell(results, isDryRun: dryRun, daemon.output)
    try Carrying.refuseIfFailed(results)
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
