import HoldfastModel
import HoldfastOperator
import HoldfastTime

/// A workload's checks: what each asks, how often, what follows, and how it is where that is known not to be well.
struct CheckLines {
  private let checks: [HealthCheck]
  private let health: HealthInfo?

  init(_ workload: WorkloadInfo) {
    checks = workload.checks ?? []
    health = workload.health
  }

  /// One for each, in the order of the definition.
  var texts: [String] { checks.map(text) }

  private func text(_ check: HealthCheck) -> String {
    "\(check.name): \(question(check.probe)), every \(time(check.interval)); \(follows(check))\(state(check.name))"
  }

  private func follows(_ check: HealthCheck) -> String {
    let failures = check.down == 1 ? "one failure" : "\(check.down) failures in a row"
    return "after \(failures) \(check.reaction == .restart ? "it is restarted" : "it is reported")"
  }

  /// Nothing where nothing is wrong, as far as is known.
  private func state(_ check: CheckName) -> String {
    guard let health else { return "" }
    guard health.check == check else {
      return health.others?.contains(check) == true ? ". It is not well either" : ""
    }
    let since = health.since.map { " since \(Words.clock($0.milliseconds, today: Words.now()))" } ?? ""
    let words = InWords.oneLine(health.reason)
    guard health.isFailing else { return ". It cannot be made\(since), so nobody knows: \(words)" }
    return ". It fails\(since): \(words)\(health.held.map { "; not restarted: \($0)" } ?? "")"
  }

  private func question(_ probe: Probe) -> String {
    switch probe {
    case .tcp(let probe): "TCP to \(place(probe.host, probe.port))"
    case .http(let probe): question(probe)
    case .ping(let probe): "ping of \(probe.address)"
    case .exec(let probe): "`\(InWords.oneLine(probe.command.joined(separator: " ")))` in it"
    case .agent: "its guest agent"
    case .file(let probe): "\(probe.path) written within \(time(.seconds(probe.maximumAge)))"
    case .script(let probe): "`\(InWords.oneLine(([probe.path] + probe.arguments).joined(separator: " ")))` on its node"
    case .other(let kind): "a check of the kind '\(kind)', which this build does not know"
    }
  }

  private func question(_ probe: HTTPProbe) -> String {
    let url = "\(probe.isSecure ? "https" : "http")://\(place(probe.host, probe.port))\(probe.path)"
    let status =
      probe.status.count == 1
      ? "status \(probe.status.lowerBound)" : "status \(probe.status.lowerBound) to \(probe.status.upperBound)"
    let content = probe.contains.map { ", '\(InWords.oneLine($0))' in its answer" } ?? ""
    let days = probe.certificateDays.map { ", a certificate for \(Words.count($0, "day")) more" } ?? ""
    return "\(url) with \(status)\(content)\(days)"
  }

  private func place(_ host: String?, _ port: Int) -> String {
    guard let host else { return "localhost:\(port)" }
    return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  private func time(_ duration: Duration) -> String { "\(InWords.decimal(duration.inSeconds)) s" }
}
