import HoldfastModel

extension PolicySet {
  /// What contradicts itself, has no effect, or names what nothing else knows: found from the rules alone.
  public func findings() -> [PolicyFinding] {
    var findings: [PolicyFinding] = []
    repeatedNames(&findings)
    for (number, rule) in workloads.enumerated() {
      places(rule, .workload(number), &findings)
      affinityGroup(rule, number, &findings)
      idle(rule, .workload(number), &findings)
    }
    for (number, rule) in nodes.enumerated() { idle(rule, .node(number), &findings) }
    overruled(&findings)
    resources(&findings)
    return findings
  }

  private func repeatedNames(_ findings: inout [PolicyFinding]) {
    func check(_ names: [String], _ subject: (Int) -> PolicyFinding.Subject) {
      var seen: Set<String> = []
      for (number, name) in names.enumerated() where !seen.insert(name).inserted {
        findings.append(
          .init(
            .error, subject(number), key: "name", expected: "a name of its own", found: "'\(name)', which another rule has",
            remedy: "Rename one of the two: explanations quote it."))
      }
    }
    check(nodes.map(\.name)) { .node($0) }
    check(workloads.map(\.name)) { .workload($0) }
    check(nodeChecks.map(\.check.name.text)) { .nodeCheck($0) }
  }

  // MARK: places

  private func places(_ rule: WorkloadPolicy, _ subject: PolicyFinding.Subject, _ findings: inout [PolicyFinding]) {
    if let never = rule.neverOn {
      let allowed = rule.onlyOn ?? (rule.onlyInOrder.isEmpty ? .all : Selection(anyOf: rule.onlyInOrder))
      if never.covers(allowed) {
        findings.append(
          .init(
            .error, subject, key: "never-on", expected: "a node that is left", found: "'\(never)', which forbids all of them",
            remedy: "Remove one of the two rules."))
      }
    }
    steps(rule.onlyInOrder, key: "only-in-order", rule, subject, &findings)
    if case .inOrder(let steps)? = rule.prefer { self.steps(steps, key: "prefer", rule, subject, &findings) }
    if let stickiness = rule.stickiness, !workloads.contains(where: { weighs($0, for: rule.selection) }) {
      findings.append(
        .init(
          .warning, subject, key: "stickiness", expected: "'prefer' with points, for the same workloads",
          found: "'\(stickiness)' points and nothing to compare them with",
          remedy: "Write prefer: {NODES: POINTS}, or remove it."))
    }
  }

  private func weighs(_ rule: WorkloadPolicy, for selection: Selection) -> Bool {
    if case .weighted? = rule.prefer { rule.selection.covers(selection) || selection.covers(rule.selection) } else { false }
  }

  private func steps(
    _ steps: [Selection], key: String, _ rule: WorkloadPolicy, _ subject: PolicyFinding.Subject,
    _ findings: inout [PolicyFinding]
  ) {
    let index = CoveringIndex(steps)
    for (number, step) in steps.enumerated() {
      if let earlier = index.first(in: 0..<number, covering: step).map({ steps[$0] }) {
        findings.append(
          .init(
            .warning, subject, key: key, expected: "steps that can be reached",
            found: "'\(step)' after '\(earlier)', which has it already",
            remedy: "Put it before, or remove it."))
      }
      if rule.neverOn?.covers(step) ?? false {
        findings.append(
          .init(
            .warning, subject, key: key, expected: "nodes that are allowed", found: "'\(step)', which 'never-on' forbids",
            remedy: "Remove it from one of the two."))
      }
    }
  }

  // MARK: neighbours

  /// Together and apart at once, as far as the same workloads are certainly meant.
  private func affinityGroup(_ rule: WorkloadPolicy, _ number: Int, _ findings: inout [PolicyFinding]) {
    for together in rule.keepTogether {
      for (other, apartRule) in workloads.enumerated() {
        guard apartRule.selection.covers(rule.selection) || rule.selection.covers(apartRule.selection) else { continue }
        for apart in apartRule.keepApart where Self.clash(apart, together) {
          let isHard = !apart.ifPossible && !together.ifPossible
          findings.append(
            .init(
              isHard ? .error : .warning, .workload(number), key: "keep-together",
              expected: "workloads that nothing keeps apart",
              found: other == number
                ? "'keep-apart' for the same ones" : "'\(apartRule.name)', which keeps the same ones apart",
              remedy: isHard
                ? "Remove one of the two: together they cannot hold." : "Remove the one that is to hold if possible."))
        }
      }
    }
  }

  private static func clash(_ apart: KeepApart, _ together: KeepTogether) -> Bool {
    let isSamePlace = apart.over == together.over || together.over == nodeTopology
    return apart.from == nil && apart.atMost == 1 && isSamePlace && (apart.same == nil || apart.same == together.same)
  }

  // MARK: rules without effect

  private func idle(_ rule: WorkloadPolicy, _ subject: PolicyFinding.Subject, _ findings: inout [PolicyFinding]) {
    if rule == WorkloadPolicy(name: rule.name, selection: rule.selection) { findings.append(Self.empty(subject)) }
    if let tried = rule.failover?.nodes, inForce(rule, \.failover)?.then ?? .tryAgain == .tryAgain {
      findings.append(
        .init(
          .warning, subject, key: "failover", expected: "'then: give-up' beside 'nodes'",
          found: "'nodes: \(tried)', after which it is tried again all the same, but for what fails its checks",
          remedy: "Add 'then: give-up', or remove 'nodes' where nothing has checks."))
    }
    if rule.makeRoom == true, cluster.movesToMakeRoom == 0 {
      findings.append(
        .init(
          .warning, subject, key: "make-room", expected: "'moves-to-make-room' of at least 1 for the cluster", found: "0",
          remedy: "Remove one of the two."))
    }
  }

  /// The setting of a rule, or of those before it for the same workloads.
  private func inForce(_ rule: WorkloadPolicy, _ key: KeyPath<WorkloadPolicy, Failover?>) -> Failover? {
    workloads.filter { $0.selection.covers(rule.selection) }.reduce(nil) { $1[keyPath: key]?.over($0) ?? $0 }
  }

  private func idle(_ rule: NodePolicy, _ subject: PolicyFinding.Subject, _ findings: inout [PolicyFinding]) {
    if rule == NodePolicy(name: rule.name, selection: rule.selection) { findings.append(Self.empty(subject)) }
    if rule.spare == true, rule.selection.isEverything {
      findings.append(
        .init(
          .warning, subject, key: "spare", expected: "nodes that are not spare", found: "all of them",
          remedy: "Select the spare ones with 'for'."))
    }
    if let selection = rule.onlyFor, selection.isEverything {
      findings.append(
        .init(
          .warning, subject, key: "only-for", expected: "some workloads", found: "'all', which keeps nobody away",
          remedy: "Select those that it is kept for, or remove it."))
    }
  }

  private static func empty(_ subject: PolicyFinding.Subject) -> PolicyFinding {
    .init(
      .warning, subject, expected: "something that holds for them", found: "a rule that says nothing",
      remedy: "Say what holds, or remove it.")
  }

  /// Single values that a later rule replaces for all that the earlier one is for.
  private func overruled(_ findings: inout [PolicyFinding]) {
    Self.eachOverruled(workloads.map(\.selection), workloads.map(\.singleValues)) { number, key, later in
      findings.append(Self.overruled(.workload(number), key, workloads[later].name))
    }
    Self.eachOverruled(nodes.map(\.selection), nodes.map(\.singleValues)) { number, key, later in
      let name = key.split(separator: ".").first.map(String.init) ?? key
      findings.append(Self.overruled(.node(number), name, nodes[later].name))
    }
  }

  private static func eachOverruled(
    _ selections: [Selection], _ values: [Set<String>], _ report: (_ number: Int, _ key: String, _ later: Int) -> Void
  ) {
    let index = CoveringIndex(selections)
    for (number, keys) in values.enumerated() {
      for key in keys.sorted() {
        let range = (number + 1)..<selections.count
        let later = index.first(in: range, covering: selections[number]) { values[$0].contains(key) }
        if let later { report(number, key, later) }
      }
    }
  }

  private static func overruled(_ subject: PolicyFinding.Subject, _ key: String, _ later: String) -> PolicyFinding {
    .init(
      .warning, subject, key: key, expected: "a value that has an effect",
      found: "one that '\(later)' replaces for all of them: later rules win", remedy: "Remove it, or move it behind the other.")
  }

  // MARK: resources

  /// What is counted on one side only.
  private func resources(_ findings: inout [PolicyFinding]) {
    let own = [ResourceName.memory, ResourceName.cpus]
    let given = Set(nodes.flatMap(\.capacity.keys)).union(cluster.pool.keys).union(own)
    let needed = Set(workloads.flatMap(\.demand.keys)).union(own)
    for (number, rule) in workloads.enumerated() {
      for name in rule.demand.keys.sorted() where !given.contains(name) {
        findings.append(
          .init(
            .error, .workload(number), key: "demand", expected: "something that nodes have ('capacity') or share ('pool')",
            found: "'\(name)', which nobody has", nearest: nearestSpelling(to: name, among: given.sorted()),
            remedy: "Add it to 'capacity' of a rule for nodes, or to 'pool' of the cluster."))
      }
    }
    func unused(_ name: String, _ subject: PolicyFinding.Subject, _ key: String) {
      if needed.contains(name) { return }
      findings.append(
        .init(
          .warning, subject, key: key, expected: "something that workloads need ('demand')",
          found: "'\(name)', which none needs",
          nearest: nearestSpelling(to: name, among: needed.subtracting(own).sorted()),
          remedy: "Add it to 'demand' of a rule for workloads, or remove it."))
    }
    for name in cluster.pool.keys.sorted() { unused(name, .cluster, "pool") }
    for (number, rule) in nodes.enumerated() {
      for name in rule.capacity.keys.sorted() { unused(name, .node(number), "capacity") }
      for (key, names) in [("overcommit", Array(rule.overcommit.keys)), ("reserve", Array(rule.reserve.keys))] {
        for name in names.sorted() where !given.contains(name) {
          findings.append(
            .init(
              .error, .node(number), key: key, expected: "memory, cpus, or something in 'capacity'",
              found: "'\(name)', which nobody has",
              nearest: nearestSpelling(to: name, among: given.sorted()), remedy: "Add it to 'capacity', or remove it."))
        }
      }
    }
    for name in cluster.load where !given.contains(name) {
      findings.append(
        .init(
          .error, .cluster, key: "load", expected: "memory, cpus, or something in 'capacity' of a rule for nodes",
          found: "'\(name)', which nobody has", nearest: nearestSpelling(to: name, among: given.sorted()),
          remedy: "Correct or remove it."))
    }
  }
}

extension WorkloadPolicy {
  /// The keys of which the last rule that matches decides, that this rule has.
  fileprivate var singleValues: Set<String> {
    let present = [
      "prefer": prefer != nil, "priority": priority != nil, "displace": displace != nil, "make-room": makeRoom != nil,
      "spread": spread != nil, "failback": failback != nil, "stickiness": stickiness != nil, "exclusive": exclusive != nil,
      "isolation": isolation != nil, "when-it-ends": whenItEnds != nil,
      "on-io-error": onIOError != nil
    ]
    return Set(present.filter(\.value).keys)
  }
}

extension NodePolicy {
  fileprivate var singleValues: Set<String> {
    var keys = Set(
      capacity.keys.map { "capacity.\($0)" } + overcommit.keys.map { "overcommit.\($0)" } + reserve.keys.map { "reserve.\($0)" }
    )
    if spare != nil { keys.insert("spare") }
    return keys
  }
}
