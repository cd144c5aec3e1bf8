import HoldfastModel

/// One node, as `/v1/nodes` and the status tell it.
public struct NodeInfo: Hashable, Sendable, Codable {
  public enum State: String, Hashable, Sendable, Codable {
    case up
    /// It is handing its workloads over.
    case leaving
    /// It has no session: it runs no protected workload.
    case down
  }
  public var name: String
  public var state: State
  /// It makes the placements.
  public var isPlanner: Bool
  /// Absent: the node has not reported it.
  public var capacity: Resources?
  /// Demand of workloads that run here or are moving here.
  public var used: Resources
  /// Demand of domains outside protection, as reported last.
  public var unmanaged: Resources
  public var unmanagedDomains: Int
  /// Room for other workloads: capacity less used and unmanaged; below zero where the node is overcommitted. Absent for a
  /// node that is not up.
  public var headroom: Resources?
  /// Workloads that run here or are moving here.
  public var workloads: Int
  /// The guard's phase, such as `armed`, `isolated`, `not there`; absent for a node that is down.
  public var guardPhase: String?
  /// What people should know of the node and nothing else tells, such as a hardware watchdog that cannot be used.
  public var flaws: [NodeFlaw]
  /// libvirt connections that the node serves.
  public var connections: [String]
  /// Connections that do not answer, and why.
  public var unreachable: [String: String]
  /// Domains that carry this cluster's mark, but whose workload the cluster does not know.
  public var strays: [String]
  /// Workloads of which a domain with their UUID runs here outside protection: they are started nowhere meanwhile.
  public var unmanagedDuplicates: [String]
  public var labels: [String: String]
  /// The build that the node runs.
  public var version: String?
  /// How often its session was renewed, and the session's TTL in seconds; absent for a node that is down. The session's age in seconds
  /// is nowhere written: no clock is shared.
  public var renewals: Int64?
  public var sessionTTL: Double?
  /// Absent: the node is not in maintenance.
  public var maintenance: MaintenanceInfo?
  /// Absent: the node is not in quarantine.
  public var quarantine: QuarantineInfo?
}

/// The answer of `/v1/nodes`, sorted by name.
public struct NodeList: Hashable, Sendable, Codable {
  public var nodes: [NodeInfo]
  /// Absent: the cluster is armed.
  public var disarm: DisarmInfo?
}

extension NodeInfo {
  /// The phases of a guard that works as it should.
  public static let soundGuardPhases: Set<String> = ["armed", "disarmed"]

  public init(_ name: NodeName, in view: ClusterView, load: ClusterLoad, restrictions: ClusterRestrictions) {
    let record = view.nodes[name]?.value, report = view.reports[name]?.value
    let session = view.session(of: name)?.record.value, load = load.nodes[name]
    self.name = name.text
    state =
      switch session?.phase {
      case .active: .up
      case .leaving: .leaving
      case nil: .down
      }
    isPlanner = view.planner.map { $0.value.node == name && view.sessions[$0.value.incarnation] != nil } ?? false
    capacity = record?.capacity
    used = load?.used ?? .none
    unmanaged = report?.unmanaged ?? .none
    unmanagedDomains = report?.unmanagedDomains ?? 0
    headroom = state == .up ? load?.headroom : nil
    workloads = load?.workloads.count ?? 0
    // A dead node's last report says nothing about now.
    guardPhase = state == .down ? nil : report?.guardPhase
    flaws = state == .down ? [] : report?.flaws ?? []
    connections = record?.connections ?? []
    unreachable = state == .down ? [:] : report?.unreachable ?? [:]
    strays = report?.strays ?? []
    let others = Set(report?.unmanagedUUIDs ?? [])
    unmanagedDuplicates =
      others.isEmpty
      ? [] : view.specs.filter { others.contains($0.value.value.uuid) && !view.isBeingAdopted($0.key) }.map(\.key.text).sorted()
    labels = record?.labels ?? [:]
    version = record?.version
    renewals = session?.counter
    sessionTTL = session.map { Double($0.ttl) / 1000 }
    maintenance = restrictions.maintenance[name]
    quarantine = restrictions.quarantine[name]
  }
}

extension ClusterView {
  fileprivate func isBeingAdopted(_ workload: WorkloadName) -> Bool { intents[workload]?.value.desired == .adopting }
}

extension NodeList {
  public init(_ view: ClusterView, restrictions: ClusterRestrictions) {
    let load = ClusterLoad(view)
    nodes = view.knownNodes.map { NodeInfo($0, in: view, load: load, restrictions: restrictions) }
    disarm = restrictions.disarm
  }
}
