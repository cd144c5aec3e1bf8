import HoldfastModel
import HoldfastTime
import HoldfastYAML

extension WorkloadFile {
  /// What stands after `kind:`. `https` is a word of files alone: to records it is `http`.
  enum CheckKind: String, CaseIterable {
    case tcp, http, https, ping, exec, agent, file, script

    /// The keys that say what it asks.
    var keys: Set<String> {
      switch self {
      case .tcp: ["host", "port"]
      case .http: ["host", "port", "path", "server-name", "status", "contains"]
      case .https: ["host", "port", "path", "server-name", "status", "contains", "certificate-days"]
      case .ping: ["host"]
      case .exec, .script: ["command"]
      case .agent: []
      case .file: ["path", "max-age"]
      }
    }
    static let allKeys = allCases.reduce(into: Set<String>()) { $0.formUnion($1.keys) }
  }

  private static func range(_ range: ClosedRange<Duration>) -> String {
    "\(Quantity.text(range.lowerBound)) to \(Quantity.text(range.upperBound))"
  }

  private static func range(_ range: ClosedRange<Int>) -> String { "\(range.lowerBound) to \(range.upperBound)" }

  static let checkKeys: [KeyTable.Row] = [
    .init(
      "workloads[].checks", "list", .value("[]"),
      "What tells whether it works while it runs; at most \(HealthCheck.most). [checks.md](checks.md) explains them."),
    .init("workloads[].checks[].name", "name", .required, "Unique among the workload's."),
    .init(
      "workloads[].checks[].kind", "`tcp`, `http`, `https`, `ping`, `exec`, `agent`, `file` or `script`", .required,
      "What is asked."),
    .init(
      "workloads[].checks[].host", "name or address", .rule("the container's own loopback address"),
      "Who is asked, from the node, with `tcp`, `http`, `https` and `ping`. A virtual machine needs it, and so does `ping`."),
    .init(
      "workloads[].checks[].port", range(Probe.ports),
      .rule("\(HTTPProbe.defaultPort) with `http`, \(HTTPProbe.defaultSecurePort) with `https`"), "`tcp` needs it."),
    .init(
      "workloads[].checks[].path", "path", .rule("`\(HTTPProbe.defaultPath)`"),
      "What is asked for, with its query, with `http` and `https`. The file in the container with `file`, which needs it."),
    .init(
      "workloads[].checks[].server-name", "name", .rule("the host"), "What the request and TLS name, with `http` and `https`."),
    .init(
      "workloads[].checks[].status", "status, or two: `200-299`", .value(text(HTTPProbe.defaultStatus)),
      "Which statuses are good, with `http` and `https`. Redirections are not followed."),
    .init(
      "workloads[].checks[].contains", "text", .rule("the body is not looked at"),
      "What the first \(HTTPProbe.greatestBody >> 10) KiB of the answer's body have, with `http` and `https`."),
    .init(
      "workloads[].checks[].certificate-days", "\(range(Probe.certificateDays))", .rule("its end is not looked at"),
      "For how many days more the certificate is to be valid, with `https`."),
    .init(
      "workloads[].checks[].command", "list of texts", .rule("`exec` and `script` need it"),
      "The command and its arguments, without a shell: in the container, by the virtual machine's guest agent, or, with `script`, on the node."
    ),
    .init(
      "workloads[].checks[].max-age", "duration, \(range(Probe.maximumAges))", .rule("`file` needs it"),
      "How long ago the file may have been written."),
    .init(
      "workloads[].checks[].interval", "duration, \(range(HealthCheck.intervals))",
      .value(Quantity.text(HealthCheck.defaultInterval)), "From the start of one question to the start of the next."),
    .init(
      "workloads[].checks[].timeout", "duration, \(range(HealthCheck.timeouts))",
      .rule("\(Quantity.text(HealthCheck.greatestDefaultTimeout)), or the interval where that is shorter"),
      "What has not answered by then has failed."),
    .init(
      "workloads[].checks[].down", range(HealthCheck.thresholds), .value("\(HealthCheck.defaultDown)"),
      "So many failures in a row, and it is failing."),
    .init(
      "workloads[].checks[].up", range(HealthCheck.thresholds), .value("\(HealthCheck.defaultUp)"),
      "So many good answers in a row, and it is healthy."),
    .init(
      "workloads[].checks[].grace", "duration, \(range(HealthCheck.graces))", .value(Quantity.text(HealthCheck.defaultGrace)),
      "For so long after a start no failure counts; the first good answer ends it."),
    .init(
      "workloads[].checks[].on-failure", "`restart` or `report`", .value(HealthCheck.Reaction.restart.rawValue),
      "What follows when it is failing: a restart, in place and then on another node, or nothing but a line in the status.")
  ]

  /// `200`, `200-299`.
  static func text(_ status: ClosedRange<Int>) -> String {
    status.count == 1 ? "\(status.lowerBound)" : "\(status.lowerBound)-\(status.upperBound)"
  }
}

/// Reads the checks of one workload.
struct CheckReading {
  /// libvirt's; nil: it is not known, which was reported.
  let connection: String?

  func checks(_ value: YAMLValue) -> [HealthCheck]? {
    let expected = "a list of checks", remedy = "Write entries that start with '- name: NAME'."
    guard let items = value.items(expected: expected, remedy: remedy) else { return nil }
    guard items.count <= HealthCheck.most else {
      value.wrong(expected: "at most \(HealthCheck.most) checks", found: "\(items.count)", remedy: "Remove some.")
      return nil
    }
    var lines: [CheckName: Int] = [:]
    return items.compactMap { item in
      let named = item.name(at: "name").map { item.renamed("\(value.path)[\($0)]") } ?? item
      guard let section = named.section(of: WorkloadFile.keys, at: "workloads[].checks[]") else { return nil }
      let name = section.required("name", expected: "the check's name", remedy: "Add 'name: NAME'.")?.name().map {
        CheckName($0)
      }
      if let name, let line = lines.updateValue(item.position.line, forKey: name) {
        section["name"]?.wrong(
          expected: "every check once", found: "'\(name)' again (first on line \(line))",
          remedy: "Rename or remove one of the two."
        )
      }
      return check(name, section)
    }
  }

  private func check(_ name: CheckName?, _ section: YAMLSection) -> HealthCheck? {
    let words = WorkloadFile.CheckKind.allCases.map(\.rawValue).joined(separator: ", ")
    let kind = section.required("kind", expected: "what is asked", remedy: "Add 'kind: KIND', one of \(words).")?
      .choice(WorkloadFile.CheckKind.self)
    let interval = section.read("interval", default: HealthCheck.defaultInterval) { $0.duration(in: HealthCheck.intervals) }
    let timeout = section["timeout"].flatMap { $0.duration(in: HealthCheck.timeouts) }
    func threshold(_ key: String, _ fallback: Int) -> Int {
      section.read(key, default: fallback) { $0.integer(in: HealthCheck.thresholds) }
    }
    let (down, up) = (threshold("down", HealthCheck.defaultDown), threshold("up", HealthCheck.defaultUp))
    let grace = section.read("grace", default: HealthCheck.defaultGrace) { $0.duration(in: HealthCheck.graces) }
    let reaction = section.read("on-failure", default: .restart) { $0.choice(HealthCheck.Reaction.self) }
    guard let kind else { return nil }
    refuseOthers(kind, section)
    // What is nil here has been reported.
    guard let probe = ProbeReading(kind: kind, section: section, connection: connection).probe(), let name else { return nil }
    return HealthCheck(
      name: name, probe: probe, interval: interval, timeout: timeout, down: down, up: up, grace: grace, reaction: reaction)
  }

  /// Keys that say nothing to this kind: who wrote them meant another.
  private func refuseOthers(_ kind: WorkloadFile.CheckKind, _ section: YAMLSection) {
    for key in WorkloadFile.CheckKind.allKeys.subtracting(kind.keys).sorted() {
      guard let value = section[key] else { continue }
      let others = WorkloadFile.CheckKind.allCases.filter { $0.keys.contains(key) }.map(\.rawValue)
      value.wrong(
        expected: "no '\(key)' with 'kind: \(kind.rawValue)'",
        remedy: "Remove it, or write 'kind: \(YAMLValue.either(others))'.")
    }
  }
}

/// Reads what one check asks.
struct ProbeReading {
  let kind: WorkloadFile.CheckKind
  let section: YAMLSection
  /// libvirt's; nil: it is not known.
  let connection: String?

  /// nil: something was wrong, and reported.
  func probe() -> Probe? {
    let probe: Probe? =
      switch kind {
      case .tcp: tcp()
      case .http: http(isSecure: false)
      case .https: http(isSecure: true)
      case .ping:
        section.required("host", expected: "who is asked", remedy: "Add 'host: ADDRESS'.").flatMap(host).map {
          .ping(PingProbe(address: $0))
        }
      case .exec: command(isOnNode: false).map { .exec(ExecProbe(command: $0)) }
      case .agent: .agent
      case .file: file()
      case .script:
        command(isOnNode: true).map { .script(ScriptProbe(path: $0[0], arguments: Array($0.dropFirst()))) }
      }
    guard let probe, let connection, let misfit = probe.misfit(on: connection) else { return probe }
    if misfit == .noHost {
      section.missing("host", expected: "a host, as a virtual machine has no network of its node's", remedy: misfit.remedy)
    } else if misfit == .noHostOnHost {
      section.missing("host", expected: "a host, as parts of the host have no network of their own", remedy: misfit.remedy)
    } else {
      section["kind"]?.wrong(
        expected: "a kind that fits \(connection)", found: "'\(kind.rawValue)': it \(misfit.reason)", remedy: misfit.remedy)
    }
    return nil
  }

  private func tcp() -> Probe? {
    let port = section.required("port", expected: "a port", remedy: "Add 'port: NUMBER'.")?.integer(in: Probe.ports)
    let host = section["host"].map(host)
    guard let port, host != .some(nil) else { return nil }
    return .tcp(TCPProbe(host: host ?? nil, port: port))
  }

  private func http(isSecure: Bool) -> Probe? {
    let host = section["host"].map(host), name = section["server-name"].map(self.host)
    let port = section["port"].map { $0.integer(in: Probe.ports) }
    let path = section.read("path", default: HTTPProbe.defaultPath, address)
    let status = section.read("status", default: HTTPProbe.defaultStatus, status)
    let contains = section["contains"].map(content)
    let days = section["certificate-days"].map { $0.integer(in: Probe.certificateDays) }
    guard host != .some(nil), name != .some(nil), port != .some(nil) else { return nil }
    return .http(
      HTTPProbe(
        isSecure: isSecure, host: host ?? nil, port: port ?? nil, path: path, serverName: name ?? nil, status: status,
        contains: contains ?? nil, certificateDays: days ?? nil))
  }

  private func file() -> Probe? {
    let path = section.required("path", expected: "the path of a file in the container", remedy: "Add 'path: /PATH'.").flatMap(
      path)
    let age = section.required("max-age", expected: "how old the file may be", remedy: "Add 'max-age: 5m'.")?
      .duration(in: Probe.maximumAges)
    guard let path, let age else { return nil }
    return .file(FileProbe(path: path, maximumAge: age.inSeconds))
  }

  // MARK: values

  /// A host name or an address: nothing that a request could be broken with.
  private func host(_ value: YAMLValue) -> String? {
    value.value(
      expected: "a host name or an address", remedy: { _ in "Write it alone: the port and the path have keys of their own." },
      { text in
        let isGood = text.utf8.allSatisfy(Self.hostBytes.contains) && (!text.contains(":") || Self.isSix(text))
        return isGood && (1...Probe.greatestHost).contains(text.utf8.count) ? text : nil
      })
  }

  /// Looks like an IPv6 address, with or without its link: what has a colon else is a host with a port, or with a scheme.
  private static func isSix(_ text: String) -> Bool {
    let address = text.prefix { $0 != "%" }
    return address.count { $0 == ":" } >= 2 && address.allSatisfy { $0 == ":" || $0 == "." || $0.isHexDigit }
  }

  private static let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
  private static let hostBytes = Set((letters + ".-_:%").utf8)
  /// RFC 3986: what stands in a path with its query as it is.
  private static let addressBytes = Set((letters + "-._~:/?[]@!$&'()*+,;=%").utf8)

  private func address(_ value: YAMLValue) -> String? {
    value.value(
      expected: "a path that begins with '/', as it stands in a request",
      remedy: { $0.hasPrefix("/") ? "Write other characters as %XX." : "Begin it with '/'." },
      { text in
        let isGood = text.hasPrefix("/") && text.utf8.allSatisfy(Self.addressBytes.contains)
        return isGood && text.utf8.count <= Probe.greatestPath ? text : nil
      })
  }

  private func path(_ value: YAMLValue) -> String? {
    value.value(expected: "an absolute path", remedy: { _ in "Begin it with '/'." }, { Self.isPath($0) ? $0 : nil })
  }

  private static func isPath(_ text: String) -> Bool {
    text.hasPrefix("/") && text.utf8.count <= Probe.greatestArgument && text.utf8.allSatisfy { $0 >= 32 && $0 != 127 }
  }

  private func status(_ value: YAMLValue) -> ClosedRange<Int>? {
    value.value(
      expected: "a status from \(Probe.statuses.lowerBound) to \(Probe.statuses.upperBound), or two such as 200-299",
      remedy: { _ in "Write the first and the last that are good, with '-' between." },
      { text in
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last else { return nil }
        return Probe.statuses.contains(first) && Probe.statuses.contains(last) ? first...last : nil
      })
  }

  private func content(_ value: YAMLValue) -> String? {
    value.value(
      expected: "a text of at most \(Probe.greatestContent) bytes", remedy: { _ in "Write what a good answer always has." },
      { (1...Probe.greatestContent).contains($0.utf8.count) ? $0 : nil })
  }

  private func command(isOnNode: Bool) -> [String]? {
    let remedy = isOnNode ? "Write a list such as [/usr/local/bin/check, web1]." : "Write a list such as [pg_isready, -q]."
    let wanted = section.required("command", expected: "a command", remedy: "Add 'command: [NAME, ARGUMENT]'.")
    guard let value = wanted, let items = value.items(expected: "a list of a command and its arguments", remedy: remedy) else {
      return nil
    }
    guard (1...Probe.mostArguments).contains(items.count) else {
      value.wrong(
        expected: "a command and at most \(Probe.mostArguments - 1) arguments", found: "\(items.count) texts", remedy: remedy)
      return nil
    }
    let texts = items.enumerated().compactMap { index, item in
      item.value(
        expected: index > 0 ? "an argument" : isOnNode ? "the absolute path of an executable" : "a command",
        remedy: { _ in
          index == 0 && isOnNode ? "Begin it with '/'." : "Write a text of at most \(Probe.greatestArgument) bytes."
        },
        { text -> String? in
          let isGood = text.utf8.count <= Probe.greatestArgument && !text.utf8.contains(0)
          return isGood && (index > 0 || (isOnNode ? Self.isPath(text) : !text.isEmpty)) ? text : nil
        })
    }
    return texts.count == items.count ? texts : nil
  }
}
