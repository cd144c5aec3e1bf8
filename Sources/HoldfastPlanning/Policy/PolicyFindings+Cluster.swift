import HoldfastModel

extension PolicySet {
  /// What does not fit this cluster: names and labels that nothing has, rules that leave a workload no node, and rules that
  /// contradict each other for the workloads that there are.
  public func findings(in snapshot: PlanningSnapshot) -> [PolicyFinding] { ClusterCheck(self, snapshot).findings() }
}

/// Looks at policies and a cluster side by side.
private struct ClusterCheck {
  let policies: PolicySet
  let tables: PlanTables

  init(_ policies: PolicySet, _ snapshot: PlanningSnapshot) {
    self.policies = policies
    tables = PolicyPlanner(policies).tables(snapshot)
  }

  func findings() -> [PolicyFinding] {
    var findings: [PolicyFinding] = []
    names(&findings)
    places(&findings)
    reserves(&findings)
    rooms(&findings)
    crowds(&findings)
    contradictions(&findings)
    return findings
  }

  private static func list(_ names: [String]) -> String {
    names.count <= 4 ? names.joined(separator: ", ") : names.prefix(3).joined(separator: ", ") + " and \(names.count - 3) more"
  }

  // MARK: names and labels

  /// The population in which a selection looks.
  private struct Population {
    var what: String
    var names: Set<String>
    var labels: Set<String>
    var matches: (Selection) -> Bool
  }

  private func names(_ findings: inout [PolicyFinding]) {
    let nodes = tables.nodes.nodes, workloads = tables.workloads
    let ofNodes = Population(
      what: "nodes", names: Set(nodes.map(\.name.text)), labels: Set(nodes.flatMap(\.labels.keys)),
      matches: { selection in nodes.contains { selection.matches(name: $0.name.text, labels: $0.labels) } })
    let ofWorkloads = Population(
      what: "workloads", names: Set(workloads.map(\.name.text)), labels: Set(workloads.flatMap(\.labels.keys)),
      matches: { selection in workloads.contains { selection.matches(name: $0.name.text, labels: $0.labels) } })
    for (number, rule) in policies.nodes.enumerated() {
      check(rule.selection, .node(number), "for", ofNodes, &findings)
      if let selection = rule.onlyFor { check(selection, .node(number), "only-for", ofWorkloads, &findings) }
    }
    for (number, rule) in policies.nodeChecks.enumerated() {
      check(rule.selection, .nodeCheck(number), "for", ofNodes, &findings)
    }
    for (number, rule) in policies.workloads.enumerated() {
      check(rule.selection, .workload(number), "for", ofWorkloads, &findings)
      for (key, selection) in rule.nodeSelections { check(selection, .workload(number), key, ofNodes, &findings) }
      for keep in rule.keepApart {
        if let from = keep.from { check(from, .workload(number), "keep-apart", ofWorkloads, &findings) }
      }
      for keep in rule.keepTogether {
        if let with = keep.with { check(with, .workload(number), "keep-together", ofWorkloads, &findings) }
      }
    }
  }

  private func check(
    _ selection: Selection, _ subject: PolicyFinding.Subject, _ key: String, _ population: Population,
    _ findings: inout [PolicyFinding]
  ) {
    func warn(_ found: String, nearest: String?) {
      findings.append(
        .init(
          .warning, subject, key: key, expected: "\(population.what) of this cluster", found: found, nearest: nearest,
          remedy: "Correct it, or leave it for those that will come."))
    }
    let strangers = selection.exactNames.filter { !population.names.contains($0) }
    for name in strangers {
      warn("'\(name)', which it does not have", nearest: nearestSpelling(to: name, among: population.names.sorted()))
    }
    let unknown = Set(selection.labelNames).subtracting(population.labels).sorted()
    for label in unknown {
      warn("the label '\(label)', which none has", nearest: nearestSpelling(to: label, among: population.labels.sorted()))
    }
    if strangers.isEmpty, unknown.isEmpty, !population.matches(selection) {
      warn("'\(selection)', which selects none", nearest: nil)
    }
  }

  // MARK: places

  /// Nodes of which nobody knows the rack.
  private func places(_ findings: inout [PolicyFinding]) {
    for (number, rule) in policies.workloads.enumerated() {
      let overs = rule.keepApart.map { ("keep-apart", $0.over) } + rule.keepTogether.map { ("keep-together", $0.over) }
      for (key, label) in overs where label != nodeTopology {
        let without = tables.nodes.nodes.filter { $0.labels[label] == nil }.map(\.name.text)
        if without.isEmpty { continue }
        let labels = Set(tables.nodes.nodes.flatMap(\.labels.keys)).sorted()
        findings.append(
          .init(
            .warning, .workload(number), key: key, expected: "the label '\(label)' on every node",
            found: "none on \(Self.list(without)): each counts as a place of its own",
            nearest: labels.contains(label) ? nil : nearestSpelling(to: label, among: labels),
            remedy: "Add it to 'labels' in the configuration of these nodes."))
      }
    }
  }

  /// Reserves that leave workloads nothing: of one node that may be meant, of all it cannot be.
  private func reserves(_ findings: inout [PolicyFinding]) {
    let nodes = tables.nodes.nodes
    for (number, rule) in policies.nodes.enumerated() {
      for name in rule.reserve.keys.sorted() {
        guard let column = tables.nodes.resources.column(name) else { continue }
        let bare = nodes.indices.filter { node in
          tables.nodes.capacity[node * tables.resourceCount + column] <= 0 && lastReserve(of: name, on: nodes[node]) == number
        }
        guard !bare.isEmpty else { continue }
        findings.append(
          .init(
            bare.count == nodes.count ? .error : .warning, .node(number), key: "reserve",
            expected: "something that is left for workloads",
            found: "no \(name) on \(Self.list(bare.map { nodes[$0].name.text }))",
            remedy: "Reserve less, or only on other nodes."))
      }
    }
  }

  /// The rule whose reserve holds there.
  private func lastReserve(of name: String, on node: PlanningSnapshot.Node) -> Int? {
    policies.nodes.lastIndex {
      $0.reserve[name] != nil && $0.selection.matches(name: node.name.text, labels: node.labels)
    }
  }

  /// Workloads that no node may take, or that are too large for those that may.
  private func rooms(_ findings: inout [PolicyFinding]) {
    var barred: [Int32: [String]] = [:], large: [Int32: [String]] = [:]
    for workload in tables.workloads.indices {
      let profile = tables.profiles[Int(tables.profileOf[workload])]
      guard let rule = profile.filters.last(where: { $0.kind != .dedicated })?.rule ?? profile.rules.last else { continue }
      let allowed = (0..<tables.nodes.count).filter { tables.nodes.sets.contains(profile.passing, $0) }
      let name = tables.workloads[workload].name.text
      if allowed.isEmpty {
        barred[rule, default: []].append(name)
      } else if !allowed.contains(where: { fits(workload, on: $0) }) {
        large[rule, default: []].append(name)
      }
    }
    for (rule, names) in barred.sorted(by: { $0.key < $1.key }) {
      findings.append(
        .init(
          .error, .workload(Int(rule)), expected: "a node for each of its workloads",
          found: "none that the rules allow for \(Self.list(names))",
          remedy: "Look at 'only-on', 'never-on' and 'only-for' together."))
    }
    for (rule, names) in large.sorted(by: { $0.key < $1.key }) {
      findings.append(
        .init(
          .warning, .workload(Int(rule)), expected: "a node that is large enough for each of its workloads",
          found: "none that could hold \(Self.list(names)), even empty",
          remedy: "Look at 'demand', 'reserve' and the nodes' capacity."))
    }
  }

  private func fits(_ workload: Int, on node: Int) -> Bool {
    let columns = tables.resourceCount
    return (0..<columns).allSatisfy {
      let demand = tables.demand[workload * columns + $0]
      return demand == 0 || demand <= tables.nodes.capacity[node * columns + $0]
    }
  }

  // MARK: neighbours

  /// More copies than places. A rule is told once, however many applications it keeps apart.
  private func crowds(_ findings: inout [PolicyFinding]) {
    var members: [Int32: [Int]] = [:], checks: [Int32: Neighbours.Check] = [:]
    for workload in tables.workloads.indices {
      for check in tables.neighbours.checks[tables.neighbours.checks(workload)] where check.kind == .apart {
        members[check.tally, default: []].append(workload)
        checks[check.tally] = check
      }
    }
    var told: [Int32: (finding: PolicyFinding, groups: Int)] = [:]
    for (tally, check) in checks.sorted(by: { $0.key < $1.key }) {
      let topology = tables.nodes.topologies[Int(tables.neighbours.tallyTopology[Int(tally)])]
      let room = topology.names.count * Int(check.limit), names = (members[tally] ?? []).map { tables.workloads[$0].name.text }
      if names.count <= room { continue }
      let finding = PolicyFinding(
        .warning, .workload(Int(check.rule)), key: "keep-apart", expected: "a place for each of them",
        found: "\(names.count) workloads (\(Self.list(names))) and room for \(room) of them (\(topology.label))",
        remedy: "Add 'if-possible: yes', or nodes: some will not run.")
      told[check.rule, default: (finding, 0)].groups += 1
    }
    for (var finding, groups) in told.sorted(by: { $0.key < $1.key }).map(\.value) {
      if groups > 1 { finding.found += "; the same with \(groups - 1) more of its groups" }
      findings.append(finding)
    }
  }

  /// Kept together, by whatever chain of rules, and kept apart.
  private func contradictions(_ findings: inout [PolicyFinding]) {
    for cohort in tables.neighbours.cohorts {
      var together: [Int32: [Int]] = [:]
      for workload in tables.workloads.indices where cohort.tallies[workload] >= 0 {
        together[cohort.tallies[workload], default: []].append(workload)
      }
      for (tally, members) in together.sorted(by: { $0.key < $1.key }) {
        var told: Set<Int32> = []
        for member in members {
          for check in tables.neighbours.checks[tables.neighbours.checks(member)]
          where check.kind == .apart || check.kind == .clearOf {
            let topology = tables.neighbours.tallyTopology[Int(check.tally)]
            let others = members.filter {
              $0 != member && tables.neighbours.counted[tables.neighbours.counted($0)].contains(check.tally)
            }
            guard topology == cohort.topology || cohort.topology == 0, others.count >= check.limit,
              told.insert(check.rule).inserted
            else { continue }
            let by = policies.workloads[Int(tables.neighbours.cohortRule[tally] ?? 0)].name
            let names = [member] + others
            findings.append(
              .init(
                .error, .workload(Int(check.rule)), key: "keep-apart", expected: "workloads that nothing keeps together",
                found: "\(Self.list(names.map { tables.workloads[$0].name.text })), which '\(by)' keeps together",
                remedy: "Change one of the two: only one of them will run."))
          }
        }
      }
    }
  }
}
