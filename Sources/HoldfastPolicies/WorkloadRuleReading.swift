import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastYAML

extension PolicyFile {
  static let workloadNames = [
    "name", "for", "only-on", "never-on", "only-in-order", "prefer", "avoid", "keep-apart", "keep-together", "demand",
    "priority",
    "displace", "make-room", "spread", "failover", "failback", "evacuation", "stickiness", "exclusive", "isolation",
    "when-it-ends", "on-io-error"
  ]
}

/// Reads one rule for workloads.
struct WorkloadRuleReading {
  let section: YAMLSection

  /// - Parameter fallback: its name, when it has none.
  func rule(fallback: String) -> WorkloadPolicy {
    let name = section.required("name", expected: "the rule's name", remedy: "Add 'name: NAME': explanations quote it.")?
      .ruleName()
    let selection = section.required(
      "for", expected: "which workloads it is for", remedy: "Add 'for: all', or names and labels.")?
      .selection(of: "workloads")
    var rule = WorkloadPolicy(name: name ?? fallback, selection: selection ?? .all)
    readPlaces(&rule)
    rule.keepApart = section["keep-apart"].map(keepings)?.compactMap(keepApart) ?? []
    rule.keepTogether = section["keep-together"].map(keepings)?.compactMap(keepTogether) ?? []
    if let value = section["demand"] {
      rule.demand = value.resources(expected: "resources such as {gpus: 1}") { $1.amount(of: $0) }
    }
    rule.priority = section["priority"]?.integer(in: -1_000_000...1_000_000)
    rule.displace = section["displace"]?.choice(Displacement.self)
    rule.makeRoom = section["make-room"]?.yesOrNo()
    rule.spread = section["spread"]?.choice(Spread.self)
    rule.failover = section["failover"].flatMap(failover)
    rule.failback = section["failback"].flatMap(failback)
    rule.evacuation = section["evacuation"].flatMap(evacuation)
    rule.stickiness = section["stickiness"]?.integer(in: 0...2000)
    rule.exclusive = section["exclusive"]?.yesOrNo()
    rule.isolation = section["isolation"]?.choice(Isolation.self)
    rule.whenItEnds = section["when-it-ends"]?.choice(WhenItEnds.self)
    rule.onIOError = section["on-io-error"]?.choice(OnIOError.self)
    return rule
  }

  private func readPlaces(_ rule: inout WorkloadPolicy) {
    rule.onlyOn = section["only-on"]?.selection(of: "nodes")
    rule.neverOn = section["never-on"]?.selection(of: "nodes")
    rule.avoid = section["avoid"]?.selection(of: "nodes")
    if let value = section["only-in-order"] { rule.onlyInOrder = value.selections(of: "nodes") }
    guard let value = section["prefer"] else { return }
    if !value.isMapping {
      let steps = value.selections(of: "nodes")
      rule.prefer = steps.isEmpty ? nil : .inOrder(steps)
      return
    }
    let expected = "nodes with points such as {rack=a: 20, n3: 5}"
    guard let entries = value.entries(expected: expected, remedy: "Write {NODES: POINTS}, or a list in order.") else { return }
    let weights = entries.compactMap { entry -> Preference.Weight? in
      let nodes = entry.key.selection(of: "nodes"), points = entry.value.integer(in: Preference.points)
      guard let nodes, let points else { return nil }
      return Preference.Weight(nodes, points)
    }
    if entries.isEmpty {
      value.wrong(expected: expected, found: "nothing", remedy: "Write {NODES: POINTS}, or a list in order.")
    }
    rule.prefer = weights.isEmpty ? nil : .weighted(weights)
  }

  // MARK: neighbours

  private func keepings(_ value: YAMLValue) -> [YAMLValue] {
    guard value.isList else { return [value] }
    let items = value.items(expected: "a label of nodes, or a mapping", remedy: "Write one.") ?? []
    if items.isEmpty {
      value.wrong(expected: "a label of nodes, or a mapping", found: "an empty list", remedy: "Write some, or remove it.")
    }
    return items
  }

  private func keepApart(_ value: YAMLValue) -> KeepApart? {
    guard value.isMapping else { return value.topology().map { KeepApart(over: $0) } }
    guard let section = value.section(of: PolicyFile.keys, at: "workloads[].keep-apart") else { return nil }
    let keep = KeepApart(
      over: section.read("over", default: nodeTopology) { $0.topology() }, same: section["same"]?.labelName(),
      from: section["from"]?.selection(of: "workloads"),
      atMost: section.read("at-most", default: 1) { $0.integer(in: 1...1000) },
      ifPossible: section.read("if-possible", default: false) { $0.yesOrNo() })
    if keep.from != nil, let most = section["at-most"] {
      most.wrong(
        expected: "either 'from' or 'at-most'", found: "both",
        remedy: "Remove 'at-most': kept apart from others means from all of them.")
    }
    return keep
  }

  private func keepTogether(_ value: YAMLValue) -> KeepTogether? {
    guard value.isMapping else { return value.topology().map { KeepTogether(over: $0) } }
    guard let section = value.section(of: PolicyFile.keys, at: "workloads[].keep-together") else { return nil }
    return KeepTogether(
      over: section.read("over", default: nodeTopology) { $0.topology() }, same: section["same"]?.labelName(),
      with: section["with"]?.selection(of: "workloads"),
      ifPossible: section.read("if-possible", default: false) { $0.yesOrNo() })
  }

  // MARK: failure

  private static let day: ClosedRange<Duration> = .zero ... .seconds(86_400)

  private func seconds(_ value: YAMLValue) -> Double? { value.duration(in: Self.day).map { $0 / .seconds(1) } }

  private func failover(_ value: YAMLValue) -> Failover? {
    guard let section = value.section(of: PolicyFile.keys, at: "workloads[].failover") else { return nil }
    return Failover(
      wait: section["wait"].flatMap(seconds), restarts: section["restarts"]?.integer(in: 1...100),
      nodes: section["nodes"]?.integer(in: 1...1000), then: section["then"]?.choice(Failover.Then.self))
  }

  private func failback(_ value: YAMLValue) -> Failback? {
    guard value.isMapping else { return value.choice(Failback.Mode.self).map { Failback($0) } }
    guard let section = value.section(of: PolicyFile.keys, at: "workloads[].failback") else { return nil }
    let failback = Failback(
      section.read("when", default: .automatic) { $0.choice(Failback.Mode.self) },
      after: section.read("after", default: Failback.defaultAfter, seconds), windows: section["window"]?.windows() ?? [])
    if failback.mode != .automatic {
      for key in ["after", "window"] {
        section[key]?.wrong(
          .warning, expected: "'when: automatic' beside it",
          found: "'when: \(failback.mode.rawValue)', with which it means nothing",
          remedy: "Remove '\(key)', or write 'when: automatic'.")
      }
    }
    return failback
  }

  private func evacuation(_ value: YAMLValue) -> Evacuation? {
    guard value.isMapping else { return value.choice(Evacuation.Method.self).map { Evacuation(method: $0) } }
    guard let section = value.section(of: PolicyFile.keys, at: "workloads[].evacuation") else { return nil }
    let evacuation = Evacuation(
      method: section["how"]?.choice(Evacuation.Method.self), atOnce: section["at-once"]?.integer(in: 1...1000),
      otherwise: section["otherwise"]?.choice(Evacuation.Otherwise.self),
      timeLimit: section["time-limit"]?.duration(in: Self.migration).map { $0 / .seconds(1) },
      bandwidth: section["bandwidth"]?.bandwidth(),
      downtime: section["downtime"]?.duration(in: Self.standstill).map { Int($0 / .milliseconds(1)) },
      slowsDown: section["slow-down"]?.yesOrNo(), copiesStorage: section["copy-storage"]?.yesOrNo())
    if evacuation.method == .stay {
      for key in Self.leaving {
        section[key]?.wrong(
          .warning, expected: "'how: live' or 'how: restart' beside it", found: "'how: stay', with which nothing leaves",
          remedy: "Remove '\(key)'.")
      }
    }
    return evacuation
  }

  private static let migration: ClosedRange<Duration> = .seconds(1) ... .seconds(86_400)
  private static let standstill: ClosedRange<Duration> = .milliseconds(1) ... .seconds(60)
  /// Keys that concern only what leaves.
  private static let leaving = ["at-once", "otherwise", "time-limit", "bandwidth", "downtime", "slow-down", "copy-storage"]
}
