import HoldfastModel
import HoldfastPlanning
import HoldfastYAML

/// Reads policy files one after another into one set, and remembers where everything stands.
struct PolicyReading {
  private(set) var policies = PolicySet()
  private var logs: [MistakeLog] = []
  /// Where each key of each rule stands.
  private var places: [PolicyFinding.Subject: [String: YAMLValue]] = [:]

  mutating func read(_ source: SourceText) {
    let log = MistakeLog(source)
    logs.append(log)
    let documents = YAMLDocuments.compose(log)
    if documents.isEmpty, log.isEmpty {
      log.add(
        .warning, at: FilePosition(line: 1, column: 1), key: nil, expected: "policies", found: "nothing",
        remedy: "Start with 'workloads:' and a list of rules; Docs/policies.md shows some.")
    }
    for document in documents { readSections(of: document) { log.isFull } }
  }

  mutating func read(within value: YAMLValue) {
    readSections(of: value) { false }
    tell(policies.findings())
  }

  private mutating func readSections(of document: YAMLValue, isFull: () -> Bool) {
    guard let top = document.section(of: PolicyFile.keys, at: "") else { return }
    if let value = top["cluster"] { readCluster(value) }
    for (number, value) in entries(top["nodes"], "nodes").enumerated() where !isFull() {
      readNode(value, first: number)
    }
    for value in entries(top["node-checks"], "node-checks") where !isFull() { readNodeCheck(value) }
    for (number, value) in entries(top["workloads"], "workloads").enumerated() where !isFull() {
      readWorkload(value, first: number)
    }
  }

  private func entries(_ value: YAMLValue?, _ key: String) -> [YAMLValue] {
    guard let value else { return [] }
    let expected = "a list of rules", remedy = "Write entries that start with '- name: NAME'."
    guard let items = value.items(expected: expected, remedy: remedy) else { return [] }
    if items.isEmpty { value.wrong(.warning, expected: expected, found: "an empty list", remedy: remedy) }
    return items.map { item in
      let name = item.text(at: "name") ?? ""
      return name.isEmpty ? item : item.renamed("\(key)[\(name)]")
    }
  }

  // MARK: sections

  private mutating func readCluster(_ value: YAMLValue) {
    guard let section = value.section(of: PolicyFile.keys, at: "cluster") else { return }
    let reading = ClusterReading(section: section)
    var places = self.places[.cluster] ?? [:]
    for key in PolicyFile.clusterNames {
      guard let value = section[key] else { continue }
      if let first = places[key] {
        value.wrong(
          expected: "'\(key)' once for the cluster", found: "it again (first in \(first.file), line \(first.position.line))",
          remedy: "Remove one of the two.")
      }
      places[key] = value
    }
    self.places[.cluster] = places
    reading.read(into: &policies.cluster)
  }

  private mutating func readNode(_ value: YAMLValue, first: Int) {
    guard let section = value.section(of: PolicyFile.keys, at: "nodes[]") else { return }
    let reading = NodeRuleReading(section: section)
    note(section, PolicyFile.nodeNames, as: .node(policies.nodes.count))
    policies.nodes.append(reading.rule(fallback: "rule \(first + 1)"))
  }

  private mutating func readNodeCheck(_ value: YAMLValue) {
    guard let section = value.section(of: PolicyFile.keys, at: "node-checks[]") else { return }
    guard policies.nodeChecks.count < NodeCheck.most else {
      return value.wrong(
        expected: "at most \(NodeCheck.most) node checks", found: "one more",
        remedy: "Remove some: every node makes all that are for it.")
    }
    guard let policy = NodeCheckReading(section: section).policy() else { return }
    note(section, PolicyFile.nodeCheckNames, as: .nodeCheck(policies.nodeChecks.count))
    policies.nodeChecks.append(policy)
  }

  private mutating func readWorkload(_ value: YAMLValue, first: Int) {
    guard let section = value.section(of: PolicyFile.keys, at: "workloads[]") else { return }
    let reading = WorkloadRuleReading(section: section)
    note(section, PolicyFile.workloadNames, as: .workload(policies.workloads.count))
    policies.workloads.append(reading.rule(fallback: "rule \(first + 1)"))
  }

  private mutating func note(_ section: YAMLSection, _ keys: [String], as subject: PolicyFinding.Subject) {
    var places = ["": section.whole]
    for key in keys { places[key] = section[key] }
    self.places[subject] = places
  }

  // MARK: the whole

  /// Checks the rules against each other, and gives the result when no error was found.
  func finish() throws(FileErrors) -> (policies: PolicySet, warnings: [FileMistake]) {
    // What was misread would be found wanting once more.
    if !logs.contains(where: \.hasErrors) { tell(policies.findings()) }
    var warnings: [FileMistake] = [], errors: [FileMistake] = []
    for log in logs {
      do throws(FileErrors) {
        warnings += try log.finish(true).warnings
      } catch {
        errors += error.mistakes
      }
    }
    if !errors.isEmpty { throw FileErrors(errors + warnings) }
    return (policies, warnings)
  }

  private func tell(_ findings: [PolicyFinding]) {
    for finding in findings {
      let place = places[finding.subject]?[finding.key] ?? places[finding.subject]?[""]
      place?.wrong(
        finding.severity == .error ? .error : .warning, expected: finding.expected, found: finding.found,
        nearest: finding.nearest, remedy: finding.remedy)
    }
  }

  /// What does not fit a cluster, when the rules themselves are sound.
  func misfits(in snapshot: PlanningSnapshot) throws(FileErrors) -> [FileMistake] {
    let known = try finish().warnings
    tell(policies.findings(in: snapshot))
    var told: [FileMistake] = []
    for log in logs {
      do throws(FileErrors) {
        told += try log.finish(true).warnings
      } catch {
        told += error.mistakes
      }
    }
    return told.filter { !known.contains($0) }
  }
}
