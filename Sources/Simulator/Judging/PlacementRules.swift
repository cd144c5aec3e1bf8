import HoldfastModel
import HoldfastPlanning

/// What no placement may break.
enum PlacementRules {
  /// Why the workload may not be there at all, as the end of "which …".
  static func refusal(of workload: WorkloadName, on node: NodeName, in world: World) -> String? {
    guard let host = world.host(node) else { return "is no node" }
    guard let spec = world.store.spec(of: workload) else { return nil }
    if isInMaintenance(node, in: world) { return "is in maintenance" }
    if !host.record.connections.contains(spec.connection) { return "does not serve \(spec.connection)" }
    for rule in rules(of: workload, spec, in: world) {
      let isOpen = rule.onlyOn?.matches(name: node.text, labels: host.setup.labels) ?? true
      let isClosed = rule.neverOn?.matches(name: node.text, labels: host.setup.labels) ?? false
      if !isOpen || isClosed { return "\(rule.name) forbids" }
    }
    return nil
  }

  static func isInMaintenance(_ node: NodeName, in world: World) -> Bool {
    guard case .maintenance(let record)? = world.store.model.entries[.maintenance(node)]?.value else { return false }
    return record.phase == .empty
  }

  /// The rules in force about a workload, matched one by one: not as the planner does it.
  private static func rules(of workload: WorkloadName, _ spec: SpecRecord, in world: World) -> [WorkloadPolicy] {
    policies(in: world).workloads.filter { $0.selection.matches(name: workload.text, labels: spec.labels) }
  }

  /// Under all the policies that the story knows: what ran under others before may still run.
  static func isExclusive(_ workload: WorkloadName, in world: World) -> Bool {
    let sets = world.settings.cluster.policies
    if sets.isEmpty { return true }
    let labels = world.store.spec(of: workload)?.labels ?? [:]
    return sets.allSatisfy { $0.settings(of: workload, labels: labels).exclusive }
  }

  /// Where it may be depends on where others are.
  static func isBound(_ workload: WorkloadName, in world: World) -> Bool {
    guard let spec = world.store.spec(of: workload) else { return false }
    return rules(of: workload, spec, in: world).contains { !$0.keepApart.isEmpty || !$0.keepTogether.isEmpty }
  }

  static func policies(in world: World) -> PolicySet {
    guard case .policies(let record)? = world.store.model.entries[.policies]?.value else { return .none }
    return (try? NumberedPolicies(sets: world.settings.cluster.policies).read(record.files)) ?? .none
  }

  /// What the placements together give each node.
  static func loads(in world: World) -> [NodeName: Resources] {
    var loads: [NodeName: Resources] = [:]
    for (key, entry) in world.store.model.entries {
      guard case .placement(let workload) = key, case .placement(let placement) = entry.value, let node = placement.node else {
        continue
      }
      loads[node, default: .none] += world.store.spec(of: workload)?.demand ?? .none
    }
    return loads
  }
}

/// Whether a record is where it belongs, and can be read again.
enum RecordFit {
  private static let codec = RecordCodec(cluster: ControllerProcess.cluster)

  /// What is wrong with it; nil when nothing is.
  static func flaw(_ key: RecordKey, _ record: Record, throughCodec: Bool) -> String? {
    guard fits(key, record) else { return "a record of another kind: \(record)" }
    guard throughCodec else { return nil }
    guard codec.parse(codec.key(key)) == key else { return "its key does not come back from its text \(codec.key(key))" }
    guard let bytes = try? codec.encode(record) else { return "it cannot be encoded" }
    let decoded = codec.decode(bytes, at: key)
    return decoded == record ? nil : "it comes back as \(decoded)"
  }

  private static func fits(_ key: RecordKey, _ record: Record) -> Bool {
    switch (key, record) {
    case (.format, .format), (.planner, .planner), (.node, .node), (.report, .report), (.session, .session), (.spec, .spec),
      (.intent, .intent), (.placement, .placement), (.claim, .claim), (.history, .history),
      (.policies, .policies), (.maintenance, .maintenance), (.losses, .losses), (.disarm, .disarm), (.movesOff, .movesOff),
      (.released, .released), (.definitions, .definitions):
      true
    default: false
    }
  }
}
