import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastYAML

/// What rules say, key by key, as it would be written in a file.
public enum RuleText {
  public struct Entry: Hashable, Sendable, Codable {
    public var key: String
    public var value: String
  }

  /// What holds for the cluster.
  public static func entries(of cluster: ClusterPolicy) -> [Entry] {
    var list = EntryList()
    list.add("spread", cluster.spread?.rawValue)
    if !cluster.load.isEmpty { list.add("load", Flow.list(cluster.load.map(Flow.scalar))) }
    list.add("count-unprotected", cluster.countUnprotected.map(Flow.yesOrNo))
    list.add("survive", cluster.survive.map(survival))
    if !cluster.pool.isEmpty { list.add("pool", Flow.mapping(sorted(cluster.pool) { _, count in "\(count)" })) }
    list.add("moves-to-make-room", cluster.movesToMakeRoom.map { "\($0)" })
    list.add("moves", cluster.moves.map(pace))
    return list.entries
  }

  /// A rule for nodes, without its name.
  public static func entries(of rule: NodePolicy) -> [Entry] {
    var list = EntryList()
    list.add("for", selection(rule.selection))
    list.add("spare", rule.spare.map(Flow.yesOrNo))
    list.add("only-for", rule.onlyFor.map(selection))
    if !rule.capacity.isEmpty { list.add("capacity", Flow.mapping(sorted(rule.capacity, amount))) }
    if !rule.overcommit.isEmpty { list.add("overcommit", Flow.mapping(sorted(rule.overcommit) { InWords.number($1) })) }
    if !rule.reserve.isEmpty {
      let amounts = sorted(rule.reserve) { name, value in
        switch value {
        case .units(let units): amount(name, units)
        case .share(let share): Flow.percent(share)
        }
      }
      list.add("reserve", Flow.mapping(amounts))
    }
    return list.entries
  }

  /// A node check, without its name.
  public static func entries(of rule: NodeCheckPolicy) -> [Entry] {
    var list = EntryList()
    let check = rule.check
    if rule.selection != .all { list.add("for", selection(rule.selection)) }
    list.add(check.probe.kind, question(check.probe))
    if check.interval != HealthCheck.defaultInterval { list.add("interval", Quantity.text(check.interval)) }
    if check.timeout != HealthCheck.defaultTimeout(interval: check.interval) {
      list.add("timeout", Quantity.text(check.timeout))
    }
    if check.down != HealthCheck.defaultDown { list.add("down", "\(check.down)") }
    if check.up != NodeCheck.defaultUp { list.add("up", "\(check.up)") }
    list.add("then", check.then.rawValue)
    return list.entries
  }

  /// A rule for workloads, without its name.
  public static func entries(of rule: WorkloadPolicy) -> [Entry] {
    var list = EntryList()
    list.add("for", selection(rule.selection))
    list.add("only-on", rule.onlyOn.map(selection))
    list.add("never-on", rule.neverOn.map(selection))
    if !rule.onlyInOrder.isEmpty { list.add("only-in-order", Flow.list(rule.onlyInOrder.map(selection))) }
    list.add("prefer", rule.prefer.map(preference))
    list.add("avoid", rule.avoid.map(selection))
    list.add("keep-apart", oneOrList(rule.keepApart.map(keepApart)))
    list.add("keep-together", oneOrList(rule.keepTogether.map(keepTogether)))
    if !rule.demand.isEmpty { list.add("demand", Flow.mapping(sorted(rule.demand, amount))) }
    list.add("priority", rule.priority.map { "\($0)" })
    list.add("displace", rule.displace?.rawValue)
    list.add("make-room", rule.makeRoom.map(Flow.yesOrNo))
    list.add("spread", rule.spread?.rawValue)
    list.add("failover", rule.failover.flatMap(failover))
    list.add("failback", rule.failback.map(failback))
    list.add("evacuation", rule.evacuation.flatMap(evacuation))
    list.add("stickiness", rule.stickiness.map { "\($0)" })
    list.add("exclusive", rule.exclusive.map(Flow.yesOrNo))
    list.add("isolation", rule.isolation?.rawValue)
    list.add("when-it-ends", rule.whenItEnds?.rawValue)
    list.add("on-io-error", rule.onIOError?.rawValue)
    return list.entries
  }

  /// All of it as one file, which says the same when it is read.
  public static func file(_ policies: PolicySet) -> String {
    var lines: [String] = []
    let cluster = entries(of: policies.cluster)
    if !cluster.isEmpty { lines += ["cluster:"] + cluster.map { "  \($0.key): \($0.value)" } }
    func section(_ title: String, _ rules: [(name: String, entries: [Entry])]) {
      if rules.isEmpty { return }
      lines.append("\(title):")
      for rule in rules {
        lines += ["  - name: \(Flow.scalar(rule.name))"] + rule.entries.map { "    \($0.key): \($0.value)" }
      }
    }
    section("nodes", policies.nodes.map { ($0.name, entries(of: $0)) })
    section("node-checks", policies.nodeChecks.map { ($0.check.name.text, entries(of: $0)) })
    section("workloads", policies.workloads.map { ($0.name, entries(of: $0)) })
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: values

  private struct EntryList {
    var entries: [Entry] = []

    mutating func add(_ key: String, _ value: String?) {
      if let value { entries.append(Entry(key: key, value: value)) }
    }
  }

  private static func selection(_ selection: Selection) -> String { Flow.scalar(selection.description) }

  private static func question(_ probe: NodeProbe) -> String {
    switch probe {
    case .link(let name): Flow.scalar(name)
    case .ping(let probe): Flow.scalar(probe.address)
    case .gateway: Flow.yesOrNo(true)
    case .writable(let path): Flow.scalar(path)
    case .diskSpace(let probe): Flow.mapping([("path", Flow.scalar(probe.path)), ("free", leastFree(probe.free))])
    case .memory(.pressure(let most)): Flow.mapping([("pressure", Flow.percent(Double(most) / 1_000_000))])
    case .memory(.available(let free)): Flow.mapping([("available", leastFree(free))])
    case .script(let probe): Flow.list(([probe.path] + probe.arguments).map(Flow.scalar))
    }
  }

  private static func leastFree(_ free: LeastFree) -> String {
    switch free {
    case .share(let millionths): Flow.percent(Double(millionths) / 1_000_000)
    case .mebibytes(let least): "\(least)MiB"
    }
  }

  private static func oneOrList(_ values: [String]) -> String? {
    values.count < 2 ? values.first : Flow.list(values)
  }

  private static func sorted<Value>(_ values: [String: Value], _ text: (String, Value) -> String) -> [(String, String)] {
    values.sorted { $0.key < $1.key }.map { ($0.key, text($0.key, $0.value)) }
  }

  private static func amount(_ name: String, _ value: Double) -> String {
    guard name == ResourceName.memory, value >= 1024, value.truncatingRemainder(dividingBy: 1024) == 0 else {
      return InWords.number(value)
    }
    return "\(InWords.number(value / 1024))GiB"
  }

  private static func survival(_ survival: Survival) -> String {
    var entries = survival.losses.map { loss in
      switch loss {
      case .any(let count, let label): (label == nodeTopology ? "nodes" : label, "\(count)")
      case .nodes(let selected): (selected.description, "1")
      }
    }
    if survival.tolerate > 0 { entries.append(("tolerate", Flow.percent(survival.tolerate))) }
    if survival.otherwise != .warn { entries.append(("otherwise", survival.otherwise.rawValue)) }
    return Flow.mapping(entries)
  }

  private static func preference(_ preference: Preference) -> String {
    switch preference {
    case .inOrder(let steps): Flow.list(steps.map(selection))
    case .weighted(let weights): Flow.mapping(weights.map { ($0.nodes.description, "\($0.points)") })
    }
  }

  private static func keepApart(_ keep: KeepApart) -> String {
    var entries: [(String, String)] = []
    if let same = keep.same { entries.append(("same", Flow.scalar(same))) }
    if let from = keep.from { entries.append(("from", selection(from))) }
    if keep.atMost != 1 { entries.append(("at-most", "\(keep.atMost)")) }
    return place(keep.over, entries, ifPossible: keep.ifPossible)
  }

  private static func keepTogether(_ keep: KeepTogether) -> String {
    var entries: [(String, String)] = []
    if let same = keep.same { entries.append(("same", Flow.scalar(same))) }
    if let with = keep.with { entries.append(("with", selection(with))) }
    return place(keep.over, entries, ifPossible: keep.ifPossible)
  }

  private static func place(_ over: String, _ rest: [(String, String)], ifPossible: Bool) -> String {
    let entries = rest + (ifPossible ? [("if-possible", "yes")] : [])
    return entries.isEmpty ? Flow.scalar(over) : Flow.mapping([("over", Flow.scalar(over))] + entries)
  }

  private static func failover(_ failover: Failover) -> String? {
    var entries: [(String, String)] = []
    if let wait = failover.wait { entries.append(("wait", Flow.duration(wait))) }
    if let restarts = failover.restarts { entries.append(("restarts", "\(restarts)")) }
    if let nodes = failover.nodes { entries.append(("nodes", "\(nodes)")) }
    if let then = failover.then { entries.append(("then", then.rawValue)) }
    return entries.isEmpty ? nil : Flow.mapping(entries)
  }

  private static func pace(_ pace: MovePace) -> String {
    let entries = [("at-once", pace.atOnce), ("per-node", pace.perNode), ("halt-after", pace.haltAfter)]
    return Flow.mapping(entries.compactMap { key, value in value.map { (key, "\($0)") } })
  }

  private static func failback(_ failback: Failback) -> String {
    guard failback.after != Failback.defaultAfter || !failback.windows.isEmpty else { return failback.mode.rawValue }
    var entries = [("when", failback.mode.rawValue), ("after", Flow.duration(failback.after))]
    if !failback.windows.isEmpty { entries.append(("window", Flow.list(failback.windows.map { Flow.scalar("\($0)") }))) }
    return Flow.mapping(entries)
  }

  private static func evacuation(_ evacuation: Evacuation) -> String? {
    let most = evacuation.atOnce.map { "\($0)" }, bandwidth = evacuation.bandwidth.map { "\($0)MiB" }
    let downtime = evacuation.downtime.map { Flow.duration(Double($0) / 1000) }
    let rest: [(String, String?)] = [
      ("at-once", most), ("otherwise", evacuation.otherwise?.rawValue),
      ("time-limit", evacuation.timeLimit.map(Flow.duration)), ("bandwidth", bandwidth), ("downtime", downtime),
      ("slow-down", evacuation.slowsDown.map(Flow.yesOrNo)), ("copy-storage", evacuation.copiesStorage.map(Flow.yesOrNo))
    ]
    let entries = rest.compactMap { key, value in value.map { (key, $0) } }
    guard !entries.isEmpty else { return evacuation.method?.rawValue }
    return Flow.mapping((evacuation.method.map { [("how", $0.rawValue)] } ?? []) + entries)
  }
}

/// YAML in one line.
private enum Flow {
  static func list(_ values: [String]) -> String { "[\(values.joined(separator: ", "))]" }

  static func mapping(_ entries: [(String, String)]) -> String {
    "{\(entries.map { "\(scalar($0)): \($1)" }.joined(separator: ", "))}"
  }

  static func yesOrNo(_ value: Bool) -> String { value ? "yes" : "no" }

  static func percent(_ share: Double) -> String { "\(InWords.number((share * 1_000_000).rounded() / 10_000))%" }

  static func duration(_ seconds: Double) -> String { Quantity.text(.seconds(seconds)) }

  /// Plain where that is read as the same text, else in quotes.
  static func scalar(_ text: String) -> String {
    let isPlain =
      text.first.map { $0.isLetter || $0.isNumber } ?? false && text.last != " " && !text.contains(": ") && !text.contains(" #")
      && !text.contains { "\"'{}[],&!|>%@`\\".contains($0) } && text.last != ":" && text.lowercased() != "null"
    if isPlain { return text }
    return "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
  }
}
