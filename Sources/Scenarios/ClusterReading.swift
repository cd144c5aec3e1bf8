import GuardCore
import HoldfastModel
import HoldfastPlanning
import HoldfastPolicies
import HoldfastTime
import HoldfastYAML
import HostParts
import Simulator

/// Reads the cluster of a scenario.
struct ClusterReading {
  private let section: YAMLSection?

  private enum Power: String, CaseIterable { case on, off }
  private enum Requested: String, CaseIterable { case running, stopped }

  init(_ value: YAMLValue?, top: YAMLSection) {
    if value == nil { top.missing("cluster", expected: "the cluster", remedy: "Add 'cluster: {nodes: {n1: , n2: }}'.") }
    section = value?.section(of: ScenarioFile.keys, at: "cluster")
  }

  func read() -> ClusterSetup {
    let nodes = nodes()
    var cluster = ClusterSetup(timing: timing(), nodes: nodes, workloads: workloads(nodes), policies: policies())
    if cluster.workloads.contains(where: { !$0.parts.isEmpty }) {
      for index in cluster.nodes.indices { cluster.nodes[index].runsParts = true }
    }
    return cluster
  }

  private func policies() -> [PolicySet] {
    guard let value = section?["policies"], !value.isNothing else { return [] }
    let items = value.items(expected: "a list of policies", remedy: "Write '- workloads: …' for each, as in a policy file.")
    return (items ?? []).map { PolicyFile.read(within: $0) }
  }

  private func timing() -> Timing {
    let base = Timing()
    guard let value = section?["timing"], let section = value.section(of: ScenarioFile.keys, at: "cluster.timing") else {
      return base
    }
    let timing = Timing(
      ttl: section.read("ttl", default: base.ttl) { $0.duration(in: .milliseconds(500) ... .seconds(600)) },
      margin: section.read("margin", default: base.margin) { $0.duration(in: .zero ... .seconds(60)) },
      drift: section.read("drift", default: base.drift) { $0.percentage(to: 100_000) },
      stopBudget: section.read("stop-budget", default: base.stopBudget) { $0.duration(in: .milliseconds(10) ... .seconds(60)) },
      startBudget: section.read("start-budget", default: base.startBudget) { $0.duration(in: .zero ... .seconds(60)) })
    if let contradiction = timing.contradiction {
      value.wrong(
        expected: "times that work together", found: contradiction, remedy: "Raise ttl, or lower what is taken off it.")
    }
    return timing
  }

  // MARK: nodes

  private func nodes() -> [ClusterSetup.Node] {
    let expected = "names of nodes", remedy = "Write 'nodes:' and lines such as 'n1: {memory: 4GiB}', or just 'n1:'."
    guard let section, let value = section.required("nodes", expected: expected, remedy: remedy),
      let entries = value.entries(expected: expected, remedy: remedy)
    else { return [] }
    if entries.isEmpty { value.wrong(expected: expected, found: "nothing", remedy: remedy) }
    return entries.compactMap { key, _, value in
      guard let name = key.name() else { return nil }
      return node(NodeName(name), value.section(of: ScenarioFile.keys, at: "cluster.nodes[]"))
    }
  }

  private func node(_ name: NodeName, _ section: YAMLSection?) -> ClusterSetup.Node {
    var node = ClusterSetup.Node(name)
    guard let section else { return node }
    node.capacity = Resources(
      memory: section.read("memory", default: node.capacity.memory) { $0.mebibytes() },
      cpus: section.read("cpus", default: node.capacity.cpus) { $0.processors(from: 0.1, to: 10_000) })
    node.labels = section.read("labels", default: [:]) { $0.labels() }
    node.connection = section.read("connection", default: node.connection) { $0.connection() }
    node.takesMigrations = section.read("migrations", default: false) { $0.yesOrNo() }
    node.isOn = section.read("power", default: Power.on) { $0.choice(Power.self) } == .on
    if let value = section["domains"], !value.isNothing {
      let entries = value.entries(expected: "names with memory, such as {db9: 1GiB}", remedy: "Write 'NAME: MEMORY'.")
      for (key, _, value) in entries ?? [] {
        if let name = key.name(), let memory = value.mebibytes() { node.unmanaged[name] = memory }
      }
    }
    return node
  }

  // MARK: workloads

  private func workloads(_ nodes: [ClusterSetup.Node]) -> [ClusterSetup.Workload] {
    guard let value = section?["workloads"], !value.isNothing else { return [] }
    let entries = value.entries(
      expected: "names of workloads", remedy: "Write 'workloads:' and lines such as 'w1: {node: n1}', or just 'w1:'.")
    return (entries ?? []).compactMap { key, _, value in
      guard let name = key.name() else { return nil }
      return workload(WorkloadName(name), value.section(of: ScenarioFile.keys, at: "cluster.workloads[]"), nodes)
    }
  }

  private func workload(
    _ name: WorkloadName, _ section: YAMLSection?, _ nodes: [ClusterSetup.Node]
  ) -> ClusterSetup.Workload {
    var workload = ClusterSetup.Workload(name)
    guard let section else { return workload }
    workload.connection = section.read("connection", default: workload.connection) { $0.connection() }
    workload.demand = Resources(
      memory: section.read("memory", default: workload.demand.memory) { $0.mebibytes() },
      cpus: section.read("cpus", default: workload.demand.cpus) { $0.processors(from: 0, to: 10_000) })
    workload.labels = section.read("labels", default: [:]) { $0.labels() }
    workload.priority = section.read("priority", default: 0) { $0.integer(in: -1_000_000...1_000_000) }
    workload.isolation = section.read("isolation", default: .freeze) { $0.choice(Isolation.self) }
    workload.network = section.read("network", default: .bridge) { $0.choice(ClusterSetup.Workload.Network.self) }
    let stopTimeout = section.read("stop-timeout", default: .seconds(workload.stopTimeout)) {
      $0.duration(in: .zero ... .seconds(3600))
    }
    workload.stopTimeout = stopTimeout.inSeconds
    workload.isStopped = section.read("requested", default: Requested.running) { $0.choice(Requested.self) } == .stopped
    if let value = section["check"] {
      workload.checks = [check(value.section(of: ScenarioFile.keys, at: "cluster.workloads[].check"))]
    }
    if let value = section["addresses"], !value.isNothing { workload.addresses = addresses(value) }
    if let value = section["parts"], !value.isNothing {
      workload.parts = parts(value, of: name)
      if !workload.parts.isEmpty { workload.connection = SpecRecord.hostConnection }
      if !workload.checks.isEmpty {
        value.wrong(
          expected: "a workload without a check", found: "one with a check",
          remedy: "Leave 'check' out: services of what is made of parts are not simulated.")
      }
    }
    if let value = section["node"] { workload.place = place(value, of: workload, nodes) }
    return workload
  }

  /// Asks its service, as it is simulated.
  private func check(_ section: YAMLSection?) -> HealthCheck {
    var check = HealthCheck(name: "service", probe: .tcp(TCPProbe(port: 80)))
    guard let section else { return check }
    check.interval = section.read("interval", default: check.interval) { $0.duration(in: HealthCheck.intervals) }
    check.timeout = HealthCheck.defaultTimeout(interval: check.interval)
    check.down = section.read("down", default: check.down) { $0.integer(in: HealthCheck.thresholds) }
    check.up = section.read("up", default: check.up) { $0.integer(in: HealthCheck.thresholds) }
    check.grace = section.read("grace", default: check.grace) { $0.duration(in: HealthCheck.graces) }
    check.reaction = section.read("on-failure", default: check.reaction) { $0.choice(HealthCheck.Reaction.self) }
    let isThroughNode = section.read("through-node", default: false) { $0.yesOrNo() }
    if isThroughNode { check.probe = .tcp(TCPProbe(host: "10.0.0.1", port: 80)) }
    return check
  }

  private func addresses(_ value: YAMLValue) -> [WorkloadAddress] {
    let expected = "an IP address that a host can have", remedy = "Write one such as 10.0.0.1."
    let items = value.items(expected: "a list of IP addresses", remedy: "Write '[10.0.0.1]'.") ?? []
    return items.compactMap { item in
      guard let text = item.text(expected: expected, remedy: remedy) else { return nil }
      let address = (try? IPAddress(text)).map(AddressPhrases.ofScenario)
      guard let address, address.flaw == nil else {
        item.wrong(expected: expected, remedy: remedy)
        return nil
      }
      return address
    }
  }

  private func parts(_ value: YAMLValue, of workload: WorkloadName) -> [HostPart] {
    let expected = "a kind and a name, such as mount data", remedy = "Write mount, script or ocf, a space, and the part's name."
    let items = value.items(expected: "a list of parts", remedy: "Write '[mount data, script server]'.") ?? []
    var parts: [HostPart] = []
    for item in items {
      guard let text = item.text(expected: expected, remedy: remedy) else { continue }
      let words = text.split(separator: " ").map(String.init)
      guard words.count == 2, let kind = MadeUpParts.kind(words[0], words[1], of: workload), WorkloadName.isValid(words[1]),
        !parts.contains(where: { $0.name == words[1] })
      else {
        item.wrong(expected: expected, remedy: remedy)
        continue
      }
      parts.append(HostPart(name: words[1], kind: kind))
    }
    return parts
  }

  private func place(
    _ value: YAMLValue, of workload: ClusterSetup.Workload, _ nodes: [ClusterSetup.Node]
  ) -> NodeName? {
    guard let name = value.name().map({ NodeName($0) }) else { return nil }
    guard let node = nodes.first(where: { $0.name == name }) else {
      value.wrong(
        expected: "a node of the cluster", nearest: Spelling.nearest(to: name.text, among: nodes.map(\.name.text)),
        remedy: "Add it to 'cluster.nodes', or name one that is there.")
      return nil
    }
    func refuse(_ found: String) {
      value.wrong(
        expected: "a node that runs it when the story begins", found: found, remedy: "Name another node, or leave 'node' out.")
    }
    if workload.isStopped { refuse("a workload that is to be stopped") }
    if !node.isOn { refuse("\(name), which has no power") }
    if node.connection != workload.connection, workload.parts.isEmpty {
      refuse("\(name), which does not serve \(workload.connection)")
    }
    return name
  }
}
