import HoldfastModel
import HoldfastTime
import HoldfastYAML
import HostParts

extension WorkloadFile {
  /// As files call them.
  enum PartKind: String, CaseIterable {
    case mount, script, ocf, unit

    /// Its own keys, beside those that every part has.
    var keys: Set<String> {
      switch self {
      case .mount: ["what", "where", "fstype", "options", "fsck"]
      case .script: ["start", "stop", "status"]
      case .ocf: ["agent", "params"]
      case .unit: ["unit"]
      }
    }
    static var allKeys: Set<String> { allCases.reduce(into: []) { $0.formUnion($1.keys) } }
  }

  static let partKeys: [KeyTable.Row] = [
    .init(
      "workloads[].parts", "list", .rule("`xml` instead"),
      "What a workload of the host itself is made of, in the order in which it is started; at most \(HostPart.most). [parts.md](parts.md) explains them."
    ),
    .init("workloads[].parts[].name", "name", .required, "Unique among the workload's."),
    .init(
      "workloads[].parts[].kind", "`mount`, `script`, `ocf` or `unit`", .required,
      "A file system, executables of your own, an OCF resource agent, or a service of systemd's."),
    .init(
      "workloads[].parts[].what", "device, or what else mount(8) takes", .rule("`mount` needs it"),
      "What is mounted. No other workload may mount it to write to it."),
    .init(
      "workloads[].parts[].where", "path", .rule("`mount` needs it"),
      "The directory on which it is mounted; it is there on every node."),
    .init("workloads[].parts[].fstype", "name", .rule("mount(8) finds it out"), "The type of the file system, with `mount`."),
    .init("workloads[].parts[].options", "text", .rule("none"), "Options as mount(8) takes them, with `mount`."),
    .init(
      "workloads[].parts[].fsck", "`never` or `preen`", .value(MountPart.Check.never.rawValue),
      "Whether it is checked before it is mounted, and repaired where that is safe, with `mount`."),
    .init(
      "workloads[].parts[].start", "list of texts", .rule("`script` needs it"),
      "The executable that starts it, with its arguments, without a shell."),
    .init("workloads[].parts[].stop", "list of texts", .rule("`script` needs it"), "The executable that stops it."),
    .init(
      "workloads[].parts[].status", "list of texts", .rule("`script` needs it"),
      "The executable that tells how it is: it ends with 0 when it is up, with 3 when it is down."),
    .init(
      "workloads[].parts[].agent", "`ocf:PROVIDER:TYPE`", .rule("`ocf` needs it"),
      "The resource agent, such as `ocf:heartbeat:nginx`."),
    .init("workloads[].parts[].params", "names with texts", .value("{}"), "The agent's parameters, with `ocf`."),
    .init(
      "workloads[].parts[].unit", "name of a service", .rule("`unit` needs it"),
      "The systemd unit by its full name, such as `nginx.service` or `app@one.service`."),
    .init(
      "workloads[].parts[].start-timeout", "duration, \(seconds(HostPart.startTimeouts))",
      .value(text(HostPart.defaultStartTimeout)),
      "By then it is to be seen up, or the start has failed."),
    .init(
      "workloads[].parts[].stop-timeout", "duration, \(seconds(HostPart.stopTimeouts))",
      .value(text(HostPart.defaultStopTimeout)),
      "By then its stop is to be over, or it is tried again. What executes at the end of the workload's `stop-timeout` is killed."
    ),
    .init(
      "workloads[].parts[].interval", "duration, \(seconds(HostPart.intervals))", .value(text(HostPart.defaultInterval)),
      "From one question how it is to the next."),
    .init(
      "workloads[].parts[].status-timeout", "duration, \(seconds(HostPart.statusTimeouts))",
      .value(text(HostPart.defaultStatusTimeout)),
      "What has not answered by then is unknown, and never taken for down.")
  ]

  private static func seconds(_ range: ClosedRange<Double>) -> String {
    "\(text(range.lowerBound)) to \(text(range.upperBound))"
  }
  fileprivate static func text(_ seconds: Double) -> String { Quantity.text(.seconds(seconds)) }
}

extension YAMLValue {
  /// The parts of one workload; nil: something was wrong, and reported.
  func parts() -> HostDefinition? {
    let expected = "a list of parts", remedy = "Write entries that start with '- name: NAME' and have a 'kind'."
    guard let items = items(expected: expected, remedy: remedy) else { return nil }
    guard (1...HostPart.most).contains(items.count) else {
      wrong(expected: "1 to \(HostPart.most) parts", found: "\(items.count)", remedy: "Add one, or make them fewer.")
      return nil
    }
    var lines: [String: Int] = [:]
    let parts: [HostPart] = items.compactMap { item in
      let named = item.name(at: "name").map { item.renamed("\(path)[\($0)]") } ?? item
      guard let section = named.section(of: WorkloadFile.keys, at: "workloads[].parts[]") else { return nil }
      let name = section.required("name", expected: "the part's name", remedy: "Add 'name: NAME'.")?.name()
      if let name, let line = lines.updateValue(item.position.line, forKey: name) {
        section["name"]?.wrong(
          expected: "every part once", found: "'\(name)' again (first on line \(line))",
          remedy: "Rename or remove one of the two.")
        return nil
      }
      return PartReading(section: section).part(name)
    }
    guard parts.count == items.count else { return nil }
    let definition = HostDefinition(parts: parts)
    if let flaw = definition.flaw {
      wrong(expected: "parts that a workload can have", found: flaw.reason, remedy: flaw.remedy)
      return nil
    }
    return definition
  }
}

/// Reads one part.
private struct PartReading {
  let section: YAMLSection

  func part(_ name: String?) -> HostPart? {
    let words = WorkloadFile.PartKind.allCases.map(\.rawValue).joined(separator: ", ")
    let kind = section.required("kind", expected: "what it is", remedy: "Add 'kind: KIND', one of \(words).")?.choice(
      WorkloadFile.PartKind.self)
    func time(_ key: String, _ range: ClosedRange<Double>, _ fallback: Double) -> Double {
      section.read(key, default: .seconds(fallback)) {
        $0.duration(in: .seconds(range.lowerBound) ... .seconds(range.upperBound))
      }.inSeconds
    }
    let start = time("start-timeout", HostPart.startTimeouts, HostPart.defaultStartTimeout)
    let stop = time("stop-timeout", HostPart.stopTimeouts, HostPart.defaultStopTimeout)
    let interval = time("interval", HostPart.intervals, HostPart.defaultInterval)
    let status = time("status-timeout", HostPart.statusTimeouts, HostPart.defaultStatusTimeout)
    guard let kind else { return nil }
    refuseOthers(kind)
    // What is nil here has been reported.
    guard let content = content(kind), let name else { return nil }
    let part = HostPart(
      name: name, kind: content, startTimeout: start, stopTimeout: stop, interval: interval, statusTimeout: status)
    guard let flaw = part.flaw else { return part }
    section.whole.wrong(expected: "a part that a workload can have", found: flaw.reason, remedy: flaw.remedy)
    return nil
  }

  private func refuseOthers(_ kind: WorkloadFile.PartKind) {
    for key in WorkloadFile.PartKind.allKeys.subtracting(kind.keys).sorted() {
      guard let value = section[key] else { continue }
      let others = WorkloadFile.PartKind.allCases.filter { $0.keys.contains(key) }.map(\.rawValue)
      value.wrong(
        expected: "no '\(key)' with 'kind: \(kind.rawValue)'",
        remedy: "Remove it, or write 'kind: \(YAMLValue.either(others))'.")
    }
  }

  private func content(_ kind: WorkloadFile.PartKind) -> HostPart.Kind? {
    switch kind {
    case .mount:
      let what = text("what", expected: "what is mounted", remedy: "Add 'what: DEVICE'.")
      let place = text("where", expected: "the directory on which it is mounted", remedy: "Add 'where: /srv/NAME'.")
      let check = section.read("fsck", default: .never) { $0.choice(MountPart.Check.self) }
      guard let what, let place else { return nil }
      return .mount(MountPart(what: what, place: place, type: optional("fstype"), options: optional("options"), check: check))
    case .script:
      guard let start = command("start"), let stop = command("stop"), let status = command("status") else { return nil }
      return .script(ScriptPart(start: start, stop: stop, status: status))
    case .ocf:
      guard let agent = text("agent", expected: "the resource agent", remedy: "Add 'agent: ocf:PROVIDER:TYPE'.") else {
        return nil
      }
      guard let value = section["params"] else { return .ocf(AgentPart(agent: agent)) }
      guard let params = parameters(value) else { return nil }
      return .ocf(AgentPart(agent: agent, params: params))
    case .unit:
      return text("unit", expected: "the unit's full name", remedy: "Add 'unit: NAME.service'.").map {
        .unit(UnitPart(unit: $0))
      }
    }
  }

  private func text(_ key: String, expected: String, remedy: String) -> String? {
    section.required(key, expected: expected, remedy: remedy)?.text(expected: expected, remedy: remedy)
  }

  private func optional(_ key: String) -> String? {
    section[key]?.text(expected: "a text as mount(8) takes it", remedy: "Write the text, or remove the key.")
  }

  private func command(_ key: String) -> [String]? {
    let expected = "a list with the executable and its arguments",
      remedy = "Write a list such as [/usr/local/sbin/\(key), now]."
    guard
      let items = section.required(key, expected: expected, remedy: "Add '\(key): [/path/of/executable]'.")?
        .items(expected: expected, remedy: remedy)
    else { return nil }
    let words = items.compactMap { $0.text(expected: "a text", remedy: "Write it, in quotes where it is empty.") }
    return words.count == items.count ? words : nil
  }

  private func parameters(_ value: YAMLValue) -> [String: String]? {
    if value.isNothing { return [:] }
    guard let entries = value.entries(expected: "names with texts", remedy: "Write {name: value}.") else { return nil }
    var found: [String: String] = [:]
    for entry in entries {
      found[entry.name] = entry.value.text(expected: "a text", remedy: "Write the parameter's value, \"\" for an empty one.")
    }
    return found.count == entries.count ? found : nil
  }
}

// MARK: writing

extension HostPart {
  /// For a file: every key, in order, whether or not it is what holds without it.
  var fileKeys: [(key: String, value: YAMLOutput)] {
    func list(_ command: [String]) -> YAMLOutput { .list(command.map { .quoted($0) }) }
    var keys: [(key: String, value: YAMLOutput)] = [("name", .quoted(name))]
    switch kind {
    case .mount(let mount):
      keys += [("kind", .plain("mount")), ("what", .quoted(mount.what)), ("where", .quoted(mount.place))]
      if let type = mount.type { keys.append(("fstype", .quoted(type))) }
      if let options = mount.options { keys.append(("options", .quoted(options))) }
      keys.append(("fsck", .plain(mount.check.rawValue)))
    case .script(let script):
      keys += [
        ("kind", .plain("script")), ("start", list(script.start)), ("stop", list(script.stop)), ("status", list(script.status))
      ]
    case .ocf(let agent):
      keys += [("kind", .plain("ocf")), ("agent", .quoted(agent.agent))]
      if !agent.params.isEmpty {
        keys.append(("params", .mapping(agent.params.sorted { $0.key < $1.key }.map { ($0.key, .quoted($0.value)) })))
      }
    case .unit(let unit): keys += [("kind", .plain("unit")), ("unit", .quoted(unit.unit))]
    }
    func time(_ key: String, _ seconds: Double) -> (key: String, value: YAMLOutput) {
      (key, .plain(WorkloadFile.text(seconds)))
    }
    return keys + [
      time("start-timeout", startTimeout), time("stop-timeout", stopTimeout), time("interval", interval),
      time("status-timeout", statusTimeout)
    ]
  }

  /// For a diff: a line for each key. Values of options and parameters are passwords now and then: they are told apart, and not shown.
  var lines: [String] {
    let head = "part \(name)"
    var lines: [String]
    switch kind {
    case .mount(let mount):
      lines = ["mount \(mount.what) on \(mount.place)", "fstype: \(mount.type ?? "")", "fsck: \(mount.check.rawValue)"]
      if let options = mount.options { lines.append("options: \(Self.hidden(options))") }
    case .script(let script):
      lines = [("start", script.start), ("stop", script.stop), ("status", script.status)].map {
        "\($0): \($1.joined(separator: " "))"
      }
    case .ocf(let agent):
      lines =
        ["agent \(agent.agent)"]
        + agent.params.sorted { $0.key < $1.key }.map { "param \($0.key): \(Self.hidden($0.value, of: $0.key))" }
    case .unit(let unit): lines = ["unit \(unit.unit)"]
    }
    lines += [
      "start-timeout: \(WorkloadFile.text(startTimeout))", "stop-timeout: \(WorkloadFile.text(stopTimeout))",
      "interval: \(WorkloadFile.text(interval))", "status-timeout: \(WorkloadFile.text(statusTimeout))"
    ]
    return lines.map { InWords.oneLine("\(head): \($0)") }
  }

  /// What looks like a password by its name is shown by its fingerprint.
  private static func hidden(_ text: String, of name: String = "") -> String {
    HostPart.isSecret(text, of: name) ? "(hidden, \(text.fingerprint))" : text
  }
}
