import HoldfastModel

/// One active domain of the node that answers, protected or not, as `/v1/domains` tells it.
public struct DomainInfo: Hashable, Sendable, Codable {
  public var connection: String
  public var name: String
  public var uuid: String
  /// `running`, `paused`, `stopping` or `unclear`.
  public var state: String
  /// MiB.
  public var memory: Int
  public var vcpus: Int
  /// The domain's workload; absent for a domain outside protection.
  public var workload: String?
  /// A clause: the domain carries the mark of an unknown workload or of another cluster.
  public var stray: String?

  public init(_ domain: DomainObservation, in view: ClusterView, cluster: String) {
    connection = domain.id.connection
    name = domain.id.name
    uuid = domain.uuid
    state = domain.state.rawValue
    memory = domain.memory
    vcpus = domain.vcpus
    let spec = view.specs[WorkloadName(domain.id.name)]?.value
    if !view.isLoaded, let mark = domain.mark, mark.cluster == cluster {
      // Nobody knows yet whether the cluster knows it: it is believed.
      workload = mark.workload
    } else if let spec, spec.uuid == domain.uuid, spec.connection == domain.id.connection {
      workload = domain.id.name
    } else if let mark = domain.mark {
      stray =
        mark.cluster == cluster
        ? "marked as \(mark.workload), which this cluster does not know"
        : "marked as \(mark.workload) of the cluster \(mark.cluster)"
    }
  }
}

/// The answer of `/v1/domains`: this node's active domains, sorted.
public struct DomainList: Hashable, Sendable, Codable {
  /// The node that answers.
  public var node: String
  public var domains: [DomainInfo]

  public init(_ domains: [DomainObservation], in view: ClusterView, cluster: String, node: NodeName) {
    self.node = node.text
    self.domains = domains.map { DomainInfo($0, in: view, cluster: cluster) }
      .sorted { ($0.connection, $0.name) < ($1.connection, $1.name) }
  }
}
