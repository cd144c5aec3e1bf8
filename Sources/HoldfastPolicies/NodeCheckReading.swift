import HoldfastModel
import HoldfastPlanning
import HoldfastYAML

extension PolicyFile {
  /// The keys of which each check has one: what is asked.
  static let nodeProbeNames = ["link", "ping", "gateway", "writable", "disk-space", "memory", "script"]
  static let nodeCheckNames = ["name", "for"] + nodeProbeNames + ["interval", "timeout", "down", "up", "then"]
}

/// Reads one node check.
struct NodeCheckReading {
  let section: YAMLSection

  /// nil: what was wrong has been reported.
  func policy() -> NodeCheckPolicy? {
    let name = section.required("name", expected: "the check's name", remedy: "Add 'name: NAME'.")?.name()
    let selection = section.read("for", default: Selection.all) { $0.selection(of: "nodes") }
    let interval = section.read("interval", default: HealthCheck.defaultInterval) { $0.duration(in: HealthCheck.intervals) }
    let timeout = section["timeout"].flatMap { $0.duration(in: HealthCheck.timeouts) }
    let down = section.read("down", default: HealthCheck.defaultDown) { $0.integer(in: HealthCheck.thresholds) }
    let up = section.read("up", default: NodeCheck.defaultUp) { $0.integer(in: HealthCheck.thresholds) }
    let then = section.read("then", default: NodeCheck.Then.evacuate) { $0.choice(NodeCheck.Then.self) }
    guard let probe = probe(), let name else { return nil }
    return NodeCheckPolicy(
      NodeCheck(
        name: CheckName(name), probe: probe, interval: interval, timeout: timeout, down: down, up: up, then: then),
      on: selection)
  }

  private func probe() -> NodeProbe? {
    let asked = PolicyFile.nodeProbeNames.filter { section[$0] != nil }
    guard let kind = asked.first, let value = section[kind] else {
      section.missing(
        PolicyFile.nodeProbeNames[0], expected: "what is asked: \(YAMLValue.either(PolicyFile.nodeProbeNames))",
        remedy: "Add one of these keys.")
      return nil
    }
    for other in asked.dropFirst() {
      section[other]?.wrong(
        expected: "one question", found: "'\(other)' beside '\(kind)'", remedy: "Make it a check of its own.")
    }
    guard asked.count == 1 else { return nil }
    return switch kind {
    case "link": interface(value).map { .link($0) }
    case "ping": host(value).map { .ping(PingProbe(address: $0)) }
    case "gateway": gateway(value)
    case "writable": path(value).map { .writable(path: $0) }
    case "disk-space": diskSpace(value).map { .diskSpace($0) }
    case "memory": memory(value).map { .memory($0) }
    default: script(value).map { .script($0) }
    }
  }

  // MARK: values

  private func interface(_ value: YAMLValue) -> String? {
    value.value(
      expected: "the name of a network interface, such as eth0", remedy: { _ in "Write it as `ip link` shows it." },
      { text in
        let isGood = text.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") } && text != "." && text != ".."
        return isGood && NodeProbe.interfaceLengths.contains(text.utf8.count) ? text : nil
      })
  }

  private func host(_ value: YAMLValue) -> String? {
    value.value(
      expected: "an address or a host name", remedy: { _ in "Write it alone." },
      { text in
        let isGood = text.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") }
        return isGood && (1...Probe.greatestHost).contains(text.utf8.count) ? text : nil
      })
  }

  private func gateway(_ value: YAMLValue) -> NodeProbe? {
    guard let isAsked = value.yesOrNo() else { return nil }
    if isAsked { return .gateway }
    value.wrong(expected: "'yes'", found: "'no', which asks nothing", remedy: "Write 'yes', or remove the check.")
    return nil
  }

  private func path(_ value: YAMLValue) -> String? {
    value.value(
      expected: "an absolute path", remedy: { _ in "Begin it with '/'." },
      { text in
        let isGood = text.hasPrefix("/") && text.utf8.allSatisfy { $0 >= 32 && $0 != 127 }
        return isGood && text.utf8.count <= Probe.greatestArgument ? text : nil
      })
  }

  private func diskSpace(_ value: YAMLValue) -> DiskSpaceProbe? {
    guard let inner = value.section(of: PolicyFile.keys, at: "node-checks[].disk-space") else { return nil }
    let path = inner.required("path", expected: "a path of the file system", remedy: "Add 'path: /PATH'.").flatMap(path)
    let free = inner.required("free", expected: "how much is to be free", remedy: "Add 'free: 5%', or 'free: 2GiB'.")
      .flatMap(leastFree)
    guard let path, let free else { return nil }
    return DiskSpaceProbe(path: path, free: free)
  }

  private func memory(_ value: YAMLValue) -> MemoryProbe? {
    guard let inner = value.section(of: PolicyFile.keys, at: "node-checks[].memory") else { return nil }
    switch (inner["pressure"], inner["available"]) {
    case (let pressure?, nil): return pressure.percentage(to: 1_000_000).map { .pressure(Int($0)) }
    case (nil, let available?): return leastFree(available).map { .available($0) }
    case (_?, let available?):
      available.wrong(
        expected: "one question", found: "'available' beside 'pressure'", remedy: "Make it a check of its own.")
    case (nil, nil):
      inner.missing(
        "pressure", expected: "'pressure' or 'available'", remedy: "Write {pressure: 40%}, or {available: 5%}.")
    }
    return nil
  }

  private func leastFree(_ value: YAMLValue) -> LeastFree? {
    guard let text = value.text(expected: "a percentage such as 5%, or an amount such as 2GiB", remedy: "Write one of the two.")
    else { return nil }
    if text.hasSuffix("%") { return value.percentage(to: 1_000_000).map { .share(Int($0)) } }
    return value.mebibytes().map { .mebibytes($0) }
  }

  private func script(_ value: YAMLValue) -> ScriptProbe? {
    let remedy = "Write a list such as [/usr/local/bin/check, srv]."
    guard let items = value.items(expected: "a list of an executable and its arguments", remedy: remedy) else { return nil }
    guard (1...Probe.mostArguments).contains(items.count) else {
      value.wrong(
        expected: "an executable and at most \(Probe.mostArguments - 1) arguments", found: "\(items.count) texts",
        remedy: remedy)
      return nil
    }
    guard let executable = path(items[0]) else { return nil }
    let arguments = items.dropFirst().compactMap { item in
      item.value(
        expected: "an argument", remedy: { _ in "Write a text of at most \(Probe.greatestArgument) bytes." },
        { $0.utf8.count <= Probe.greatestArgument && !$0.utf8.contains(0) ? $0 : nil })
    }
    return arguments.count == items.count - 1 ? ScriptProbe(path: executable, arguments: arguments) : nil
  }
}
