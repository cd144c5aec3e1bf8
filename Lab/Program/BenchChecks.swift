import ArgumentParser
import Foundation
import HoldfastOperator
import HoldfastTime
import Lab

/// What hundreds of checks cost on the node that asks them, beside the same node without checks.
struct BenchChecks: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-checks",
    abstract: "What holdfastd costs where hundreds of checks ask once a second.",
    discussion: """
      Containers are brought onto one node of three, and the node is measured without checks, and with so many of each kind: asked in the \
      containers' own networks, and at their addresses over the node's. The containers' first processes answer; what that takes them \
      is not counted. Fails where a measurement with checks is over what is asked.
      Example: holdfast-lab bench-checks --checks 100 --seconds 10 --out checks.json
      """)

  @Option(help: "Checks on the node.")
  var checks = 500
  @Option(help: "Seconds of each measurement.")
  var seconds = 30
  @Option(help: "Write the result as JSON to this file.")
  var out: String?

  private static let busy = LabHost(1)
  /// The default.
  private static let ttl = "3s"
  /// So many checks a workload may have.
  private static let mostOfOne = 16
  /// So many that all their containers find room on one of the lab's nodes.
  private static let most = 1000
  /// The containers are to be there, and to cost little.
  private static let beat = Duration.milliseconds(500)
  /// Longer than the daemons take to give back what their start needed, and than the checks take to be seen well.
  private static let settling = Duration.seconds(20)
  /// A node that asks less than this part of what it is to ask does not do what is measured.
  private static let leastAsked = 0.9

  private var workloads: Int { (checks + Self.mostOfOne - 1) / Self.mostOfOne }

  func validate() throws {
    guard checks > 0, seconds > 0 else {
      throw ValidationError("--checks and --seconds: there is nothing to measure with less than 1")
    }
    guard checks <= Self.most else {
      throw ValidationError("--checks takes at most \(Self.most): a lab's node has room for no more containers")
    }
  }

  func run() async throws {
    let lab = try LabCluster(environment: ["LAB_TTL": Self.ttl])
    try await lab.down()
    let report: ChecksReport
    do {
      report = try await measure(lab)
      try await lab.down()
    } catch {
      try? await lab.down(keepLogs: true)
      throw error
    }
    print(report.verdict)
    if let out { try report.json().write(to: URL(fileURLWithPath: out)) }
    if !report.isWithinBounds { throw ExitCode(1) }
  }

  private func measure(_ lab: LabCluster) async throws -> ChecksReport {
    try await lab.up()
    try await lab.untilReady()
    let file = try await lab.workloads(count: workloads, beat: Self.beat)
    try await lab.gather(file, count: workloads, onto: Self.busy)
    var report = ChecksReport(checks: checks, workloads: workloads, seconds: seconds)
    print("\n\(report.title)\n\n\(ChecksReport.heading)")
    for asked in ChecksReport.Asked.allCases {
      report.add(try await measure(asked, in: lab))
      print(report.rows.last?.text ?? "")
    }
    return report
  }

  private func measure(_ asked: ChecksReport.Asked, in lab: LabCluster) async throws -> ChecksReport.Row {
    if asked != .nothing {
      let file = try write(asked, in: lab)
      try await lab.holdfast(["apply", "-f", file, "--yes"], on: Self.busy, limit: .seconds(60))
    }
    try await Task.sleep(for: Self.settling)
    let before = try await Sample(lab, Self.busy)
    try await Task.sleep(for: .seconds(seconds))
    let after = try await Sample(lab, Self.busy)
    let time = (after.at - before.at).inSeconds
    let row = ChecksReport.Row(
      asked: asked, cpu: (after.cpuSeconds - before.cpuSeconds) / time * 100,
      memory: try await lab.residentMiB(of: .daemon, on: Self.busy), questions: Double(after.taken - before.taken) / time)
    let counts = try await lab.clusterStatus(on: Self.busy).counts
    let unwell = (counts.unhealthy ?? 0) + (counts.ofUnknownHealth ?? 0)
    guard asked == .nothing || row.questions >= Self.leastAsked * Double(checks), unwell == 0 else {
      throw LabError.failed(
        command: "bench-checks, \(asked.name)",
        status: "\(Int(row.questions)) of \(checks) questions a second, \(unwell) of \(workloads) workloads not seen well",
        output: try await lab.holdfast(["status"], on: Self.busy))
    }
    return row
  }

  /// The lab's specs with so many checks in them, as evenly as can be; the path of their file.
  private func write(_ asked: ChecksReport.Asked, in lab: LabCluster) throws -> String {
    let addresses = try lab.addresses()
    var left = checks, without = workloads
    var own: [String: Int] = [:]
    for number in 1...workloads {
      own["web\(number)"] = left / without
      (left, without) = (left - left / without, without - 1)
    }
    return try lab.writeSpecs(to: "checks.yaml") { name, spec in
      let keys = asked.keys(at: addresses[name] ?? "")
      return spec + "    checks:\n"
        + (1...(own[name] ?? 1)).map { "      - {name: c\($0), \(keys), interval: 1s, on-failure: report}\n" }.joined()
    }
  }

  /// What was spent and asked up to one instant.
  private struct Sample {
    let cpuSeconds: Double
    let at: BootInstant
    let taken: Int

    init(_ lab: LabCluster, _ host: LabHost) async throws {
      cpuSeconds = try await lab.cpuSeconds(of: .daemon, on: host)
      at = LabClock.now
      taken = try await lab.connectionsTaken(on: host)
    }
  }
}
