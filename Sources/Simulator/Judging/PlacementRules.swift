import HoldfastCore

/// What no placement may break.
enum PlacementRules {
  /// Why the workload may not be there at all, as the end of "which …".
  static func refusal(of workload: WorkloadName, on node: NodeName, in world: World) -> String? {
    guard let host = world.host(node) else { return "is no node" }
    guard let spec = world.store.spec(of: workload) else { return nil }
    if !host.record.connections.contains(spec.connection) { return "does not serve \(spec.connection)" }
    return nil
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
      (.intent, .intent), (.placement, .placement), (.claim, .claim), (.history, .history):
      true
    default: false
    }
  }
}
