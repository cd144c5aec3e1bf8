import HoldfastModel
import HoldfastYAML

/// A check as a file has it: every key, in order, whether or not it is what holds without it.
struct CheckFields {
  private enum Value {
    case plain(String)
    case quoted(String)
    case list([String])
  }

  private let fields: [(key: String, value: Value)]

  init(_ check: HealthCheck) {
    let times: [(key: String, value: Value)] = [
      ("interval", .plain(Quantity.text(check.interval))), ("timeout", .plain(Quantity.text(check.timeout))),
      ("down", .plain("\(check.down)")), ("up", .plain("\(check.up)")), ("grace", .plain(Quantity.text(check.grace))),
      ("on-failure", .plain(check.reaction.rawValue))
    ]
    fields = [("name", .quoted(check.name.text))] + Self.fields(of: check.probe) + times
  }

  private static func fields(of probe: Probe) -> [(key: String, value: Value)] {
    func kind(_ kind: WorkloadFile.CheckKind) -> [(key: String, value: Value)] { [("kind", .plain(kind.rawValue))] }
    func host(_ host: String?) -> [(key: String, value: Value)] { host.map { [("host", .quoted($0))] } ?? [] }
    switch probe {
    case .tcp(let probe): return kind(.tcp) + host(probe.host) + [("port", .plain("\(probe.port)"))]
    case .http(let probe): return kind(probe.isSecure ? .https : .http) + host(probe.host) + fields(of: probe)
    case .ping(let probe): return kind(.ping) + host(probe.address)
    case .exec(let probe): return kind(.exec) + [("command", .list(probe.command))]
    case .agent: return kind(.agent)
    case .file(let probe):
      return kind(.file) + [("path", .quoted(probe.path)), ("max-age", .plain(Quantity.text(.seconds(probe.maximumAge))))]
    case .script(let probe): return kind(.script) + [("command", .list([probe.path] + probe.arguments))]
    // Of a later build, whose words this one does not know.
    case .other(let name): return [("kind", .quoted(name))]
    }
  }

  private static func fields(of probe: HTTPProbe) -> [(key: String, value: Value)] {
    var fields: [(key: String, value: Value)] = [("port", .plain("\(probe.port)")), ("path", .quoted(probe.path))]
    if let name = probe.serverName { fields.append(("server-name", .quoted(name))) }
    fields.append(("status", .plain(WorkloadFile.text(probe.status))))
    if let text = probe.contains { fields.append(("contains", .quoted(text))) }
    if let days = probe.certificateDays { fields.append(("certificate-days", .plain("\(days)"))) }
    return fields
  }

  /// For a file.
  var keys: [(key: String, value: YAMLOutput)] {
    fields.map { key, value in
      switch value {
      case .plain(let text): (key, .plain(text))
      case .quoted(let text): (key, .quoted(text))
      case .list(let texts): (key, .list(texts.map { .quoted($0) }))
      }
    }
  }

  /// In one line, without the name.
  var text: String {
    fields.dropFirst().map { key, value in
      switch value {
      case .plain(let text), .quoted(let text): "\(key) \(InWords.oneLine(text))"
      case .list(let texts): "\(key) [\(InWords.oneLine(texts.joined(separator: ", ")))]"
      }
    }.joined(separator: ", ")
  }
}
