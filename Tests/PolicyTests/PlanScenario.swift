import HoldfastModel
import HoldfastPlanning
import HoldfastPolicies

/// A scenario of planning as a file of `Tests/Plans`: what there is, and what the planner makes of it.
///
/// Lines that start with `#` say what it is about. Sections start with `=== policies` (YAML, or `file: PATH`), `=== nodes`,
/// `=== workloads`, `=== time`, and `=== plan`, which holds what comes out. After a plan more sections may follow: they change what
/// they name, the plan before has been carried out, and another plan is made.
struct PlanScenario {
  enum Flaw: Error, CustomStringConvertible {
    case line(String, String)
    var description: String {
      switch self {
      case .line(let line, let why): "\(line): \(why)"
      }
    }
  }

  private var policies = PolicySet.none
  private var nodes: [NodeName: PlanningSnapshot.Node] = [:]
  private var workloads: [WorkloadName: PlanningSnapshot.Workload] = [:]
  private var time: WeekTime?

  /// The file again, with what the planner made of it now.
  static func replay(_ text: String) throws -> String {
    var scenario = PlanScenario()
    var result: [String] = [], section: (name: String, lines: [String])?
    func close(_ scenario: inout PlanScenario) throws {
      guard let (name, lines) = section else { return }
      try scenario.read(name, lines, into: &result)
    }
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if line.hasPrefix("=== ") {
        try close(&scenario)
        section = (String(line.dropFirst(4)), [])
      } else if section == nil {
        result.append(line)
      } else {
        section?.lines.append(line)
      }
    }
    try close(&scenario)
    return result.joined(separator: "\n").trimmed() + "\n"
  }

  private mutating func read(_ name: String, _ lines: [String], into result: inout [String]) throws {
    result.append("=== \(name)")
    if name == "plan" {
      result += plan() + [""]
      return
    }
    result += lines
    let content = lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }
    switch name {
    case "policies":
      if let file = content.first, file.hasPrefix("file: ") {
        policies = try PolicyFile.parse(text: try repositoryFile(String(file.dropFirst(6))), file: String(file.dropFirst(6)))
          .policies
      } else {
        policies = try PolicyFile.parse(text: lines.joined(separator: "\n"), file: "policies").policies
      }
    case "nodes": for line in content { try readNode(line) }
    case "workloads": for line in content { try readWorkload(line) }
    case "time":
      let window = try WeekWindow(parsing: "\(content.first ?? "")-24:00")
      time = WeekTime(minute: (window.days.first ?? 0) * WeekTime.minutesOfDay + window.start)
    default: throw Flaw.line(name, "no section is called so")
    }
  }

  // MARK: lines

  /// `n1  memory 1000  cpus 8  rack=a  down`: a name, words with values, labels, and single words.
  private struct Words {
    let line: String
    let name: String
    private var words: [String]

    init(_ line: String) {
      self.line = line
      let all = line.split(separator: " ").map(String.init)
      (name, words) = (all.first ?? "", Array(all.dropFirst()))
    }

    mutating func value(_ key: String) throws -> String? {
      guard let at = words.firstIndex(of: key) else { return nil }
      guard at + 1 < words.count else { throw Flaw.line(line, "'\(key)' needs a value") }
      words.remove(at: at)
      return words.remove(at: at)
    }
    mutating func number(_ key: String) throws -> Double? {
      guard let text = try value(key) else { return nil }
      guard let number = Double(text) else { throw Flaw.line(line, "'\(key)' needs a number") }
      return number
    }
    mutating func has(_ word: String) -> Bool {
      guard let at = words.firstIndex(of: word) else { return false }
      words.remove(at: at)
      return true
    }
    mutating func labels() -> [String: String] {
      let pairs = words.filter { $0.contains("=") }.map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
      words.removeAll { $0.contains("=") }
      return Dictionary(pairs.map { ($0[0], $0.count > 1 ? $0[1] : "") }, uniquingKeysWith: { $1 })
    }
    func finish() throws {
      if let word = words.first { throw Flaw.line(line, "what is '\(word)'?") }
    }
  }

  private mutating func readNode(_ line: String) throws {
    var words = Words(line)
    let name = NodeName(words.name)
    if words.has("gone") {
      nodes[name] = nil
    } else {
      var node = nodes[name] ?? .init(name: name, capacity: .init(memory: 1000, cpus: 10), connections: ["lxc:///system"])
      if let memory = try words.number("memory") { node.capacity.memory = Int(memory) }
      if let cpus = try words.number("cpus") { node.capacity.cpus = cpus }
      if let other = try words.number("unprotected") { node.unmanaged.memory = Int(other) }
      if let connection = try words.value("serves") { node.connections = [connection] }
      if let seconds = try words.number("up-for") {
        (node.availableFor, node.unavailable, node.isDraining) = (seconds, nil, false)
      }
      if let seconds = try words.number("down-for") { (node.unavailableFor, node.unavailable) = (seconds, "is down") }
      if words.has("up") {
        (node.unavailable, node.isDraining, node.availableFor, node.unavailableFor) = (nil, false, nil, nil)
      }
      if words.has("lost") { (node.unavailable, node.wasLost) = ("is down", true) }
      if words.has("down") { (node.unavailable, node.unavailableFor) = ("is down", nil) }
      if words.has("maintenance") {
        (node.unavailable, node.isDraining, node.maintenance) = ("is in maintenance", true, .init())
      }
      if let count = try words.number("parallel") { node.maintenance?.atOnce = Int(count) }
      if words.has("leaves-pending") { node.maintenance?.leavesPending = true }
      if words.has("dies") { (node.unavailable, node.isDraining) = ("is down, in maintenance", false) }
      if let text = try words.value("failback") {
        (node.unavailable, node.isDraining) = (nil, false)
        node.maintenance = .init(failback: .init(rawValue: text), atOnce: node.maintenance?.atOnce)
      }
      if let seconds = try words.number("quarantine") { node.quarantine = seconds }
      if words.has("silent") { node.isSilent = true }
      try readFindings(&words, &node)
      if words.has("drains") { (node.unavailable, node.isDraining) = ("is being drained", true) }
      node.labels.merge(words.labels()) { $1 }
      nodes[name] = node
    }
    try words.finish()
  }

  /// `fails srv`, `failing-for 20`, `unknown srv`, `well`, `left`, `healed`: its node checks, and what was decided about them.
  private func readFindings(_ words: inout Words, _ node: inout PlanningSnapshot.Node) throws {
    if words.has("well") { node.findings = nil }
    if words.has("healed") { node.isLeft = nil }
    if words.has("left") { node.isLeft = true }
    let seconds = try words.number("failing-for")
    while let check = try words.value("fails") {
      node.findings = (node.findings ?? []) + [.init(CheckName(check), "it is bad", seconds: seconds)]
    }
    while let check = try words.value("unknown") {
      node.findings = (node.findings ?? []) + [.init(CheckName(check), "nobody can tell", isUnknown: true)]
    }
  }

  private mutating func readWorkload(_ line: String) throws {
    var words = Words(line)
    let name = WorkloadName(words.name)
    if words.has("gone") {
      workloads[name] = nil
    } else {
      var workload = workloads[name] ?? .init(name: name, connection: "lxc:///system", demand: .init(memory: 100, cpus: 0))
      if let memory = try words.number("memory") { workload.demand.memory = Int(memory) }
      if let cpus = try words.number("cpus") { workload.demand.cpus = cpus }
      if let priority = try words.number("priority") { workload.priority = Int(priority) }
      if let connection = try words.value("connection") { workload.connection = connection }
      if let node = try words.value("on") { workload.placed = .init(node: NodeName(node), reason: "before") }
      if let node = try words.value("runs-on") { workload.running = node == "-" ? nil : NodeName(node) }
      if let node = try words.value("move-to") {
        workload.move = .init(to: NodeName(node), serial: (workload.placed?.servedMove ?? 0) + 1)
      }
      while let node = try words.value("failed-on") { workload.excluded[NodeName(node)] = "failed to start there" }
      if let text = try words.value("failures") {
        let parts = text.split(separator: ":").map(String.init)
        workload.failures[NodeName(parts.first ?? "")] = parts.last.flatMap { Int($0) } ?? 1
      }
      if let node = try words.value("home") { workload.placed?.home = NodeName(node) }
      if let node = try words.value("evacuated-from") { workload.evacuatedFrom = node == "-" ? nil : NodeName(node) }
      if words.has("on-its-way") { workload.isOnItsWay = true }
      if words.has("there") { workload.isOnItsWay = nil }
      if words.has("stopped") { workload.desired = .stopped }
      if words.has("wanted") { workload.desired = .running }
      if words.has("leaves-protection") { workload.desired = .unprotected }
      if words.has("ran-well") { (workload.excluded, workload.failures) = ([:], [:]) }
      workload.labels.merge(words.labels()) { $1 }
      workloads[name] = workload
    }
    try words.finish()
  }

  // MARK: plans

  /// Makes a plan, tells it, and carries it out.
  private mutating func plan() -> [String] {
    let snapshot = PlanningSnapshot(
      nodes: nodes.values.sorted { $0.name < $1.name }, workloads: workloads.values.sorted { $0.name < $1.name }, time: time)
    let outcome = PolicyPlanner(policies).outcome(snapshot)
    let width = workloads.keys.map(\.text.count).max() ?? 0
    var lines: [String] = []
    for name in workloads.keys.sorted() {
      guard let record = outcome.placements[name], let before = workloads[name] else { continue }
      let head = name.text.padded(to: width) + "  " + (record.node?.text ?? "-").padded(to: 3)
      if record == before.placed {
        lines.append("\(head) as before")
      } else {
        let home = record.home == before.placed?.home ? "" : record.home.map { " (home: \($0))" } ?? " (at home)"
        lines.append("\(head) \(record.reason)\(home)")
        for (node, why) in record.others.sorted(by: { $0.key < $1.key }) {
          lines.append(String(repeating: " ", count: width + 2) + "not \(node): \(why)")
        }
      }
      workloads[name]?.placed = record
      workloads[name]?.move = nil
      if before.running != nil { workloads[name]?.running = record.node }
    }
    lines += outcome.warnings.map { "warning: \($0)" }
    lines += outcome.ailing.sorted { $0.key < $1.key }.map { "\($0.key) is to be left: \($0.value.clause)" }
    if let seconds = outcome.lookAgainAfter { lines.append("look again after \(Int(seconds)) s") }
    return lines
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
  fileprivate func trimmed() -> String {
    var text = Substring(self)
    while text.last?.isWhitespace ?? false { text = text.dropLast() }
    return String(text)
  }
}
