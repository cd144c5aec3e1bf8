import HoldfastModel

/// Everything that people have defined in a cluster: the answer of `GET /v1/definitions`, for operators alone, as a domain's XML can hold passwords.
public struct ClusterDefinitions: Hashable, Sendable, Codable {
  public var cluster: String
  /// Sorted by name, without those that are leaving protection.
  public var workloads: [WorkloadDefinition]
  /// In the order in which they are read.
  public var policies: [PolicyText]
  /// Workloads whose definition this build cannot read: they are missing here.
  public var unreadable: [String]

  public init(_ view: ClusterView, cluster: String) {
    self.cluster = cluster
    let kept = view.specs.filter { view.intents[$0.key]?.value.desired != .unprotected }
    workloads = kept.sorted { $0.key < $1.key }.map { WorkloadDefinition($0.key, $0.value.value) }
    policies = view.policies?.value.files ?? []
    unreadable = view.unreadable.keys.compactMap { key -> String? in
      if case .spec(let name) = key { name.text } else { nil }
    }.sorted()
  }
}

extension WorkloadDefinition {
  /// As it stands in the store.
  public init(_ name: WorkloadName, _ spec: SpecRecord) {
    self.init(
      name: name.text, connection: spec.connection, uuid: spec.uuid, xml: spec.xml, demand: spec.demand, labels: spec.labels,
      priority: spec.priority, isolation: spec.isolation, stopTimeout: spec.stopTimeout,
      shared: spec.shared ?? [], checks: spec.checks ?? [], addresses: spec.addresses ?? [])
  }
}
