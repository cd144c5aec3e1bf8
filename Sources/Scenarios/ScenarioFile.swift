import HoldfastModel
import HoldfastYAML
import Simulator

/// All mistakes of a scenario file.
public typealias ScenarioErrors = FileErrors

/// The YAML files that tell scenarios, for `holdfast simulate`.
public enum ScenarioFile {
  /// Every key of the file, with what holds without it. `Docs/scenarios.md` shows this table.
  public static let keys = KeyTable([
    .init("scenario", "text", .required, "What it shows, in a line."),
    .init("why", "text", .rule("none"), "Why it matters, for readers."),
    .init("seeds", "integer, 1 to 100000", .value("3"), "With how many seeds it must hold: each has other delays."),
    .init("lasts", "duration, 1s to 24h", .rule("a minute after the last time that is named"), "How long it lasts."),
    .init(
      "begins", "day and time: `Sat 01:59`", .rule("soon after `Mon 00:00`"),
      "The time of day at which it begins, on every node's clock; for policies with a `window`."),
    .init("cluster.timing.ttl", "duration, 500ms to 10m", .value("3s"), "As in a node's configuration."),
    .init("cluster.timing.margin", "duration, 0s to 1m", .value("100ms"), "As in a node's configuration."),
    .init("cluster.timing.drift", "percentage, 0% to 10%", .value("1%"), "As in a node's configuration."),
    .init("cluster.timing.stop-budget", "duration, 10ms to 1m", .value("50ms"), "As in a node's configuration."),
    .init("cluster.timing.start-budget", "duration, 0s to 1m", .value("100ms"), "As in a node's configuration."),
    .init("cluster.nodes", "mapping of names", .required, "The nodes; an empty value is a node like any other."),
    .init("cluster.nodes[].memory", "MiB, or with a unit: `4GiB`", .value("8GiB"), "What workloads may use."),
    .init("cluster.nodes[].cpus", "number of processors", .value("64"), "What workloads may use."),
    .init("cluster.nodes[].labels", "names with texts", .value("{}"), "What placement can refer to."),
    .init("cluster.nodes[].connection", "libvirt URI", .value("lxc:///system"), "What it serves."),
    .init(
      "cluster.nodes[].migrations", "`yes` or `no`", .value("no"), "Others can migrate domains to it while they run."),
    .init("cluster.nodes[].power", "`on` or `off`", .value("on"), "Off: it is not there until a `power on`."),
    .init(
      "cluster.nodes[].domains", "names with memory", .value("{}"),
      "Domains that run there outside protection: `{db9: 1GiB}`. They start by themselves when the host boots."),
    .init("cluster.workloads", "mapping of names", .value("{}"), "The workloads; an empty value is one like any other."),
    .init(
      "cluster.workloads[].node", "node", .rule("the planner chooses"), "Where it is now; it runs there when the story begins."),
    .init("cluster.workloads[].requested", "`running` or `stopped`", .value("running"), "What the operator wants of it."),
    .init("cluster.workloads[].memory", "MiB, or with a unit: `4GiB`", .value("256MiB"), "What it needs."),
    .init("cluster.workloads[].cpus", "number of processors", .value("0.5"), "What it needs."),
    .init("cluster.workloads[].labels", "names with texts", .value("{}"), "What placement can refer to."),
    .init("cluster.workloads[].priority", "integer, -1000000 to 1000000", .value("0"), "Higher goes first when not all fit."),
    .init("cluster.workloads[].isolation", "`freeze` or `stop`", .value("freeze"), "What the guard does at the deadline."),
    .init(
      "cluster.workloads[].network", "`bridge` or `macvlan`", .value("bridge"),
      "How it is connected. On macvlan it would keep answering while it is frozen, so the guard kills it at the deadline."),
    .init("cluster.workloads[].stop-timeout", "duration, 0s to 1h", .value("5s"), "Time to shut down before it is destroyed."),
    .init("cluster.workloads[].connection", "libvirt URI", .value("lxc:///system"), "What runs it."),
    .init(
      "cluster.workloads[].check.interval", "duration, 200ms to 24h", .value(Quantity.text(HealthCheck.defaultInterval)),
      "It has a check that asks its service, from one probe to the next. Without any of these keys it has none."),
    .init(
      "cluster.workloads[].check.down", "integer, 1 to 100", .value("\(HealthCheck.defaultDown)"),
      "Bad answers in a row that make it failing."),
    .init(
      "cluster.workloads[].check.up", "integer, 1 to 100", .value("\(HealthCheck.defaultUp)"),
      "Good answers in a row that make it healthy."),
    .init(
      "cluster.workloads[].check.grace", "duration, 0s to 24h", .value(Quantity.text(HealthCheck.defaultGrace)),
      "For so long after a start no bad answer counts; the first good one ends it."),
    .init(
      "cluster.workloads[].check.on-failure", "`restart` or `report`", .value("restart"), "What follows when it fails."),
    .init(
      "cluster.workloads[].check.through-node", "`yes` or `no`", .value("no"),
      "It is asked over its node's network, and not within the workload."),
    .init(
      "cluster.workloads[].addresses", "list of IP addresses", .value("[]"),
      "Addresses that follow it, on the link that every node has: `[10.0.0.1]`."),
    .init(
      "cluster.workloads[].parts", "list of kinds with names", .value("[]"),
      "It is made of these parts of the host, in this order: `[mount data, script server, ocf front]`. Every node runs such workloads where one has parts."
    ),
    .init(
      "cluster.policies", "list of policies", .value("[]"),
      "Each as in a policy file. The first are in force from the start, the others when the timeline says so."),
    .init("timeline", "mapping of times with sentences", .value("{}"), "What happens: `at 10s: power off n1`."),
    .init("expect", "mapping of times with sentences", .required, "What must be so: `within 6s of 10s: w1 runs on n2`.")
  ])

  /// Reads a scenario file.
  ///
  /// - Throws: every mistake in it, at once.
  public static func parse(path: String) throws(ScenarioErrors) -> Scenario {
    try ScenarioReading(MistakeLog(try SourceText.read(path))).read()
  }

  /// Reads a scenario from text.
  ///
  /// - Parameter file: the name for messages.
  /// - Throws: every mistake in it, at once.
  public static func parse(text: String, file: String) throws(ScenarioErrors) -> Scenario {
    try ScenarioReading(MistakeLog(try SourceText(file: file, text: text))).read()
  }
}

/// The tables of sentences that `Docs/scenarios.md` shows.
public enum ScenarioReference {
  public static var tables: [(heading: String, markdown: String)] {
    [
      ("What happens", TimelinePhrases.sentences.markdown), ("When it must be so", TimePhrases.expectation.markdown),
      ("What must be so", StatementPhrases.sentences.markdown), ("What is filled in", blanks)
    ]
  }

  private static var blanks: String {
    (["| word | stands for |", "| --- | --- |"] + Blank.allCases.map { "| `\($0.rawValue)` | \($0.meaning) |" })
      .joined(separator: "\n")
  }
}
